//! Numbers as they were written: exact decimals and ratios of them, of any length.
//!
//! `f64` cannot tell 12345678901234567890 from its neighbour nor 0.1 + 0.2 from 0.3; an answer is compared digit by
//! digit instead. A [`Decimal`] is `± digits × 10^exponent` with neither leading nor trailing zeros, so equal values
//! have equal fields.

/// An exact decimal number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decimal {
    negative: bool,
    /// Digit values 0–9, most significant first; empty for zero.
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    /// The number `± digits × 10^exponent`; `digits` are values 0–9.
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

    /// One.
    pub fn one() -> Self {
        Self::new(false, &[1], 0)
    }

    /// Whether this is zero.
    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// This number × 10^`power`.
    #[must_use]
    pub fn scaled(mut self, power: i64) -> Self {
        if !self.is_zero() {
            self.exponent = self.exponent.saturating_add(power);
        }
        self
    }

    /// The product, by schoolbook multiplication: O(digits × digits).
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

    /// The nearest `f64`; infinite when too large.
    pub fn to_f64(&self) -> f64 {
        let digits: String = self.digits.iter().map(|&d| char::from(b'0' + d)).collect();
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}0{digits}e{}", self.exponent)
            .parse()
            .unwrap_or(f64::NAN)
    }
}

/// A number found in a text: a decimal or a fraction, and whether it was written as a percentage.
#[derive(Debug, Clone)]
pub struct Number {
    /// Above the line.
    pub numerator: Decimal,
    /// Below the line; never zero, never negative, at most 18 digits; 1 for a plain decimal.
    pub denominator: Decimal,
    /// Written with `%` or "percent"; the value is still the figure before the sign.
    pub percent: bool,
}

impl Number {
    /// Whether `actual` is this number, give or take `tolerance`.
    ///
    /// A percent sign is a unit like `$`: 50% matches 50. When only one side carries it, the value as a fraction of one
    /// counts too: 50% matches 0.5.
    pub fn matches(&self, actual: &Self, tolerance: f64) -> bool {
        if self.equals(actual, 0, tolerance) {
            return true;
        }
        match (self.percent, actual.percent) {
            (true, false) => self.equals(actual, -2, tolerance),
            (false, true) => actual.equals(self, -2, tolerance),
            _ => false,
        }
    }

    /// Whether this × 10^`power` equals `other`, give or take `tolerance`.
    fn equals(&self, other: &Self, power: i64, tolerance: f64) -> bool {
        let left = self.numerator.times(&other.denominator).scaled(power);
        if left == other.numerator.times(&self.denominator) {
            return true;
        }
        if tolerance <= 0.0 {
            return false;
        }
        let left = self.numerator.clone().scaled(power).to_f64() / self.denominator.to_f64();
        let right = other.numerator.to_f64() / other.denominator.to_f64();
        // The tolerance is inclusive: 1.1 is within 0.1 of 1 although f64 puts it one rounding step further away.
        (left - right).abs() <= tolerance + f64::EPSILON * left.abs().max(right.abs())
    }
}

/// A count of digits as a signed number; a text is never long enough for the cast to wrap.
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
