//! Room: scoring.
