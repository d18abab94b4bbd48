//! The process that holds a run: its identity, and whether a holder still lives.

use std::fs;

use super::result_id::push_base_36;

/// A holder without a heartbeat for that long holds no more.
pub const STALE_AFTER_MS: i64 = 30_000;
/// The interval of heartbeats.
pub const HEARTBEAT_MS: u64 = 5_000;

/// The identity of a process: its host, its id there, and when it started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    host: String,
    pid: u32,
    started: String,
}

impl Owner {
    /// Returns the identity of this process.
    pub fn current() -> Self {
        let pid = std::process::id();
        Self {
            host: host(),
            pid,
            started: start_of(pid).unwrap_or_default(),
        }
    }

    /// Returns the text under which the store remembers the process.
    pub fn text(&self) -> String {
        format!("{}/{}/{}", self.host, self.pid, self.started)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        Some(Self {
            host: parts.next()?.to_owned(),
            pid: parts.next()?.parse().ok()?,
            started: parts.next()?.to_owned(),
        })
    }

    /// Returns whether the process named by `holder`, last seen at `heartbeat`, keeps this one from a run.
    pub fn is_kept_out_by(&self, holder: &str, heartbeat: i64, now: i64) -> bool {
        if holder == self.text() || now.saturating_sub(heartbeat) > STALE_AFTER_MS {
            return false;
        }
        match Self::parse(holder) {
            Some(holder) if holder.host == self.host => is_alive(&holder),
            _ => true,
        }
    }
}

/// The host, the boot and the process namespace: process ids mean something only within all three.
fn host() -> String {
    let parts = [
        fs::read_to_string("/proc/sys/kernel/hostname")
            .ok()
            .or_else(|| std::env::var("COMPUTERNAME").ok())
            .or_else(|| std::env::var("HOSTNAME").ok()),
        fs::read_to_string("/proc/sys/kernel/random/boot_id").ok(),
        fs::read_link("/proc/self/ns/pid")
            .ok()
            .map(|link| link.display().to_string()),
    ];
    let text: String = parts.into_iter().flatten().collect();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
    let mut name = String::new();
    push_base_36(&mut name, u128::from_be_bytes(bytes), 12);
    name
}

/// Returns when a process started, in ticks after boot; `None` when it has ended or the system does not tell.
fn start_of(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold blanks and brackets; the state is the first field behind it, the start the 20th.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    fields.nth(18).filter(|_| !ended).map(str::to_owned)
}

#[cfg(unix)]
fn is_alive(holder: &Owner) -> bool {
    if !holder.started.is_empty() {
        return start_of(holder.pid).as_ref() == Some(&holder.started);
    }
    rustix::process::Pid::from_raw(holder.pid.cast_signed()).is_some_and(|pid| {
        !matches!(
            rustix::process::test_kill_process(pid),
            Err(rustix::io::Errno::SRCH)
        )
    })
}

/// Elsewhere the heartbeat alone tells.
#[cfg(not(unix))]
fn is_alive(_holder: &Owner) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(pid: u32, started: &str) -> String {
        let current = Owner::current();
        format!("{}/{pid}/{started}", current.host)
    }

    #[test]
    fn a_living_process_keeps_others_out() {
        let here = Owner::current();
        assert!(here.is_kept_out_by(&other(1, &start_of(1).unwrap_or_default()), 1000, 1000));
        assert!(here.is_kept_out_by("elsewhere/1/2", 1000, 1000));
    }

    #[test]
    fn the_own_process_keeps_nothing_out() {
        let here = Owner::current();
        assert!(!here.is_kept_out_by(&here.text(), 1000, 1000));
    }

    #[test]
    fn a_dead_process_keeps_nothing_out() {
        let mut child = std::process::Command::new("true").spawn().expect("a process");
        let pid = child.id();
        child.wait().expect("its end");
        assert!(!Owner::current().is_kept_out_by(&other(pid, "7"), 1000, 1000));
    }

    #[test]
    fn a_process_without_heartbeat_keeps_nothing_out() {
        assert!(!Owner::current().is_kept_out_by("elsewhere/1/2", 0, STALE_AFTER_MS + 1));
        assert!(Owner::current().is_kept_out_by("elsewhere/1/2", 0, STALE_AFTER_MS));
    }
}
