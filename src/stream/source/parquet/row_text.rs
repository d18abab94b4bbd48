//! A Parquet row as JSON text.

use std::io::Write;

use num_bigint::BigInt;
use parquet::data_type::Decimal;
use parquet::record::{Field, Row};

use super::column_kind::{Kind, Member};
use crate::stream::source::json_text::check;

const MAX_SAFE: i64 = (1 << 53) - 1;
const DAY: i64 = 86_400_000;

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
            Kind::Moment { nanoseconds: true } => text(out, value.div_euclid(1_000_000)),
            Kind::Time => time(out, *value, 9),
            _ if (-MAX_SAFE..=MAX_SAFE).contains(value) => text(out, value),
            _ => text(out, format_args!("\"{value}\"")),
        },
        Field::ULong(value) if *value <= MAX_SAFE as u64 => text(out, value),
        Field::ULong(value) => text(out, format_args!("\"{value}\"")),
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
        Field::Date(days) => text(out, i64::from(*days) * DAY),
        Field::TimeMillis(value) => time(out, i64::from(*value), 3),
        Field::TimeMicros(value) => time(out, *value, 6),
        Field::TimestampMillis(value) => text(out, value),
        Field::TimestampMicros(value) => text(out, value.div_euclid(1000)),
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

/// A time of day of so many units, each the 10^`digits`th part of a second.
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
