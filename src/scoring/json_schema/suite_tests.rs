//! The official suites (`../shared/data/scoring`); passes with a note where they are not there.

use super::{Draft, Schema};
use crate::scoring::interrupt::Interrupt;
use crate::scoring::json::{Value, parse};
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

fn suite() -> Option<BTreeMap<String, Value>> {
    let beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/scoring/vectors/schema-suite.json.gz");
    let Ok(file) = File::open(&beside) else {
        eprintln!("skipped: {} is not there", beside.display());
        return None;
    };
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    match parse(&text) {
        Some(Value::Object(members)) => Some(members),
        _ => panic!("the suite is an object"),
    }
}

fn members(value: &Value) -> &BTreeMap<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => panic!("an object"),
    }
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        _ => panic!("an array"),
    }
}

#[test]
fn every_required_test_of_both_drafts_passes() {
    let Some(suite) = suite() else { return };
    let mut failed = Vec::new();
    let mut count = 0;
    for (name, draft, other) in [
        ("draft7", Draft::Draft7, "draft2020"),
        ("draft2020-12", Draft::Draft202012, "draft7"),
    ] {
        let remotes = members(&suite["remotes"])
            .iter()
            .filter(|(path, _)| !path.starts_with(other));
        let remotes: Vec<(String, Value)> = remotes
            .map(|(path, schema)| (format!("http://localhost:1234/{path}"), schema.clone()))
            .collect();
        for group in items(&members(&suite["suite"])[name]) {
            let group = members(group);
            let place = |test: &Value| {
                format!(
                    "{name} {:?} / {:?} / {test:?}",
                    group["file"], group["description"]
                )
            };
            let schema = match Schema::new(&group["schema"], draft, &remotes) {
                Ok(schema) => schema,
                Err(error) => {
                    failed.push(format!("{}: {error}", place(&Value::Null)));
                    continue;
                }
            };
            for test in items(&group["tests"]) {
                let [description, data, valid] = items(test) else {
                    panic!("three parts")
                };
                count += 1;
                let verdict = schema.validate(data, Interrupt::never());
                if verdict.as_ref().map(Option::is_none) != Ok(*valid == Value::Bool(true)) {
                    failed.push(format!("{}: {verdict:?}", place(description)));
                }
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {count} fail:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(count > 900);
}
