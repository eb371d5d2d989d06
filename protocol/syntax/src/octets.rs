//! Checks eight octets at once, as one number.

/// The number of octets that are read at once.
pub(crate) const BLOCK: usize = 8;

/// A one in each octet.
pub(crate) const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of each octet.
pub(crate) const HIGH: u64 = 0x80 * ONES;

/// The index of the first quote, backslash or control character below 0x20, and with `DEL` of 0x7f as well; [`BLOCK`] if there
/// is none.
#[inline]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as where blocks are larger")]
pub(crate) fn special<const DEL: bool>(block: &[u8; BLOCK]) -> usize {
    let word = u64::from_le_bytes(*block);
    // In each octet of a mask, the high bit is set if the octet is below `least`. The first set bit is exact; borrows can
    // only set later ones.
    let below = |word: u64, least: u64| word.wrapping_sub(ONES * least) & !word;
    let is = |octet: u8| below(word ^ (ONES * u64::from(octet)), 1);
    let delete = if DEL { is(0x7f) } else { 0 };
    let found = (below(word, 0x20) | is(b'"') | is(b'\\') | delete) & HIGH;
    found.trailing_zeros() as usize / 8
}
