//! Compilation of the subschemas that can be reached into an arena.

use super::index::{Dialect, Index};
use super::keyword::{Bound, Id, Keyword, Node, Size, Types};
use super::pattern::Pattern;
use super::{Draft, Schema, SchemaError};
use crate::scoring::decimal::Decimal;
use crate::scoring::json::Value;
use crate::scoring::json_number;
use std::collections::{BTreeMap, HashMap};

type Members = BTreeMap<String, Value>;
type Result<T> = std::result::Result<T, SchemaError>;

/// A compiled schema and the draft that its `$schema`, or the default, names.
#[derive(Debug)]
pub struct Compiled {
    pub schema: Schema,
    pub draft: Draft,
}

/// Compiles `schema` without checking it against its metaschema.
pub fn compile(schema: &Value, draft: Draft, others: &[(String, Value)]) -> Result<Compiled> {
    let mut compiler = Compiler {
        index: Index::new(schema, draft, others),
        nodes: Vec::new(),
        ids: HashMap::new(),
        waiting: Vec::new(),
    };
    let draft = match compiler.index.place(schema) {
        Some(place) => place.dialect.clone()?.draft,
        None => draft,
    };
    let root = compiler.id(schema);
    while let Some((id, value)) = compiler.waiting.pop() {
        compiler.nodes[id] = compiler.node(value)?;
    }
    let nodes = compiler.nodes;
    refuse_endless_references(&nodes)?;
    let tracks = nodes
        .iter()
        .flat_map(|node| &node.keywords)
        .any(Keyword::needs_annotations);
    let schema = Schema { nodes, root, tracks };
    Ok(Compiled { schema, draft })
}

struct Compiler<'a> {
    index: Index<'a>,
    nodes: Vec<Node>,
    ids: HashMap<*const Value, Id>,
    waiting: Vec<(Id, &'a Value)>,
}

fn broken(keyword: &str, must_be: &str) -> SchemaError {
    SchemaError(format!("'{keyword}' in the schema must be {must_be}"))
}

impl<'a> Compiler<'a> {
    /// The number of a subschema, which is compiled in its turn.
    fn id(&mut self, value: &'a Value) -> Id {
        let key = std::ptr::from_ref(value);
        if let Some(&id) = self.ids.get(&key) {
            return id;
        }
        let id = self.nodes.len();
        self.nodes.push(Node::default());
        self.ids.insert(key, id);
        self.waiting.push((id, value));
        id
    }

    fn list(&mut self, keyword: &str, value: &'a Value) -> Result<Vec<Id>> {
        match value {
            Value::Array(items) => Ok(items.iter().map(|item| self.id(item)).collect()),
            _ => Err(broken(keyword, "an array of schemas")),
        }
    }

    fn node(&mut self, value: &'a Value) -> Result<Node> {
        let place = self.index.place(value).cloned();
        let place = place.ok_or_else(|| SchemaError("a subschema is not where schemas stand".to_owned()))?;
        let mut keywords = Vec::new();
        match value {
            Value::Bool(true) => {}
            Value::Bool(false) => keywords.push(Keyword::Never),
            Value::Object(members) => {
                let mut under = Keywords {
                    compiler: self,
                    resource: place.resource,
                    dialect: place.dialect?,
                    members,
                    found: &mut keywords,
                };
                under.all()?;
            }
            _ => {
                return Err(SchemaError(
                    "a schema must be an object, true or false".to_owned(),
                ));
            }
        }
        keywords.sort_by_key(Keyword::needs_annotations);
        Ok(Node {
            resource: place.resource,
            keywords,
        })
    }
}

/// The keywords of one subschema.
struct Keywords<'c, 'a> {
    compiler: &'c mut Compiler<'a>,
    resource: usize,
    dialect: Dialect,
    members: &'a Members,
    found: &'c mut Vec<Keyword>,
}

