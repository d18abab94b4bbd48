//! The compiled form of a subschema: an arena of keywords that name one another by number.

use super::pattern::Pattern;
use crate::scoring::decimal::Decimal;
use crate::scoring::json::Value;
use crate::scoring::json_number;
use std::collections::BTreeMap;

/// Number of a subschema in the arena.
pub type Id = usize;

/// A compiled subschema.
#[derive(Debug, Default)]
pub struct Node {
    /// The resource it belongs to; the dynamic scope is a list of these.
    pub resource: usize,
    /// The checks in their order: whatever needs the annotations of the others is last.
    pub keywords: Vec<Keyword>,
}

/// A bound of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `minimum`
    AtLeast,
    /// `exclusiveMinimum`
    Above,
    /// `maximum`
    AtMost,
    /// `exclusiveMaximum`
    Below,
}

/// The countable property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Code points of a string.
    Length,
    /// Elements of an array.
    Items,
    /// Members of an object.
    Properties,
}

/// The JSON types that `type` lists, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types(pub u8);

impl Types {
    /// The names, in the order of their bits.
    pub const NAMES: [&str; 7] = [
        "null", "boolean", "number", "integer", "string", "array", "object",
    ];

    /// The set of one type.
    pub fn named(name: &str) -> Option<Self> {
        let bit = Self::NAMES.iter().position(|known| *known == name)?;
        Some(Self(1 << bit))
    }

    /// Returns true if `value` has one of the types. A number is an integer if its value is, however it is written.
    pub fn hold(self, value: &Value) -> bool {
        let bits = match value {
            Value::Null => 1,
            Value::Bool(_) => 1 << 1,
            Value::Number(number) => 1 << 2 | u8::from(json_number::is_integer(number)) << 3,
            Value::String(_) => 1 << 4,
            Value::Array(_) => 1 << 5,
            Value::Object(_) => 1 << 6,
        };
        self.0 & bits != 0
    }

    /// The names in the set, for a message.
    pub fn words(self) -> String {
        let names = Self::NAMES.iter().enumerate();
        let names: Vec<&str> = names
            .filter(|(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, name)| *name)
            .collect();
        names.join(" or ")
    }
}

/// A keyword, or several that only make sense together.
#[derive(Debug)]
pub enum Keyword {
    /// The schema `false`.
    Never,
    /// `type`
    Type(Types),
    /// `enum`
    Enum(Vec<Value>),
    /// `const`
    Const(Value),
    /// `multipleOf`
    MultipleOf(Decimal),
    /// `minimum` and its relatives.
    Bounded(Bound, Decimal),
    /// `minLength` and its relatives.
    AtLeast(Size, u64),
    /// `maxLength` and its relatives.
    AtMost(Size, u64),
    /// `pattern`
    Pattern(Pattern),
    /// `prefixItems` (draft 7: a list of `items`), and what the rest must be.
    Items {
        /// By position.
        prefix: Vec<Id>,
        /// All others.
        rest: Option<Id>,
    },
    /// `contains`, `minContains`, `maxContains`
    Contains {
        /// The schema of the elements looked for.
        schema: Id,
        /// The least number of them.
        least: u64,
        /// The largest number of them.
        most: u64,
        /// True if what matches counts as evaluated (2020-12).
        evaluates: bool,
    },
    /// `uniqueItems`
    UniqueItems,
    /// `required`
    Required(Vec<String>),
    /// `properties`, `patternProperties`, `additionalProperties`
    Properties {
        /// By name.
        named: BTreeMap<String, Id>,
        /// By pattern.
        patterns: Vec<(Pattern, Id)>,
        /// All others.
        additional: Option<Id>,
    },
    /// `propertyNames`
    PropertyNames(Id),
    /// `dependentRequired` (draft 7: lists in `dependencies`)
    DependentRequired(Vec<(String, Vec<String>)>),
    /// `dependentSchemas` (draft 7: schemas in `dependencies`)
    DependentSchemas(Vec<(String, Id)>),
    /// `allOf`
    AllOf(Vec<Id>),
    /// `anyOf`
    AnyOf(Vec<Id>),
    /// `oneOf`
    OneOf(Vec<Id>),
    /// `not`
    Not(Id),
    /// `if`, `then`, `else`
    If {
        /// The condition.
        condition: Id,
        /// The schema that holds if it does.
        then: Option<Id>,
        /// The schema that holds if it does not.
        otherwise: Option<Id>,
    },
    /// `$ref`
    Ref(Id),
    /// `$dynamicRef`
    DynamicRef {
        /// The subschema it names by itself.
        fallback: Id,
        /// Schemas with the same `$dynamicAnchor`, by resource: the outermost resource of the dynamic scope wins.
        candidates: Vec<(usize, Id)>,
    },
    /// `unevaluatedItems`
    UnevaluatedItems(Id),
    /// `unevaluatedProperties`
    UnevaluatedProperties(Id),
}

impl Keyword {
    /// Returns true if it needs to know what other keywords have evaluated.
    pub fn needs_annotations(&self) -> bool {
        matches!(self, Self::UnevaluatedItems(_) | Self::UnevaluatedProperties(_))
    }

    /// The subschemas that are applied to the same value whatever it is.
    pub fn always_applied(&self) -> &[Id] {
        match self {
            Self::Ref(id) => std::slice::from_ref(id),
            Self::AllOf(ids) => ids,
            _ => &[],
        }
    }
}
