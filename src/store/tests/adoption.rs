use super::super::error::Code;
use super::super::{Backend, Migrate, schema_sql};
use super::*;

/// The four tables as `prisma migrate` writes them, without one index.
fn prisma_tables() -> String {
    let all = schema_sql(Backend::Sqlite);
    let (prisma, _) = all
        .split_once("CREATE TABLE IF NOT EXISTS")
        .expect("tables of our own");
    prisma
        .lines()
        .filter(|line| !line.contains("EvalResult_runId_score_idx"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn objects(file: &File) -> Vec<(String, String)> {
    let client = file.client();
    let mut statement = client
        .prepare(
            "SELECT name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE '%ai_evals%' ORDER BY name",
        )
        .expect("a query");
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("rows");
    rows.collect::<rusqlite::Result<_>>().expect("rows")
}

fn journal_mode(file: &File) -> String {
    file.client()
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .expect("a mode")
}

#[test]
fn tables_of_prisma_keep_everything_and_get_the_missing_index() {
    on_runtime(async {
        let file = File::new();
        file.client()
            .execute_batch(&format!(
                "{}; CREATE TABLE _prisma_migrations (id TEXT);",
                prisma_tables()
            ))
            .expect("tables");
        file.client()
            .execute_batch(
                "ALTER TABLE EvalRun ADD COLUMN \"more\" TEXT; \
                 INSERT INTO EvalRun (id, datasetId, datasetVersion, modelId, modelConfig, runnerType, scorerConfig, startTime, \
                 status, createdAt, updatedAt) VALUES ('old', 'd', '1', 'm', '{}', 'x', '{}', 1767323045678, 'completed', \
                 1767323045678, 1767323045678)",
            )
            .expect("a row");
        let before = objects(&file);
        let store = file.open().await;
        assert!(store.schema().adopted);
        assert_eq!(store.schema().added, ["EvalResult_runId_score_idx"]);
        assert_eq!(journal_mode(&file), "delete");
        let after: Vec<_> = objects(&file)
            .into_iter()
            .filter(|(name, _)| name != "EvalResult_runId_score_idx")
            .collect();
        assert_eq!(after, before);
        // Integer times, as the newest row has them.
        store.create_run(new_run("new")).await.expect("a run");
        let form: String = file
            .client()
            .query_row(
                "SELECT typeof(createdAt) FROM EvalRun WHERE id = 'new'",
                [],
                |row| row.get(0),
            )
            .expect("a form");
        assert_eq!(form, "integer");
        let old = json(&store.run("old").await.expect("an answer").expect("a run"));
        assert_eq!(old["startTime"], 1_767_323_045_678_i64);
        store.close().await;
        let again = file.open().await;
        assert!(again.schema().adopted);
        assert!(again.schema().added.is_empty());
    });
}

#[test]
fn columns_that_do_not_fit_are_named() {
    on_runtime(async {
        for (change, column) in [
            (
                "ALTER TABLE EvalResult DROP COLUMN explanation",
                "EvalResult.explanation",
            ),
            (
                "ALTER TABLE EvalResult DROP COLUMN cost; ALTER TABLE EvalResult ADD COLUMN cost TEXT",
                "EvalResult.cost",
            ),
        ] {
            let file = File::new();
            file.client()
                .execute_batch(&format!("{}; {change}", prisma_tables()))
                .expect("tables");
            let before = objects(&file);
            let error = refused(file.try_open(StoreOptions::default()).await.map(drop));
            assert_eq!(
                (error.code, error.column.as_deref()),
                (Code::Schema, Some(column))
            );
            assert_eq!(objects(&file), before);
        }
    });
}

#[test]
fn a_newer_store_is_refused_unchanged() {
    on_runtime(async {
        let file = File::new();
        file.open().await.close().await;
        let newer = |oldest_reader: i64| {
            file.client()
                .execute(
                    "INSERT OR REPLACE INTO ai_evals_migrations VALUES (7, 'later', '', 0, ?1)",
                    [oldest_reader],
                )
                .expect("a migration");
        };
        newer(2);
        let error = refused(file.try_open(StoreOptions::default()).await.map(drop));
        assert_eq!(error.code, Code::Schema);
        assert!(error.message.contains('7'), "{}", error.message);
        newer(1);
        file.open().await.close().await;
    });
}

#[test]
fn a_check_creates_nothing() {
    on_runtime(async {
        let check = || StoreOptions {
            migrate: Migrate::Check,
            ..StoreOptions::default()
        };
        let file = File::new();
        assert_eq!(refused(file.try_open(check()).await.map(drop)).code, Code::Schema);
        assert!(!file.path().exists());
        file.client().execute_batch(&prisma_tables()).expect("tables");
        let error = refused(file.try_open(check()).await.map(drop));
        assert!(
            error.message.contains("EvalResult_runId_score_idx"),
            "{}",
            error.message
        );
        file.open().await.close().await;
        file.try_open(check()).await.expect("a store").close().await;
    });
}

#[test]
fn the_sql_of_a_schema_makes_a_store() {
    on_runtime(async {
        let file = File::new();
        file.client()
            .execute_batch(&schema_sql(Backend::Sqlite))
            .expect("tables");
        let store = file.open().await;
        assert!(store.schema().added.is_empty());
        store.create_run(new_run("r")).await.expect("a run");
    });
}

#[test]
fn many_open_a_new_store_at_once() {
    on_runtime(async {
        let file = File::new();
        let mut opening = Vec::new();
        for at in 0..12 {
            let url = file.url();
            opening.push(tokio::spawn(async move {
                let store = Store::open(&url, StoreOptions::default()).await?;
                store.create_run(new_run(&at.to_string())).await?;
                store.close().await;
                Ok::<_, StoreError>(())
            }));
        }
        for store in opening {
            store.await.expect("a task").expect("a store");
        }
        let count: i64 = file
            .client()
            .query_row("SELECT count(*) FROM EvalRun", [], |row| row.get(0))
            .expect("a count");
        assert_eq!(count, 12);
        assert_eq!(journal_mode(&file), "wal");
    });
}

#[test]
fn a_failed_open_leaves_nothing() {
    on_runtime(async {
        let file = File::new();
        let missing = format!("sqlite:{}/missing/runs.db", file.folder.path().display());
        assert_eq!(
            refused(Store::open(&missing, StoreOptions::default()).await.map(drop)).code,
            Code::Connect
        );
        std::fs::write(file.path(), "this is no database, but a text of some length").expect("a file");
        let error = refused(file.try_open(StoreOptions::default()).await.map(drop));
        assert_eq!(error.code, Code::Corrupt);
        assert!(error.message.contains("runs.db"), "{}", error.message);
        let left: Vec<_> = std::fs::read_dir(file.folder.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert_eq!(left, ["runs.db"]);
    });
}

#[test]
fn memory_is_one_database() {
    on_runtime(async {
        let store = Store::open("sqlite::memory:", StoreOptions::default())
            .await
            .expect("a store");
        assert_eq!(store.pool_stats().max, 1);
        store.create_run(new_run("r")).await.expect("a run");
        store
            .insert_results(vec![result("r", "a")], true)
            .await
            .expect("stored");
        assert_eq!(all_results(&store, "r", "{}", 10).await.len(), 1);
    });
}
