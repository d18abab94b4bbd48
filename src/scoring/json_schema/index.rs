//! Index of the schema resources and anchors in a set of documents.

use super::uri::{percent_decoded, resolve};
use super::{Draft, SchemaError};
use crate::scoring::json::{self, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

/// URI of the metaschema of draft 7.
pub const DRAFT_7: &str = "http://json-schema.org/draft-07/schema";
/// URI of the metaschema of draft 2020-12.
pub const DRAFT_2020_12: &str = "https://json-schema.org/draft/2020-12/schema";
const VOCABULARIES: &str = "https://json-schema.org/draft/2020-12/vocab/";

/// Vocabularies of 2020-12, below [`VOCABULARIES`]. That of `format` is known, but `format` never asserts.
const KNOWN: [&str; 8] = [
    "core",
    "applicator",
    "unevaluated",
    "validation",
    "meta-data",
    "format-annotation",
    "format-assertion",
    "content",
];

/// Metaschemas that may be built on one another.
const MAX_METASCHEMAS: usize = 16;

/// The keywords that count, as `$schema` decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The version.
    pub draft: Draft,
    /// True if the assertions (`type`, `minimum`, …) count.
    pub validation: bool,
    /// True if the applicators (`properties`, `allOf`, …) count.
    pub applicator: bool,
    /// True if `unevaluatedItems` and `unevaluatedProperties` count.
    pub unevaluated: bool,
}

impl Dialect {
    /// All keywords of a draft.
    pub fn whole(draft: Draft) -> Self {
        Self {
            draft,
            validation: true,
            applicator: true,
            unevaluated: true,
        }
    }
}

/// The resource and the dialect of a subschema.
#[derive(Debug, Clone)]
pub struct Place {
    /// Number of the resource in [`Index::resources`].
    pub resource: usize,
    /// The dialect, or what is wrong with the `$schema` that names it.
    pub dialect: Result<Dialect, SchemaError>,
}

/// A schema with a URI of its own.
struct Resource<'a> {
    uri: String,
    root: &'a Value,
}

struct Anchor<'a> {
    node: &'a Value,
    dynamic: bool,
}

/// The subschema that a reference names.
pub struct Target<'a> {
    /// The subschema.
    pub node: &'a Value,
    /// The name of the `$dynamicAnchor` by which it was found, if it was by one.
    pub dynamic_anchor: Option<String>,
}

/// All resources, anchors and subschemas found.
pub struct Index<'a> {
    others: HashMap<String, &'a Value>,
    resources: Vec<Resource<'a>>,
    by_uri: HashMap<String, usize>,
    anchors: HashMap<(usize, String), Anchor<'a>>,
    places: HashMap<*const Value, Place>,
}

/// The metaschemas of both drafts and the vocabularies of 2020-12, without titles and comments, by URI. They are those of
/// json-schema.org (BSD 3-Clause or AFL 3.0).
fn builtins() -> &'static HashMap<String, Value> {
    static DOCUMENTS: OnceLock<HashMap<String, Value>> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        let Some(Value::Array(documents)) = json::parse(include_str!("metaschemas.json")) else {
            return HashMap::new();
        };
        let named = documents.into_iter().filter_map(|document| {
            let id = string_member(&document, "$id")?.trim_end_matches('#').to_owned();
            Some((id, document))
        });
        named.collect()
    })
}

/// The metaschema or vocabulary with this URI.
pub fn builtin(uri: &str) -> Option<&'static Value> {
    builtins().get(uri)
}

