//! Sixteen octets at once, with the vectors that WebAssembly has (`simd128`; all browsers since March 2023).

use core::arch::wasm32::{
    i8x16_add, i8x16_splat, u8x16, u8x16_all_true, u8x16_eq, u8x16_lt, u8x16_splat, u8x16_sub, u8x16_swizzle,
    u16x8_shl, u16x8_shr, u16x8_splat, u32x4_extract_lane, u32x4_shl, u32x4_shr, u32x4_splat, u64x2,
    u64x2_extract_lane, v128, v128_and, v128_or,
};

/// Decodes whole blocks of `text` to the beginning of `out` up to one with an octet that is not of the alphabet. Answers
/// with the number of groups of four octets.
#[inline]
pub(super) fn blocks(text: &[u8], out: &mut [u8]) -> usize {
    let mut groups = 0;
    let (blocks, _) = text.as_chunks::<16>();
    for block in blocks {
        let Some((values, place)) =
            values(block).zip(out.get_mut(groups * 3..).and_then(<[u8]>::first_chunk_mut))
        else {
            break;
        };
        *place = pack(values);
        groups += 4;
    }
    groups
}

/// The values of the octets, all below 64; `None` if one is not of the alphabet.
#[inline]
fn values(block: &[u8; 16]) -> Option<v128> {
    let [low, high] = *block.as_chunks::<8>().0 else { return None };
    let octets = u64x2(u64::from_le_bytes(low), u64::from_le_bytes(high));
    let range = |first: u8, count: u8| u8x16_lt(u8x16_sub(octets, u8x16_splat(first)), u8x16_splat(count));
    let equals = |octet: u8| u8x16_eq(octets, u8x16_splat(octet));
    let is = [range(b'A', 26), range(b'a', 26), range(b'0', 10), equals(b'-'), equals(b'_')];
    // What to add to an octet of each kind, for its value.
    let add = [-65, -71, 4, 17, -32];
    let mut known = is[0];
    let mut shift = v128_and(is[0], i8x16_splat(add[0]));
    for kind in 1..5 {
        known = v128_or(known, is[kind]);
        shift = v128_or(shift, v128_and(is[kind], i8x16_splat(add[kind])));
    }
    u8x16_all_true(known).then(|| i8x16_add(octets, shift))
}

/// Sixteen values of six bits as twelve octets.
#[inline]
fn pack(values: v128) -> [u8; 12] {
    // Two values to twelve bits, two of these to 24; then the octets of each 24 in the order of the text.
    let twelve = v128_or(u16x8_shl(v128_and(values, u16x8_splat(0xff)), 6), u16x8_shr(values, 8));
    let all = v128_or(u32x4_shl(v128_and(twelve, u32x4_splat(0xffff)), 12), u32x4_shr(twelve, 16));
    let packed = u8x16_swizzle(all, u8x16(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 255, 255, 255, 255));
    let [a, b, c, d, e, f, g, h] = u64x2_extract_lane::<0>(packed).to_le_bytes();
    let [i, j, k, l] = u32x4_extract_lane::<2>(packed).to_le_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l]
}
