//! A transaction of SQLite that holds the file's write lock from its beginning.
//!
//! SQLite rolls back by itself when the disk is full, and then a `ROLLBACK` finds nothing to do. That must not count as a
//! failure, so the transaction is kept here rather than by the driver.

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Executor, Sqlite, SqlitePool};

/// An open transaction. Dropping it rolls back, by a task of the runtime.
pub struct SqliteTransaction {
    /// Taken at the end alone.
    connection: Option<PoolConnection<Sqlite>>,
}

impl SqliteTransaction {
    /// Waits for the writer of the pool and for the lock of the file.
    pub async fn begin(pool: &SqlitePool) -> sqlx::Result<Self> {
        let mut connection = pool.acquire().await?;
        connection.execute("BEGIN IMMEDIATE").await?;
        Ok(Self {
            connection: Some(connection),
        })
    }

    /// Returns the connection.
    pub fn connection(&mut self) -> &mut SqliteConnection {
        // `commit` and `rollback` take it with the transaction itself.
        self.connection
            .as_deref_mut()
            .expect("a connection until the end")
    }

    /// Makes the transaction durable; a failure rolls it back.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        let Some(mut connection) = self.connection.take() else {
            return Ok(());
        };
        let outcome = connection.execute("COMMIT").await.map(drop);
        if outcome.is_err() {
            undo(connection).await;
        }
        outcome
    }

    /// Undoes the transaction.
    pub async fn rollback(mut self) {
        if let Some(connection) = self.connection.take() {
            undo(connection).await;
        }
    }
}

/// Rolls back what is open, if anything is.
async fn undo(mut connection: PoolConnection<Sqlite>) {
    let _ = connection.execute("ROLLBACK").await;
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            tokio::spawn(undo(connection));
        }
    }
}
