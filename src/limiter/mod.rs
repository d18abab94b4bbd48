//! Room: limiter.
