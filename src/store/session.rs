//! A connection or transaction in use, the same for both backends: statements with [`Value`]s in, [`Row`]s out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{
    Arguments, AssertSqlSafe, Column, Executor, Postgres, Row as _, Sqlite, Transaction, TypeInfo, ValueRef,
};

use super::error::{Code, Result, StoreError};
use super::instant::{self, TimeForm};
use super::place::Place;
use super::sqlite_transaction::SqliteTransaction;
use super::value::{Cell, Row, Value, without_nul};

/// Instructions of SQLite's virtual machine between two looks at the clock, some 100 µs.
const STEPS_BETWEEN_CHECKS: i32 = 10_000;

/// A statement slower than this is an event.
const SLOW: Duration = Duration::from_secs(1);

enum Held {
    Sqlite(PoolConnection<Sqlite>),
    SqliteTransaction(SqliteTransaction),
    Postgres(PoolConnection<Postgres>),
    PostgresTransaction(Transaction<'static, Postgres>),
}

/// A connection in use. Dropping one that is in a transaction rolls back.
pub struct Session {
    held: Held,
    place: Arc<Place>,
    time_form: TimeForm,
    /// True when statements are prepared once and kept.
    prepared: bool,
    statement_timeout: Duration,
    /// The deadline of the running statement of SQLite, in ms after `epoch`; 0 for none.
    deadline: Arc<AtomicU64>,
    epoch: Instant,
    #[cfg(test)]
    statements: Statements,
}

/// Statements that were run, for tests of their plans.
#[cfg(test)]
pub type Statements = Arc<std::sync::Mutex<Vec<String>>>;

/// The settings that a session takes over from its store.
#[derive(Clone)]
pub struct SessionSettings {
    /// The place of the store, for messages.
    pub place: Arc<Place>,
    /// The form of times in SQLite.
    pub time_form: TimeForm,
    /// True when statements are prepared once and kept.
    pub prepared: bool,
    /// The limit of a statement; zero is no limit.
    pub statement_timeout: Duration,
    /// Statements that were run.
    #[cfg(test)]
    pub statements: Statements,
}

impl Session {
    fn new(held: Held, settings: &SessionSettings) -> Self {
        Self {
            held,
            place: Arc::clone(&settings.place),
            time_form: settings.time_form,
            prepared: settings.prepared,
            statement_timeout: settings.statement_timeout,
            deadline: Arc::default(),
            epoch: Instant::now(),
            #[cfg(test)]
            statements: Arc::clone(&settings.statements),
        }
    }

    /// Takes over a connection of SQLite.
    pub async fn sqlite(connection: PoolConnection<Sqlite>, settings: &SessionSettings) -> Result<Self> {
        Self::new(Held::Sqlite(connection), settings).watched().await
    }

    /// Takes over a transaction of SQLite.
    pub async fn sqlite_transaction(
        transaction: SqliteTransaction,
        settings: &SessionSettings,
    ) -> Result<Self> {
        Self::new(Held::SqliteTransaction(transaction), settings)
            .watched()
            .await
    }

    /// Takes over a connection of PostgreSQL.
    pub fn postgres(connection: PoolConnection<Postgres>, settings: &SessionSettings) -> Self {
        Self::new(Held::Postgres(connection), settings)
    }

    /// Takes over a transaction of PostgreSQL.
    pub fn postgres_transaction(
        transaction: Transaction<'static, Postgres>,
        settings: &SessionSettings,
    ) -> Self {
        Self::new(Held::PostgresTransaction(transaction), settings)
    }

    /// Interrupts statements of SQLite that pass their deadline: the server of PostgreSQL does so itself.
    async fn watched(mut self) -> Result<Self> {
        if self.statement_timeout.is_zero() {
            return Ok(self);
        }
        let (deadline, epoch) = (Arc::clone(&self.deadline), self.epoch);
        let place = Arc::clone(&self.place);
        let connection = match &mut self.held {
            Held::Sqlite(connection) => &mut **connection,
            Held::SqliteTransaction(transaction) => transaction.connection(),
            Held::Postgres(_) | Held::PostgresTransaction(_) => return Ok(self),
        };
        connection
            .lock_handle()
            .await
            .map_err(|error| StoreError::of_driver(&error, &place))?
            .set_progress_handler(STEPS_BETWEEN_CHECKS, move || {
                let deadline = deadline.load(Ordering::Relaxed);
                deadline == 0 || (epoch.elapsed().as_millis() as u64) < deadline
            });
        Ok(self)
    }

