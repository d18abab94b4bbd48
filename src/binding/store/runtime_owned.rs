//! Values that have to be dropped inside the runtime: connections are given back by tasks of it.

use std::sync::Arc;

use super::promise::runtime;

/// A shared value that is dropped inside the runtime.
pub struct RuntimeOwned<T> {
    /// Taken in `drop` alone.
    value: Option<Arc<T>>,
}

impl<T> RuntimeOwned<T> {
    /// Takes the value over.
    pub fn new(value: Arc<T>) -> Self {
        Self { value: Some(value) }
    }

    /// Returns the value, for a call.
    pub fn get(&self) -> Arc<T> {
        // It is there until it is dropped.
        self.value.clone().expect("a value until it is dropped")
    }
}

impl<T> Drop for RuntimeOwned<T> {
    fn drop(&mut self) {
        if let Ok(runtime) = runtime() {
            let _inside = runtime.enter();
            drop(self.value.take());
        }
    }
}
