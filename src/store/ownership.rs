//! Holding runs: one process at a time works on a run, and a process that died holds nothing.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::attempts::writing;
use super::error::{Code, Result, StoreError};
use super::owner::HEARTBEAT_MS;
use super::session::Session;
use super::value::Value;
use super::{Store, locked};

impl Store {
    /// Takes hold of a run in the transaction of `session`.
    ///
    /// # Errors
    /// [`Code::RunBusy`] when another process holds it, unless `force`.
    pub(super) async fn take_hold(&self, session: &mut Session, run_id: &str, force: bool) -> Result<()> {
        let owners = &self.dialect.owner;
        let now = self.now();
        if !force {
            let holder = session
                .first(
                    format!("SELECT \"owner\", \"heartbeatAt\" FROM {owners} WHERE \"runId\" = $1"),
                    vec![Value::text(run_id)],
                )
                .await?;
            if let Some(row) = holder
                && self.owner.is_kept_out_by(
                    row[0].text().unwrap_or_default(),
                    row[1].int().unwrap_or(0),
                    now,
                )
            {
                return Err(StoreError::new(
                    Code::RunBusy,
                    format!(
                        "The run {run_id:?} is held by another process ({}); wait for its end, or resume with force.",
                        row[0].text().unwrap_or_default()
                    ),
                ));
            }
        }
        session
            .run(
                format!(
                    "INSERT INTO {owners} (\"runId\", \"owner\", \"heartbeatAt\") VALUES ($1, $2, $3) \
                     ON CONFLICT (\"runId\") DO UPDATE SET \"owner\" = excluded.\"owner\", \
                     \"heartbeatAt\" = excluded.\"heartbeatAt\""
                ),
                vec![
                    Value::text(run_id),
                    Value::text(self.owner.text()),
                    Value::int(now),
                ],
            )
            .await?;
        Ok(())
    }

    /// Remembers that the run is held, so that heartbeats go on for it.
    pub(super) fn remember_hold(self: &Arc<Self>, run_id: &str) {
        locked(&self.held).insert(run_id.to_owned());
        let mut heartbeat = locked(&self.heartbeat);
        if heartbeat
            .as_ref()
            .is_none_or(tokio::task::AbortHandle::is_finished)
        {
            let store = Arc::downgrade(self);
            *heartbeat = Some(tokio::spawn(beat(store)).abort_handle());
        }
    }

    /// Gives up a run without finishing it.
    ///
    /// # Errors
    /// The database's.
    pub async fn release_run(&self, run_id: &str) -> Result<()> {
        let _call = self.enter().await?;
        locked(&self.held).remove(run_id);
        self.release(vec![run_id.to_owned()]).await
    }

    pub(super) async fn release(&self, run_ids: Vec<String>) -> Result<()> {
        let mut session = self.transaction().await?;
        self.release_in(&mut session, run_ids).await?;
        session.commit().await
    }

    pub(super) async fn release_in(&self, session: &mut Session, run_ids: Vec<String>) -> Result<()> {
        session
            .run(
                format!(
                    "DELETE FROM {} WHERE \"owner\" = $1 AND \"runId\" {}",
                    self.dialect.owner,
                    self.dialect.any(2)
                ),
                vec![Value::text(self.owner.text()), Value::Texts(run_ids)],
            )
            .await?;
        Ok(())
    }

    /// Renews the heartbeat of every run that is held.
    ///
    /// # Errors
    /// The database's.
    pub(super) async fn beat_once(&self) -> Result<()> {
        let held: Vec<String> = locked(&self.held).iter().cloned().collect();
        if held.is_empty() {
            return Ok(());
        }
        writing!(self, session => {
            let held = held.clone();
            session
                .run(
                    format!(
                        "UPDATE {} SET \"heartbeatAt\" = $1 WHERE \"owner\" = $2 AND \"runId\" {}",
                        self.dialect.owner,
                        self.dialect.any(3)
                    ),
                    vec![
                        Value::int(self.now()),
                        Value::text(self.owner.text()),
                        Value::Texts(held),
                    ],
                )
                .await
        })?;
        Ok(())
    }
}

/// Renews heartbeats until the store is gone, closed or holds nothing.
async fn beat(store: Weak<Store>) {
    loop {
        tokio::time::sleep(Duration::from_millis(HEARTBEAT_MS)).await;
        let Some(store) = store.upgrade() else {
            return;
        };
        if let Err(error) = store.beat_once().await {
            if error.code == Code::Closed {
                return;
            }
            tracing::warn!(target: "ai_evals::store", error = %error.message, "a heartbeat failed");
        }
    }
}
