//! Checks eight octets at once, as one number.

/// The number of octets that are read at once.
pub(super) const BLOCK: usize = 8;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;
const QUOTE: u64 = 0x22;
const BACKSLASH: u64 = 0x5c;

/// The index of the first quote, backslash or control character; [`BLOCK`] if there is none.
#[inline]
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as where blocks are larger")]
pub(super) fn special(block: &[u8; BLOCK]) -> usize {
    let word = u64::from_le_bytes(*block);
    let quote = word ^ (ONES * QUOTE);
    let backslash = word ^ (ONES * BACKSLASH);
    // In each octet of the mask, the high bit is set if the octet is one of those. The first set bit is exact; borrows can
    // only set later ones.
    let found = ((word.wrapping_sub(ONES * 0x20) & !word)
        | (quote.wrapping_sub(ONES) & !quote)
        | (backslash.wrapping_sub(ONES) & !backslash))
        & HIGH;
    found.trailing_zeros() as usize / 8
}
