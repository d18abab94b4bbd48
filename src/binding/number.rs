//! Checked numbers: JavaScript has one number type, and silent coercion (−1 → 4294967295, NaN → 0) loses data.

use super::error::{Failure, Result};

/// A whole number from `min` to `max`, or an error that names the argument.
///
/// # Errors
/// When `value` is NaN, infinite, fractional or outside `min..=max`.
pub fn integer(name: &str, value: f64, min: f64, max: f64) -> Result<u64> {
    if value.fract() == 0.0 && value >= min && value <= max {
        Ok(value as u64)
    } else {
        Err(out_of_range(
            name,
            value,
            &format!("a whole number from {min} to {max}"),
        ))
    }
}

/// A positive number, infinity included.
///
/// # Errors
/// When `value` is NaN, zero or negative.
pub fn positive(name: &str, value: f64) -> Result<f64> {
    if value > 0.0 {
        Ok(value)
    } else {
        Err(out_of_range(name, value, "a number above 0"))
    }
}

fn out_of_range(name: &str, value: f64, expected: &str) -> Failure {
    Failure::out_of_range(format!("{name} must be {expected}, got {value}"))
}
