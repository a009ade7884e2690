//! The layer of an image: a tar archive with `plugin.wasm`, compressed. The same module gives the same bytes.
//!
//! Nothing of the file that it was read from goes in: no time, owner or mode. gzip is written here around
//! `miniz_oxide`, whose version is pinned: what another crate asks of a crate for gzip files could change which
//! compressor that one uses, and with it every digest.

use miniz_oxide::deflate::compress_to_vec;

/// What Istio's agent looks for in the layer.
const FILE: &str = "plugin.wasm";
/// The smallest that deflate gets in reasonable time.
const LEVEL: u8 = 9;
/// gzip, deflate, no flags, no time, no extra flags, an unknown system (RFC 1952, section 2.3).
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// The archive with a module, as it is before it is compressed.
pub(crate) fn archive(module: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_ustar();
    header.set_path(FILE)?;
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(module.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header, module)?;
    archive.into_inner()
}

/// A gzip file of these bytes.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = GZIP.to_vec();
    file.extend(compress_to_vec(bytes, LEVEL));
    file.extend(crc32fast::hash(bytes).to_le_bytes());
    // Of the length, what goes into 32 bits, as the format has it.
    #[expect(clippy::cast_possible_truncation, reason = "the length modulo 2^32")]
    let length = bytes.len() as u32;
    file.extend(length.to_le_bytes());
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_archive_holds_the_module_and_nothing_of_this_machine() {
        let archive = archive(b"a module").unwrap();
        let mut entries = tar::Archive::new(archive.as_slice());
        let mut entries = entries.entries().unwrap();
        let mut entry = entries.next().unwrap().unwrap();
        let header = entry.header().clone();
        assert_eq!(entry.path().unwrap().to_str(), Some("plugin.wasm"));
        assert_eq!(
            (
                header.mtime().unwrap(),
                header.uid().unwrap(),
                header.gid().unwrap(),
                header.mode().unwrap()
            ),
            (0, 0, 0, 0o644)
        );
        assert_eq!(
            (header.username().unwrap(), header.groupname().unwrap()),
            (Some(""), Some(""))
        );
        let mut module = Vec::new();
        entry.read_to_end(&mut module).unwrap();
        assert_eq!(module, b"a module");
        assert!(entries.next().is_none());
    }

    #[test]
    fn a_gzip_file_has_no_time_and_ends_with_what_it_holds() {
        let text = b"abcabcabcabc".repeat(50);
        let file = gzip(&text);
        assert_eq!(file[..10], GZIP);
        let (body, tail) = file[10..].split_at(file.len() - 18);
        assert_eq!(miniz_oxide::inflate::decompress_to_vec(body).unwrap(), text);
        assert_eq!(tail[..4], crc32fast::hash(&text).to_le_bytes());
        assert_eq!(tail[4..], 600_u32.to_le_bytes());
        assert!(file.len() < 60);
    }

    #[test]
    fn bytes_are_compressed_the_same_way_for_ever() {
        // Half of it compresses, as in a module.
        let mut state = 1_u32;
        let mut next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8 & if state & 0x1000 == 0 { 0xff } else { 3 }
        };
        let bytes: Vec<u8> = (0..200_000).map(&mut next).collect();
        let file = gzip(&bytes);
        // What moves this moves the digest of every image: it is a change that users have to be told.
        assert_eq!(
            crate::Digest::of(&file).hex(),
            "27875bd7aab228ce99c6c1c8cffd6ae15f2507f81046e8e3540e0d55a82e079f"
        );
        assert_eq!(
            miniz_oxide::inflate::decompress_to_vec(&file[10..file.len() - 8]).unwrap(),
            bytes
        );
    }
}