    fn start_watch(&self) {
        if !self.statement_timeout.is_zero() {
            let deadline = self.epoch.elapsed() + self.statement_timeout;
            self.deadline
                .store(deadline.as_millis() as u64, Ordering::Relaxed);
        }
    }

    /// Runs a statement and returns the number of rows it changed.
    ///
    /// # Errors
    /// The database's, classified.
    pub async fn run(&mut self, sql: impl Into<String>, values: Vec<Value>) -> Result<u64> {
        let sql = sql.into();
        self.start_watch();
        let started = Instant::now();
        let (form, prepared) = (self.time_form, self.prepared);
        let outcome = match &mut self.held {
            Held::Sqlite(connection) => run_sqlite(connection, &sql, values, form).await,
            Held::SqliteTransaction(transaction) => {
                run_sqlite(transaction.connection(), &sql, values, form).await
            }
            Held::Postgres(connection) => run_postgres(connection, &sql, values, prepared).await,
            Held::PostgresTransaction(transaction) => run_postgres(transaction, &sql, values, prepared).await,
        };
        self.finish(started, &sql, outcome)
    }

    /// Runs a query and returns its rows.
    ///
    /// # Errors
    /// The database's, classified.
    pub async fn rows(&mut self, sql: impl Into<String>, values: Vec<Value>) -> Result<Vec<Row>> {
        Ok(self.rows_within(sql, values, usize::MAX).await?.0)
    }

    /// Runs a query and returns its rows, up to the one that makes them larger than `bytes`, and whether that ended them.
    ///
    /// # Errors
    /// The database's, classified.
    pub async fn rows_within(
        &mut self,
        sql: impl Into<String>,
        values: Vec<Value>,
        bytes: usize,
    ) -> Result<(Vec<Row>, bool)> {
        let sql = sql.into();
        self.start_watch();
        let started = Instant::now();
        let (form, prepared) = (self.time_form, self.prepared);
        let outcome = match &mut self.held {
            Held::Sqlite(connection) => rows_of_sqlite(connection, &sql, values, form, bytes).await,
            Held::SqliteTransaction(transaction) => {
                rows_of_sqlite(transaction.connection(), &sql, values, form, bytes).await
            }
            Held::Postgres(connection) => rows_of_postgres(connection, &sql, values, prepared, bytes).await,
            Held::PostgresTransaction(transaction) => {
                rows_of_postgres(transaction, &sql, values, prepared, bytes).await
            }
        };
        self.finish(started, &sql, outcome)
    }

    /// Runs a query and returns its first row.
    ///
    /// # Errors
    /// The database's, classified.
    pub async fn first(&mut self, sql: impl Into<String>, values: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }

    /// Runs statements without parameters, one after the other.
    ///
    /// # Errors
    /// The database's, classified.
    pub async fn script(&mut self, sql: &str) -> Result<()> {
        self.start_watch();
        let text = AssertSqlSafe(sql.to_owned());
        let outcome = match &mut self.held {
            Held::Sqlite(connection) => connection.execute(sqlx::raw_sql(text)).await.map(drop),
            Held::SqliteTransaction(transaction) => transaction
                .connection()
                .execute(sqlx::raw_sql(text))
                .await
                .map(drop),
            Held::Postgres(connection) => connection.execute(sqlx::raw_sql(text)).await.map(drop),
            Held::PostgresTransaction(transaction) => {
                transaction.execute(sqlx::raw_sql(text)).await.map(drop)
            }
        };
        self.finish(Instant::now(), sql, outcome)
    }

    /// Makes the transaction durable.
    ///
    /// # Errors
    /// The database's, classified.
    pub async fn commit(self) -> Result<()> {
        self.start_watch();
        let outcome = match self.held {
            Held::SqliteTransaction(transaction) => transaction.commit().await,
            Held::PostgresTransaction(transaction) => transaction.commit().await,
            Held::Sqlite(_) | Held::Postgres(_) => Ok(()),
        };
        outcome.map_err(|error| StoreError::of_driver(&error, &self.place))
    }

