//! The grammars of names, tags and digests (distribution-spec "Pulling manifests", distribution/reference).

use crate::origin::is_label;

/// The maximum length of a name, host included (distribution/reference `RepositoryNameTotalLengthMax`).
pub(crate) const MAX_NAME: usize = 255;

/// `component *( "/" component )`, at most 255 bytes.
pub(crate) fn is_repository(name: &str) -> bool {
    name.len() <= MAX_NAME && name.split('/').all(is_component)
}

/// The name of a scope: a repository name, optionally after `host[:port]/`.
pub(crate) fn is_scope_name(name: &str) -> bool {
    if name.len() > MAX_NAME {
        return false;
    }
    let mut components = name.split('/');
    let first = components.next().unwrap_or_default();
    let mut rest = false;
    for component in components {
        if !is_component(component) {
            return false;
        }
        rest = true;
    }
    is_component(first) || (rest && is_domain(first))
}

/// `[a-z0-9]+ ( ( "." / "_" / "__" / 1*"-" ) [a-z0-9]+ )*`
pub(crate) fn is_component(component: &str) -> bool {
    let word = |&byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut rest = component.as_bytes();
    loop {
        let Some(after_word) = drop_while(rest, word) else { return false };
        if after_word.is_empty() {
            return true;
        }
        let Some(after_separator) = drop_while(after_word, |byte| matches!(byte, b'.' | b'_' | b'-')) else {
            return false;
        };
        let separator = after_word.strip_suffix(after_separator).unwrap_or_default();
        if !matches!(separator, b"." | b"_" | b"__") && separator.iter().any(|&byte| byte != b'-') {
            return false;
        }
        rest = after_separator;
    }
}

/// The rest after a run of at least one octet of a kind.
fn drop_while(bytes: &[u8], kind: impl Fn(&u8) -> bool) -> Option<&[u8]> {
    let length = bytes.iter().position(|byte| !kind(byte)).unwrap_or(bytes.len());
    if length == 0 { None } else { bytes.get(length..) }
}

/// `host [ ":" port ]` as distribution/reference writes it (`domain-name`, or IPv6 in brackets), with the labels of
/// [`Origin`](crate::origin::Origin). Checks the form only; see
/// [`RegistryName`](super::RegistryName).
fn is_domain(domain: &str) -> bool {
    let (host, port) = match crate::text::split_last(domain, b':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let host_ok = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => {
            !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
        }
        None => host.split('.').all(is_label),
    };
    host_ok && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`
pub(crate) fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

/// `algorithm ":" encoded` of the image specification ("Digests"), with the lengths of the registered algorithms.
pub(crate) fn is_digest(digest: &str) -> bool {
    let Some((algorithm, encoded)) = digest.split_once(':') else { return false };
    let component = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let hex = |length| {
        encoded.len() == length && encoded.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if digest.len() > MAX_NAME || !algorithm.split(['+', '.', '_', '-']).all(component) {
        return false;
    }
    match algorithm {
        "sha256" => hex(64),
        "sha384" => hex(96),
        "sha512" => hex(128),
        _ => {
            !encoded.is_empty()
                && encoded
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'=' | b'_' | b'-'))
        }
    }
}
