use super::super::error::Code;
use super::super::runs::RunEnd;
use super::*;

async fn finished(store: &Store, id: &str) -> Json {
    json(&store.finish_run(id, &RunEnd::default()).await.expect("the end"))
}

#[test]
fn a_run_has_defaults_and_comes_back() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        let created = json(&store.create_run(new_run("r")).await.expect("a run"));
        assert_eq!(created["status"], "running");
        assert_eq!(created["runnerType"], "custom");
        assert_eq!(created["modelConfig"], serde_json::json!({}));
        assert_eq!(created["startTime"], created["createdAt"]);
        assert!(created.get("endTime").is_none() && created.get("metadata").is_none());
        assert_eq!(
            store.run("r").await.expect("an answer").map(|text| json(&text)),
            Some(created)
        );
        assert_eq!(store.run("s").await, Ok(None));
        let error = refused(store.create_run(new_run("r")).await);
        assert_eq!(error.code, Code::Conflict);
    });
}

#[test]
fn finishing_computes_metrics_and_a_second_time_changes_nothing() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        let mut rows = Vec::new();
        for at in 0..10 {
            let mut row = result("r", &at.to_string());
            row.score = f64::from(at) / 9.0;
            row.passed = at >= 4;
            row.category = (at % 2 == 0).then(|| "even".to_owned());
            row.metadata = match at {
                0 => Some("{\"errorType\":\"timeout\"}".to_owned()),
                1 => Some("{\"error\":{\"code\":\"E1\"}}".to_owned()),
                2 => Some("{\"error\":\"?\"}".to_owned()),
                _ => None,
            };
            row.token_usage = match at {
                0 => "{\"prompt\":1,\"completion\":1}".to_owned(),
                1 => "null".to_owned(),
                2 => "7".to_owned(),
                _ => row.token_usage,
            };
            rows.push(row);
        }
        store.insert_results(rows, true).await.expect("stored");
        let run = finished(&store, "r").await;
        assert_eq!(run["status"], "completed");
        assert!(run["endTime"].is_i64() && run["durationMs"].is_i64());
        let metrics = json(&store.metrics("r").await.expect("metrics").expect("some"));
        let expected = serde_json::json!({
            "totalTests": 10, "passedTests": 6, "failedTests": 4, "accuracy": 0.6, "passRate": 0.6, "avgScore": 0.5,
            "avgLatencyMs": 12.0, "totalCost": 5.0, "totalTokens": 37,
        });
        for (key, value) in expected.as_object().expect("an object") {
            assert_eq!(metrics[key].as_f64(), value.as_f64(), "{key}");
        }
        assert_eq!(
            metrics["failuresByType"],
            serde_json::json!({ "timeout": 1, "E1": 1, "error": 1, "incorrect": 1 })
        );
        assert_eq!(
            metrics["scoreDistribution"],
            serde_json::json!({ "0.0-0.2": 2, "0.2-0.4": 2, "0.4-0.6": 2, "0.6-0.8": 2, "0.8-1.0": 2 })
        );
        assert_eq!(
            metrics["categoryBreakdown"]["even"]["totalTests"].as_f64(),
            Some(5.0)
        );
        assert_eq!(
            metrics["categoryBreakdown"]["even"]["accuracy"].as_f64(),
            Some(0.6)
        );
        let end = RunEnd {
            status: Some("failed".to_owned()),
            error: Some("?".to_owned()),
        };
        assert_eq!(json(&store.finish_run("r", &end).await.expect("the end")), run);
        assert_eq!(
            json(&store.metrics("r").await.expect("metrics").expect("some")),
            metrics
        );
        assert_eq!(refused(store.finish_run("s", &end).await).code, Code::NotFound);
    });
}

#[test]
fn a_run_without_results_has_metrics_of_zero() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        finished(&store, "r").await;
        let metrics = json(&store.metrics("r").await.expect("metrics").expect("some"));
        for key in [
            "totalTests",
            "accuracy",
            "avgScore",
            "avgLatencyMs",
            "totalTokens",
        ] {
            assert_eq!(metrics[key].as_f64(), Some(0.0), "{key}");
        }
    });
}

#[test]
fn tokens_beyond_a_column_are_exact_in_the_metadata() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        let mut run = new_run("r");
        run.metadata = Some("{\"a\":1}".to_owned());
        store.create_run(run).await.expect("a run");
        let mut rows = vec![result("r", "a"), result("r", "b")];
        for row in &mut rows {
            row.token_usage = "{\"total\":2000000001}".to_owned();
        }
        store.insert_results(rows, true).await.expect("stored");
        let run = finished(&store, "r").await;
        assert_eq!(
            run["metadata"],
            serde_json::json!({ "a": 1, "aiEvals": { "totalTokens": 4_000_000_002_i64 } })
        );
        let metrics = json(&store.metrics("r").await.expect("metrics").expect("some"));
        assert_eq!(metrics["totalTokens"], i32::MAX);
    });
}

