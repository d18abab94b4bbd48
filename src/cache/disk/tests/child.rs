//! Other processes: the test binary again, running one test, which does what the environment says instead of testing.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

const TASK: &str = "AI_EVALS_TEST_CHILD";

/// A process that was started by [`start`], and the lines it has written.
pub struct Running {
    pub process: Child,
    pub lines: Receiver<String>,
}

/// The work of this process as a child: a file and a number. `None` in the test itself.
pub fn task() -> Option<(PathBuf, u64)> {
    let task = std::env::var(TASK).ok()?;
    let (number, file) = task.split_once(' ').unwrap();
    Some((PathBuf::from(file), number.parse().unwrap()))
}

/// Starts `test`, the full name of the calling test, as a child.
pub fn start(test: &str, file: &Path, number: u64) -> Running {
    start_by(
        &mut Command::new(std::env::current_exe().unwrap()),
        test,
        file,
        number,
    )
}

/// The same by a command that runs the test binary.
pub fn start_by(command: &mut Command, test: &str, file: &Path, number: u64) -> Running {
    let mut process = command
        .args(["--exact", test, "--nocapture"])
        .env(TASK, format!("{number} {}", file.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (sender, lines) = channel();
    let output = BufReader::new(process.stderr.take().unwrap());
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    Running { process, lines }
}

impl Running {
    /// Kills it (SIGKILL) and gives what it had written that was not read yet.
    pub fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.lines.iter().collect()
    }
}

/// The numbers behind `ack`.
pub fn acknowledged(lines: &[String]) -> Vec<u64> {
    let unexpected: Vec<_> = lines.iter().filter(|line| !line.starts_with("ack ")).collect();
    assert!(unexpected.is_empty(), "a child said {unexpected:?}");
    // The last line may be cut short by the kill.
    lines
        .iter()
        .filter_map(|line| line.strip_prefix("ack ")?.strip_suffix('.')?.parse().ok())
        .collect()
}
