//! An open store.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{
    Float64Array, Float64ArraySlice, Object, Uint8Array, Uint32ArraySlice, Utf16String,
};
use napi_derive::napi;

use super::batch_text::{BatchText, PackedRows, page};
use super::promise::promise;
use super::runtime_owned::RuntimeOwned;
use super::store_transaction::StoreTransaction;
use crate::binding::error::{Failure, Result};
use crate::store::Store;
use crate::store::baseline::{BaselineQuery, NewBaseline};
use crate::store::batch::unpack_texts;
use crate::store::error::{Code, StoreError};
use crate::store::run::NewRun;
use crate::store::runs::{RunEnd, parsed};

/// An open store of runs and results.
#[napi]
pub struct ResultStore {
    store: RuntimeOwned<Store>,
}

impl ResultStore {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self {
            store: RuntimeOwned::new(store),
        }
    }

    fn store(&self) -> Arc<Store> {
        self.store.get()
    }
}

pub(super) fn as_json(value: &impl serde::Serialize) -> std::result::Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::new(Code::InvalidType, error.to_string()))
}

#[napi]
impl ResultStore {
    /// The URL without secrets.
    #[napi(getter, catch_unwind)]
    pub fn url(&self) -> String {
        self.store().url().to_owned()
    }

    /// The kind of database: `sqlite` or `postgres`.
    #[napi(getter, catch_unwind)]
    pub fn backend(&self) -> &'static str {
        self.store().backend().name()
    }

    /// Returns what opening found and added, as JSON: `version`, `adopted`, `added`.
    #[napi(catch_unwind)]
    pub fn schema(&self) -> Result<String> {
        Ok(as_json(self.store().schema())?)
    }

    /// Returns counts of connections: the most, open ones, idle ones, and calls that wait for one.
    #[napi(catch_unwind)]
    pub fn pool_stats(&self) -> Float64Array {
        let stats = self.store().pool_stats();
        Float64Array::new(
            [stats.max, stats.size, stats.idle, stats.waiting]
                .map(|count| count as f64)
                .to_vec(),
        )
    }

    /// Changes the password of connections to come.
    #[napi(catch_unwind)]
    pub fn set_password(&self, password: String) -> Result<()> {
        Ok(self.store().set_password(&password)?)
    }

    /// Closes the store once the calls under way have ended.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move {
            store.close().await;
            Ok(())
        })
    }

    /// Creates a run of JSON and returns it as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn create_run<'env>(&self, env: &'env Env, run: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(
            env,
            async move { store.create_run(NewRun::from_json(&run)?).await },
        )
    }

    /// Returns a run as JSON; null for none.
    #[napi(catch_unwind, ts_return_type = "Promise<string | null>")]
    pub fn get_run<'env>(&self, env: &'env Env, id: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move { store.run(&id).await })
    }

    /// Deletes a run with its results and metrics. Returns whether there was one.
    #[napi(catch_unwind, ts_return_type = "Promise<boolean>")]
    pub fn delete_run<'env>(&self, env: &'env Env, id: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move { store.delete_run(&id).await })
    }

    /// Ends a run, whose metrics are computed. `end` is JSON: `status`, `error`. Returns the run as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn finish_run<'env>(&self, env: &'env Env, id: String, end: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move {
            let end: RunEnd = parsed(&end, "The end of the run")?;
            store.finish_run(&id, &end).await
        })
    }

    /// Takes up a run again, which must be as `expected`, a run of JSON. Returns it as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn resume_run<'env>(
        &self,
        env: &'env Env,
        id: String,
        expected: String,
        force: bool,
    ) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move {
            let expected = NewRun::from_json(&expected)?;
            store.resume_run(&id, &expected, force).await
        })
    }

    /// Gives up a run without finishing it.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn release_run<'env>(&self, env: &'env Env, id: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move { store.release_run(&id).await })
    }

    /// Returns a page of runs as JSON, a long one as its bytes: `items`, `next`. `query` is JSON: `filter`, `limit`, `cursor`.
    #[napi(catch_unwind, ts_return_type = "Promise<string | Buffer>")]
    pub fn list_runs<'env>(&self, env: &'env Env, query: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move { store.list_runs(&query).await.map(page) })
    }

    /// Compares run `b` with run `a`. Returns counts, the difference of scores and p as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn compare_runs<'env>(&self, env: &'env Env, a: String, b: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move { store.compare_runs(&a, &b).await })
    }

    /// Stores a batch in one transaction; see `batch` of the engine for its form. Returns counts as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn insert_results<'env>(
        &self,
        env: &'env Env,
        texts: &BatchText,
        lengths: Uint32ArraySlice,
        numbers: Float64ArraySlice,
        skip_duplicates: bool,
    ) -> Result<Object<'env>> {
        let store = self.store();
        let rows = PackedRows::take(texts, &lengths, &numbers);
        promise(env, async move {
            as_json(&store.insert_results(rows.unpack()?, skip_duplicates).await?)
        })
    }

    /// Returns 1 for each (case, repeat) whose result the run has, else 0. `test_case_ids` is the ids run together, of these
    /// `lengths` in UTF-16 units.
    #[napi(catch_unwind, ts_return_type = "Promise<Uint8Array>")]
    pub fn have<'env>(
        &self,
        env: &'env Env,
        run_id: String,
        test_case_ids: Utf16String,
        lengths: Uint32ArraySlice,
        repeats: Float64ArraySlice,
    ) -> Result<Object<'env>> {
        let store = self.store();
        if lengths.len() != repeats.len() {
            return Err(Failure::invalid("lengths and repeats must be equally long"));
        }
        let ids = unpack_texts(&test_case_ids, &lengths)?;
        let keys = ids
            .into_iter()
            .zip(repeats.iter().map(|repeat| *repeat as u64))
            .collect();
        promise(env, async move {
            store.have(&run_id, keys).await.map(Uint8Array::new)
        })
    }

    /// Returns a page of results as JSON, a long one as its bytes: `items`, `next`. `query` is JSON: `filter`, `limit`, `cursor`.
    #[napi(catch_unwind, ts_return_type = "Promise<string | Buffer>")]
    pub fn list_results<'env>(&self, env: &'env Env, run_id: String, query: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(
            env,
            async move { store.list_results(&run_id, &query).await.map(page) },
        )
    }

    /// Returns the metrics of a run as JSON; null for none.
    #[napi(catch_unwind, ts_return_type = "Promise<string | null>")]
    pub fn metrics<'env>(&self, env: &'env Env, run_id: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move { store.metrics(&run_id).await })
    }

    /// Sets a baseline of JSON and returns it as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn set_baseline<'env>(&self, env: &'env Env, baseline: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move {
            let baseline: NewBaseline = parsed(&baseline, "The baseline")?;
            store.set_baseline(&baseline).await
        })
    }

    /// Returns the active baseline of a query of JSON, `datasetId` and perhaps `modelId`, as JSON; null for none.
    #[napi(catch_unwind, ts_return_type = "Promise<string | null>")]
    pub fn active_baseline<'env>(&self, env: &'env Env, query: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move {
            let query: BaselineQuery = parsed(&query, "The query")?;
            store.active_baseline(&query).await
        })
    }

    /// Returns all baselines as a JSON array, newest first.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn list_baselines<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move { store.list_baselines().await })
    }

    /// Begins a transaction over several batches.
    #[napi(catch_unwind, ts_return_type = "Promise<StoreTransaction>")]
    pub fn begin<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let store = self.store();
        promise(
            env,
            async move { Ok(StoreTransaction::new(store.begin().await?)) },
        )
    }

    /// Returns a document as JSON; null for none.
    #[napi(catch_unwind, ts_return_type = "Promise<string | null>")]
    pub fn document<'env>(&self, env: &'env Env, kind: String, name: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move { store.document(&kind, &name).await })
    }

    /// Stores a document of JSON; null removes it.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_document<'env>(
        &self,
        env: &'env Env,
        kind: String,
        name: String,
        json: Option<String>,
    ) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move {
            store.set_document(&kind, &name, json.as_deref()).await
        })
    }

    /// Returns name and time of the documents of a kind as a JSON array.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn list_documents<'env>(&self, env: &'env Env, kind: String) -> Result<Object<'env>> {
        let store = self.store();
        promise(env, async move { store.list_documents(&kind).await })
    }
}