#[test]
fn a_resume_refuses_other_settings_by_path() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        let mut run = new_run("r");
        run.model_config = Some("{\"temperature\":0.0,\"stop\":[\"a\"],\"same\":{\"x\":1}}".to_owned());
        store.create_run(run.clone()).await.expect("a run");
        let mut other = run.clone();
        other.model_id = "other".to_owned();
        other.model_config = Some("{\"stop\":[\"b\"],\"same\":{\"x\":1.0},\"temperature\":0}".to_owned());
        other.scorer_config = Some("{\"k\":null}".to_owned());
        let error = refused(store.resume_run("r", &other, false).await);
        assert_eq!(error.code, Code::RunMismatch);
        let paths: Vec<_> = error
            .differences
            .iter()
            .map(|difference| difference.path.as_str())
            .collect();
        assert_eq!(paths, ["modelId", "modelConfig.stop[0]", "scorerConfig.k"]);
        assert_eq!(error.differences[2].stored, None);
        finished(&store, "r").await;
        let resumed = json(&store.resume_run("r", &run, false).await.expect("resumed"));
        assert_eq!(resumed["status"], "running");
        assert!(resumed.get("endTime").is_none());
        store.resume_run("r", &other, true).await.expect("forced");
        assert_eq!(
            refused(store.resume_run("s", &run, true).await).code,
            Code::NotFound
        );
    });
}

#[test]
fn a_run_that_another_process_holds_is_busy() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        let hold = |heartbeat: i64| {
            file.client()
                .execute(
                    "UPDATE ai_evals_run_owner SET owner = 'elsewhere/1/2', heartbeatAt = ?1",
                    [heartbeat],
                )
                .expect("a holder");
        };
        hold(store.now());
        let error = refused(store.resume_run("r", &new_run("r"), false).await);
        assert_eq!((error.code, error.retryable), (Code::RunBusy, true));
        store.resume_run("r", &new_run("r"), true).await.expect("forced");
        hold(store.now() - 31_000);
        store
            .resume_run("r", &new_run("r"), false)
            .await
            .expect("resumed");
        let owners = || -> i64 {
            file.client()
                .query_row("SELECT count(*) FROM ai_evals_run_owner", [], |row| row.get(0))
                .expect("a count")
        };
        assert_eq!(owners(), 1);
        store.close().await;
        assert_eq!(owners(), 0);
    });
}

#[test]
fn a_heartbeat_renews_what_is_held() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        let client = file.client();
        client
            .execute("UPDATE ai_evals_run_owner SET heartbeatAt = 0", [])
            .expect("a change");
        store.beat_once().await.expect("a heartbeat");
        let beat: i64 = client
            .query_row("SELECT heartbeatAt FROM ai_evals_run_owner", [], |row| row.get(0))
            .expect("a heartbeat");
        assert!(beat > 0);
    });
}

#[test]
fn a_deleted_run_leaves_nothing() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        store.create_run(new_run("r")).await.expect("a run");
        store
            .insert_results(vec![result("r", "a")], true)
            .await
            .expect("stored");
        finished(&store, "r").await;
        assert_eq!(store.delete_run("r").await, Ok(true));
        assert_eq!(store.delete_run("r").await, Ok(false));
        for table in [
            "EvalRun",
            "EvalResult",
            "EvalMetrics",
            "ai_evals_result_order",
            "ai_evals_run_owner",
        ] {
            let count: i64 = file
                .client()
                .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
                .expect("a count");
            assert_eq!(count, 0, "{table}");
        }
    });
}

#[test]
fn runs_are_listed_newest_first_in_pages() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        for at in 0..25 {
            let mut run = new_run(&format!("r{at:02}"));
            run.start_time = Some(1_767_323_045_000.0 + f64::from(at / 3));
            run.model_id = format!("m{}", at % 2);
            store.create_run(run).await.expect("a run");
        }
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = json(
                &store
                    .list_runs(&format!("{{\"limit\":4{cursor}}}"))
                    .await
                    .expect("a page"),
            );
            ids.extend(texts(page["items"].as_array().expect("items"), "id"));
            match page["next"].as_str() {
                Some(next) => cursor = format!(",\"cursor\":\"{next}\""),
                None => break,
            }
        }
        let expected: Vec<_> = (0..25).rev().map(|at| format!("r{at:02}")).collect();
        assert_eq!(ids, expected);
        let filter = "{\"filter\":{\"modelId\":\"m1\",\"since\":1767323045001,\"until\":1767323045002}}";
        let page = json(&store.list_runs(filter).await.expect("a page"));
        assert_eq!(
            texts(page["items"].as_array().expect("items"), "id"),
            ["r07", "r05", "r03"]
        );
        assert_eq!(
            refused(store.list_runs("{\"limit\":1.5}").await).code,
            Code::OutOfRange
        );
    });
}

#[test]
fn runs_without_an_id_get_ids_in_order() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        let mut run = new_run("");
        run.id = None;
        let mut ids = Vec::new();
        for _ in 0..20 {
            ids.push(json(&store.create_run(run.clone()).await.expect("a run"))["id"].to_string());
        }
        assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    });
}

#[test]
fn a_comparison_counts_by_case_and_repeat() {
    on_runtime(async {
        let file = File::new();
        let store = file.open().await;
        for (run, cases) in [("a", ["1", "2", "3", "4"]), ("b", ["2", "3", "4", "5"])] {
            store.create_run(new_run(run)).await.expect("a run");
            let rows = cases
                .iter()
                .map(|case| {
                    let mut row = result(run, case);
                    row.passed = run == "b" || *case == "3";
                    row.score = if run == "b" { 0.75 } else { 0.25 };
                    row
                })
                .collect();
            store.insert_results(rows, true).await.expect("stored");
        }
        let comparison = json(&store.compare_runs("a", "b").await.expect("a comparison"));
        let expected = serde_json::json!({
            "both": 3, "onlyA": 1, "onlyB": 1, "fixed": 2, "broken": 0, "scoreDelta": 0.5, "pValue": 0.5,
        });
        assert_eq!(comparison, expected);
        assert_eq!(refused(store.compare_runs("a", "c").await).code, Code::NotFound);
    });
}