    /// Undoes the transaction.
    ///
    /// # Errors
    /// The database's, classified.
    pub async fn rollback(self) -> Result<()> {
        let outcome = match self.held {
            Held::SqliteTransaction(transaction) => {
                transaction.rollback().await;
                Ok(())
            }
            Held::PostgresTransaction(transaction) => transaction.rollback().await,
            Held::Sqlite(_) | Held::Postgres(_) => Ok(()),
        };
        outcome.map_err(|error| StoreError::of_driver(&error, &self.place))
    }

    /// Commits after a success, else rolls back. Returns the outcome.
    ///
    /// # Errors
    /// The error of the outcome; the database's when the transaction cannot be committed.
    pub async fn settle<T>(self, outcome: Result<T>) -> Result<T> {
        match outcome {
            Ok(value) => self.commit().await.map(|()| value),
            Err(error) => {
                // The connection rolls back by itself when this fails too.
                let _ = self.rollback().await;
                Err(error)
            }
        }
    }

    fn finish<T>(&self, started: Instant, sql: &str, outcome: sqlx::Result<T>) -> Result<T> {
        self.deadline.store(0, Ordering::Relaxed);
        #[cfg(test)]
        super::locked(&self.statements).push(sql.to_owned());
        let elapsed = started.elapsed();
        if elapsed >= SLOW {
            tracing::warn!(target: "ai_evals::store", ms = elapsed.as_millis() as u64, statement = sql, "slow statement");
        }
        outcome.map_err(|error| StoreError::of_driver(&error, &self.place))
    }
}

async fn run_sqlite(
    connection: &mut SqliteConnection,
    sql: &str,
    values: Vec<Value>,
    form: TimeForm,
) -> sqlx::Result<u64> {
    let arguments = sqlite_arguments(values, form)?;
    let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments);
    Ok(connection.execute(query).await?.rows_affected())
}

async fn rows_of_sqlite(
    connection: &mut SqliteConnection,
    sql: &str,
    values: Vec<Value>,
    form: TimeForm,
    bytes: usize,
) -> sqlx::Result<(Vec<Row>, bool)> {
    let arguments = sqlite_arguments(values, form)?;
    let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arguments);
    let mut found = Vec::new();
    let mut left = bytes;
    let mut rows = connection.fetch(query);
    while let Some(row) = rows.try_next().await? {
        found.push(sqlite_row(&row)?);
        if is_used_up(&mut left, found.last()) {
            return Ok((found, true));
        }
    }
    Ok((found, false))
}

/// Takes the size of a row from `left` bytes. Returns whether they are used up.
fn is_used_up(left: &mut usize, row: Option<&Row>) -> bool {
    let size: usize = row.into_iter().flatten().map(Cell::bytes).sum();
    *left = left.saturating_sub(size);
    *left == 0
}

async fn run_postgres(
    connection: &mut PgConnection,
    sql: &str,
    values: Vec<Value>,
    prepared: bool,
) -> sqlx::Result<u64> {
    let query =
        sqlx::query_with(AssertSqlSafe(sql.to_owned()), postgres_arguments(values)?).persistent(prepared);
    Ok(connection.execute(query).await?.rows_affected())
}

async fn rows_of_postgres(
    connection: &mut PgConnection,
    sql: &str,
    values: Vec<Value>,
    prepared: bool,
    bytes: usize,
) -> sqlx::Result<(Vec<Row>, bool)> {
    let query =
        sqlx::query_with(AssertSqlSafe(sql.to_owned()), postgres_arguments(values)?).persistent(prepared);
    let mut found = Vec::new();
    let mut left = bytes;
    let mut rows = connection.fetch(query);
    while let Some(row) = rows.try_next().await? {
        found.push(postgres_row(&row)?);
        if is_used_up(&mut left, found.last()) {
            return Ok((found, true));
        }
    }
    Ok((found, false))
}

/// JSON for a column of SQLite's NUMERIC affinity: a bare number is bound as the number it is, since SQLite's own reading of
/// decimal digits may be off by the last bit.
enum SqliteJson {
    Text(String),
    Int(i64),
    Real(f64),
}

