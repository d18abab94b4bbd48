//! Compressed files: gzip data of any number of members, zstd data of any number of frames.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

const GZIP: &[u8] = &[0x1F, 0x8B];
const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
/// A frame that zstd tools pass over; the first byte is 0x50 to 0x5F.
const ZSTD_SKIPPABLE: &[u8] = &[0x2A, 0x4D, 0x18];

/// Compressed bytes read at a time.
const BUFFER_BYTES: usize = 128 << 10;

/// A compression that is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

/// Returns the compression that the first bytes of a file show.
pub(super) fn compression(head: &[u8]) -> Option<Compression> {
    let skippable = matches!(head, [0x50..=0x5F, rest @ ..] if rest.starts_with(ZSTD_SKIPPABLE));
    if head.starts_with(GZIP) {
        return Some(Compression::Gzip);
    }
    (skippable || head.starts_with(ZSTD)).then_some(Compression::Zstd)
}

/// Returns whether `head` may be the start of compressed data.
fn may_be_compressed(head: &[u8]) -> bool {
    let skippable = match head {
        [] | [0x50..=0x5F] => true,
        [0x50..=0x5F, rest @ ..] => ZSTD_SKIPPABLE.starts_with(rest),
        _ => false,
    };
    skippable || ZSTD.starts_with(head) || (head.len() < GZIP.len() && GZIP.starts_with(head))
}

/// Returns a reader that undoes the compression that the first bytes show, or `input` itself.
pub(super) fn decompressed(mut input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(4);
    // Byte by byte, and no further than it matters: a pipe may have no fourth byte for long.
    while magic.len() < 4 && may_be_compressed(&magic) {
        if (&mut input).take(1).read_to_end(&mut magic)? == 0 {
            break;
        }
    }
    let compression = compression(&magic);
    let whole = io::Cursor::new(magic).chain(input);
    Ok(match compression {
        Some(Compression::Gzip) => Box::new(GzipMembers::new(whole)),
        Some(Compression::Zstd) => Box::new(ZstdFrames::new(whole)?),
        None => Box::new(whole),
    })
}

/// Returns the error for bytes behind compressed data that are none.
fn trailing(format: &str) -> io::Error {
    let reason = format!("bytes that are no {format} data follow its end");
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Decompresses one gzip member after the other. Zeros behind a member are padding, as tapes and block devices leave it.
/// Anything else there that is no member is an error.
struct GzipMembers<R: Read> {
    /// Always there between calls; taken out to start the next member.
    member: Option<GzDecoder<BufReader<R>>>,
}

impl<R: Read> GzipMembers<R> {
    fn new(input: R) -> Self {
        let input = BufReader::with_capacity(BUFFER_BYTES, input);
        Self {
            member: Some(GzDecoder::new(input)),
        }
    }
}

impl<R: Read> Read for GzipMembers<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.member {
            let count = member.read(out)?;
            if count > 0 {
                return Ok(count);
            }
            let Some(first) = next_byte(member.get_mut())? else {
                return Ok(0);
            };
            if first != GZIP[0] {
                return Err(trailing("gzip"));
            }
            self.member = self
                .member
                .take()
                .map(|member| GzDecoder::new(member.into_inner()));
        }
        Ok(0)
    }
}

/// Passes over zeros and returns the byte behind them, which stays.
fn next_byte(input: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let zeros = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        let next = bytes.get(zeros).copied();
        input.consume(zeros);
        if next.is_some() {
            return Ok(next);
        }
    }
}

/// Decompresses one zstd frame after the other.
struct ZstdFrames<R: Read>(zstd::stream::read::Decoder<'static, BufReader<R>>);

impl<R: Read> ZstdFrames<R> {
    fn new(input: R) -> io::Result<Self> {
        zstd::stream::read::Decoder::new(input).map(Self)
    }
}

impl<R: Read> Read for ZstdFrames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out).map_err(|error| {
            // The library's words for a frame whose first bytes are those of none.
            if error.to_string().contains("Unknown frame descriptor") {
                return trailing("zstd");
            }
            error
        })
    }
}
