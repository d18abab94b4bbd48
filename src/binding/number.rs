//! Checked numbers: JavaScript has one number type, and silent coercion (−1 → 4294967295, NaN → 0) loses data.

use napi::{Error, Status};

/// The code of an error for a number out of its range; the facade turns it into a `RangeError`.
pub const OUT_OF_RANGE: &str = "ERR_OUT_OF_RANGE";

/// A whole number from `min` to `max`, or an error that names the argument.
///
/// # Errors
/// When `value` is NaN, infinite, fractional or outside `min..=max`.
pub fn integer(name: &str, value: f64, min: f64, max: f64) -> napi::Result<u64> {
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
pub fn positive(name: &str, value: f64) -> napi::Result<f64> {
    if value > 0.0 {
        Ok(value)
    } else {
        Err(out_of_range(name, value, "a number above 0"))
    }
}

fn out_of_range(name: &str, value: f64, expected: &str) -> Error {
    Error::new(
        Status::InvalidArg,
        format!("{OUT_OF_RANGE}: {name} must be {expected}, got {value}"),
    )
}
