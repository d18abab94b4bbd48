//! Gzip data of any number of members, and of zeros behind them.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

/// Decompresses one member after the other. Zeros behind a member are padding, as tapes and block devices leave it; anything
/// else there that is no member is an error.
pub(super) struct GzipMembers<R: Read> {
    /// Always there between calls; taken out to start the next member.
    member: Option<GzDecoder<BufReader<R>>>,
}

impl<R: Read> GzipMembers<R> {
    pub(super) fn new(input: R) -> Self {
        let input = BufReader::with_capacity(128 << 10, input);
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
            if !goes_on(member.get_mut())? {
                return Ok(0);
            }
            self.member = self
                .member
                .take()
                .map(|member| GzDecoder::new(member.into_inner()));
        }
        Ok(0)
    }
}

/// Whether anything but zeros follows; the zeros are passed over.
fn goes_on(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let zeros = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        let more = zeros < bytes.len();
        input.consume(zeros);
        if more {
            return Ok(true);
        }
    }
}
