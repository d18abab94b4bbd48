//! Room: stream.
