//! Names for files that are no datasets, told by their first bytes.

/// The first bytes of formats that are taken for datasets by mistake, with what each is and what to do about it.
///
/// Sources: the `file` program's magic numbers and the specification of each format.
const SIGNATURES: &[(&[u8], &str)] = &[
    (
        b"version https://git-lfs.github.com/spec/",
        "is a Git LFS pointer, not the file it stands for (fetch that: `git lfs pull`)",
    ),
    (b"\xFD7zXZ\0", "is compressed with xz (unpack it: `xz -d`)"),
    (b"BZh", "is compressed with bzip2 (unpack it: `bzip2 -d`)"),
    (
        b"\x04\x22\x4D\x18",
        "is compressed with lz4 (unpack it: `lz4 -d`)",
    ),
    (b"LZIP", "is compressed with lzip (unpack it: `lzip -d`)"),
    (
        b"\x1F\x9D",
        "is compressed with compress (unpack it: `uncompress`)",
    ),
    (
        b"PK\x03\x04",
        "is a ZIP archive, or a document made of one such as .xlsx (unpack or export it first)",
    ),
    (b"PK\x05\x06", "is an empty ZIP archive"),
    (b"7z\xBC\xAF\x27\x1C", "is a 7z archive (unpack it: `7z x`)"),
    (b"Rar!\x1A\x07", "is a RAR archive (unpack it first)"),
    (
        b"PARE",
        "is an encrypted Parquet file, which is not read (write it without encryption)",
    ),
    (b"ARROW1", "is an Arrow or Feather file (write it as Parquet)"),
    (b"ORC", "is an ORC file (write it as Parquet)"),
    (b"Obj\x01", "is an Avro file (write it as Parquet or JSON lines)"),
    (
        b"SQLite format 3\0",
        "is a SQLite database (export the table: `sqlite3 -json FILE 'select …'`)",
    ),
    (b"\x89HDF\r\n\x1A\n", "is an HDF5 file (write it as Parquet)"),
    (b"\x93NUMPY", "is a NumPy array (write it as Parquet or CSV)"),
    (b"%PDF-", "is a PDF document"),
    (
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
        "is an old Office document such as .xls (export it as CSV)",
    ),
    (b"{\\rtf", "is an RTF document"),
    (b"\x89PNG\r\n\x1A\n", "is a PNG image"),
    (b"\xFF\xD8\xFF", "is a JPEG image"),
    (b"GIF8", "is a GIF image"),
    (b"\x7FELF", "is a program (ELF), a binary file"),
    (
        b"\xFF\xFE\0\0",
        "is UTF-32 text; a dataset must be UTF-8 (convert it: `iconv -f utf-32 -t utf-8`)",
    ),
    (
        b"\0\0\xFE\xFF",
        "is UTF-32 text; a dataset must be UTF-8 (convert it: `iconv -f utf-32 -t utf-8`)",
    ),
    (
        b"\xFF\xFE",
        "is UTF-16 text; a dataset must be UTF-8 (convert it: `iconv -f utf-16 -t utf-8`)",
    ),
    (
        b"\xFE\xFF",
        "is UTF-16 text; a dataset must be UTF-8 (convert it: `iconv -f utf-16 -t utf-8`)",
    ),
];

/// The first letters, in any case, of text formats that a failed download leaves behind.
const MARKUP: &[(&[u8], &str)] = &[
    (
        b"<!doctype html",
        "is an HTML page, perhaps an error page of the server it was fetched from",
    ),
    (
        b"<html",
        "is an HTML page, perhaps an error page of the server it was fetched from",
    ),
    (
        b"<?xml",
        "is an XML document, perhaps an error message of the store it was fetched from",
    ),
];

/// The place in a tar archive of its magic number.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// The least number of characters that tell text in a wide encoding without a byte order mark.
const WIDE_CHARACTERS: usize = 4;

/// Returns what the file is that starts with `head`, as the end of a sentence. `None`: nothing of the kind.
pub(super) fn foreign(head: &[u8]) -> Option<&'static str> {
    let known = SIGNATURES.iter().find(|(magic, _)| head.starts_with(magic));
    if let Some((_, what)) = known {
        return Some(what);
    }
    let text = &head[head.iter().take_while(|byte| byte.is_ascii_whitespace()).count()..];
    let markup = MARKUP.iter().find(|(start, _)| {
        text.get(..start.len())
            .is_some_and(|text| text.eq_ignore_ascii_case(start))
    });
    if let Some((_, what)) = markup {
        return Some(what);
    }
    let (at, magic) = TAR;
    if head.get(at..at + magic.len()) == Some(magic) {
        return Some("is a tar archive (unpack it: `tar -x`)");
    }
    wide(head)
}

/// Returns whether more bytes may make `head` the start of a known file.
pub(super) fn may_be_foreign(head: &[u8]) -> bool {
    let longer = |magic: &[u8]| magic.len() > head.len() && magic[..head.len()].eq_ignore_ascii_case(head);
    let (signatures, markup) = (SIGNATURES.iter(), MARKUP.iter());
    may_be_wide(head) || signatures.chain(markup).any(|(magic, _)| longer(magic))
}

