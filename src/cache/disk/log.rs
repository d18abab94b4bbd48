//! The log of a file as it lies on the disk: whether what counts in it is what was written.
//!
//! Whoever opens a file first reads its log up to the first frame that is not whole, and takes that for the end: so a
//! single changed byte would silently bring back everything as it was before. Such a log is damage, unless what comes
//! behind is a write that was never finished:
//! - the index of the log (`FILE-shm`) says how many frames were finished before their writers returned, and outlives a
//!   process that is killed, but not the system: after a power cut it may be older or newer than the log. It counts where
//!   the log was written since the system started, as far as that is known (on Linux);
//! - elsewhere a frame that ends a transaction, and is whole by the one before it, tells that there was more.
//!
//! Formats: <https://sqlite.org/fileformat2.html#walformat>, <https://sqlite.org/walformat.html>. Cost: the log is read
//! once, as `SQLite` does after that, and only by the first user of a file in a process.

use std::fs::{self, File, Metadata};
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::open::beside;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// Whose words are little-endian in checksums; big-endian ones are told by the last bit.
const MAGIC: u32 = 0x377f_0682;
/// Bytes of a page when the header does not say.
const PAGE: usize = 4096;

type Sum = [u32; 2];
type Salts = [u8; 8];

/// What the index of a log says.
#[derive(Clone, Copy, Debug)]
struct Acknowledged {
    frames: u64,
    salts: Salts,
}

/// The first frame that is not what was written, and the salts of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Damaged {
    frame: u64,
    salts: Salts,
}

/// Why the log of the file `path` is not what was written, if it is not. `path` must not be open in this process: reading the
/// index would take its locks away (POSIX).
pub fn damage(path: &Path) -> Option<String> {
    let mut last = None;
    // Others may be writing: what is there twice is there.
    for _ in 0..4 {
        let found = examine(path).ok().flatten()?;
        if last == Some(found) {
            return Some(format!(
                "frame {} of its log is not what was written",
                found.frame
            ));
        }
        last = Some(found);
    }
    None
}

fn examine(path: &Path) -> io::Result<Option<Damaged>> {
    let file = File::open(beside(path, "-wal"))?;
    let about = file.metadata()?;
    if about.len() == 0 {
        return Ok(None);
    }
    let acknowledged = if is_of_this_boot(&about) {
        read_index(path).ok().flatten()
    } else {
        None
    };
    walk(&mut BufReader::with_capacity(1 << 16, file), acknowledged)
}

fn walk(log: &mut impl Read, acknowledged: Option<Acknowledged>) -> io::Result<Option<Damaged>> {
    let mut header = [0; HEADER];
    let has_header = filled(log, &mut header)?;
    let magic = number(&header, 0);
    let is_big = magic == MAGIC | 1;
    let sum = checksum([0; 2], &header[..24], is_big);
    let said = number(&header, 8) as usize;
    let is_whole =
        has_header && magic & !1 == MAGIC && sum == sums(&header, 24) && (512..=65_536).contains(&said);
    let page = if is_whole { said } else { PAGE };
    let mut salts = is_whole.then(|| salts_at(&header, 16));
    let acknowledged = acknowledged.filter(|index| salts.is_none_or(|salts| salts == index.salts));
    if let (false, Some(index)) = (is_whole, acknowledged) {
        let Acknowledged { frames, salts } = index;
        return Ok((frames > 0).then_some(Damaged { frame: 0, salts }));
    }

    let mut frame = vec![0; FRAME_HEADER + page];
    // The checksum that the next frame continues.
    let mut before = sum;
    let mut first_bad = (!is_whole).then_some(0);
    for place in 1.. {
        let is_there = filled(log, &mut frame)?;
        let of_log = *salts.get_or_insert_with(|| salts_at(&frame, 8));
        let damaged = |frame| Ok(Some(Damaged { frame, salts: of_log }));
        if let Some(index) = acknowledged {
            if place > index.frames {
                break;
            }
            if !is_there {
                return damaged(place);
            }
        } else if !is_there {
            break;
        }
        let stored = sums(&frame, 16);
        let is_whole = salts_at(&frame, 8) == of_log && {
            let sum = checksum(before, &frame[..8], is_big);
            checksum(sum, &frame[FRAME_HEADER..], is_big) == stored
        };
        if !is_whole && acknowledged.is_some() {
            return damaged(place);
        }
        let ends_transaction = number(&frame, 4) != 0;
        match first_bad {
            None if !is_whole => first_bad = Some(place),
            Some(bad) if is_whole && ends_transaction => return damaged(bad),
            _ => {}
        }
        before = stored;
    }
    Ok(None)
}

/// Reads a whole `buffer`; false at the end of the file.
fn filled(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&from[at..at + N]);
    bytes
}

fn number(from: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes(from, at))
}

fn sums(from: &[u8], at: usize) -> Sum {
    [number(from, at), number(from, at + 4)]
}

fn salts_at(from: &[u8], at: usize) -> Salts {
    bytes(from, at)
}

/// `sum` continued over `of`, a multiple of 8 bytes, taken as words.
fn checksum([mut first, mut second]: Sum, of: &[u8], is_big: bool) -> Sum {
    let word = |from: &[u8], at| {
        let word = bytes(from, at);
        if is_big {
            u32::from_be_bytes(word)
        } else {
            u32::from_le_bytes(word)
        }
    };
    for pair in of.chunks_exact(8) {
        first = first.wrapping_add(word(pair, 0)).wrapping_add(second);
        second = second.wrapping_add(word(pair, 4)).wrapping_add(first);
    }
    [first, second]
}

/// What the index says: of its two copies the one that is written last, and so says no more than was finished.
fn read_index(path: &Path) -> io::Result<Option<Acknowledged>> {
    const BYTES: usize = 48;
    const VERSION: u32 = 3_007_000;
    let mut copy = [0; BYTES];
    let mut file = File::open(beside(path, "-shm"))?;
    if !filled(&mut file, &mut copy)? {
        return Ok(None);
    }
    let native = |at| u32::from_ne_bytes(bytes(&copy, at));
    let sum = checksum([0; 2], &copy[..40], cfg!(target_endian = "big"));
    let is_whole = native(0) == VERSION && copy[12] == 1 && sum == [native(40), native(44)];
    Ok(is_whole.then(|| Acknowledged {
        frames: u64::from(native(16)),
        salts: salts_at(&copy, 32),
    }))
}

/// Whether a file was written since the system started: then no power cut came between. False where that is not known.
fn is_of_this_boot(about: &Metadata) -> bool {
    let started = fs::read_to_string("/proc/stat").ok().and_then(|stat| {
        let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
        line.trim().parse::<u64>().ok()
    });
    let written = about
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    match (started, written) {
        (Some(started), Some(written)) => written.as_secs() > started,
        _ => false,
    }
}
