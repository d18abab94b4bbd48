//! Link arguments of the addon; nothing for the pure engine.
fn main() {
    #[cfg(feature = "binding")]
    napi_build::setup();
}
