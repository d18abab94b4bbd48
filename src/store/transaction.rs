//! A transaction over several batches: all or none. Until its end it has the write lock of an SQLite file.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::batch::NewResult;
use super::error::{Code, Result, StoreError};
use super::insert::Inserted;
use super::metrics::NewMetrics;
use super::run::NewRun;
use super::runs::{new_id, parsed};
use super::session::Session;
use super::{Call, Store};

/// An open transaction. Dropping it rolls back.
pub struct StoreTransaction {
    store: Arc<Store>,
    open: Mutex<Option<(Session, Call)>>,
}

impl Store {
    /// Begins a transaction.
    ///
    /// # Errors
    /// [`Code::Busy`] when the lock is not had in time; what connecting fails with.
    pub async fn begin(self: &Arc<Self>) -> Result<StoreTransaction> {
        let call = self.enter().await?;
        let mut attempts = self.attempts();
        let session = loop {
            let outcome = self.transaction().await;
            if let ControlFlow::Break(outcome) = attempts.settle(outcome).await {
                break outcome?;
            }
        };
        Ok(StoreTransaction {
            store: Arc::clone(self),
            open: Mutex::new(Some((session, call))),
        })
    }
}

fn ended() -> StoreError {
    StoreError::new(Code::Closed, "The transaction has ended; begin another one.")
}

impl StoreTransaction {
    /// Creates a run, completed unless it says otherwise. Returns it as JSON.
    ///
    /// # Errors
    /// [`Code::Conflict`] when there is a run of that id.
    pub async fn create_run(&self, new: &NewRun) -> Result<String> {
        let mut open = self.open.lock().await;
        let (session, _) = open.as_mut().ok_or_else(ended)?;
        let id = new.id.clone().unwrap_or_else(|| new_id('r', self.store.now()));
        self.store.create_in(session, new, &id, "completed").await
    }

    /// Stores a batch; see [`Store::insert_results`]. After an error the transaction can only be rolled back.
    ///
    /// # Errors
    /// The errors of [`Store::insert_results`].
    pub async fn insert_results(&self, results: &[NewResult], skip_duplicates: bool) -> Result<Inserted> {
        let mut open = self.open.lock().await;
        let (session, _) = open.as_mut().ok_or_else(ended)?;
        self.store.insert_in(session, results, skip_duplicates).await
    }

    /// Writes the metrics of a run: what the JSON does not have is computed from the results. O(results).
    ///
    /// # Errors
    /// [`Code::InvalidType`] for other JSON.
    pub async fn set_metrics(&self, run_id: &str, metrics: Option<&str>) -> Result<()> {
        let given: Option<NewMetrics> = metrics.map(|json| parsed(json, "The metrics")).transpose()?;
        let mut open = self.open.lock().await;
        let (session, _) = open.as_mut().ok_or_else(ended)?;
        self.store.write_metrics(session, run_id, given.as_ref()).await?;
        Ok(())
    }

    /// Makes all of it durable.
    ///
    /// # Errors
    /// [`Code::Closed`] after its end; the database's, and then nothing of it is stored.
    pub async fn commit(&self) -> Result<()> {
        let (session, _call) = self.open.lock().await.take().ok_or_else(ended)?;
        session.commit().await
    }

    /// Undoes all of it. A transaction that has ended stays as it is.
    ///
    /// # Errors
    /// The database's.
    pub async fn rollback(&self) -> Result<()> {
        match self.open.lock().await.take() {
            Some((session, _call)) => session.rollback().await,
            None => Ok(()),
        }
    }
}
