//! A transaction of a store over several batches.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{Float64ArraySlice, Object, Uint32ArraySlice};
use napi_derive::napi;

use super::batch_text::{BatchText, PackedRows};
use super::promise::promise;
use super::result_store::as_json;
use super::runtime_owned::RuntimeOwned;
use crate::binding::error::Result;
use crate::store::StoreTransaction as Transaction;
use crate::store::run::NewRun;

/// An open transaction. One that is collected before its end is rolled back.
#[napi]
pub struct StoreTransaction {
    transaction: RuntimeOwned<Transaction>,
}

impl StoreTransaction {
    pub(super) fn new(transaction: Transaction) -> Self {
        Self {
            transaction: RuntimeOwned::new(Arc::new(transaction)),
        }
    }

    fn transaction(&self) -> Arc<Transaction> {
        self.transaction.get()
    }
}

#[napi]
impl StoreTransaction {
    /// Creates a run of JSON, completed unless it says otherwise, and returns it as JSON.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn create_run<'env>(&self, env: &'env Env, run: String) -> Result<Object<'env>> {
        let transaction = self.transaction();
        promise(env, async move {
            transaction.create_run(&NewRun::from_json(&run)?).await
        })
    }

    /// Stores a batch; see `ResultStore`.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn insert_results<'env>(
        &self,
        env: &'env Env,
        texts: &BatchText,
        lengths: Uint32ArraySlice,
        numbers: Float64ArraySlice,
        skip_duplicates: bool,
    ) -> Result<Object<'env>> {
        let transaction = self.transaction();
        let rows = PackedRows::take(texts, &lengths, &numbers);
        promise(env, async move {
            as_json(
                &transaction
                    .insert_results(&rows.unpack()?, skip_duplicates)
                    .await?,
            )
        })
    }

    /// Writes the metrics of a run. What the JSON does not have is computed from the results; null: everything.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn set_metrics<'env>(
        &self,
        env: &'env Env,
        run_id: String,
        metrics: Option<String>,
    ) -> Result<Object<'env>> {
        let transaction = self.transaction();
        promise(env, async move {
            transaction.set_metrics(&run_id, metrics.as_deref()).await
        })
    }

    /// Makes all of it durable.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn commit<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let transaction = self.transaction();
        promise(env, async move { transaction.commit().await })
    }

    /// Undoes all of it.
    #[napi(catch_unwind, ts_return_type = "Promise<void>")]
    pub fn rollback<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let transaction = self.transaction();
        promise(env, async move { transaction.rollback().await })
    }
}