/// The sentences for text in a wide encoding without a byte order mark.
const UTF16_BE: &str = "is UTF-16 text; a dataset must be UTF-8 (convert it: `iconv -f utf-16be -t utf-8`)";
const UTF16_LE: &str = "is UTF-16 text; a dataset must be UTF-8 (convert it: `iconv -f utf-16le -t utf-8`)";
const UTF32_BE: &str = "is UTF-32 text; a dataset must be UTF-8 (convert it: `iconv -f utf-32be -t utf-8`)";
const UTF32_LE: &str = "is UTF-32 text; a dataset must be UTF-8 (convert it: `iconv -f utf-32le -t utf-8`)";

/// Returns whether `byte` is the first character of a JSON document or of a quoted field.
fn opens(byte: u8) -> bool {
    matches!(byte, b'{' | b'[' | b'"')
}

/// Returns the encoding of text that starts with some ASCII characters of two or four bytes each. One character is enough
/// where it opens a document or a quoted field, whatever the script of the text behind it.
fn wide(head: &[u8]) -> Option<&'static str> {
    match head {
        [0, 0, 0, first, ..] if opens(*first) => return Some(UTF32_BE),
        [first, 0, 0, 0, ..] if opens(*first) => return Some(UTF32_LE),
        [0, first, ..] if opens(*first) => return Some(UTF16_BE),
        [first, 0, ..] if opens(*first) => return Some(UTF16_LE),
        _ => {}
    }
    let is = |width: usize, place: usize| {
        head.len() >= WIDE_CHARACTERS * width
            && head.chunks_exact(width).take(WIDE_CHARACTERS).all(|unit| {
                unit.iter()
                    .enumerate()
                    .all(|(at, byte)| (*byte == 0) != (at == place))
            })
    };
    match (is(4, 3), is(4, 0), is(2, 1), is(2, 0)) {
        (true, ..) => Some(UTF32_BE),
        (_, true, ..) => Some(UTF32_LE),
        (.., true, _) => Some(UTF16_BE),
        (.., true) => Some(UTF16_LE),
        _ => None,
    }
}

/// Returns whether `head`, too short for the widest character, may be its beginning.
fn may_be_wide(head: &[u8]) -> bool {
    match head {
        [0] | [0, 0] | [0, 0, 0] => true,
        [first] | [first, 0] | [first, 0, 0] => opens(*first),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_names_its_file() {
        for (magic, what) in SIGNATURES.iter().chain(MARKUP) {
            let head = [magic, &b" and more of it"[..]].concat();
            assert_eq!(foreign(&head), Some(*what));
            assert!(may_be_foreign(&magic[..1]), "{what}");
        }
        let mut tar = vec![b'a'; 600];
        tar[257..262].copy_from_slice(b"ustar");
        assert!(foreign(&tar).unwrap().contains("tar archive"));
        assert!(foreign(b"\n <!DOCTYPE HTML>").unwrap().contains("HTML page"));
    }

    /// `text` in the four wide encodings, each with its name.
    fn wide_forms(text: &str) -> [(&'static str, Vec<u8>); 4] {
        let (units, characters) = (text.encode_utf16(), text.chars().map(u32::from));
        [
            ("utf-16le", units.clone().flat_map(u16::to_le_bytes).collect()),
            ("utf-16be", units.flat_map(u16::to_be_bytes).collect()),
            (
                "utf-32le",
                characters.clone().flat_map(u32::to_le_bytes).collect(),
            ),
            ("utf-32be", characters.flat_map(u32::to_be_bytes).collect()),
        ]
    }

    #[test]
    fn wide_text_is_named_without_a_byte_order_mark() {
        for text in [
            "{\"a\": 1}",
            "[]",
            "[\"日本\"]",
            "\"日本\",b",
            "id,text\n",
            "{",
            "\n {}",
        ] {
            for (name, bytes) in wide_forms(text) {
                let what = foreign(&bytes);
                assert!(
                    what.is_some_and(|what| what.contains(name)),
                    "{name} {text}: {what:?}"
                );
            }
        }
    }

    #[test]
    fn wide_text_that_comes_byte_by_byte_is_waited_for() {
        for (name, bytes) in wide_forms("[1]") {
            let width = if name.starts_with("utf-16") { 2 } else { 4 };
            for length in 1..width {
                assert!(may_be_foreign(&bytes[..length]), "{name} {length}");
            }
            if width == 2 {
                // Two more bytes may still make it UTF-32.
                assert_eq!(may_be_foreign(&bytes[..2]), bytes[1] == 0, "{name}");
            }
            assert!(!may_be_foreign(&bytes[..4]), "{name}");
        }
        assert!(!may_be_foreign(b"[1"));
    }

    #[test]
    fn datasets_are_not_taken_for_anything_else() {
        for head in [
            "{\"a\":1}\n",
            "[1,2]",
            "id,text\n1,<html>\n",
            "version,url\n1,x",
            "",
            "7z\n",
            "PARTS,b\n1,2\n",
            "[",
            "\"",
            "{\"a\0\":1}",
        ] {
            assert_eq!(foreign(head.as_bytes()), None, "{head}");
        }
    }
}
