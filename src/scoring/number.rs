//! A number found in a text: an exact decimal or fraction, and whether it was written as a percentage.

use super::decimal::Decimal;
use num_bigint::BigInt;

/// The longest denominator, and the longest part of a mixed number, in digits. It bounds the cost of a comparison.
const LONGEST_PART: usize = 100;
/// The most digits of a power; beyond it, it is not a number that an answer is compared by.
const LONGEST_POWER: usize = 2000;
/// The most digits on either side of the point; a longer number is not one that an answer is compared by.
const LONGEST: i64 = 1_000_000;
/// Digits this far below the leading one no longer count within a tolerance.
const COMPARED_DIGITS: i64 = 2000;

/// An exact number: a decimal, or a fraction of two.
#[derive(Debug, Clone)]
pub struct Number {
    numerator: Decimal,
    /// The divisor: above zero, and one for a decimal.
    denominator: Decimal,
    percent: bool,
}

/// By how much two numbers may differ, inclusive: the larger of the two bounds counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tolerance {
    /// In the numbers' own unit; finite and at least 0.
    pub absolute: f64,
    /// A share of the expected number; finite and at least 0.
    pub relative: f64,
}

impl From<Decimal> for Number {
    fn from(value: Decimal) -> Self {
        Self {
            numerator: value,
            denominator: Decimal::one(),
            percent: false,
        }
    }
}

impl Number {
    /// Returns `above / below`; `None` for a zero or a very long `below`.
    pub fn ratio(above: &Self, below: &Self) -> Option<Self> {
        let numerator = above.numerator.times(&below.denominator);
        let denominator = above.denominator.times(&below.numerator);
        if denominator.is_zero() || denominator.digit_count() > LONGEST_PART {
            return None;
        }
        let negative = denominator.is_negative();
        Some(Self {
            numerator: if negative { numerator.negated() } else { numerator },
            denominator: denominator.magnitude(),
            percent: false,
        })
    }

    /// Returns a mixed number; `None` when its parts are too long.
    pub fn mixed(whole: &Decimal, part: &Self) -> Option<Self> {
        let [whole, above, below] =
            [whole, &part.numerator, &part.denominator].map(|part| part.to_integer(LONGEST_PART));
        let (below, sum) = (below.as_ref()?, whole? * below.as_ref()? + above?);
        Self::ratio(
            &Decimal::from_integer(&sum).into(),
            &Decimal::from_integer(below).into(),
        )
    }

    /// Returns `whole.fixed` followed by `repeated` for ever; `fixed` is how many of `digits` stand after the point.
    pub fn repeating(digits: &[u8], fixed: usize, repeated: &[u8]) -> Option<Self> {
        if digits.len() + repeated.len() > LONGEST_PART || repeated.is_empty() {
            return None;
        }
        let integer =
            |digits: &[u8]| BigInt::from_radix_be(num_bigint::Sign::Plus, digits, 10).unwrap_or_default();
        let period = BigInt::from(10).pow(repeated.len() as u32);
        let above = integer(digits) * &period + integer(repeated) - integer(digits);
        let below = Decimal::from_integer(&(period - 1)).scaled(super::decimal::count(fixed));
        Self::ratio(&Decimal::from_integer(&above).into(), &below.into())
    }

    /// Returns the power; `None` when `exponent` is no whole number or the power would be too long to be written out.
    pub fn power(&self, exponent: &Self) -> Option<Self> {
        if exponent.percent || exponent.denominator != Decimal::one() {
            return None;
        }
        let whole = i64::try_from(exponent.numerator.to_integer(18)?).ok()?;
        let raised = |part: &Decimal| part.power(whole.unsigned_abs(), LONGEST_POWER).map(Self::from);
        let (above, below) = (raised(&self.numerator)?, raised(&self.denominator)?);
        if whole < 0 {
            Self::ratio(&below, &above)
        } else {
            Self::ratio(&above, &below)
        }
    }

    /// Returns this number × 10^`power`.
    #[must_use]
    pub fn scaled(mut self, power: i64) -> Self {
        self.numerator = self.numerator.scaled(power);
        self
    }

    /// Returns the product, when it is with a power of ten.
    pub fn times_power_of_ten(&self, other: &Self) -> Option<Self> {
        let power = other.numerator.digit_count() == 1 && other.denominator.digit_count() == 1;
        power.then(|| Self {
            numerator: self.numerator.times(&other.numerator),
            denominator: self.denominator.times(&other.denominator),
            percent: false,
        })
    }

    /// Returns the number with the other sign.
    #[must_use]
    pub fn negated(mut self) -> Self {
        self.numerator = self.numerator.negated();
        self
    }

    /// Returns the number as a percentage: the value is still the figure before the sign.
    #[must_use]
    pub fn as_percentage(mut self) -> Self {
        self.percent = true;
        self
    }

    /// Tells whether the number, or each part of the fraction, has at most a million digits on either side of the point.
    pub fn can_be_written_out(&self) -> bool {
        [&self.numerator, &self.denominator].into_iter().all(|part| {
            let (_, _, last) = part.parts();
            part.top() <= LONGEST && last >= -LONGEST
        })
    }

    /// Tells whether this is below one.
    pub fn is_proper(&self) -> bool {
        let top = self.numerator.top().max(self.denominator.top());
        let lowest = top.saturating_sub(COMPARED_DIGITS);
        self.numerator.multiples_of(lowest) < self.denominator.multiples_of(lowest)
    }

    /// Tells whether this is a whole number without a fraction line or percent sign.
    pub fn is_integer(&self) -> bool {
        !self.percent
            && self.denominator == Decimal::one()
            && self.numerator.to_integer(LONGEST_PART).is_some()
    }

    /// Returns the decimal above the fraction line.
    pub fn numerator(&self) -> &Decimal {
        &self.numerator
    }

    /// Tells whether `actual` is this number, give or take `tolerance`.
    ///
    /// A percent sign is a unit like `$`: 50% matches 50. When only one side carries it, the value as a fraction of one
    /// counts too: 50% matches 0.5. O(digits × digits of the denominators).
    pub fn matches(&self, actual: &Self, tolerance: Tolerance) -> bool {
        let one_hundredth = |number: &Self| number.clone().scaled(-2);
        self.is_near(actual, tolerance)
            || match (self.percent, actual.percent) {
                (true, false) => one_hundredth(self).is_near(actual, tolerance),
                (false, true) => self.is_near(&one_hundredth(actual), tolerance),
                _ => false,
            }
    }

    fn is_near(&self, actual: &Self, tolerance: Tolerance) -> bool {
        let left = self.numerator.times(&actual.denominator);
        let right = actual.numerator.times(&self.denominator);
        if left == right {
            return true;
        }
        let unit = self.denominator.times(&actual.denominator);
        let bounds = [
            Decimal::from_f64(tolerance.absolute).times(&unit),
            Decimal::from_f64(tolerance.relative).times(&left.magnitude()),
        ];
        if bounds.iter().all(Decimal::is_zero) {
            return false;
        }
        // Above the common denominator; digits far below the largest of all cannot turn the comparison.
        let top = [&left, &right, &bounds[0], &bounds[1]]
            .map(Decimal::top)
            .into_iter()
            .max()
            .unwrap_or(0);
        let lowest = top.saturating_sub(COMPARED_DIGITS);
        let distance = left.multiples_of(lowest) - right.multiples_of(lowest);
        bounds
            .iter()
            .any(|bound| distance.magnitude() <= bound.multiples_of(lowest).magnitude())
    }
}
