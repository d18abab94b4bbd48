use std::sync::Arc;

use proptest::prelude::*;

use super::super::error::Code;
use super::super::insert::Inserted;
use super::super::result_id::result_id;
use super::*;

#[test]
fn a_result_is_stored_once_however_often_it_comes() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        let rows: Vec<_> = (0..130).map(|at| result("r", &format!("case {at}"))).collect();
        let first = store.insert_results(rows.clone(), true).await;
        assert_eq!(
            first,
            Ok(Inserted {
                inserted: 130,
                skipped: 0
            })
        );
        let mut again = rows;
        again.push(result("r", "new"));
        again.push(result("r", "new"));
        let second = store.insert_results(again, true).await;
        assert_eq!(
            second,
            Ok(Inserted {
                inserted: 1,
                skipped: 131
            })
        );
        let count: i64 = file
            .client()
            .query_row("SELECT count(*) FROM EvalResult", [], |row| row.get(0))
            .expect("a count");
        assert_eq!(count, 131);
        store.close().await;
    });
}

#[test]
fn a_duplicate_is_a_conflict_of_its_row_and_nothing_of_the_batch_is_stored() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        store
            .insert_results(vec![result("r", "b")], false)
            .await
            .expect("stored");
        for rows in [["a", "b"], ["c", "c"]] {
            let rows = rows.map(|case| result("r", case)).to_vec();
            let error = refused(store.insert_results(rows, false).await);
            assert_eq!(
                (error.code, error.row, error.retryable),
                (Code::Conflict, Some(1), false)
            );
        }
        assert_eq!(all_results(&store, "r", "{}", 10).await.len(), 1);
    });
}

#[test]
fn a_run_that_does_not_exist_is_named() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        let error = refused(
            store
                .insert_results(vec![result("r", "a"), result("s", "a")], true)
                .await,
        );
        assert_eq!((error.code, error.row), (Code::NotFound, Some(1)));
        assert!(error.message.contains("\"s\""), "{}", error.message);
    });
}

#[test]
fn have_tells_every_case_and_repeat() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        let mut repeated = result("r", "a");
        repeated.repeat = 2;
        store
            .insert_results(vec![result("r", "a"), repeated], true)
            .await
            .expect("stored");
        let keys = [("a", 0), ("a", 1), ("a", 2), ("b", 0)].map(|(case, repeat)| (case.to_owned(), repeat));
        assert_eq!(store.have("r", keys.to_vec()).await, Ok(vec![1, 0, 1, 0]));
        assert_eq!(store.have("other", vec![("a".to_owned(), 0)]).await, Ok(vec![0]));
    });
}

#[test]
fn a_row_of_others_is_repeat_0_of_its_case() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        store
            .insert_results(vec![result("r", "ours")], true)
            .await
            .expect("stored");
        file.client()
            .execute(
                "INSERT INTO EvalResult (id, runId, testCaseId, input, expected, actual, passed, score, latencyMs, tokenUsage, cost) \
                 VALUES ('cuid', 'r', 'theirs', '1', '1', '1', 1, 1.0, 1, '{}', 0.0)",
                [],
            )
            .expect("a row");
        let keys =
            [("theirs", 0), ("theirs", 1), ("ours", 0)].map(|(case, repeat)| (case.to_owned(), repeat));
        assert_eq!(store.have("r", keys.to_vec()).await, Ok(vec![1, 0, 1]));
        let mut repeat = result("r", "theirs");
        repeat.repeat = 1;
        let outcome = store
            .insert_results(vec![result("r", "theirs"), repeat], true)
            .await;
        assert_eq!(
            outcome,
            Ok(Inserted {
                inserted: 1,
                skipped: 1
            })
        );
        let error = refused(store.insert_results(vec![result("r", "theirs")], false).await);
        assert_eq!(error.code, Code::Conflict);
        let items = all_results(&store, "r", "{}", 1).await;
        assert_eq!(texts(&items, "testCaseId"), ["ours", "theirs", "theirs"]);
        assert_eq!(
            items
                .iter()
                .map(|item| item["repeat"].as_i64())
                .collect::<Vec<_>>(),
            [Some(0), Some(1), Some(0)]
        );
    });
}

