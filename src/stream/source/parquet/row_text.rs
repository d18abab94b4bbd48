//! A Parquet row as JSON text.

use std::io::Write;

use num_bigint::BigInt;
use parquet::data_type::Decimal;
use parquet::record::{Field, Row};

use super::column_kind::{Kind, Member};
use crate::stream::source::json_lines::check;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// The largest distance from 1970, in milliseconds, of a JavaScript `Date` (ECMA-262, time values).
const MAX_DATE: u64 = 8_640_000_000_000_000;

/// Appends `row`, whose columns are those of `kind`.
///
/// # Errors
/// A sentence about a value that is not what its column says.
pub(super) fn write_row(kind: &Kind, row: &Row, out: &mut Vec<u8>) -> Result<(), String> {
    let Kind::Struct(members) = kind else {
        return Err("a struct where its column has none".into());
    };
    if members.len() != row.len() {
        return Err(format!("it has {} of {} members", row.len(), members.len()));
    }
    out.push(b'{');
    for (at, (Member { key, kind, .. }, (_, field))) in members.iter().zip(row.get_column_iter()).enumerate()
    {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(key);
        write(kind, field, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write(kind: &Kind, field: &Field, out: &mut Vec<u8>) -> Result<(), String> {
    match field {
        Field::Null => text(out, "null"),
        Field::Bool(value) => text(out, value),
        Field::Byte(value) => text(out, value),
        Field::Short(value) => text(out, value),
        Field::Int(value) => text(out, value),
        Field::UByte(value) => text(out, value),
        Field::UShort(value) => text(out, value),
        Field::UInt(value) => text(out, value),
        Field::Long(value) => match kind {
            Kind::Moment { nanoseconds: true } => moment(out, *value, 9),
            Kind::Time => time(out, *value, 9),
            _ => text(out, value),
        },
        Field::ULong(value) => text(out, value),
        Field::Float16(value) => real(out, value.to_f64()),
        Field::Float(value) => real(out, f64::from(*value)),
        Field::Double(value) => real(out, *value),
        Field::Decimal(value) => {
            let exact = matches!(kind, Kind::Decimal { text: true });
            let digits = decimal(value)?;
            if exact {
                text(out, format_args!("\"{digits}\""));
            } else {
                text(out, digits);
            }
        }
        Field::Str(value) if *kind == Kind::Json => {
            check(value.as_bytes()).map_err(|reason| format!("a value of a JSON column is {reason}"))?;
            out.extend_from_slice(value.as_bytes());
        }
        Field::Str(value) => text(out, serde_json::Value::from(value.as_str())),
        Field::Bytes(value) => bytes(out, value.data(), *kind == Kind::Uuid),
        Field::Date(days) => text(out, format_args!("\"{}\"", day(i64::from(*days)))),
        Field::TimeMillis(value) => time(out, i64::from(*value), 3),
        Field::TimeMicros(value) => time(out, *value, 6),
        Field::TimestampMillis(value) => moment(out, *value, 3),
        Field::TimestampMicros(value) => moment(out, *value, 6),
        Field::Group(row) => return write_row(kind, row, out),
        Field::ListInternal(list) => {
            let Kind::List(element) = kind else {
                return Err("a list where its column has none".into());
            };
            // The crate reads a list whose repeated field is the element itself as a list in a list.
            let flat = !matches!(**element, Kind::List(_));
            let elements: Vec<_> = list
                .elements()
                .iter()
                .flat_map(|field| match field {
                    Field::ListInternal(inner) if flat => inner.elements(),
                    field => std::slice::from_ref(field),
                })
                .collect();
            return sequence(out, &elements, |out, field| write(element, field, out));
        }
        Field::MapInternal(map) => {
            let Kind::Map(key, value) = kind else {
                return Err("a map where its column has none".into());
            };
            return sequence(out, map.entries(), |out, (k, v)| {
                out.push(b'[');
                write(key, k, out)?;
                out.push(b',');
                write(value, v, out)?;
                out.push(b']');
                Ok(())
            });
        }
    }
    Ok(())
}

fn text(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    // Writing to a vector cannot fail.
    let _ = write!(out, "{value}");
}

fn sequence<T>(
    out: &mut Vec<u8>,
    elements: &[T],
    mut write: impl FnMut(&mut Vec<u8>, &T) -> Result<(), String>,
) -> Result<(), String> {
    out.push(b'[');
    for (at, element) in elements.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, element)?;
    }
    out.push(b']');
    Ok(())
}

fn real(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        text(out, "\"NaN\"");
    } else if value.is_infinite() {
        text(
            out,
            if value > 0.0 {
                "\"Infinity\""
            } else {
                "\"-Infinity\""
            },
        );
    } else {
        // The shortest text that reads back as the same number, in a form that JSON has.
        text(out, format_args!("{value:?}"));
    }
}

