//! Validation of an instance by a compiled schema.

use super::keyword::{Bound, Id, Keyword, Size};
use super::{Failure, MAX_FRAMES, MAX_STEPS, Schema};
use crate::scoring::interrupt::{Interrupt, Stop};
use crate::scoring::json::Value;
use crate::scoring::json_number;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::RandomState};
use std::hash::{BuildHasher, Hash, Hasher};

type Verdict = Result<bool, Stop>;

const EXHAUSTED: Stop = Stop::Exhausted {
    steps: MAX_STEPS,
    frames: MAX_FRAMES,
};
/// Steps between two looks at the interrupt: some 100 µs.
const STEPS_A_LOOK: u64 = 1 << 10;

/// Validates `instance`; the first failure, or `None`.
pub fn validate(
    schema: &Schema,
    instance: &Value,
    interrupt: Interrupt<'_>,
) -> Result<Option<Failure>, Stop> {
    let mut run = Run {
        schema,
        interrupt,
        steps: 0,
        scope: Vec::new(),
        frames: 0,
        path: Vec::new(),
        trying: 0,
        failure: None,
    };
    let valid = run.apply(schema.root, instance, &mut Evaluated::default())?;
    Ok((!valid).then(|| {
        run.failure
            .unwrap_or_else(|| failure_at(String::new(), "false", "nothing is valid here".to_owned()))
    }))
}

fn failure_at(pointer: String, keyword: &'static str, asks: String) -> Failure {
    Failure {
        pointer,
        keyword,
        asks,
    }
}

/// The parts of one value that the subschemas applied so far have evaluated.
#[derive(Default)]
struct Evaluated<'v> {
    properties: BTreeSet<&'v str>,
    /// Elements before this one.
    first_items: usize,
    other_items: BTreeSet<usize>,
}

impl<'v> Evaluated<'v> {
    fn merge(&mut self, other: Evaluated<'v>) {
        self.first_items = self.first_items.max(other.first_items);
        if self.properties.is_empty() {
            self.properties = other.properties;
        } else {
            self.properties.extend(other.properties);
        }
        if self.other_items.is_empty() {
            self.other_items = other.other_items;
        } else {
            self.other_items.extend(other.other_items);
        }
    }
}

/// A step from a value into it.
#[derive(Clone, Copy)]
enum Step<'v> {
    Item(usize),
    Property(&'v str),
}

struct Run<'s, 'v> {
    schema: &'s Schema,
    interrupt: Interrupt<'s>,
    steps: u64,
    /// The resources entered, outermost first.
    scope: Vec<usize>,
    frames: usize,
    path: Vec<Step<'v>>,
    /// Above 0 where a failure is no failure of the whole.
    trying: usize,
    failure: Option<Failure>,
}

impl<'s, 'v> Run<'s, 'v> {
    /// Applies a subschema and adds what it evaluated, if it holds, to `evaluated`.
    fn apply(&mut self, id: Id, value: &'v Value, evaluated: &mut Evaluated<'v>) -> Verdict {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.frames == MAX_FRAMES {
            return Err(EXHAUSTED);
        }
        if self.steps.is_multiple_of(STEPS_A_LOOK) {
            self.interrupt.check()?;
        }
        let node = &self.schema.nodes[id];
        let enters = self.scope.last() != Some(&node.resource);
        if enters {
            self.scope.push(node.resource);
        }
        self.frames += 1;
        let mut own = Evaluated::default();
        let mut valid = true;
        for keyword in &node.keywords {
            if !self.keyword(keyword, value, &mut own)? {
                valid = false;
                break;
            }
        }
        self.frames -= 1;
        if enters {
            self.scope.pop();
        }
        if valid && self.schema.tracks {
            evaluated.merge(own);
        }
        Ok(valid)
    }

    /// Applies a subschema whose failure does not by itself make the instance invalid.
    fn attempt(&mut self, id: Id, value: &'v Value, evaluated: &mut Evaluated<'v>) -> Verdict {
        self.trying += 1;
        let verdict = self.apply(id, value, evaluated);
        self.trying -= 1;
        verdict
    }

