//! Room: executor.
