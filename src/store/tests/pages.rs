use std::collections::HashSet;

use super::super::error::Code;
use super::super::value::Value;
use super::*;

const ORDERS: [&str; 4] = ["dataset", "createdAt", "score", "-score"];

/// A store with a run of many ties.
async fn with_ties(file: &File, count: i64) -> Arc<Store> {
    let store = file.open().await;
    store.create_run(new_run("r")).await.expect("a run");
    let rows = (0..count)
        .map(|at| {
            let mut row = result("r", &format!("case {}", at / 2));
            row.repeat = (at % 2) as u64;
            row.index = Some((count - at) / 2);
            row.score = f64::from(i32::from(at % 10 < 8)) + if at % 10 == 9 { at as f64 / 1e6 } else { 0.0 };
            row.passed = at % 3 == 0;
            row.category = (at % 4 == 0).then(|| "c".to_owned());
            row.created_at = Some(1_767_323_045_000 + at / 7);
            row
        })
        .collect();
    store.insert_results(rows, true).await.expect("stored");
    store
}

#[test]
fn pages_hold_every_row_once_in_order() {
    on_runtime(async {
        let file = File::new();
        let store = with_ties(&file, 300).await;
        for order in ORDERS {
            let filter = format!("{{\"order\":\"{order}\"}}");
            for limit in [1, 7, 100, 1000] {
                let items = all_results(&store, "r", &filter, limit).await;
                let ids: HashSet<_> = texts(&items, "id").into_iter().collect();
                assert_eq!((items.len(), ids.len()), (300, 300), "{order} by {limit}");
                let keys: Vec<f64> = items
                    .iter()
                    .map(|item| match order {
                        "dataset" => {
                            item["index"].as_f64().expect("a place") * 2.0
                                + item["repeat"].as_f64().expect("one")
                        }
                        "createdAt" => item["createdAt"].as_f64().expect("a time"),
                        "score" => item["score"].as_f64().expect("a score"),
                        _ => -item["score"].as_f64().expect("a score"),
                    })
                    .collect();
                assert!(keys.is_sorted(), "{order} by {limit}");
            }
        }
    });
}

#[test]
fn rows_that_come_meanwhile_neither_hide_nor_repeat_others() {
    on_runtime(async {
        let file = File::new();
        let store = with_ties(&file, 200).await;
        for order in ORDERS {
            let before: HashSet<_> = texts(&all_results(&store, "r", "{}", 1000).await, "id")
                .into_iter()
                .collect();
            let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
            loop {
                let query = format!("{{\"filter\":{{\"order\":\"{order}\"}},\"limit\":20{cursor}}}");
                let page = json(&store.list_results("r", &query).await.expect("a page"));
                seen.extend(texts(page["items"].as_array().expect("items"), "id"));
                let mut row = result("r", &format!("{order} {pages}"));
                row.score = f64::from(pages % 3) / 2.0;
                row.index = Some(i64::from(pages));
                store.insert_results(vec![row], true).await.expect("stored");
                pages += 1;
                match page["next"].as_str() {
                    Some(next) => cursor = format!(",\"cursor\":\"{next}\""),
                    None => break,
                }
            }
            let distinct: HashSet<_> = seen.iter().cloned().collect();
            assert_eq!(distinct.len(), seen.len(), "{order}: a row came twice");
            assert!(before.is_subset(&distinct), "{order}: a row is missing");
        }
    });
}

#[test]
fn filters_hold_in_every_order() {
    on_runtime(async {
        let file = File::new();
        let store = with_ties(&file, 200).await;
        let all = all_results(&store, "r", "{}", 1000).await;
        for (filter, holds) in [
            (
                "\"passed\":false",
                (|item: &Json| item["passed"] == false) as fn(&Json) -> bool,
            ),
            ("\"minScore\":0.5,\"maxScore\":1", |item: &Json| {
                (0.5..=1.0).contains(&item["score"].as_f64().expect("a score"))
            }),
            ("\"testCaseId\":\"case 7\"", |item: &Json| {
                item["testCaseId"] == "case 7"
            }),
            ("\"category\":\"c\"", (|item: &Json| item["category"] == "c")),
        ] {
            let mut expected: Vec<_> = all
                .iter()
                .filter(|item| holds(item))
                .map(|item| item["id"].to_string())
                .collect();
            expected.sort();
            for order in ORDERS {
                let items = all_results(&store, "r", &format!("{{{filter},\"order\":\"{order}\"}}"), 3).await;
                let mut found: Vec<_> = items.iter().map(|item| item["id"].to_string()).collect();
                found.sort();
                assert_eq!(found, expected, "{filter} by {order}");
            }
        }
    });
}

