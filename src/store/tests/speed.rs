use std::time::Instant;

use super::super::result_id::result_id;
use super::super::{Backend, schema_sql};
use super::*;

#[test]
fn speed() {
    let count = 20_000;
    let text = format!("{{\"text\":\"{}\"}}", "x".repeat(160));
    let rows: Vec<_> = (0..count)
        .map(|at| {
            let mut row = result("r", &format!("case-{at}"));
            row.index = Some(at);
            row.category = Some("c".into());
            row.input.clone_from(&text);
            row.expected.clone_from(&text);
            row.actual.clone_from(&text);
            row.score = (at % 7) as f64 / 7.0;
            row
        })
        .collect();
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let peer = File::new();
        let client = peer.client();
        client
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
            .unwrap();
        client.execute_batch(&schema_sql(Backend::Sqlite)).unwrap();
        client.execute("INSERT INTO EvalRun VALUES ('r','d','1',NULL,'m','{}','c','{}',0,NULL,NULL,'s',NULL,NULL,0,0)", []).unwrap();
        let started = Instant::now();
        client.execute_batch("BEGIN").unwrap();
        {
            let mut statement = client
                .prepare(
                    "INSERT INTO EvalResult VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
                )
                .unwrap();
            for row in &rows {
                statement
                    .execute(rusqlite::params![
                        result_id("r", &row.test_case_id, 0),
                        row.run_id,
                        row.test_case_id,
                        row.input,
                        row.expected,
                        row.actual,
                        row.passed,
                        row.score,
                        row.confidence,
                        row.explanation,
                        row.latency_ms,
                        row.token_usage,
                        row.cost,
                        row.metadata,
                        "2026-01-02T03:04:05.678+00:00"
                    ])
                    .unwrap();
            }
        }
        client.execute_batch("COMMIT").unwrap();
        let theirs = started.elapsed();
        let (ours, again, read) = on_runtime(async {
            let file = File::new();
            let store = file.open().await;
            store.create_run(new_run("r")).await.unwrap();
            let batches: Vec<_> = rows.chunks(1000).map(<[_]>::to_vec).collect();
            let second = batches.clone();
            let started = Instant::now();
            for batch in batches {
                store.insert_results(batch, true).await.unwrap();
            }
            let ours = started.elapsed();
            let started = Instant::now();
            for batch in second {
                store.insert_results(batch, true).await.unwrap();
            }
            let again = started.elapsed();
            let started = Instant::now();
            let items = store.list_results("r", "{\"limit\":10000}").await.unwrap();
            assert!(items.len() > 1000);
            (ours, again, started.elapsed())
        });
        let started = Instant::now();
        let mut statement = client.prepare("SELECT * FROM EvalResult r JOIN ai_evals_result_order o ON 1=0 UNION ALL SELECT *,1,1,1,1,1 FROM EvalResult LIMIT 10000").unwrap();
        let mut found = statement.query([]).unwrap();
        let mut bytes = 0;
        while let Some(row) = found.next().unwrap() {
            for at in 0..15 {
                if let rusqlite::types::ValueRef::Text(text) = row.get_ref(at).unwrap() {
                    bytes += text.to_vec().len();
                }
            }
        }
        let their_read = started.elapsed();
        println!(
            "theirs {theirs:?} ours {ours:?} again {again:?} read {read:?} theirs {their_read:?} {bytes}"
        );
        ratios.push((
            theirs.as_secs_f64() / ours.as_secs_f64(),
            ours.as_secs_f64() / again.as_secs_f64(),
        ));
    }
    println!("{ratios:?}");
}