impl<'a> Keywords<'_, 'a> {
    fn all(&mut self) -> Result<()> {
        let is_draft_7 = self.dialect.draft == Draft::Draft7;
        if let Some(reference) = self.text("$ref")? {
            let target = self.compiler.index.find(self.resource, reference)?;
            let id = self.compiler.id(target.node);
            self.found.push(Keyword::Ref(id));
            if is_draft_7 {
                // What stands beside a `$ref` is ignored.
                return Ok(());
            }
        }
        if !is_draft_7 {
            self.dynamic_reference()?;
        }
        if self.dialect.validation {
            self.values()?;
            self.sizes()?;
            self.required()?;
        }
        if self.dialect.applicator {
            self.items()?;
            self.properties()?;
            self.combinations()?;
        }
        if self.dialect.unevaluated && !is_draft_7 {
            if let Some(id) = self.schema("unevaluatedItems") {
                self.found.push(Keyword::UnevaluatedItems(id));
            }
            if let Some(id) = self.schema("unevaluatedProperties") {
                self.found.push(Keyword::UnevaluatedProperties(id));
            }
        }
        Ok(())
    }

    fn schema(&mut self, keyword: &str) -> Option<Id> {
        self.members.get(keyword).map(|value| self.compiler.id(value))
    }

    fn text(&self, keyword: &str) -> Result<Option<&'a str>> {
        match self.members.get(keyword) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(broken(keyword, "a string")),
        }
    }

    fn number(&self, keyword: &str) -> Result<Option<&'a Decimal>> {
        match self.members.get(keyword) {
            None => Ok(None),
            Some(Value::Number(number)) => Ok(Some(number)),
            Some(_) => Err(broken(keyword, "a number")),
        }
    }

    fn count(&self, keyword: &str) -> Result<Option<u64>> {
        let Some(number) = self.number(keyword)? else {
            return Ok(None);
        };
        let count = json_number::count(number);
        count
            .map(Some)
            .ok_or_else(|| broken(keyword, "a whole number of at least 0"))
    }

    fn object(&self, keyword: &str) -> Result<Option<&'a Members>> {
        match self.members.get(keyword) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(members)),
            Some(_) => Err(broken(keyword, "an object")),
        }
    }

    fn dynamic_reference(&mut self) -> Result<()> {
        let Some(reference) = self.text("$dynamicRef")? else {
            return Ok(());
        };
        let target = self.compiler.index.find(self.resource, reference)?;
        let fallback = self.compiler.id(target.node);
        let named = target
            .dynamic_anchor
            .map(|name| self.compiler.index.dynamic_anchors(&name));
        let candidates = named.unwrap_or_default().into_iter();
        let candidates = candidates
            .map(|(resource, node)| (resource, self.compiler.id(node)))
            .collect();
        self.found.push(Keyword::DynamicRef { fallback, candidates });
        Ok(())
    }

    fn values(&mut self) -> Result<()> {
        let wrong_type = || {
            broken(
                "type",
                &format!("one of {}, or a list of these", Types::NAMES.join(", ")),
            )
        };
        let read = |value: &Value| match value {
            Value::String(name) => Types::named(name).ok_or_else(wrong_type),
            _ => Err(wrong_type()),
        };
        match self.members.get("type") {
            None => {}
            Some(Value::Array(several)) => {
                let types = several
                    .iter()
                    .try_fold(0, |bits, name| Ok(bits | read(name)?.0))?;
                self.found.push(Keyword::Type(Types(types)));
            }
            Some(name) => self.found.push(Keyword::Type(read(name)?)),
        }
        match self.members.get("enum") {
            None => {}
            Some(Value::Array(values)) => self.found.push(Keyword::Enum(values.clone())),
            Some(_) => return Err(broken("enum", "an array")),
        }
        if let Some(value) = self.members.get("const") {
            self.found.push(Keyword::Const(value.clone()));
        }
        if let Some(divisor) = self.number("multipleOf")? {
            let (negative, digits, _) = divisor.parts();
            if negative || digits.is_empty() {
                return Err(broken("multipleOf", "a number above 0"));
            }
            self.found.push(Keyword::MultipleOf(divisor.clone()));
        }
        for (keyword, bound) in [
            ("minimum", Bound::AtLeast),
            ("exclusiveMinimum", Bound::Above),
            ("maximum", Bound::AtMost),
            ("exclusiveMaximum", Bound::Below),
        ] {
            if let Some(limit) = self.number(keyword)? {
                self.found.push(Keyword::Bounded(bound, limit.clone()));
            }
        }
        if let Some(source) = self.text("pattern")? {
            self.found.push(Keyword::Pattern(pattern(source)?));
        }
        if self.members.get("uniqueItems") == Some(&Value::Bool(true)) {
            self.found.push(Keyword::UniqueItems);
        }
        Ok(())
    }

    fn sizes(&mut self) -> Result<()> {
        for (size, least, most) in [
            (Size::Length, "minLength", "maxLength"),
            (Size::Items, "minItems", "maxItems"),
            (Size::Properties, "minProperties", "maxProperties"),
        ] {
            if let Some(count) = self.count(least)? {
                self.found.push(Keyword::AtLeast(size, count));
            }
            if let Some(count) = self.count(most)? {
                self.found.push(Keyword::AtMost(size, count));
            }
        }
        Ok(())
    }

    fn required(&mut self) -> Result<()> {
        if let Some(value) = self.members.get("required") {
            self.found.push(Keyword::Required(names("required", value)?));
        }
        if self.dialect.draft == Draft::Draft202012
            && let Some(members) = self.object("dependentRequired")?
        {
            let lists = members.iter();
            let lists = lists.map(|(name, value)| Ok((name.clone(), names("dependentRequired", value)?)));
            let lists = lists.collect::<Result<Vec<_>>>()?;
            self.found.push(Keyword::DependentRequired(lists));
        }
        Ok(())
    }

    fn items(&mut self) -> Result<()> {
        let is_draft_7 = self.dialect.draft == Draft::Draft7;
        let (prefix, rest) = if is_draft_7 {
            match self.members.get("items") {
                Some(list @ Value::Array(_)) => {
                    (self.compiler.list("items", list)?, self.schema("additionalItems"))
                }
                _ => (Vec::new(), self.schema("items")),
            }
        } else {
            let list = self.members.get("prefixItems");
            let prefix = list.map_or(Ok(Vec::new()), |list| self.compiler.list("prefixItems", list))?;
            (prefix, self.schema("items"))
        };
        if !prefix.is_empty() || rest.is_some() {
            self.found.push(Keyword::Items { prefix, rest });
        }
        if let Some(schema) = self.schema("contains") {
            let counts = !is_draft_7 && self.dialect.validation;
            let count = |keyword| if counts { self.count(keyword) } else { Ok(None) };
            let least = count("minContains")?.unwrap_or(1);
            let most = count("maxContains")?.unwrap_or(u64::MAX);
            self.found.push(Keyword::Contains {
                schema,
                least,
                most,
                evaluates: !is_draft_7,
            });
        }
        Ok(())
    }

    fn properties(&mut self) -> Result<()> {
        let mut named = BTreeMap::new();
        for (name, value) in self.object("properties")?.into_iter().flatten() {
            named.insert(name.clone(), self.compiler.id(value));
        }
        let mut patterns = Vec::new();
        for (source, value) in self.object("patternProperties")?.into_iter().flatten() {
            patterns.push((pattern(source)?, self.compiler.id(value)));
        }
        let additional = self.schema("additionalProperties");
        if !named.is_empty() || !patterns.is_empty() || additional.is_some() {
            self.found.push(Keyword::Properties {
                named,
                patterns,
                additional,
            });
        }
        if let Some(id) = self.schema("propertyNames") {
            self.found.push(Keyword::PropertyNames(id));
        }
        let keyword = match self.dialect.draft {
            Draft::Draft7 => "dependencies",
            Draft::Draft202012 => "dependentSchemas",
        };
        let (mut schemas, mut lists) = (Vec::new(), Vec::new());
        for (name, value) in self.object(keyword)?.into_iter().flatten() {
            match value {
                Value::Array(_) => lists.push((name.clone(), names(keyword, value)?)),
                _ => schemas.push((name.clone(), self.compiler.id(value))),
            }
        }
        if !lists.is_empty() {
            self.found.push(Keyword::DependentRequired(lists));
        }
        if !schemas.is_empty() {
            self.found.push(Keyword::DependentSchemas(schemas));
        }
        Ok(())
    }

    fn combinations(&mut self) -> Result<()> {
        type Build = fn(Vec<Id>) -> Keyword;
        let lists: [(&str, Build); 3] = [
            ("allOf", Keyword::AllOf),
            ("anyOf", Keyword::AnyOf),
            ("oneOf", Keyword::OneOf),
        ];
        for (keyword, build) in lists {
            if let Some(value) = self.members.get(keyword) {
                let ids = self.compiler.list(keyword, value)?;
                self.found.push(build(ids));
            }
        }
        if let Some(id) = self.schema("not") {
            self.found.push(Keyword::Not(id));
        }
        if let Some(condition) = self.schema("if") {
            let (then, otherwise) = (self.schema("then"), self.schema("else"));
            self.found.push(Keyword::If {
                condition,
                then,
                otherwise,
            });
        }
        Ok(())
    }
}

