//! Octet classes of HTTP header fields, named after their ABNF rules, and functions to skip them.

use crate::octets::{BLOCK, special};

/// `tchar` (RFC 9110 §5.6.2): the octets of schemes, parameter names and unquoted values.
pub(super) const TCHAR: u8 = 1;
/// `SP / HTAB` (RFC 9110 §5.6.3), the octets of `OWS` and `BWS`.
pub(super) const OWS: u8 = 2;
/// `qdtext` (RFC 9110 §5.6.4) without `"` and `\`; obs-text included.
pub(super) const QDTEXT: u8 = 4;
/// The octets of `token68` before its padding (RFC 9110 §11.2).
pub(super) const TOKEN68: u8 = 8;
/// The octets of a lenient unquoted value: visible ASCII except `,` and `"`. Some registries send URLs without quotes,
/// although a URL is not a `token`.
pub(super) const UNQUOTED: u8 = 16;
/// Upper-case letters, to find out in the same pass whether a name must be lower-cased.
pub(super) const UPPER: u8 = 32;
/// What may follow a backslash in a quoted string (RFC 9110 §5.6.4): `HTAB / SP / VCHAR / obs-text`.
pub(super) const ESCAPABLE: u8 = 64;

static CLASSES: [u8; 256] = classes();

#[expect(
    clippy::indexing_slicing,
    reason = "a u8 cannot leave a table of 256; const evaluation would stop the build"
)]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte: u8 = 0;
    loop {
        let mut class = 0;
        let alphanumeric = byte.is_ascii_alphanumeric();
        if alphanumeric
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        {
            class |= TCHAR;
        }
        if matches!(byte, b' ' | b'\t') {
            class |= OWS;
        }
        if matches!(byte, b'\t' | b' ' | 0x21 | 0x23..=0x5b | 0x5d..=0x7e | 0x80..) {
            class |= QDTEXT;
        }
        if alphanumeric || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/') {
            class |= TOKEN68;
        }
        if byte.is_ascii_graphic() && !matches!(byte, b',' | b'"') {
            class |= UNQUOTED;
        }
        if byte.is_ascii_uppercase() {
            class |= UPPER;
        }
        if matches!(byte, b'\t' | b' '..=0x7e | 0x80..) {
            class |= ESCAPABLE;
        }
        table[byte as usize] = class;
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

/// The classes of one octet, as a bit set.
#[inline]
#[expect(clippy::indexing_slicing, reason = "a u8 cannot leave a table of 256")]
pub(super) fn class_of(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// Whether `byte` belongs to one of `classes`.
#[inline]
pub(super) fn is(byte: u8, classes: u8) -> bool {
    class_of(byte) & classes != 0
}

/// The first position at or after `from` whose octet is in none of `classes` (the end of `bytes` if there is none).
#[inline]
pub(super) fn skip(bytes: &[u8], from: usize, classes: u8) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(|&byte| !is(byte, classes)).map_or(bytes.len(), |length| from + length)
}

/// The same for [`QDTEXT`], by blocks: most of a challenge is in quotes.
#[inline]
pub(super) fn skip_quoted(bytes: &[u8], mut from: usize) -> usize {
    while let Some(block) = bytes.get(from..).and_then(<[u8]>::first_chunk) {
        let found = special::<true>(block);
        if found < BLOCK {
            // A tab is text, so the rest is read octet by octet.
            from += found;
            break;
        }
        from += BLOCK;
    }
    skip(bytes, from, QDTEXT)
}