/// Appends a moment of so many units since 1970, each the 10^`digits`th part of a second. It is a number of milliseconds
/// where a `Date` holds all of it, else its ISO 8601 text.
fn moment(out: &mut Vec<u8>, value: i64, digits: u32) {
    let unit = 10_i64.pow(digits);
    let (seconds, part) = (value.div_euclid(unit), value.rem_euclid(unit));
    let in_millisecond = part % 10_i64.pow(digits - 3);
    let milliseconds = value.div_euclid(10_i64.pow(digits - 3));
    if in_millisecond == 0 && milliseconds.unsigned_abs() <= MAX_DATE {
        return text(out, milliseconds);
    }
    let (day, second) = (
        day(seconds.div_euclid(DAY / 1000)),
        seconds.rem_euclid(DAY / 1000),
    );
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let width = digits as usize;
    text(
        out,
        format_args!("\"{day}T{hour:02}:{minute:02}:{second:02}.{part:0width$}Z\""),
    );
}

/// Returns the date of so many days since 1970, as ISO 8601 and ECMA-262 write it. Years beyond four digits have a sign
/// and six.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn day(days: i64) -> String {
    const ERA: i64 = 146_097;
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    if (0..=9999).contains(&year) {
        return format!("{year:04}-{month:02}-{day:02}");
    }
    format!("{year:+07}-{month:02}-{day:02}")
}

/// Appends a time of day of so many units, each the 10^`digits`th part of a second.
fn time(out: &mut Vec<u8>, value: i64, digits: u32) {
    let sign = if value < 0 { "-" } else { "" };
    let unit = 10_u64.pow(digits);
    let (seconds, part) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let width = digits as usize;
    text(
        out,
        format_args!("\"{sign}{hours:02}:{minutes:02}:{seconds:02}.{part:0width$}\""),
    );
}

fn decimal(value: &Decimal) -> Result<String, String> {
    let scale = usize::try_from(value.scale()).map_err(|_| "a decimal with a negative scale".to_owned())?;
    let whole = BigInt::from_signed_bytes_be(value.data()).to_string();
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole.as_str()), |digits| ("-", digits));
    if scale == 0 {
        return Ok(whole);
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (before, after) = padded.split_at(padded.len() - scale);
    Ok(format!("{sign}{before}.{after}"))
}

fn bytes(out: &mut Vec<u8>, value: &[u8], uuid: bool) {
    out.push(b'"');
    for (at, byte) in value.iter().enumerate() {
        if uuid && matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
        out.push(digit(byte >> 4));
        out.push(digit(byte & 15));
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment_text(value: i64, digits: u32) -> String {
        let mut out = Vec::new();
        moment(&mut out, value, digits);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_day_has_the_date_of_the_proleptic_gregorian_calendar() {
        for (days, date) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (19_782, "2024-02-29"),
            (-719_528, "0000-01-01"),
            (-719_529, "-000001-12-31"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "+010000-01-01"),
            (-141_427, "1582-10-15"),
        ] {
            assert_eq!(day(days), date);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = day(-800_000);
        for days in -799_999..800_000 {
            let this = day(days);
            let next_of_month =
                this.rsplit('-').next() == Some("01") || this[..this.len() - 2] == before[..before.len() - 2];
            assert!(next_of_month && this != before, "{before} {this}");
            before = this;
        }
    }

    #[test]
    fn a_moment_is_a_number_where_a_date_holds_it_and_text_with_all_digits_elsewhere() {
        assert_eq!(moment_text(1_709_210_096_789, 3), "1709210096789");
        assert_eq!(moment_text(1_709_210_096_789_000, 6), "1709210096789");
        assert_eq!(
            moment_text(1_709_210_096_789_999, 6),
            "\"2024-02-29T12:34:56.789999Z\""
        );
        assert_eq!(moment_text(-1, 9), "\"1969-12-31T23:59:59.999999999Z\"");
        assert_eq!(
            moment_text(8_640_000_000_000_001, 3),
            "\"+275760-09-13T00:00:00.001Z\""
        );
    }
}
