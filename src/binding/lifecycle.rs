//! What the addon says of itself.

use napi_derive::napi;

/// The version of the native library; the facade refuses to run with another one.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Panics with `message`. Exists so that a test can prove that a panic in the engine becomes an error, not an abort.
#[napi(catch_unwind)]
pub fn panic_probe(message: String) -> u32 {
    assert!(message.is_empty(), "{message}");
    0
}