#[test]
fn writers_of_many_connections_store_everything_once() {
    on_runtime(async {
        let file = File::new();
        file.open().await.create_run(new_run("r")).await.expect("a run");
        let mut writers = Vec::new();
        for writer in 0..4 {
            let store = file.open().await;
            writers.push(tokio::spawn(async move {
                let mut inserted = 0;
                for batch in 0..5 {
                    // Neighbours store half of the same rows.
                    let rows = (0..40)
                        .map(|at| result("r", &format!("{}", writer * 20 + at + batch * 1000)))
                        .collect();
                    inserted += store.insert_results(rows, true).await.expect("stored").inserted;
                }
                store.close().await;
                inserted
            }));
        }
        let mut inserted = 0;
        for writer in writers {
            inserted += writer.await.expect("a writer");
        }
        assert_eq!(inserted, 5 * 100);
        let store = file.open().await;
        assert_eq!(all_results(&store, "r", "{}", 1000).await.len(), 500);
    });
}

#[test]
fn columns_hold_what_prisma_writes() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        let mut row = result("r", "a");
        row.created_at = Some(1_767_323_045_678);
        row.input = "5".to_owned();
        row.explanation = Some("a\0b".to_owned());
        store.insert_results(vec![row], true).await.expect("stored");
        let found: (String, String, i64, String) = file
            .client()
            .query_row(
                "SELECT id, createdAt, input, explanation FROM EvalResult",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .expect("a row");
        let expected = (
            result_id("r", "a", 0),
            "2026-01-02T03:04:05.678+00:00".to_owned(),
            5,
            "a\u{FFFD}b".to_owned(),
        );
        assert_eq!(found, expected);
    });
}

#[test]
fn a_transaction_is_all_or_none() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        for end in ["commit", "rollback", "drop", "conflict"] {
            let transaction = store.begin().await.expect("a transaction");
            transaction.create_run(&new_run(end)).await.expect("a run");
            for batch in 0..3 {
                let rows = [
                    result(end, &format!("{batch}")),
                    result(end, &format!("{batch}b")),
                ];
                transaction.insert_results(&rows, true).await.expect("stored");
            }
            transaction
                .set_metrics(end, Some("{\"avgScore\":0.25,\"scoreDistribution\":{\"all\":6}}"))
                .await
                .expect("metrics");
            match end {
                "commit" => transaction.commit().await.expect("committed"),
                "rollback" => transaction.rollback().await.expect("rolled back"),
                "drop" => drop(transaction),
                _ => {
                    let error = refused(transaction.insert_results(&[result(end, "0")], false).await);
                    assert_eq!(error.code, Code::Conflict);
                    transaction.rollback().await.expect("rolled back");
                }
            }
            let stored = store.run(end).await.expect("an answer");
            assert_eq!(stored.is_some(), end == "commit", "{end}");
        }
        let metrics = json(&store.metrics("commit").await.expect("metrics").expect("some"));
        assert_eq!(
            (&metrics["avgScore"], &metrics["totalTests"]),
            (&Json::from(0.25), &Json::from(6))
        );
        assert_eq!(metrics["scoreDistribution"], serde_json::json!({ "all": 6 }));
        let run = json(&store.run("commit").await.expect("an answer").expect("a run"));
        assert_eq!(run["status"], "completed");
        store.close().await;
    });
}

#[test]
fn closing_waits_for_what_is_under_way() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        let transaction = store.begin().await.expect("a transaction");
        let closing = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.close().await }
        });
        while !store.closed.load(std::sync::atomic::Ordering::Acquire) {
            tokio::task::yield_now().await;
        }
        assert_eq!(refused(store.run("r").await).code, Code::Closed);
        transaction
            .insert_results(&[result("r", "a")], true)
            .await
            .expect("stored");
        assert!(!closing.is_finished());
        transaction.commit().await.expect("committed");
        closing.await.expect("closed");
        store.close().await;
        assert_eq!(all_results(&*file.open().await, "r", "{}", 10).await.len(), 1);
    });
}

