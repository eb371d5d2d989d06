//! base64url without padding (RFC 4648 §5, RFC 7515 §2), strictly: no padding, no `+` and `/`, no white space, and the
//! unused bits of the last character are zero, so that no two texts decode to the same octets.

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

/// Appends what `text` encodes to `out`; `None` if it is not base64url.
pub(super) fn decode(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (groups, rest) = text.as_chunks::<4>();
    let start = out.len();
    // Made at its full length first: a growing vector would check its capacity for every three octets.
    out.resize(start + groups.len() * 3, 0);
    let (places, _) = out.get_mut(start..)?.as_chunks_mut::<3>();
    let mut seen = 0;
    for (place, &[a, b, c, d]) in places.iter_mut().zip(groups) {
        let (a, b, c, d) = (value_of(a), value_of(b), value_of(c), value_of(d));
        // Values are below 64, so that bit 7 of the union tells whether any octet was invalid.
        seen |= a | b | c | d;
        *place = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
    }
    match *rest {
        [] => {}
        [a, b] => {
            let (a, b) = (value_of(a), value_of(b));
            seen |= a | b;
            if b & 0x0f != 0 {
                return None;
            }
            out.push(a << 2 | b >> 4);
        }
        [a, b, c] => {
            let (a, b, c) = (value_of(a), value_of(b), value_of(c));
            seen |= a | b | c;
            if c & 0x03 != 0 {
                return None;
            }
            out.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2]);
        }
        _ => return None,
    }
    (seen & 0x80 == 0).then_some(())
}

/// Whether `text` is base64url; nothing is decoded.
pub(super) fn is_valid(text: &[u8]) -> bool {
    let unused = match (text.len() % 4, text.last()) {
        (1, _) => return false,
        (2, Some(&last)) => value_of(last) & 0x0f,
        (3, Some(&last)) => value_of(last) & 0x03,
        _ => 0,
    };
    // Without table and early end, so that the compiler can look at many octets at once.
    let alphabet = |byte: u8| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    unused == 0 && text.iter().fold(true, |valid, &byte| valid & alphabet(byte))
}
