//! The engine of `@aah/ai-evals`: each module can be read, tested and used alone.
//!
//! Nothing outside `binding` knows of Node.js: `cargo test --no-default-features --features store` builds and tests the modules
//! without it. Modules know each other only downwards, to `key`, `limiter` and `stats`; time is always an argument.

pub mod cache;
pub mod executor;
pub mod key;
pub mod limiter;
pub mod monitor;
pub mod random;
pub mod scoring;
pub mod stats;
#[cfg(feature = "store")]
pub mod store;
pub mod stream;

#[cfg(feature = "binding")]
// napi registers no export in a unit test, and takes owned arguments.
#[cfg_attr(test, allow(dead_code))]
#[allow(clippy::needless_pass_by_value)]
mod binding;
