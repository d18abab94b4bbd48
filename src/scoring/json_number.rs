//! Arithmetic of JSON numbers: exact for any length and exponent.

use super::decimal::Decimal;
use num_bigint::BigUint;
use std::cmp::Ordering;

/// A division that would take too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Bound on the digits of a dividend times those of a divisor above 10^18.
const MAX_DIVISION: usize = 100_000_000;

/// Compares by value. Linear in the digits.
pub fn compare(a: &Decimal, b: &Decimal) -> Ordering {
    let sign = |x: &Decimal| match x.parts() {
        (_, [], _) => 0,
        (true, ..) => -1,
        (false, ..) => 1,
    };
    let order = sign(a).cmp(&sign(b));
    match sign(a) {
        1 => order.then_with(|| magnitude(a, b)),
        -1 => order.then_with(|| magnitude(b, a)),
        _ => order,
    }
}

/// Compares the distances from 0 of two numbers that are not 0.
fn magnitude(a: &Decimal, b: &Decimal) -> Ordering {
    let size = |x: &Decimal| i128::from(x.parts().2) + x.parts().1.len() as i128;
    size(a).cmp(&size(b)).then_with(|| a.parts().1.cmp(b.parts().1))
}

/// The nearest `f64`; infinite where the number is too large.
pub fn to_f64(number: &Decimal) -> f64 {
    written(number).parse().unwrap_or(f64::NAN)
}

/// The number in scientific notation, with all its digits.
pub fn written(number: &Decimal) -> String {
    let (negative, digits, exponent) = number.parts();
    let Some((first, rest)) = digits.split_first() else {
        return "0".to_owned();
    };
    let sign = if negative { "-" } else { "" };
    let rest: String = rest.iter().map(|digit| char::from(b'0' + digit)).collect();
    let power = i128::from(exponent) + rest.len() as i128;
    let dot = if rest.is_empty() { "" } else { "." };
    let power = if power == 0 {
        String::new()
    } else {
        format!("e{power}")
    };
    format!("{sign}{first}{dot}{rest}{power}")
}

/// Returns true if the value is whole.
pub fn is_integer(number: &Decimal) -> bool {
    number.parts().2 >= 0
}

/// The value as a count: whole and at least 0; above 2^64 − 1 it is that.
pub fn count(number: &Decimal) -> Option<u64> {
    let (negative, digits, exponent) = number.parts();
    if exponent < 0 || negative {
        return None;
    }
    let mut digits = digits.iter();
    let leading = digits.try_fold(0u64, |sum, &digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    });
    let zeros = u32::try_from(exponent)
        .ok()
        .and_then(|zeros| 10u64.checked_pow(zeros));
    let scaled = leading
        .zip(zeros)
        .and_then(|(leading, zeros)| leading.checked_mul(zeros));
    Some(scaled.unwrap_or(u64::MAX))
}

/// Returns true if `number` is a whole multiple of `divisor`, which is above 0. Linear in the digits of `number` for a
/// divisor of up to 18 digits.
///
/// # Errors
/// [`TooLong`] for a longer divisor of a very long number.
pub fn is_multiple(number: &Decimal, divisor: &Decimal) -> Result<bool, TooLong> {
    let ((_, digits, exponent), (_, by, by_exponent)) = (number.parts(), divisor.parts());
    if digits.is_empty() {
        return Ok(true);
    }
    let power = i128::from(exponent) - i128::from(by_exponent);
    // Neither ends in a zero, so a quotient with fewer digits after the point than `number` cannot be whole.
    let Ok(power) = u64::try_from(power) else {
        return Ok(false);
    };
    if by.len() <= 18 {
        let modulus = by.iter().fold(0u128, |sum, &digit| sum * 10 + u128::from(digit));
        let remainder = |sum: u128, digit: u128| (sum * 10 + digit) % modulus;
        let leading = digits.iter().map(|&digit| u128::from(digit)).fold(0, remainder);
        return Ok((leading * power_of_ten(power, modulus)).is_multiple_of(modulus));
    }
    if digits.len().saturating_mul(by.len()) > MAX_DIVISION {
        return Err(TooLong);
    }
    let read = |digits: &[u8]| BigUint::from_radix_be(digits, 10).unwrap_or_default();
    let modulus = read(by);
    let ten = BigUint::from(10u8).modpow(&BigUint::from(power), &modulus);
    Ok(read(digits) * ten % modulus == BigUint::ZERO)
}