#[test]
fn a_write_waits_for_the_lock_up_to_its_timeout() {
    on_runtime(async {
        let file = File::new();
        let store = file
            .try_open(StoreOptions {
                lock_timeout: std::time::Duration::from_millis(50),
                ..StoreOptions::default()
            })
            .await
            .expect("a store");
        store.create_run(new_run("r")).await.expect("a run");
        let other = file.client();
        other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
        let error = refused(store.insert_results(vec![result("r", "a")], true).await);
        assert_eq!((error.code, error.retryable), (Code::Busy, true));
        other.execute_batch("ROLLBACK").expect("its end");
        store
            .insert_results(vec![result("r", "a")], true)
            .await
            .expect("stored");
    });
}

#[test]
fn a_full_disk_is_told_and_the_store_works_on() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        let limit = async |pages: &str| {
            let mut session = store
                .pools
                .outside_transaction(&store.settings())
                .await
                .expect("the writer");
            session
                .rows(format!("PRAGMA max_page_count = {pages}"), Vec::new())
                .await
                .expect("a limit");
        };
        limit("100").await;
        let mut large = result("r", "large");
        large.input = format!("\"{}\"", "x".repeat(1 << 20));
        let error = refused(store.insert_results(vec![large.clone()], true).await);
        assert_eq!((error.code, error.retryable), (Code::Full, false));
        assert!(error.message.contains("runs.db"), "{}", error.message);
        store
            .insert_results(vec![result("r", "small")], true)
            .await
            .expect("stored");
        limit("100000").await;
        store.insert_results(vec![large], true).await.expect("stored");
        assert_eq!(all_results(&store, "r", "{}", 10).await.len(), 2);
    });
}

#[test]
fn a_statement_ends_at_its_timeout() {
    on_runtime(async {
        let file = File::new();
        let store = file
            .try_open(StoreOptions {
                statement_timeout: std::time::Duration::from_millis(20),
                ..StoreOptions::default()
            })
            .await
            .expect("a store");
        let mut session = store.reader().await.expect("a session");
        let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n";
        let error = refused(session.rows(endless, Vec::new()).await);
        assert_eq!((error.code, error.retryable), (Code::Timeout, true));
        assert_eq!(
            session.rows("SELECT 1", Vec::new()).await.expect("a row").len(),
            1
        );
    });
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<f64>().prop_filter_map("finite", |number| serde_json::Number::from_f64(number)
            .map(Json::Number)),
        (-(1i64 << 53)..(1i64 << 53)).prop_map(Json::from),
        any::<String>().prop_map(Json::from),
        Just(Json::from("a\0b")),
    ];
    let tree = leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::hash_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    });
    prop_oneof![
        tree.prop_map(|value| value.to_string()),
        Just("\"\\ud800\"".to_owned()),
        Just("{\"$aiEvals\":\"json\",\"data\":\"NQ==\"}".to_owned()),
        Just("1e21".to_owned()),
        Just("5e-324".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn json_comes_back_as_it_was_written(values in prop::collection::vec(any_json(), 1..12)) {
        let found = on_runtime(async {
            let store = Store::open("sqlite::memory:", StoreOptions::default()).await.expect("a store");
            store.create_run(new_run("r")).await.expect("a run");
            let rows = values
                .iter()
                .enumerate()
                .map(|(at, value)| {
                    let mut row = result("r", &at.to_string());
                    row.input.clone_from(value);
                    row.metadata = Some(value.clone());
                    row
                })
                .collect();
            store.insert_results(rows, true).await.expect("stored");
            let page = store.list_results("r", "{\"limit\":100}").await.expect("a page");
            store.close().await;
            page
        });
        // serde_json's own values hold no lone surrogate.
        let page = json(&found.replace("\\ud800", "?"));
        let items = page["items"].as_array().expect("items");
        for (item, value) in items.iter().zip(&values) {
            let expected = json(&value.replace("\\ud800", "?"));
            for column in ["input", "metadata"] {
                if let Some(number) = expected.as_f64() {
                    prop_assert_eq!(item[column].as_f64(), Some(number));
                } else {
                    prop_assert_eq!(&item[column], &expected);
                }
            }
        }
    }
}
