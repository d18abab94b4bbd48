//! How long a thread was ready to run and had no processor.
//!
//! Where more threads want to run than there are processors, an operating system takes a processor away for milliseconds at a
//! time, and a call that lasts one then lasts five. That is the machine's doing, and Linux counts it.

/// How long this thread has waited for a processor since it began, ms; 0 where the system does not tell. Takes 2 µs.
#[cfg(target_os = "linux")]
pub fn run_delay() -> f64 {
    use std::{fs::File, os::unix::fs::FileExt};
    thread_local! {
        static COUNTS: Option<File> = File::open("/proc/thread-self/schedstat").ok();
    }
    let mut text = [0; 64];
    let read = COUNTS.with(|file| file.as_ref()?.read_at(&mut text, 0).ok());
    let nanoseconds = read
        .and_then(|length| std::str::from_utf8(text.get(..length)?).ok())
        .and_then(second_number);
    nanoseconds.unwrap_or(0.0) / 1e6
}

/// How long this thread has waited for a processor since it began, ms: this system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn run_delay() -> f64 {
    0.0
}

/// Of `time on a processor, time waited for one, how often`, in nanoseconds.
#[cfg(target_os = "linux")]
fn second_number(counts: &str) -> Option<f64> {
    counts.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn it_is_what_a_thread_waits_beside_others_that_run() {
        let started = Instant::now();
        let before = run_delay();
        let hogs = 3 * std::thread::available_parallelism().map_or(1, usize::from);
        let delay = std::thread::scope(|scope| {
            for _ in 0..hogs {
                scope.spawn(|| while started.elapsed() < Duration::from_millis(400) {});
            }
            while started.elapsed() < Duration::from_millis(300) {}
            run_delay() - before
        });
        // A system that does not count says 0 for ever.
        assert!(
            delay == 0.0 && run_delay() == 0.0 || (20.0..400.0).contains(&delay),
            "{delay}"
        );
        assert_eq!(second_number("12 34 5\n"), Some(34.0));
        assert_eq!(second_number("0"), None);
    }
}
