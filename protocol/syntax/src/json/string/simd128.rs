//! Sixteen octets at once, with the vectors that WebAssembly has.

use core::arch::wasm32::{i8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, u64x2, v128_or};

/// How many octets are looked at at once.
pub(super) const BLOCK: usize = 16;

/// The index of the first quote, backslash or control character; at least [`BLOCK`] if there is none.
#[inline]
pub(super) fn special(block: &[u8; BLOCK]) -> usize {
    let [low, high] = *block.as_chunks::<8>().0 else { return 0 };
    let octets = u64x2(u64::from_le_bytes(low), u64::from_le_bytes(high));
    let marks = v128_or(u8x16_eq(octets, u8x16_splat(b'"')), u8x16_eq(octets, u8x16_splat(b'\\')));
    let found = v128_or(marks, u8x16_lt(octets, u8x16_splat(0x20)));
    i8x16_bitmask(found).trailing_zeros() as usize
}
