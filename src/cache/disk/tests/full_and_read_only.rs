//! Volumes without room and places that cannot be written: children in a mount namespace of their own, or of another
//! user. What the system does not allow (no root, no user namespaces) is left out, and said.

use std::fs;
use std::process::Command;

use super::child::{Running, acknowledged, start_by, task};
use super::*;

const FULL: &str =
    "cache::disk::tests::full_and_read_only::a_full_volume_is_an_error_and_what_is_stored_stays";
const READ_ONLY: &str =
    "cache::disk::tests::full_and_read_only::where_nothing_can_be_written_what_is_there_can_be_read";

/// A command that runs the test binary as somebody whom permissions bind: not root.
fn somebody() -> Command {
    let binary = std::env::current_exe().unwrap();
    let flags = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let mut command = Command::new("setpriv");
    let root = command.args(flags).arg("true").status();
    if root.is_ok_and(|status| status.success()) {
        command = Command::new("setpriv");
        command.args(flags).arg(binary);
        return command;
    }
    Command::new(binary)
}

/// A command that runs the test binary after `mount`, a shell command on the directory `$1`. `None` where that is not
/// allowed.
fn after_mount(directory: &Path, mount: &str) -> Option<Command> {
    [["-m", "--"], ["-Urm", "--"]].into_iter().find_map(|flags| {
        let command = |program: &str| {
            let mut command = Command::new("unshare");
            let script = format!("{mount} && shift && exec \"$@\"");
            command
                .args(flags)
                .args(["sh", "-c", &script, "sh"])
                .arg(directory)
                .arg(program);
            command
        };
        let allowed = command("true")
            .stderr(std::process::Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        allowed.then(|| command(std::env::current_exe().unwrap().to_str().unwrap()))
    })
}

/// Returns what a child acknowledged; it must have ended well.
fn outcome(mut running: Running) -> Vec<u64> {
    let lines: Vec<_> = running.lines.iter().collect();
    assert!(running.process.wait().unwrap().success(), "{lines:#?}");
    acknowledged(&lines)
}

/// On a volume of 1 MB, part of which a file takes that can be deleted.
fn fill(file: &Path) {
    let ballast = file.with_file_name("ballast");
    fs::write(&ballast, vec![0; 300_000]).unwrap();
    let mut cache = open(file, WIDE);
    let mut stored = 0;
    let error = loop {
        match put(&mut cache, stored, &told(stored, 3000)) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), "Full", "{error}");
    assert!(error.to_string().contains(file.to_str().unwrap()));
    let other = DiskCache::open(&file.with_file_name("other.db"), "a", WIDE, 0.0).map(|_| ());
    assert_eq!(other.unwrap_err().kind(), "Full");
    let assert_held = |cache: &mut DiskCache| {
        for n in 0..stored {
            assert_eq!(value(cache, n), Some(told(n, 3000)));
        }
    };
    assert_held(&mut cache);
    fs::remove_file(ballast).unwrap();
    put(&mut cache, stored, &told(stored, 3000)).unwrap();
    assert_held(&mut cache);
    assert_eq!(cache.take_notices(), Vec::<String>::new());
    drop(cache);
    assert_sound(file);
    eprintln!("ack {stored}.");
}

#[test]
fn a_full_volume_is_an_error_and_what_is_stored_stays() {
    if let Some((file, _)) = task() {
        return fill(&file);
    }
    let place = place();
    let Some(mut command) = after_mount(place.directory.path(), "mount -t tmpfs -o size=1m none \"$1\"")
    else {
        return eprintln!("left out: no right to mount");
    };
    let stored = outcome(start_by(&mut command, FULL, &place.file, 0));
    assert!(stored[0] > 5, "{stored:?}");
}

/// In a directory that cannot be written, with a cache, a text file and a cache whose log is not in it yet.
fn read_only(file: &Path) {
    let mut cache = open(file, WIDE);
    assert!(cache.read_only());
    assert_eq!(value(&mut cache, 1).unwrap(), b"there");
    assert!(cache.has(&digest(1), 0.0).unwrap());
    assert_eq!(value(&mut cache, 2), None);
    assert_eq!(cache.figures(0.0).unwrap().entries, 1);
    let errors = [
        put(&mut cache, 2, b"x").map(|_| ()),
        cache.remove(&digest(1), 0.0).map(|_| ()),
        cache.remove_expired(0.0).map(|_| ()),
        cache.claim(&[digest(2)], false, 0.0, 1.0).map(|_| ()),
        cache.clear(),
    ];
    for error in errors {
        assert_eq!(error.unwrap_err().kind(), "ReadOnly");
    }
    let mut other = DiskCache::open(file, "a namespace that is not in it", WIDE, 0.0).unwrap();
    assert_eq!(value(&mut other, 1), None);
    for (name, kind) in [
        ("none.db", "ReadOnly"),
        ("text.db", "Foreign"),
        ("logged.db", "CannotOpen"),
    ] {
        let error = DiskCache::open(&file.with_file_name(name), "a", WIDE, 0.0).unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.to_string().contains(name));
    }
    eprintln!("ack 1.");
}

#[test]
fn where_nothing_can_be_written_what_is_there_can_be_read() {
    if let Some((file, _)) = task() {
        return read_only(&file);
    }
    let place = place();
    let mut cache = open(&place.file, WIDE);
    put(&mut cache, 1, b"there").unwrap();
    for suffix in ["", "-wal"] {
        let logged = super::super::beside(&place.directory.path().join("logged.db"), suffix);
        fs::copy(super::super::beside(&place.file, suffix), logged).unwrap();
    }
    drop(cache);
    damage::checkpoint(&place.file);
    let text = place.directory.path().join("text.db");
    fs::write(&text, b"not a database").unwrap();
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"";
    let read_only_mount = after_mount(place.directory.path(), mount);
    if let Some(mut command) = read_only_mount {
        assert_eq!(outcome(start_by(&mut command, READ_ONLY, &place.file, 0)), [1]);
    } else {
        eprintln!("left out: a mount that is read-only");
    }
    for (path, mode) in [
        (&place.file, 0o444),
        (&text, 0o444),
        (&place.directory.path().to_path_buf(), 0o555),
    ] {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }
    assert_eq!(outcome(start_by(&mut somebody(), READ_ONLY, &place.file, 0)), [1]);
    fs::set_permissions(
        place.directory.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
}