fn pattern(source: &str) -> Result<Pattern> {
    Pattern::new(source)
        .map_err(|reason| SchemaError(format!("the pattern '{source}' in the schema: {reason}")))
}

fn names(keyword: &str, value: &Value) -> Result<Vec<String>> {
    let name = |value: &Value| match value {
        Value::String(name) => Ok(name.clone()),
        _ => Err(broken(keyword, "an array of property names")),
    };
    match value {
        Value::Array(items) => items.iter().map(name).collect(),
        _ => Err(broken(keyword, "an array of property names")),
    }
}

/// Refuses a `$ref` that leads back to itself without going into the value. Depth first, without recursion.
fn refuse_endless_references(nodes: &[Node]) -> Result<()> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut states = vec![State::New; nodes.len()];
    for start in 0..nodes.len() {
        let mut path = vec![(start, false)];
        while let Some((id, leaves)) = path.pop() {
            if leaves {
                states[id] = State::Done;
                continue;
            }
            match states[id] {
                State::Done => continue,
                State::Open => {
                    return Err(SchemaError(
                        "a $ref in the schema leads back to itself without end".to_owned(),
                    ));
                }
                State::New => states[id] = State::Open,
            }
            path.push((id, true));
            for keyword in &nodes[id].keywords {
                path.extend(keyword.always_applied().iter().map(|&below| (below, false)));
            }
        }
    }
    Ok(())
}