/// 10^`power` modulo `modulus`, which is below 10^18.
fn power_of_ten(mut power: u64, modulus: u128) -> u128 {
    let (mut result, mut base) = (1 % modulus, 10 % modulus);
    while power > 0 {
        if power & 1 == 1 {
            result = result * base % modulus;
        }
        base = base * base % modulus;
        power >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::{compare, count, is_integer, is_multiple, to_f64, written};
    use crate::scoring::decimal::Decimal;
    use crate::scoring::json::{Value, parse};
    use proptest::prelude::*;
    use std::cmp::Ordering;

    fn decimal(text: &str) -> Decimal {
        match parse(text) {
            Some(Value::Number(number)) => number,
            other => panic!("{text} is {other:?}"),
        }
    }

    #[test]
    fn decimals_compare_by_value_however_they_are_written() {
        for (smaller, larger) in [
            ("-1e400", "-1"),
            ("-1", "0"),
            ("0", "1e-400"),
            ("9007199254740992", "9007199254740993"),
            ("0.1", "0.10000000000000001"),
            ("1e400", "1e401"),
            ("99", "1e2"),
        ] {
            let (a, b) = (decimal(smaller), decimal(larger));
            assert_eq!(compare(&a, &b), Ordering::Less, "{smaller} < {larger}");
            assert_eq!(compare(&b, &a), Ordering::Greater, "{larger} > {smaller}");
        }
        assert_eq!(compare(&decimal("1.0"), &decimal("10e-1")), Ordering::Equal);
    }

    #[test]
    fn multiples_are_exact_for_any_exponent_and_length() {
        for (number, divisor, whole) in [
            ("3.0", "0.1", true),
            ("0.0075", "0.0001", true),
            ("0.00751", "0.0001", false),
            ("1e308", "0.123456789", false),
            ("1e400", "3", false),
            ("3e400", "3", true),
            ("1e9999999999", "1e-9", true),
            (
                "12345678901234567890123456789",
                "12345678901234567890123456789",
                true,
            ),
            (
                "24691357802469135780246913578",
                "12345678901234567890123456789",
                true,
            ),
            (
                "24691357802469135780246913579",
                "12345678901234567890123456789",
                false,
            ),
            ("-6", "3", true),
            ("0", "7", true),
        ] {
            let verdict = is_multiple(&decimal(number), &decimal(divisor));
            assert_eq!(verdict, Ok(whole), "{number} / {divisor}");
        }
        let long = decimal(&"7".repeat(200_000));
        assert!(is_multiple(&long, &long).is_err());
    }

    #[test]
    fn numbers_are_written_with_all_their_digits() {
        for (number, wanted) in [("0", "0"), ("-12.50", "-1.25e1"), ("1e400", "1e400"), ("7", "7")] {
            assert_eq!(written(&decimal(number)), wanted);
        }
        assert_eq!(to_f64(&decimal("1e400")), f64::INFINITY);
        assert_eq!(to_f64(&decimal("-0.1")), -0.1);
    }

    proptest! {
        #[test]
        fn whole_numbers_behave_as_in_integer_arithmetic(a in -10_000_000i64..10_000_000, b in 1i64..5_000, zeros in 0u32..3) {
            let number = decimal(&format!("{a}.{}", "0".repeat(zeros as usize + 1)));
            prop_assert_eq!(is_multiple(&number, &decimal(&b.to_string())), Ok(a % b == 0));
            prop_assert_eq!(compare(&number, &decimal(&b.to_string())), a.cmp(&b));
            prop_assert!(is_integer(&number));
            prop_assert_eq!(count(&number), u64::try_from(a).ok());
        }
    }
}
