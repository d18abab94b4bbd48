//! Facts about the addon, and its memory of the last panic.

use napi_derive::napi;
use std::collections::VecDeque;
use std::panic::{self, PanicHookInfo};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// Panics that nobody has asked for yet, as (message, place). At most [`KEPT`]: each is asked for as soon as the failed
/// call is back in JavaScript, so more would mean that panics happen where no call waits for them.
static PANICS: Mutex<VecDeque<(String, String)>> = Mutex::new(VecDeque::new());
const KEPT: usize = 16;

/// The version of the native library; the facade refuses to run with another one.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// From here on a panic is remembered with its place in the source instead of being printed: a library does not write
/// to its user's stderr, the error that the panic becomes says it all. With `RUST_BACKTRACE` set it is printed too.
/// Calls after the first do nothing.
#[napi(catch_unwind)]
pub fn record_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // One that a damaged file causes is caught where the file is read, and is no bug of ours.
            if crate::stream::source::expects_panic() {
                return;
            }
            remember(info);
            if std::env::var_os("RUST_BACKTRACE").is_some() {
                print(info);
            }
        }));
    });
}

/// Returns where the panic with this message happened (`src/cache/mod.rs:40:9`), once; `null` if none with it is remembered, and
/// then the error that carried the message was no panic.
#[napi(catch_unwind)]
pub fn take_panic(message: String) -> Option<String> {
    let mut panics = remembered();
    let at = panics.iter().position(|(said, _)| *said == message)?;
    panics.remove(at).map(|(_, place)| place)
}

/// Panics with `message`. Exists so that a test can prove that a panic in the engine becomes an error, not an abort.
#[napi(catch_unwind)]
pub fn panic_probe(message: String) -> u32 {
    assert!(message.is_empty(), "{message}");
    0
}

fn remember(info: &PanicHookInfo) {
    let payload = info.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    // `panic!` and the failed assertions of std carry text; anything else has no message to find it by.
    let Some(message) = text.or_else(|| payload.downcast_ref::<&str>().copied()) else {
        return;
    };
    let place = info
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let mut panics = remembered();
    if panics.len() == KEPT {
        panics.pop_front();
    }
    panics.push_back((message.to_owned(), place));
}

/// The queue is consistent whatever happened to its last holder, so a poisoned lock is as good as any.
fn remembered() -> MutexGuard<'static, VecDeque<(String, String)>> {
    PANICS.lock().unwrap_or_else(PoisonError::into_inner)
}
