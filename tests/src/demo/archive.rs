//! Layers: tar archives (POSIX ustar) in gzip without compression (RFC 1952 with stored blocks of RFC 1951), which every
//! client can unpack.

use aws_lc_rs::digest::{SHA256, digest};

/// `sha256:<hex>` of these bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(digest(&SHA256, bytes).as_ref()))
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// A tar archive of these files. Names are shorter than 100 bytes.
pub(crate) fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in files {
        let length = content.len();
        let mut header = Vec::with_capacity(512);
        let mut field = |text: &str, width: usize| {
            let mut bytes: Vec<u8> = text.bytes().take(width).collect();
            bytes.resize(width, 0);
            header.extend_from_slice(&bytes);
        };
        field(name, 100);
        field("0000644", 8);
        field("0000000", 8);
        field("0000000", 8);
        field(&format!("{length:011o}"), 12);
        field("00000000000", 12);
        field("        ", 8); // the checksum counts itself as spaces
        field("0", 1);
        field("", 100);
        field("ustar", 6);
        field("00", 2);
        field("root", 32);
        field("root", 32);
        field("0000000", 8);
        field("0000000", 8);
        field("", 167);
        let checksum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header.splice(148..156, format!("{checksum:06o}\0 ").into_bytes());
        archive.extend_from_slice(&header);
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// The bytes as a gzip member of stored blocks.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    // Magic, deflate, no flags, no time, no extra flags, unknown system.
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = bytes.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        member.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        member.push(u8::from(blocks.peek().is_none()));
        member.extend_from_slice(&length.to_le_bytes());
        member.extend_from_slice(&(!length).to_le_bytes());
        member.extend_from_slice(block);
    }
    member.extend_from_slice(&crc32(bytes).to_le_bytes());
    let length = u32::try_from(bytes.len() as u64 & 0xffff_ffff).unwrap_or_default();
    member.extend_from_slice(&length.to_le_bytes());
    member
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let mask = (crc & 1).wrapping_neg();
            crc = (crc >> 1) ^ (0xedb8_8320 & mask);
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::{crc32, digest_of, gzip, tar};
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    #[test]
    fn checksums_match_published_values() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(digest_of(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn layers_unpack_with_system_tar() {
        let files = vec![("etc/a".to_owned(), b"one\n".to_vec()), ("b".to_owned(), vec![b'x'; 70_000])];
        let layer = gzip(&tar(&files));
        let mut listing = Command::new("tar")
            .args(["-tvzf", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        listing.stdin.take().unwrap().write_all(&layer).unwrap();
        let output = listing.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains(" 4 ") && text.contains("etc/a"), "{text}");
        assert!(text.contains(" 70000 "), "{text}");
    }
}
