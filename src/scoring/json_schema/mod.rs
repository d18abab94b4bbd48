//! Validation of JSON by JSON Schema, drafts 7 and 2020-12.
//!
//! A schema is compiled once: [`index`] finds every resource and anchor of the schema and of the schemas given beside
//! it, [`compile`] turns the subschemas that can be reached into an arena of [`keyword::Keyword`]s with each `$ref`
//! resolved, and [`validate`] runs an instance through the arena.
//!
//! Why not the `jsonschema` crate: see `docs/dependencies.md`.
//!
//! Invariants:
//! - nothing is fetched: a `$ref` to a schema that was not given is an error of the schema;
//! - `format` and the `content…` keywords never assert;
//! - numbers compare as the decimals they were written as;
//! - time and stack are bounded: a validation that needs more than [`MAX_STEPS`] steps or [`MAX_FRAMES`] nested
//!   subschemas ends with [`Stop::Exhausted`].

mod compile;
mod index;
mod keyword;
mod pattern;
#[cfg(test)]
mod suite_tests;
#[cfg(test)]
mod tests;
mod uri;
mod validate;

use super::interrupt::{Interrupt, Stop};
use super::json::Value;
use super::json_text;
use super::kernel::{Kernel, Pair};
use keyword::Node;
use serde::Deserialize;
use std::sync::OnceLock;
use thiserror::Error;

/// Subschemas that one validation may apply, repeats included. A second or so.
pub const MAX_STEPS: u64 = 20_000_000;

/// Subschemas that may be applied within one another, `$ref`s included.
pub const MAX_FRAMES: usize = 1_024;

/// A version of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Draft {
    /// Draft 7 (draft-handrews-json-schema-validation-01). Draft 6 is read as draft 7.
    #[serde(rename = "7")]
    Draft7,
    /// Draft 2020-12.
    #[serde(rename = "2020-12")]
    Draft202012,
}

/// A schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SchemaError(String);

/// The first thing that made an instance invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The place in the instance, as a JSON Pointer (RFC 6901); `""` is the whole.
    pub pointer: String,
    /// The keyword that refused it, for instance `required`.
    pub keyword: &'static str,
    /// The demand of the keyword, in words.
    pub asks: String,
}

/// A compiled schema.
#[derive(Debug)]
pub struct Schema {
    nodes: Vec<Node>,
    root: usize,
    /// True if a keyword needs to know what others have evaluated.
    tracks: bool,
}

impl Schema {
    /// Compiles `schema`. `draft` counts where no `$schema` says otherwise; `others` are the schemas that a `$ref` may
    /// name, by URI. Linear in the size of what can be reached.
    ///
    /// # Errors
    /// When the schema is not valid by its metaschema, names another that was not given or a draft that is not
    /// supported, holds a pattern that cannot be used, or refers to itself without end.
    pub fn new(schema: &Value, draft: Draft, others: &[(String, Value)]) -> Result<Self, SchemaError> {
        let compiled = compile::compile(schema, draft, others)?;
        let metaschema = metaschema(compiled.draft);
        let verdict = metaschema.validate(schema, Interrupt::never());
        match verdict.map_err(|error| SchemaError(error.to_string()))? {
            None => Ok(compiled.schema),
            Some(failure) => Err(SchemaError(format!(
                "the schema is not valid at '{}': {} ({})",
                failure.pointer, failure.asks, failure.keyword
            ))),
        }
    }

    /// Validates `instance`; `None` says that it is valid.
    ///
    /// # Errors
    /// [`Stop::Interrupted`], or [`Stop::Exhausted`] when it takes too many steps.
    pub fn validate(&self, instance: &Value, interrupt: Interrupt<'_>) -> Result<Option<Failure>, Stop> {
        validate::validate(self, instance, interrupt)
    }
}

/// The specification of a scorer of answers by a schema.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonSchemaSpecification {
    /// The schema as JSON.
    schema: String,
    draft: Draft,
    /// The other schemas, by URI, as JSON.
    schemas: Vec<(String, String)>,
    extract: bool,
}

/// A scorer of answers by a schema: 1 for valid JSON, else 0. The expected text does not matter.
#[derive(Debug)]
pub struct JsonSchema {
    schema: Schema,
    extract: bool,
}

impl JsonSchema {
    /// Compiles the schema.
    ///
    /// # Errors
    /// As [`Schema::new`], or when one of the texts is not JSON.
    pub fn new(specification: &JsonSchemaSpecification) -> Result<Self, SchemaError> {
        let read = |name: &str, text: &str| {
            let units: Vec<u16> = text.encode_utf16().collect();
            json_text::parse(&units).ok_or_else(|| {
                SchemaError(format!(
                    "{name} is not JSON, or nests deeper than {} levels",
                    super::json::MAX_DEPTH
                ))
            })
        };
        let others = specification.schemas.iter();
        let others = others.map(|(uri, text)| Ok((uri.clone(), read(&format!("schemas['{uri}']"), text)?)));
        let others = others.collect::<Result<Vec<_>, SchemaError>>()?;
        Ok(Self {
            schema: Schema::new(
                &read("the schema", &specification.schema)?,
                specification.draft,
                &others,
            )?,
            extract: specification.extract,
        })
    }

    /// Says why an answer is not valid; `None` if it is.
    ///
    /// # Errors
    /// [`Stop::Exhausted`].
    pub fn explain(&self, answer: &[u16]) -> Result<Option<String>, Stop> {
        let Some(value) = self.read(answer) else {
            return Ok(Some("the answer is not JSON".to_owned()));
        };
        let failure = self.schema.validate(&value, Interrupt::never())?;
        Ok(failure.map(|failure| {
            let place = if failure.pointer.is_empty() {
                "the value"
            } else {
                &failure.pointer
            };
            format!("{place} {} ({})", failure.asks, failure.keyword)
        }))
    }

    fn read(&self, answer: &[u16]) -> Option<Value> {
        if self.extract {
            json_text::extract(answer)
        } else {
            json_text::parse(answer)
        }
    }
}

impl Kernel for JsonSchema {
    fn score(&self, pair: Pair<'_>, _figures: &mut [f64], interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let Some(value) = self.read(pair.actual) else {
            return Ok(0.0);
        };
        let failure = self.schema.validate(&value, interrupt)?;
        Ok(if failure.is_none() { 1.0 } else { 0.0 })
    }
}

/// The compiled metaschema of a draft.
#[allow(clippy::expect_used)]
fn metaschema(draft: Draft) -> &'static Schema {
    static COMPILED: [OnceLock<Schema>; 2] = [const { OnceLock::new() }; 2];
    let uri = match draft {
        Draft::Draft7 => index::DRAFT_7,
        Draft::Draft202012 => index::DRAFT_2020_12,
    };
    COMPILED[draft as usize].get_or_init(|| {
        let document = index::builtin(uri).expect("the metaschemas are part of the crate");
        let compiled = compile::compile(document, draft, &[]);
        compiled.expect("the metaschemas are valid").schema
    })
}