/// The text of a member of an object.
fn string_member<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    match value {
        Value::Object(members) => match members.get(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

impl<'a> Index<'a> {
    /// Indexes `schema` and then `others`. Of two resources with the same URI the first counts.
    pub fn new(schema: &'a Value, draft: Draft, others: &'a [(String, Value)]) -> Self {
        let mut index = Self {
            others: HashMap::new(),
            resources: Vec::new(),
            by_uri: HashMap::new(),
            anchors: HashMap::new(),
            places: HashMap::new(),
        };
        for (uri, document) in others {
            let key = uri.trim_end_matches('#').to_owned();
            index.others.entry(key).or_insert(document);
            if let Some(id) = string_member(document, "$id") {
                let (id, _) = resolve(uri, id);
                index.others.entry(id).or_insert(document);
            }
        }
        index.add_document("", schema, draft);
        for (uri, document) in others {
            index.add_document(uri, document, draft);
        }
        index
    }

    fn add_document(&mut self, uri: &str, document: &'a Value, draft: Draft) {
        let (uri, _) = resolve("", uri);
        let resource = self.add_resource(uri, document);
        self.walk(document, resource, &Ok(Dialect::whole(draft)), true);
    }

    /// Adds the metaschemas and vocabularies, all at once: a `$dynamicRef` in one may lead to any of the others.
    fn add_builtins(&mut self) {
        for (uri, document) in builtins() {
            if !self.by_uri.contains_key(uri) {
                self.add_document(uri, document, Draft::Draft202012);
            }
        }
    }

    fn add_resource(&mut self, uri: String, root: &'a Value) -> usize {
        let number = self.resources.len();
        self.by_uri.entry(uri.clone()).or_insert(number);
        self.resources.push(Resource { uri, root });
        number
    }

    /// The dialect that a `$schema` names.
    fn dialect(&self, schema_uri: &str) -> Result<Dialect, SchemaError> {
        let mut uri = schema_uri.trim_end_matches('#');
        let mut vocabulary: Option<&BTreeMap<String, Value>> = None;
        for _ in 0..MAX_METASCHEMAS {
            match uri {
                DRAFT_7
                | "https://json-schema.org/draft-07/schema"
                | "http://json-schema.org/draft-06/schema" => {
                    return Ok(Dialect::whole(Draft::Draft7));
                }
                DRAFT_2020_12 | "http://json-schema.org/draft/2020-12/schema" => {
                    return with_vocabulary(vocabulary);
                }
                _ => {}
            }
            let Some(Value::Object(metaschema)) = self.others.get(uri) else {
                break;
            };
            if let (None, Some(Value::Object(listed))) = (vocabulary, metaschema.get("$vocabulary")) {
                vocabulary = Some(listed);
            }
            match metaschema.get("$schema") {
                Some(Value::String(next)) => uri = next.trim_end_matches('#'),
                _ => break,
            }
        }
        Err(SchemaError(format!(
            "$schema '{schema_uri}' is not supported: use draft-07 or draft 2020-12, or give a metaschema built on them in `schemas`"
        )))
    }

    /// Registers `value`, a subschema in `resource`, and all subschemas below it.
    fn walk(
        &mut self,
        value: &'a Value,
        resource: usize,
        dialect: &Result<Dialect, SchemaError>,
        is_root: bool,
    ) {
        let (mut resource, mut dialect) = (resource, dialect.clone());
        if let Value::Object(members) = value {
            let id = string_member(value, "$id");
            if (is_root || id.is_some())
                && let Some(schema) = string_member(value, "$schema")
            {
                dialect = self.dialect(schema);
            }
            let draft = dialect
                .as_ref()
                .map_or(Draft::Draft202012, |dialect| dialect.draft);
            let ignores_id = draft == Draft::Draft7 && members.contains_key("$ref");
            if let Some(id) = id.filter(|_| !ignores_id) {
                resource = self.identify(value, id, resource, draft);
            }
            if draft == Draft::Draft202012 {
                self.add_anchors(value, resource);
            }
            for below in subschemas(members, draft) {
                self.walk(below, resource, &dialect, false);
            }
        }
        self.places
            .insert(std::ptr::from_ref(value), Place { resource, dialect });
    }

    /// Registers what `$id` names and returns the resource that `value` belongs to.
    fn identify(&mut self, value: &'a Value, id: &str, resource: usize, draft: Draft) -> usize {
        let (uri, fragment) = resolve(&self.resources[resource].uri, id);
        if draft == Draft::Draft7 && !fragment.is_empty() {
            let same = uri == self.resources[resource].uri;
            let owner = if same {
                resource
            } else {
                self.add_resource(uri, value)
            };
            let anchor = Anchor {
                node: value,
                dynamic: false,
            };
            self.anchors.entry((owner, fragment)).or_insert(anchor);
            return owner;
        }
        self.add_resource(uri, value)
    }

    fn add_anchors(&mut self, value: &'a Value, resource: usize) {
        for (key, dynamic) in [("$dynamicAnchor", true), ("$anchor", false)] {
            if let Some(name) = string_member(value, key) {
                let anchor = Anchor { node: value, dynamic };
                self.anchors.entry((resource, name.to_owned())).or_insert(anchor);
            }
        }
    }

    /// Returns the place of a subschema. Every subschema that [`Self::find`] returned or [`Self::new`] walked has a place.
    pub fn place(&self, node: &'a Value) -> Option<&Place> {
        self.places.get(&std::ptr::from_ref(node))
    }

    /// The subschemas of all resources with this `$dynamicAnchor`, each with its resource.
    pub fn dynamic_anchors(&self, name: &str) -> Vec<(usize, &'a Value)> {
        let found = self.anchors.iter();
        let found = found.filter(|((_, anchor), found)| found.dynamic && anchor == name);
        let mut found: Vec<_> = found
            .map(|((resource, _), found)| (*resource, found.node))
            .collect();
        found.sort_by_key(|(resource, _)| *resource);
        found
    }

    /// Finds the subschema that `reference`, written in `resource`, names.
    pub fn find(&mut self, resource: usize, reference: &str) -> Result<Target<'a>, SchemaError> {
        let (uri, fragment) = resolve(&self.resources[resource].uri, reference);
        let missing = |what: &str| SchemaError(format!("$ref '{reference}' {what}"));
        if !self.by_uri.contains_key(&uri) && builtin(&uri).is_some() {
            self.add_builtins();
        }
        let owner = self.by_uri.get(&uri).copied();
        let owner = owner.ok_or_else(|| {
            missing(&format!(
                "names '{uri}', which is not among the schemas given; nothing is fetched, pass it in `schemas`"
            ))
        })?;
        // A document that has an `$id` beside the URI it was given under keeps its anchors under the former.
        let root = self.resources[owner].root;
        let owner = self.place(root).map_or(owner, |place| place.resource);
        let fragment = percent_decoded(&fragment);
        if fragment.is_empty() {
            return Ok(Target {
                node: root,
                dynamic_anchor: None,
            });
        }
        if fragment.starts_with('/') {
            let node = self.at_pointer(root, &fragment);
            let node = node.ok_or_else(|| missing("names a place that is not there"))?;
            return Ok(Target {
                node,
                dynamic_anchor: None,
            });
        }
        let anchor = self.anchors.get(&(owner, fragment.clone()));
        let anchor = anchor.ok_or_else(|| missing("names an anchor that is not there"))?;
        let dynamic_anchor = anchor.dynamic.then_some(fragment);
        Ok(Target {
            node: anchor.node,
            dynamic_anchor,
        })
    }

    /// The value at a JSON Pointer (RFC 6901) below `root`, registered as a subschema.
    fn at_pointer(&mut self, root: &'a Value, pointer: &str) -> Option<&'a Value> {
        let mut node = root;
        let mut place = self.place(node)?.clone();
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            node = match node {
                Value::Object(members) => members.get(&token)?,
                Value::Array(items) => {
                    let canonical = token == "0" || !token.starts_with(['0', '+']);
                    items.get(token.parse::<usize>().ok().filter(|_| canonical)?)?
                }
                _ => return None,
            };
            if let Some(known) = self.place(node) {
                place = known.clone();
            }
        }
        if self.place(node).is_none() {
            self.walk(node, place.resource, &place.dialect, false);
        }
        Some(node)
    }
}

fn with_vocabulary(listed: Option<&BTreeMap<String, Value>>) -> Result<Dialect, SchemaError> {
    let Some(listed) = listed else {
        return Ok(Dialect::whole(Draft::Draft202012));
    };
    for (uri, required) in listed {
        let known = uri
            .strip_prefix(VOCABULARIES)
            .is_some_and(|name| KNOWN.contains(&name));
        if !known && *required == Value::Bool(true) {
            return Err(SchemaError(format!(
                "the metaschema requires the vocabulary '{uri}', which is not supported"
            )));
        }
    }
    let has = |name: &str| listed.contains_key(&format!("{VOCABULARIES}{name}"));
    Ok(Dialect {
        draft: Draft::Draft202012,
        validation: has("validation"),
        applicator: has("applicator"),
        unevaluated: has("unevaluated"),
    })
}

/// The values of `members` that are subschemas.
fn subschemas(members: &BTreeMap<String, Value>, draft: Draft) -> Vec<&Value> {
    let mut found = Vec::new();
    for (key, value) in members {
        match key.as_str() {
            "additionalProperties" | "propertyNames" | "contains" | "not" | "if" | "then" | "else" => {
                found.push(value);
            }
            "allOf" | "anyOf" | "oneOf" => found.extend(elements(value)),
            "properties" | "patternProperties" | "definitions" => found.extend(values(value)),
            "items" => match value {
                Value::Array(_) => found.extend(elements(value)),
                _ => found.push(value),
            },
            "additionalItems" if draft == Draft::Draft7 => found.push(value),
            "dependencies" if draft == Draft::Draft7 => {
                found.extend(values(value).filter(|value| !matches!(value, Value::Array(_))));
            }
            "unevaluatedItems" | "unevaluatedProperties" | "contentSchema" if draft == Draft::Draft202012 => {
                found.push(value);
            }
            "prefixItems" if draft == Draft::Draft202012 => found.extend(elements(value)),
            "$defs" | "dependentSchemas" if draft == Draft::Draft202012 => found.extend(values(value)),
            _ => {}
        }
    }
    found
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    let items: &[Value] = if let Value::Array(items) = value {
        items
    } else {
        &[]
    };
    items.iter()
}

fn values(value: &Value) -> impl Iterator<Item = &Value> {
    let members = if let Value::Object(members) = value {
        Some(members)
    } else {
        None
    };
    members.into_iter().flat_map(BTreeMap::values)
}
