//! Promises of the store, on files of SQLite, with rusqlite as a second client.

mod adoption;
mod closing;
mod documents;
mod durability;
mod inserting;
mod pages;
mod runs;

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use serde_json::Value as Json;
use tempfile::TempDir;

use super::batch::NewResult;
use super::error::{Result, StoreError};
use super::run::NewRun;
use super::{Store, StoreOptions};

/// A database file in a folder of its own.
struct File {
    folder: TempDir,
}

impl File {
    fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a folder"),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("runs.db")
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    async fn open(&self) -> Arc<Store> {
        self.try_open(StoreOptions::default()).await.expect("a store")
    }

    async fn try_open(&self, options: StoreOptions) -> Result<Arc<Store>> {
        Store::open(&self.url(), options).await
    }

    /// Opens the file with another client.
    fn client(&self) -> Connection {
        Connection::open(self.path()).expect("a second client")
    }
}

/// Runs a test on a runtime as the addon has it. The future must be `Send`, as there.
fn on_runtime<T: Send>(test: impl Future<Output = T> + Send) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test)
}

fn new_run(id: &str) -> NewRun {
    NewRun {
        id: Some(id.to_owned()),
        dataset_id: "dataset".to_owned(),
        dataset_version: "1".to_owned(),
        model_id: "model".to_owned(),
        ..NewRun::default()
    }
}

fn result(run: &str, case: &str) -> NewResult {
    NewResult {
        run_id: run.to_owned(),
        test_case_id: case.to_owned(),
        repeat: 0,
        index: None,
        category: None,
        input: "{\"question\":\"?\"}".to_owned(),
        expected: "\"yes\"".to_owned(),
        actual: "\"yes\"".to_owned(),
        passed: true,
        score: 1.0,
        confidence: None,
        explanation: None,
        latency_ms: 12,
        token_usage: "{\"prompt\":2,\"completion\":3,\"total\":5}".to_owned(),
        cost: 0.5,
        metadata: None,
        created_at: None,
    }
}

fn json(text: &str) -> Json {
    serde_json::from_str(text).expect("JSON")
}

/// Returns all items of a listing, page by page.
async fn all_results(store: &Store, run: &str, filter: &str, limit: usize) -> Vec<Json> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let query = format!("{{\"filter\":{filter},\"limit\":{limit}{cursor}}}");
        let page = json(&store.list_results(run, &query).await.expect("a page"));
        items.extend(page["items"].as_array().expect("items").clone());
        match page["next"].as_str() {
            Some(next) => cursor = format!(",\"cursor\":\"{next}\""),
            None => return items,
        }
    }
}

fn texts(items: &[Json], key: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| item[key].as_str().unwrap_or_default().to_owned())
        .collect()
}

fn refused<T: std::fmt::Debug>(outcome: Result<T>) -> StoreError {
    outcome.expect_err("an error")
}