#[test]
fn a_cursor_of_another_query_is_refused() {
    on_runtime(async {
        let file = File::new();
        let store = with_ties(&file, 10).await;
        let page = json(&store.list_results("r", "{\"limit\":1}").await.expect("a page"));
        let cursor = page["next"].as_str().expect("a cursor");
        for query in [
            format!("{{\"cursor\":\"{cursor}\",\"filter\":{{\"order\":\"score\"}}}}"),
            format!("{{\"cursor\":\"{cursor}\",\"filter\":{{\"passed\":true}}}}"),
            "{\"cursor\":\"x\"}".to_owned(),
            "{\"limit\":0}".to_owned(),
            "{\"limit\":10001}".to_owned(),
        ] {
            assert_eq!(
                refused(store.list_results("r", &query).await).code,
                Code::OutOfRange,
                "{query}"
            );
        }
        let other = format!("{{\"cursor\":\"{cursor}\"}}");
        assert_eq!(
            refused(store.list_results("s", &other).await).code,
            Code::OutOfRange
        );
    });
}

#[test]
fn a_page_ends_where_its_rows_become_large() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        for case in 0..6 {
            let mut row = result("r", &case.to_string());
            row.input = format!("\"{}\"", "x".repeat(200_000));
            store.insert_results(vec![row], true).await.expect("stored");
        }
        let page = json(&store.list_results("r", "{\"limit\":100}").await.expect("a page"));
        assert_eq!(page["items"].as_array().map(Vec::len), Some(3));
        for order in ORDERS {
            let items = all_results(&store, "r", &format!("{{\"order\":\"{order}\"}}"), 100).await;
            assert_eq!(items.len(), 6, "{order}");
        }
    });
}

#[test]
fn a_row_without_json_is_named() {
    on_runtime(async {
        let file = File::new();
        let store = with_ties(&file, 2).await;
        file.client()
            .execute("UPDATE EvalResult SET actual = 'abc'", [])
            .expect("a change");
        let error = refused(store.list_results("r", "{}").await);
        assert_eq!(
            (error.code, error.column.as_deref()),
            (Code::Corrupt, Some("actual"))
        );
    });
}

/// Statements of a page must walk an index in its order: no scan of a table, and no sort of more than ties.
#[test]
fn pages_are_read_by_an_index() {
    on_runtime(async {
        let file = File::new();
        let store = with_ties(&file, 10).await;
        let mut session = store.reader().await.expect("a session");
        let dialect = &store.dialect;
        for (sql, index) in [
            (
                format!(
                    "SELECT r.id FROM {} o CROSS JOIN {} r ON r.id = o.resultId WHERE o.runId = $1 \
                     AND (o.\"index\", o.repeat, o.resultId) > (1, 0, 'e') ORDER BY o.\"index\", o.repeat, o.resultId LIMIT 100",
                    dialect.order, dialect.result
                ),
                "ai_evals_result_order_place",
            ),
            (
                "SELECT r.score FROM EvalResult r WHERE r.runId = $1 AND r.score > 0.5 ORDER BY r.score LIMIT 100".to_owned(),
                "EvalResult_runId_score_idx",
            ),
            (
                "SELECT r.id FROM EvalResult r WHERE r.runId = $1 AND r.score = 0.5 AND r.rowid > 7 ORDER BY r.rowid LIMIT 100"
                    .to_owned(),
                "EvalResult_runId_score_idx",
            ),
            (
                "SELECT r.id FROM EvalResult r WHERE +r.runId = $1 AND r.testCaseId = 'a'".to_owned(),
                "EvalResult_testCaseId_idx",
            ),
        ] {
            let rows = session
                .rows(format!("EXPLAIN QUERY PLAN {sql}"), vec![Value::text("r")])
                .await
                .expect("a plan");
            let plan: Vec<_> = rows.iter().map(|row| row[3].text().unwrap_or_default()).collect();
            assert!(plan[0].contains(index), "{sql}: {plan:?}");
            assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{sql}: {plan:?}");
        }
    });
}

#[test]
fn times_of_every_form_are_read_and_ordered() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        let client = file.client();
        for (case, time) in [
            ("c", "'2026-01-02 03:04:05'"),
            ("d", "'2026-01-02T03:04:05.500Z'"),
            ("a", "1767323043000"),
            ("e", "1767323046000"),
            ("b", "'2026-01-02T04:04:04.000+01:00'"),
        ] {
            client
                .execute(
                    &format!(
                        "INSERT INTO EvalResult (id, runId, testCaseId, input, expected, actual, passed, score, latencyMs, \
                         tokenUsage, cost, createdAt) VALUES ('{case}', 'r', '{case}', 1, 1, 1, 1, 1.0, 1, '{{}}', 0.0, {time})"
                    ),
                    [],
                )
                .expect("a row");
        }
        for order in ["createdAt", "dataset"] {
            let items = all_results(&store, "r", &format!("{{\"order\":\"{order}\"}}"), 2).await;
            assert_eq!(texts(&items, "testCaseId"), ["a", "b", "c", "d", "e"], "{order}");
            assert_eq!(items[3]["createdAt"], 1_767_323_045_500_i64);
        }
    });
}
