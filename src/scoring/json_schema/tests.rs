use super::{Draft, Schema};
use crate::scoring::interrupt::{Interrupt, Stop};
use crate::scoring::json::{Value, parse};
use std::sync::atomic::AtomicBool;

fn json(text: &str) -> Value {
    parse(text).unwrap_or_else(|| panic!("not JSON: {text}"))
}

fn schema(text: &str) -> Result<Schema, String> {
    Schema::new(&json(text), Draft::Draft202012, &[]).map_err(|error| error.to_string())
}

fn failure(schema_text: &str, instance: &str) -> Option<(String, &'static str)> {
    let schema = schema(schema_text).expect("a schema");
    let failure = schema
        .validate(&json(instance), Interrupt::never())
        .expect("few steps");
    failure.map(|failure| (failure.pointer, failure.keyword))
}

#[test]
fn numbers_compare_as_decimals() {
    assert_eq!(
        failure("{\"maximum\": 4}", "1e400"),
        Some((String::new(), "maximum"))
    );
    assert_eq!(failure("{\"const\": 1}", "1.0"), None);
    assert_eq!(
        failure("{\"maximum\": 9007199254740992}", "9007199254740993"),
        Some((String::new(), "maximum"))
    );
    assert_eq!(
        failure("{\"type\": \"integer\", \"multipleOf\": 0.1}", "3.0"),
        None
    );
    assert_eq!(
        failure("{\"uniqueItems\": true}", "[1, true, 1.0]"),
        Some((String::new(), "uniqueItems"))
    );
}

#[test]
fn the_first_failure_says_where_and_why() {
    let nested = "{\"properties\": {\"a/b\": {\"items\": {\"type\": \"string\"}}}, \"required\": [\"c\"]}";
    assert_eq!(
        failure(nested, "{\"a/b\": [\"x\", 1], \"c\": 0}"),
        Some(("/a~1b/1".to_owned(), "type"))
    );
    assert_eq!(failure(nested, "{}"), Some((String::new(), "required")));
    assert_eq!(
        failure("{\"anyOf\": [{\"type\": \"string\"}, false]}", "1"),
        Some((String::new(), "anyOf"))
    );
    assert_eq!(failure("{\"not\": {}}", "1"), Some((String::new(), "not")));
}

#[test]
fn schemas_that_cannot_be_used_are_refused_with_the_reason() {
    for (text, reason) in [
        ("{\"type\": \"strin\"}", "type"),
        ("{\"minimum\": \"1\"}", "minimum"),
        ("{\"$ref\": \"https://example.org/other\"}", "nothing is fetched"),
        ("{\"$ref\": \"#/$defs/none\"}", "not there"),
        ("{\"$ref\": \"#none\"}", "anchor"),
        ("{\"$ref\": \"#\"}", "without end"),
        ("{\"allOf\": [{\"$ref\": \"#\"}]}", "without end"),
        ("{\"pattern\": \"(\"}", "pattern"),
        (
            "{\"$schema\": \"http://json-schema.org/draft-04/schema#\"}",
            "not supported",
        ),
        ("{\"properties\": {\"a\": 5}}", "object, true or false"),
        ("{\"required\": [\"a\", \"a\"]}", "required"),
        ("5", "object, true or false"),
    ] {
        let error = schema(text).expect_err(text);
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn a_reference_to_a_schema_given_beside_it_is_followed() {
    let others = [("https://example.org/age".to_owned(), json("{\"minimum\": 18}"))];
    let main = json("{\"properties\": {\"age\": {\"$ref\": \"https://example.org/age\"}}}");
    let schema = Schema::new(&main, Draft::Draft7, &others).expect("a schema");
    assert!(
        schema
            .validate(&json("{\"age\": 17}"), Interrupt::never())
            .expect("few steps")
            .is_some()
    );
    assert!(
        schema
            .validate(&json("{\"age\": 18}"), Interrupt::never())
            .expect("few steps")
            .is_none()
    );
}

#[test]
fn format_never_asserts() {
    assert_eq!(failure("{\"format\": \"date\"}", "\"no date\""), None);
}

/// A schema of 2^60 steps: each level tries two ways into the next.
fn endless() -> Schema {
    let levels: Vec<String> = (0..60)
        .map(|n| {
            format!(
                "\"l{n}\": {{\"oneOf\": [{{\"$ref\": \"#/$defs/l{0}\"}}, {{\"$ref\": \"#/$defs/l{0}\"}}]}}",
                n + 1
            )
        })
        .collect();
    let text = format!(
        "{{\"$ref\": \"#/$defs/l0\", \"$defs\": {{{}, \"l60\": false}}}}",
        levels.join(", ")
    );
    schema(&text).expect("a schema")
}

#[test]
fn an_interrupt_ends_a_validation() {
    let raised = AtomicBool::new(true);
    let verdict = endless().validate(&Value::Null, Interrupt::new(&raised));
    assert_eq!(verdict, Err(Stop::Interrupted));
}

#[test]
fn a_validation_without_end_is_given_up() {
    let verdict = endless().validate(&Value::Null, Interrupt::never());
    assert!(matches!(verdict, Err(Stop::Exhausted { .. })));
    let anyhow = schema("{\"anyOf\": [{\"type\": \"string\"}, {\"$ref\": \"#\"}]}").expect("a schema");
    assert!(anyhow.validate(&Value::Null, Interrupt::never()).is_err());
    assert!(
        anyhow
            .validate(&json("\"x\""), Interrupt::never())
            .expect("few steps")
            .is_none()
    );
}

#[test]
fn deep_values_and_long_chains_of_references_use_a_bounded_stack() {
    let deep = format!("{}1{}", "[".repeat(250), "]".repeat(250));
    let tree =
        schema("{\"$defs\": {\"t\": {\"items\": {\"$ref\": \"#/$defs/t\"}}}, \"$ref\": \"#/$defs/t\"}")
            .expect("a schema");
    assert!(
        tree.validate(&json(&deep), Interrupt::never())
            .expect("few steps")
            .is_none()
    );
    let links: Vec<String> = (0..5000)
        .map(|n| format!("\"l{n}\": {{\"$ref\": \"#/$defs/l{}\"}}", n + 1))
        .collect();
    let chain = format!(
        "{{\"$ref\": \"#/$defs/l0\", \"$defs\": {{{}, \"l5000\": true}}}}",
        links.join(", ")
    );
    assert!(
        schema(&chain)
            .expect("a schema")
            .validate(&Value::Null, Interrupt::never())
            .is_err()
    );
}
