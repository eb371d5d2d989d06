//! base64url without padding (RFC 4648 §5, RFC 7515 §2), strictly: no padding, no `+` and `/`, no white space, and the
//! unused bits of the last character are zero, so that no two strings decode to the same octets.

use crate::octets::{HIGH, ONES};

const INVALID: u8 = 0xff;

static VALUES: [u8; 256] = values();

#[expect(
    clippy::indexing_slicing,
    reason = "a u8 cannot leave a table of 256; const evaluation would stop the build"
)]
const fn values() -> [u8; 256] {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut table = [INVALID; 256];
    let mut value: u8 = 0;
    while value < 64 {
        table[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    table
}

#[expect(clippy::indexing_slicing, reason = "a u8 cannot leave a table of 256")]
#[inline]
fn value_of(byte: u8) -> u8 {
    VALUES[usize::from(byte)]
}

/// Decodes `text` up to the first octet outside the alphabet into `out`. Returns how many octets were read and written;
/// `None` if the input is not base64url or `out` is too small.
pub(super) fn decode(text: &[u8], out: &mut [u8]) -> Option<(usize, usize)> {
    let (groups, _) = text.as_chunks::<4>();
    let (places, _) = out.as_chunks_mut::<3>();
    let mut whole = 0;
    for (place, &[a, b, c, d]) in places.iter_mut().zip(groups) {
        let (a, b, c, d) = (value_of(a), value_of(b), value_of(c), value_of(d));
        // Values are below 64, so that bit 7 of the union tells whether any octet was invalid.
        if (a | b | c | d) & 0x80 != 0 {
            break;
        }
        *place = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
        whole += 1;
    }
    let rest = text.get(whole * 4..)?;
    let length = rest.iter().take(4).position(|&byte| value_of(byte) == INVALID).unwrap_or(rest.len());
    let place = out.get_mut(whole * 3..)?;
    let more = match *rest.get(..length)? {
        [] => 0,
        [a, b] if value_of(b).trailing_zeros() >= 4 => {
            *place.first_mut()? = value_of(a) << 2 | value_of(b) >> 4;
            1
        }
        [a, b, c] if value_of(c).trailing_zeros() >= 2 => {
            let (a, b, c) = (value_of(a), value_of(b), value_of(c));
            *place.first_chunk_mut()? = [a << 2 | b >> 4, b << 4 | c >> 2];
            2
        }
        _ => return None,
    };
    Some((whole * 4 + length, whole * 3 + more))
}

/// The decoded octets of `text`, up to the first octet outside the alphabet.
pub(super) fn octets(text: &[u8]) -> impl Iterator<Item = u8> {
    let (mut bits, mut length) = (0, 0);
    let values = text.iter().map(|&byte| value_of(byte)).take_while(|&value| value != INVALID);
    values.filter_map(move |value| {
        bits = bits << 6 | u32::from(value);
        // Six more bits: an octet is whole unless there were none before.
        length = (length + 6) % 8;
        (length != 6).then(|| (bits >> length).to_le_bytes()[0])
    })
}

/// Whether `text` is base64url; nothing is decoded.
pub(super) fn is_valid(text: &[u8]) -> bool {
    let unused = match (text.len() % 4, text.last()) {
        (1, _) => return false,
        (2, Some(&last)) => value_of(last) & 0x0f,
        (3, Some(&last)) => value_of(last) & 0x03,
        _ => 0,
    };
    let (words, rest) = text.as_chunks::<8>();
    let words = words.iter().fold(0, |bad, word| bad | outside(u64::from_le_bytes(*word)));
    unused == 0 && words & HIGH == 0 && rest.iter().all(|&byte| value_of(byte) != INVALID)
}

/// Checks eight octets at once: the high bit is set for each octet outside the alphabet. The other bits have no meaning.
#[inline]
fn outside(word: u64) -> u64 {
    let ascii = word & !HIGH;
    // High where an octet is at least `least`; octets are below 128, so that no sum reaches the next one.
    let at_least = |octets: u64, least: u8| octets + ONES * u64::from(0x80 - least);
    let between = |octets: u64, first: u8, last: u8| at_least(octets, first) & !at_least(octets, last + 1);
    // Lower-casing maps all letters, and only letters, into one range.
    let letters = between(ascii | (0x20 * ONES), b'a', b'z');
    let equals = |octet: u8| !at_least(ascii ^ (ONES * u64::from(octet)), 1);
    word | !(letters | between(ascii, b'0', b'9') | equals(b'-') | equals(b'_'))
}
