//! The types of the columns of a Parquet file, and the JavaScript values of each.

use std::collections::HashSet;

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::schema::types::Type;
use serde_json::{Value, json};

/// Decimals up to this precision are numbers: a double gives back all of their digits.
const DOUBLE_DIGITS: i32 = 15;

/// The form of a column's values as JSON text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Values that JSON has: booleans, strings, whole numbers of any size.
    Plain,
    /// Floating point: a number when finite, else its name as a string.
    Real,
    /// A day: a string, `2024-02-29`.
    Day,
    /// A moment: milliseconds since 1970, or a string where that is not all of it.
    Moment {
        nanoseconds: bool,
    },
    /// A time of day: a string, `12:30:00.000`.
    Time,
    /// A number up to 15 digits, else a string with all of them.
    Decimal {
        text: bool,
    },
    /// JSON in a string: its value.
    Json,
    /// 16 bytes: a string with dashes.
    Uuid,
    /// Bytes: hexadecimal, for a `Uint8Array`.
    Bytes,
    List(Box<Kind>),
    /// Pairs of key and value, for a `Map`.
    Map(Box<Kind>, Box<Kind>),
    Struct(Vec<Member>),
}

/// A member of a struct.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    name: String,
    /// `"name":`
    pub(super) key: Vec<u8>,
    pub(super) kind: Kind,
}

impl Kind {
    /// Returns the kind of a whole row.
    ///
    /// # Errors
    /// A sentence about the column that is not read.
    pub(super) fn of_message(schema: &Type) -> Result<Self, String> {
        match Self::of_struct(schema)? {
            Self::Struct(members) if members.is_empty() => Err("the Parquet file has no columns".into()),
            kind => Ok(kind),
        }
    }

    /// Returns the conversions of parsed values: `null` for none, `"real"`, `"date"`, `"bytes"` for a conversion,
    /// `["list", plan]`, `["map", plan, plan]` or `["struct", [[name, plan], …]]` (only members with something to do).
    pub(super) fn plan(&self) -> Value {
        match self {
            Self::Plain | Self::Day | Self::Time | Self::Decimal { .. } | Self::Json | Self::Uuid => {
                Value::Null
            }
            Self::Real => json!("real"),
            Self::Moment { .. } => json!("date"),
            Self::Bytes => json!("bytes"),
            Self::List(element) => match element.plan() {
                Value::Null => Value::Null,
                plan => json!(["list", plan]),
            },
            Self::Map(key, value) => json!(["map", key.plan(), value.plan()]),
            Self::Struct(members) => {
                let plans: Vec<_> = members
                    .iter()
                    .map(|member| (&member.name, member.kind.plan()))
                    .filter(|(_, plan)| !plan.is_null())
                    .collect();
                if plans.is_empty() {
                    Value::Null
                } else {
                    json!(["struct", plans])
                }
            }
        }
    }

    fn of(column: &Type) -> Result<Self, String> {
        let info = column.get_basic_info();
        if !info.has_repetition() {
            return Err(format!("the column `{}` has no repetition", column.name()));
        }
        let kind = Self::once(column)?;
        let repeated = info.repetition() == Repetition::REPEATED;
        Ok(if repeated {
            Self::List(Box::new(kind))
        } else {
            kind
        })
    }

    /// Returns the kind of one value of `column`, were it not repeated.
    fn once(column: &Type) -> Result<Self, String> {
        if column.is_primitive() {
            return Self::of_primitive(column);
        }
        match column.get_basic_info().converted_type() {
            ConvertedType::LIST => {
                let repeated = Self::only_repeated(column)?;
                let element = if is_element(repeated) {
                    Self::once(repeated)?
                } else {
                    Self::of(&repeated.get_fields()[0])?
                };
                Ok(Self::List(Box::new(element)))
            }
            ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE => {
                let pair = Self::only_repeated(column)?;
                match if pair.is_group() { pair.get_fields() } else { &[] } {
                    // The format allows a map without values.
                    [key] => Ok(Self::List(Box::new(Self::of(key)?))),
                    [key, value] => Ok(Self::Map(Box::new(Self::of(key)?), Box::new(Self::of(value)?))),
                    _ => Err(format!("the column `{}` is no valid map", column.name())),
                }
            }
            _ => Self::of_struct(column),
        }
    }

    fn only_repeated(column: &Type) -> Result<&Type, String> {
        match column.get_fields() {
            [field]
                if field.get_basic_info().has_repetition()
                    && field.get_basic_info().repetition() == Repetition::REPEATED
                    && (field.is_primitive() || !field.get_fields().is_empty()) =>
            {
                Ok(field)
            }
            _ => Err(format!("the column `{}` is no valid list or map", column.name())),
        }
    }

    fn of_struct(group: &Type) -> Result<Self, String> {
        let mut seen = HashSet::new();
        let mut members = Vec::new();
        for field in group.get_fields() {
            let name = field.name();
            if !seen.insert(name) {
                return Err(format!("the Parquet file has two columns `{name}`"));
            }
            let mut key = Value::from(name).to_string().into_bytes();
            key.push(b':');
            members.push(Member {
                name: name.to_owned(),
                key,
                kind: Self::of(field)?,
            });
        }
        Ok(Self::Struct(members))
    }

    fn of_primitive(column: &Type) -> Result<Self, String> {
        let info = column.get_basic_info();
        match info.logical_type_ref() {
            Some(LogicalType::Timestamp(stamp)) => {
                return Ok(Self::Moment {
                    nanoseconds: stamp.unit == TimeUnit::NANOS,
                });
            }
            Some(LogicalType::Time(_)) => return Ok(Self::Time),
            Some(LogicalType::Uuid) => return Ok(Self::Uuid),
            Some(LogicalType::Float16) => return Ok(Self::Real),
            _ => {}
        }
        Ok(match (info.converted_type(), column.get_physical_type()) {
            (ConvertedType::INTERVAL, _) => {
                let name = column.name();
                return Err(format!(
                    "the column `{name}` has the type INTERVAL, which is not read"
                ));
            }
            (ConvertedType::DECIMAL, _) => Self::Decimal {
                text: column.get_precision() > DOUBLE_DIGITS,
            },
            (ConvertedType::DATE, _) => Self::Day,
            (ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS, _) | (_, Physical::INT96) => {
                Self::Moment { nanoseconds: false }
            }
            (ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS, _) => Self::Time,
            (ConvertedType::JSON, _) => Self::Json,
            (_, Physical::FLOAT | Physical::DOUBLE) => Self::Real,
            (ConvertedType::UTF8 | ConvertedType::ENUM, _)
            | (_, Physical::BOOLEAN | Physical::INT32 | Physical::INT64) => Self::Plain,
            (_, Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY) => Self::Bytes,
        })
    }
}

/// Returns whether the repeated field of a list is its element itself, as older writers have it, and not a group around it
/// (<https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#backward-compatibility-rules>).
fn is_element(repeated: &Type) -> bool {
    if repeated.is_primitive() {
        return true;
    }
    let fields = repeated.get_fields();
    let single_repeated = fields.len() == 1
        && fields[0].get_basic_info().has_repetition()
        && fields[0].get_basic_info().repetition() == Repetition::REPEATED;
    if repeated.get_basic_info().converted_type() == ConvertedType::LIST || single_repeated {
        return false;
    }
    fields.len() > 1 || repeated.name() == "array" || repeated.name().ends_with("_tuple")
}