fn sqlite_json(text: String) -> SqliteJson {
    let bare = text
        .as_bytes()
        .first()
        .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-');
    if !bare {
        return SqliteJson::Text(text);
    }
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(number), _) if number.unsigned_abs() <= 1 << 53 => SqliteJson::Int(number),
        (_, Ok(number)) if number.is_finite() => SqliteJson::Real(number),
        _ => SqliteJson::Text(text),
    }
}

fn sqlite_arguments(values: Vec<Value>, form: TimeForm) -> sqlx::Result<SqliteArguments> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Int(number) => arguments.add(number),
            Value::Real(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text.map(without_nul)),
            Value::Bool(truth) => arguments.add(truth),
            Value::Json(Some(text)) => match sqlite_json(text) {
                SqliteJson::Text(text) => arguments.add(text),
                SqliteJson::Int(number) => arguments.add(number),
                SqliteJson::Real(number) => arguments.add(number),
            },
            Value::Json(None) | Value::Time(None) => arguments.add(None::<String>),
            Value::Time(Some(ms)) => match form {
                TimeForm::Text => arguments.add(instant::format(ms, "+00:00")),
                TimeForm::Integer => arguments.add(ms),
            },
            Value::Texts(texts) => arguments.add(serde_json::to_string(&texts).unwrap_or_default()),
            Value::TextColumn(_) | Value::RealColumn(_) | Value::IntColumn(_) | Value::BoolColumn(_) => {
                Err("a column is for PostgreSQL".into())
            }
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: Vec<Value>) -> sqlx::Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Int(number) => arguments.add(number),
            Value::Real(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text.map(without_nul)),
            Value::Bool(truth) => arguments.add(truth),
            Value::Json(text) => arguments.add(text),
            Value::Time(ms) => arguments.add(ms.map(|ms| instant::format(ms, ""))),
            Value::Texts(texts) => arguments.add(texts),
            Value::TextColumn(texts) => {
                let texts: Vec<Option<String>> =
                    texts.into_iter().map(|text| text.map(without_nul)).collect();
                arguments.add(texts)
            }
            Value::RealColumn(numbers) => arguments.add(numbers),
            Value::IntColumn(numbers) => arguments.add(numbers),
            Value::BoolColumn(truths) => arguments.add(truths),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn sqlite_row(row: &SqliteRow) -> sqlx::Result<Row> {
    (0..row.len())
        .map(|at| {
            let raw = row.try_get_raw(at)?;
            if raw.is_null() {
                return Ok(Cell::Null);
            }
            // The storage class of the value, not the declared type of the column.
            let kind = raw.type_info();
            Ok(match kind.name() {
                "INTEGER" => Cell::Int(row.try_get_unchecked(at)?),
                "REAL" => Cell::Real(row.try_get_unchecked(at)?),
                "BLOB" => Cell::Text(String::from_utf8_lossy(row.try_get_unchecked(at)?).into_owned()),
                _ => Cell::Text(row.try_get_unchecked(at)?),
            })
        })
        .collect()
}

fn postgres_row(row: &PgRow) -> sqlx::Result<Row> {
    (0..row.len())
        .map(|at| {
            if row.try_get_raw(at)?.is_null() {
                return Ok(Cell::Null);
            }
            Ok(match row.column(at).type_info().name() {
                "BOOL" => Cell::Bool(row.try_get_unchecked(at)?),
                "INT8" => Cell::Int(row.try_get_unchecked(at)?),
                "INT4" => Cell::Int(row.try_get_unchecked::<i32, _>(at)?.into()),
                "INT2" => Cell::Int(row.try_get_unchecked::<i16, _>(at)?.into()),
                "FLOAT8" => Cell::Real(row.try_get_unchecked(at)?),
                "FLOAT4" => Cell::Real(row.try_get_unchecked::<f32, _>(at)?.into()),
                _ => Cell::Text(row.try_get_unchecked(at)?),
            })
        })
        .collect()
}

/// Makes the error of a value that the engine was given in a wrong shape.
pub fn malformed(problem: &str) -> StoreError {
    StoreError::new(Code::InvalidType, format!("{problem}."))
}
