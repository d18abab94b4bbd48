//! Promises of the store's calls, which run on a tokio runtime of their own.
//!
//! The runtime belongs to the process and ends with it: a worker thread of Node that ends takes no call of another one
//! with it. Its threads keep no process alive; a promise that is pending does.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;

use futures_util::FutureExt;
use napi::Env;
use napi::bindgen_prelude::{Object, ToNapiValue};
use tokio::runtime::{Builder, Runtime};

use crate::binding::error::{Code, Failure, Result};
use crate::store::error::StoreError;

/// Threads of the runtime: they wait for sockets and hand statements on, and SQLite has threads of its own.
const THREADS: usize = 2;

type Resolver<T> = Box<dyn FnOnce(Env) -> napi::Result<T> + Send>;

/// Returns the runtime of the process.
///
/// # Errors
/// When the system gives no threads.
pub fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::result::Result<Runtime, String>> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(THREADS)
                .thread_name("ai-evals-store")
                .enable_all()
                .build()
                .map_err(|error| error.to_string())
        })
        .as_ref()
        .map_err(|error| {
            Failure::new(
                Code::Native,
                format!("the threads of the store cannot be started: {error}"),
            )
        })
}

/// Starts a call and returns its promise. A rejection's message is the error as JSON.
///
/// # Errors
/// When the call cannot be started.
pub fn promise<T>(
    env: &Env,
    call: impl Future<Output = std::result::Result<T, StoreError>> + Send + 'static,
) -> Result<Object<'_>>
where
    T: ToNapiValue + Send + 'static,
{
    let runtime = runtime()?;
    let (deferred, promise) = env.create_deferred::<T, Resolver<T>>()?;
    runtime.spawn(async move {
        match AssertUnwindSafe(call).catch_unwind().await {
            Ok(Ok(value)) => deferred.resolve(Box::new(move |_| Ok(value))),
            Ok(Err(error)) => {
                let json = serde_json::to_string(&error).unwrap_or_else(|_| error.to_string());
                deferred.reject(napi::Error::from_reason(json));
            }
            Err(panic) => {
                let said = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("a panic without a message");
                let json =
                    serde_json::json!({ "code": "ERR_NATIVE_PANIC", "message": said, "retryable": false });
                deferred.reject(napi::Error::from_reason(json.to_string()));
            }
        }
    });
    Ok(promise)
}
