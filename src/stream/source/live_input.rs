//! Inputs whose bytes may be a long time coming: pipes, terminals, sockets and other devices.
//!
//! A read waits for bytes or for the [`Stopper`] to be dropped, whichever comes first. So a reader of a pipe that nobody
//! writes to can be given up at any time, and its file is closed then. On Windows a read that waits goes on until bytes come.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The path that stands for standard input, on every system.
const STANDARD_INPUT: &str = "/dev/stdin";

/// Ends the waiting of its [`StopSignal`] when it is dropped.
#[derive(Debug)]
pub struct Stopper(
    #[cfg(unix)]
    #[expect(dead_code, reason = "its drop is what counts")]
    std::os::unix::net::UnixStream,
);

/// Tells a [`LiveInput`] that its [`Stopper`] was dropped.
#[derive(Debug)]
pub struct StopSignal(#[cfg(unix)] std::os::unix::net::UnixStream);

/// Returns the two ends of a signal to stop.
///
/// # Errors
/// When the process has no file descriptor left.
pub fn stop_signal() -> io::Result<(Stopper, StopSignal)> {
    #[cfg(unix)]
    return std::os::unix::net::UnixStream::pair().map(|(ours, theirs)| (Stopper(ours), StopSignal(theirs)));
    #[cfg(not(unix))]
    return Ok((Stopper(), StopSignal()));
}

/// An open input that can be given up while it waits.
#[derive(Debug)]
pub(super) struct LiveInput {
    file: File,
    #[cfg(unix)]
    stop: StopSignal,
}

impl LiveInput {
    pub(super) fn new(file: File, #[cfg_attr(not(unix), expect(unused))] stop: StopSignal) -> Self {
        Self {
            file,
            #[cfg(unix)]
            stop,
        }
    }

    /// Waits until a read does not wait.
    #[cfg(unix)]
    fn wait(&self) -> io::Result<()> {
        use rustix::event::{PollFd, PollFlags, poll};
        let mut ends = [
            PollFd::new(&self.file, PollFlags::IN),
            PollFd::new(&self.stop.0, PollFlags::IN),
        ];
        poll(&mut ends, None)?;
        if ends[1].revents().is_empty() {
            return Ok(());
        }
        Err(io::Error::other("it was closed"))
    }

    #[cfg(not(unix))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "reads wait by themselves"
    )]
    fn wait(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for LiveInput {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            self.wait()?;
            match self.file.read(out) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
        }
    }
}

/// Opens `path` without waiting for a writer of a named pipe (on Linux; elsewhere such an open waits). Standard input is
/// opened by its descriptor where it has no name, as the socket that Node.js gives a child process.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let opened = open_named(path);
    if opened.is_err() && path == Path::new(STANDARD_INPUT) {
        return standard_input();
    }
    opened
}

#[cfg(target_os = "linux")]
fn open_named(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    File::options()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)
}

#[cfg(not(target_os = "linux"))]
fn open_named(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(unix)]
fn standard_input() -> io::Result<File> {
    use std::os::fd::AsFd;
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

#[cfg(windows)]
fn standard_input() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdin().as_handle().try_clone_to_owned().map(File::from)
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    fn socket() -> (UnixStream, File) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (ours, File::from(std::os::fd::OwnedFd::from(theirs)))
    }

    #[test]
    fn a_read_gives_what_is_there_and_the_end() {
        let (mut writer, file) = socket();
        let (_stopper, stop) = stop_signal().unwrap();
        let mut input = LiveInput::new(file, stop);
        writer.write_all(b"ab").unwrap();
        let mut out = [0; 8];
        assert_eq!(input.read(&mut out).unwrap(), 2);
        drop(writer);
        assert_eq!(input.read(&mut out).unwrap(), 0);
    }

    #[test]
    fn a_read_that_waits_ends_when_the_stopper_is_dropped() {
        let (_writer, file) = socket();
        let (stopper, stop) = stop_signal().unwrap();
        let waiting = thread::spawn(move || LiveInput::new(file, stop).read(&mut [0; 8]));
        drop(stopper);
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "it was closed");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_named_pipe_without_a_writer_opens_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let file = open(&path).unwrap();
        let (stopper, stop) = stop_signal().unwrap();
        let mut writer = File::options().write(true).open(&path).unwrap();
        writer.write_all(b"x").unwrap();
        let mut input = LiveInput::new(file, stop);
        assert_eq!(input.read(&mut [0; 8]).unwrap(), 1);
        drop(stopper);
        assert!(input.read(&mut [0; 8]).is_err());
    }
}