    /// Applies a subschema to a value inside the present one.
    fn descend(&mut self, id: Id, step: Step<'v>, value: &'v Value) -> Verdict {
        self.path.push(step);
        let verdict = self.apply(id, value, &mut Evaluated::default());
        self.path.pop();
        verdict
    }

    /// Notes the first failure; always false, wrapped as its callers return it.
    #[allow(clippy::unnecessary_wraps)]
    fn fail(&mut self, keyword: &'static str, asks: impl FnOnce() -> String) -> Verdict {
        if self.trying == 0 && self.failure.is_none() {
            let pointer = self.path.iter().map(|step| match step {
                Step::Item(at) => format!("/{at}"),
                Step::Property(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            });
            self.failure = Some(failure_at(pointer.collect(), keyword, asks()));
        }
        Ok(false)
    }

    fn keyword(&mut self, keyword: &'s Keyword, value: &'v Value, own: &mut Evaluated<'v>) -> Verdict {
        match keyword {
            Keyword::Ref(id) => self.apply(*id, value, own),
            Keyword::DynamicRef { fallback, candidates } => {
                let outermost = self.scope.iter().find_map(|resource| {
                    let found = candidates.iter().find(|(owner, _)| owner == resource);
                    found.map(|(_, id)| *id)
                });
                self.apply(outermost.unwrap_or(*fallback), value, own)
            }
            Keyword::AllOf(ids) => {
                for id in ids {
                    if !self.apply(*id, value, own)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Keyword::AnyOf(ids) => self.any_of(ids, value, own),
            Keyword::OneOf(ids) => self.one_of(ids, value, own),
            Keyword::Not(id) => {
                if self.attempt(*id, value, &mut Evaluated::default())? {
                    return self.fail("not", || "must not match the schema under `not`".to_owned());
                }
                Ok(true)
            }
            Keyword::If {
                condition,
                then,
                otherwise,
            } => {
                let branch = if self.attempt(*condition, value, own)? {
                    then
                } else {
                    otherwise
                };
                branch.map_or(Ok(true), |id| self.apply(id, value, own))
            }
            _ => match value {
                Value::Object(members) => self.of_object(keyword, members, value, own),
                Value::Array(items) => self.of_array(keyword, items, value, own),
                _ => self.of_any(keyword, value),
            },
        }
    }

    fn any_of(&mut self, ids: &'s [Id], value: &'v Value, own: &mut Evaluated<'v>) -> Verdict {
        let mut found = false;
        for id in ids {
            found |= self.attempt(*id, value, own)?;
            if found && !self.schema.tracks {
                break;
            }
        }
        if found {
            return Ok(true);
        }
        self.fail("anyOf", || {
            format!("must match one or more of {} schemas", ids.len())
        })
    }

    fn one_of(&mut self, ids: &'s [Id], value: &'v Value, own: &mut Evaluated<'v>) -> Verdict {
        let mut matches = 0;
        for id in ids {
            matches += usize::from(self.attempt(*id, value, own)?);
            if matches > 1 {
                break;
            }
        }
        if matches == 1 {
            return Ok(true);
        }
        self.fail("oneOf", || {
            let found = if matches == 0 { "none" } else { "more than one" };
            format!("must match exactly one of {} schemas, matches {found}", ids.len())
        })
    }

    /// Keywords of a value of any type. Those of other types hold.
    fn of_any(&mut self, keyword: &'s Keyword, value: &'v Value) -> Verdict {
        match keyword {
            Keyword::Never => self.fail("false", || "nothing is allowed here".to_owned()),
            Keyword::Type(types) if !types.hold(value) => {
                self.fail("type", || format!("must be {}", types.words()))
            }
            Keyword::Enum(values) if !values.contains(value) => self.fail("enum", || {
                format!("must be one of the {} values listed", values.len())
            }),
            Keyword::Const(constant) if constant != value => {
                self.fail("const", || "must be the one value given".to_owned())
            }
            Keyword::MultipleOf(divisor) => match value {
                Value::Number(number)
                    if !json_number::is_multiple(number, divisor).map_err(|_| EXHAUSTED)? =>
                {
                    self.fail("multipleOf", || {
                        format!("must be a multiple of {}", json_number::written(divisor))
                    })
                }
                _ => Ok(true),
            },
            Keyword::Bounded(bound, limit) => {
                let Value::Number(number) = value else {
                    return Ok(true);
                };
                let (holds, name, words) = match (bound, json_number::compare(number, limit)) {
                    (Bound::AtLeast, order) => (order != Ordering::Less, "minimum", "at least"),
                    (Bound::Above, order) => (order == Ordering::Greater, "exclusiveMinimum", "above"),
                    (Bound::AtMost, order) => (order != Ordering::Greater, "maximum", "at most"),
                    (Bound::Below, order) => (order == Ordering::Less, "exclusiveMaximum", "below"),
                };
                if holds {
                    return Ok(true);
                }
                self.fail(name, || {
                    format!("must be {words} {}", json_number::written(limit))
                })
            }
            Keyword::AtLeast(size, least) => match measured(*size, value) {
                Some(count) if count < *least => {
                    let name = ["minLength", "minItems", "minProperties"][*size as usize];
                    self.fail(name, || {
                        format!("must have at least {least} {}, has {count}", unit(*size))
                    })
                }
                _ => Ok(true),
            },
            Keyword::AtMost(size, most) => match measured(*size, value) {
                Some(count) if count > *most => {
                    let name = ["maxLength", "maxItems", "maxProperties"][*size as usize];
                    self.fail(name, || {
                        format!("must have at most {most} {}, has {count}", unit(*size))
                    })
                }
                _ => Ok(true),
            },
            Keyword::Pattern(pattern) => match value {
                Value::String(text) if !pattern.is_match(text) => {
                    self.fail("pattern", || format!("must match /{}/", pattern.source()))
                }
                _ => Ok(true),
            },
            _ => Ok(true),
        }
    }

    fn of_array(
        &mut self,
        keyword: &'s Keyword,
        items: &'v [Value],
        value: &'v Value,
        own: &mut Evaluated<'v>,
    ) -> Verdict {
        match keyword {
            Keyword::Items { prefix, rest } => {
                for (at, (id, item)) in prefix.iter().zip(items).enumerate() {
                    if !self.descend(*id, Step::Item(at), item)? {
                        return Ok(false);
                    }
                }
                own.first_items = own.first_items.max(prefix.len().min(items.len()));
                let Some(id) = rest else { return Ok(true) };
                for (at, item) in items.iter().enumerate().skip(prefix.len()) {
                    if !self.descend(*id, Step::Item(at), item)? {
                        return Ok(false);
                    }
                }
                own.first_items = items.len();
                Ok(true)
            }
            Keyword::Contains {
                schema,
                least,
                most,
                evaluates,
            } => {
                let mut count = 0;
                for (at, item) in items.iter().enumerate() {
                    if self.attempt(*schema, item, &mut Evaluated::default())? {
                        count += 1;
                        if *evaluates && self.schema.tracks {
                            own.other_items.insert(at);
                        }
                    }
                }
                if (*least..=*most).contains(&count) {
                    return Ok(true);
                }
                self.fail("contains", || match most {
                    &u64::MAX => format!("must have at least {least} matching items, has {count}"),
                    _ => format!("must have {least} to {most} matching items, has {count}"),
                })
            }
            Keyword::UniqueItems => match repeated(items) {
                Some(at) => self.fail("uniqueItems", || {
                    format!("must have no item twice, item {at} is a repeat")
                }),
                None => Ok(true),
            },
            Keyword::UnevaluatedItems(id) => {
                for (at, item) in items.iter().enumerate().skip(own.first_items) {
                    if !own.other_items.contains(&at) && !self.descend(*id, Step::Item(at), item)? {
                        return Ok(false);
                    }
                }
                own.first_items = items.len();
                Ok(true)
            }
            _ => self.of_any(keyword, value),
        }
    }

    fn of_object(
        &mut self,
        keyword: &'s Keyword,
        members: &'v BTreeMap<String, Value>,
        value: &'v Value,
        own: &mut Evaluated<'v>,
    ) -> Verdict {
        match keyword {
            Keyword::Required(names) => match names.iter().find(|name| !members.contains_key(*name)) {
                Some(name) => self.fail("required", || format!("must have the property '{name}'")),
                None => Ok(true),
            },
            Keyword::Properties {
                named,
                patterns,
                additional,
            } => {
                for (name, member) in members {
                    let exact = named.get(name).copied();
                    let matching = patterns.iter().filter(|(pattern, _)| pattern.is_match(name));
                    let mut ids: Vec<Id> = exact.into_iter().chain(matching.map(|(_, id)| *id)).collect();
                    if ids.is_empty() {
                        ids.extend(*additional);
                    }
                    if self.schema.tracks && !ids.is_empty() {
                        own.properties.insert(name);
                    }
                    for id in ids {
                        if !self.descend(id, Step::Property(name), member)? {
                            return Ok(false);
                        }
                    }
                }
                Ok(true)
            }
            Keyword::PropertyNames(id) => self.property_names(*id, members),
            Keyword::DependentRequired(lists) => {
                for (name, needed) in lists.iter().filter(|(name, _)| members.contains_key(name)) {
                    if let Some(missing) = needed.iter().find(|needed| !members.contains_key(*needed)) {
                        return self.fail("dependentRequired", || {
                            format!("must have the property '{missing}', since it has '{name}'")
                        });
                    }
                }
                Ok(true)
            }
            Keyword::DependentSchemas(schemas) => {
                for (_, id) in schemas.iter().filter(|(name, _)| members.contains_key(name)) {
                    if !self.apply(*id, value, own)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Keyword::UnevaluatedProperties(id) => {
                for (name, member) in members {
                    if !own.properties.contains(name.as_str())
                        && !self.descend(*id, Step::Property(name), member)?
                    {
                        return Ok(false);
                    }
                }
                own.properties.extend(members.keys().map(String::as_str));
                Ok(true)
            }
            _ => self.of_any(keyword, value),
        }
    }

    /// Names are values that live only here, so they are validated by a run of their own.
    fn property_names(&mut self, id: Id, members: &'v BTreeMap<String, Value>) -> Verdict {
        for name in members.keys() {
            let text = Value::String(name.clone());
            let mut run = Run {
                schema: self.schema,
                interrupt: self.interrupt,
                steps: self.steps,
                scope: self.scope.clone(),
                frames: self.frames,
                path: Vec::new(),
                trying: 1,
                failure: None,
            };
            let valid = run.apply(id, &text, &mut Evaluated::default())?;
            self.steps = run.steps;
            if !valid {
                return self.fail("propertyNames", || {
                    format!("must not have a property named '{name}'")
                });
            }
        }
        Ok(true)
    }
}

fn measured(size: Size, value: &Value) -> Option<u64> {
    match (size, value) {
        (Size::Length, Value::String(text)) => Some(text.chars().count() as u64),
        (Size::Items, Value::Array(items)) => Some(items.len() as u64),
        (Size::Properties, Value::Object(members)) => Some(members.len() as u64),
        _ => None,
    }
}

fn unit(size: Size) -> &'static str {
    match size {
        Size::Length => "code points",
        Size::Items => "items",
        Size::Properties => "properties",
    }
}

/// The position of the first element that equals an earlier one. Linear, by hashes.
fn repeated(items: &[Value]) -> Option<usize> {
    let random = RandomState::new();
    let mut seen: HashMap<u64, Vec<&Value>> = HashMap::with_capacity(items.len());
    items.iter().position(|item| {
        let mut hasher = random.build_hasher();
        hash(item, &mut hasher);
        let alike = seen.entry(hasher.finish()).or_default();
        let repeats = alike.contains(&item);
        alike.push(item);
        repeats
    })
}

fn hash(value: &Value, hasher: &mut impl Hasher) {
    std::mem::discriminant(value).hash(hasher);
    match value {
        Value::Null => {}
        Value::Bool(flag) => flag.hash(hasher),
        Value::Number(number) => number.hash(hasher),
        Value::String(text) => text.hash(hasher),
        Value::Array(items) => {
            items.len().hash(hasher);
            for item in items {
                hash(item, hasher);
            }
        }
        Value::Object(members) => {
            members.len().hash(hasher);
            for (name, member) in members {
                name.hash(hasher);
                hash(member, hasher);
            }
        }
    }
}
