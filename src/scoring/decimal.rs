//! Decimals as they were written: exact, of any length.
//!
//! `f64` cannot tell 12345678901234567890 from its neighbour nor 0.1 + 0.2 from 0.3. An answer is compared digit by digit
//! instead. A [`Decimal`] is `± digits × 10^exponent` with neither leading nor trailing zeros, so equal values have equal
//! fields.

use num_bigint::{BigInt, BigUint, Sign};

/// An exact decimal number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// Digit values 0–9, most significant first; empty for zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// Makes the number `± digits × 10^exponent`; `digits` are values 0–9.
    pub fn new(negative: bool, digits: &[u8], exponent: i64) -> Self {
        let start = digits.iter().position(|&d| d != 0).unwrap_or(digits.len());
        let end = digits
            .iter()
            .rposition(|&d| d != 0)
            .map_or(start, |last| last + 1);
        if start == end {
            return Self {
                negative: false,
                digits: Vec::new(),
                exponent: 0,
            };
        }
        let exponent = exponent.saturating_add(count(digits.len() - end));
        Self {
            negative,
            digits: digits[start..end].to_vec(),
            exponent,
        }
    }

    /// Makes a whole number.
    pub fn from_integer(value: &BigInt) -> Self {
        Self::new(value.sign() == Sign::Minus, &value.magnitude().to_radix_be(10), 0)
    }

    /// Makes the decimal that a finite `value` is written as (0.1, not the binary fraction nearest to it).
    pub fn from_f64(value: f64) -> Self {
        let written = format!("{value:e}");
        let (mantissa, power) = written.split_once('e').unwrap_or((&written, "0"));
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let digits: Vec<u8> = mantissa
            .bytes()
            .filter(u8::is_ascii_digit)
            .map(|b| b - b'0')
            .collect();
        let power: i64 = power.parse().unwrap_or(0);
        Self::new(value < 0.0, &digits, power - count(fraction))
    }

    /// Returns one.
    pub fn one() -> Self {
        Self::new(false, &[1], 0)
    }

    /// Tells whether this is zero.
    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Tells whether this is below zero.
    pub fn is_negative(&self) -> bool {
        self.negative
    }

    /// Returns the number of digits that are neither leading nor trailing zeros.
    pub fn digit_count(&self) -> usize {
        self.digits.len()
    }

    /// Returns the number with the other sign.
    #[must_use]
    pub fn negated(mut self) -> Self {
        self.negative = !self.negative && !self.is_zero();
        self
    }

    /// Returns the distance from zero.
    #[must_use]
    pub fn magnitude(&self) -> Self {
        Self {
            negative: false,
            ..self.clone()
        }
    }

    /// Returns this number × 10^`power`.
    #[must_use]
    pub fn scaled(mut self, power: i64) -> Self {
        if !self.is_zero() {
            self.exponent = self.exponent.saturating_add(power);
        }
        self
    }

    /// Returns the product, by schoolbook multiplication: O(digits × digits).
    #[must_use]
    pub fn times(&self, other: &Self) -> Self {
        let mut product = vec![0u32; self.digits.len() + other.digits.len()];
        for (i, a) in self.digits.iter().enumerate().rev() {
            let mut carry = 0;
            for (j, b) in other.digits.iter().enumerate().rev() {
                let sum = product[i + j + 1] + u32::from(*a) * u32::from(*b) + carry;
                product[i + j + 1] = sum % 10;
                carry = sum / 10;
            }
            product[i] += carry;
        }
        let digits: Vec<u8> = product.into_iter().map(|d| d as u8).collect();
        Self::new(
            self.negative != other.negative,
            &digits,
            self.exponent.saturating_add(other.exponent),
        )
    }

    /// Returns the power with a whole exponent of at least 0, or `None` when it would have more than `max_digits` digits
    /// or an exponent beyond what fits.
    pub fn power(&self, exponent: u64, max_digits: usize) -> Option<Self> {
        let scale = self.exponent.checked_mul(i64::try_from(exponent).ok()?)?;
        let negative = self.negative && exponent % 2 == 1;
        if self.digits == [1] {
            return Some(Self::new(negative, &[1], scale));
        }
        if self.is_zero() {
            return Some(if exponent == 0 { Self::one() } else { self.clone() });
        }
        let exponent = u32::try_from(exponent).ok()?;
        if self.digits.len().checked_mul(exponent as usize)? > max_digits {
            return None;
        }
        let digits = BigUint::from_radix_be(&self.digits, 10)?
            .pow(exponent)
            .to_radix_be(10);
        Some(Self::new(negative, &digits, scale))
    }

    /// Returns the value as an integer when it is one of at most `max_digits` digits.
    pub fn to_integer(&self, max_digits: usize) -> Option<BigInt> {
        let length = count(self.digits.len()).checked_add(self.exponent)?;
        if self.exponent < 0 || length > count(max_digits) {
            return None;
        }
        Some(self.multiples_of(0))
    }

    /// Returns the power of ten above the leading digit: `|value| < 10^top`. The least there is for zero.
    pub fn top(&self) -> i64 {
        if self.is_zero() {
            return i64::MIN;
        }
        self.exponent.saturating_add(count(self.digits.len()))
    }

    /// Returns the value in units of 10^`lowest`, cut off towards zero. O(digits above `lowest`), squared.
    pub fn multiples_of(&self, lowest: i64) -> BigInt {
        if self.is_zero() {
            return BigInt::ZERO;
        }
        let shift = self.exponent.saturating_sub(lowest);
        let mut digits = self.digits.clone();
        if shift >= 0 {
            digits.resize(digits.len() + shift as usize, 0);
        } else {
            digits.truncate(digits.len().saturating_sub(shift.unsigned_abs() as usize));
        }
        let sign = if self.negative { Sign::Minus } else { Sign::Plus };
        BigInt::from_radix_be(sign, &digits, 10).unwrap_or_default()
    }
}

/// Returns a count of digits as a signed number; a text is never long enough for the cast to wrap.
#[allow(clippy::cast_possible_wrap)]
pub(super) fn count(n: usize) -> i64 {
    n as i64
}

impl Decimal {
    /// Returns whether it is below zero, its digits (most significant first, without zeros at either end) and the power of
    /// ten of the last of them.
    pub fn parts(&self) -> (bool, &[u8], i64) {
        (self.negative, &self.digits, self.exponent)
    }
}
