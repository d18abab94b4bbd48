//! Binding of the module `store`. Every asynchronous call returns a promise; JSON texts cross in both directions.

mod batch_text;
mod event_log;
mod promise;
mod result_store;
mod runtime_owned;
mod store_transaction;

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use self::promise::promise;
use self::result_store::ResultStore;
use super::error::{Failure, Result};
use crate::store::error::StoreError;
use crate::store::{Backend, Store, StoreOptions};

/// Returns the DDL of a new store of `backend`: `sqlite` or `postgres`.
#[napi(catch_unwind)]
pub fn schema_sql(backend: String) -> Result<String> {
    let backend = match backend.as_str() {
        "sqlite" => Backend::Sqlite,
        "postgres" => Backend::Postgres,
        other => {
            return Err(Failure::out_of_range(format!(
                "backend must be 'sqlite' or 'postgres', got {other:?}"
            )));
        }
    };
    Ok(crate::store::schema_sql(backend))
}

/// Opens a store. `options` is JSON: `url` and the options of the facade, times in ms.
#[napi(catch_unwind, ts_return_type = "Promise<ResultStore>")]
pub fn open_store(env: &Env, options: String) -> Result<Object<'_>> {
    promise(env, async move {
        let (url, options) = StoreOptions::from_json(&options)?;
        let store = Store::open(&url, options).await?;
        Ok(ResultStore::new(store))
    })
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::invalid(error)
    }
}
