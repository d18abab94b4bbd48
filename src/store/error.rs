//! Errors of the result store: a code to branch on, a message for people, and the classification of what a database says.

use std::borrow::Cow;
use std::io::ErrorKind;

use serde::Serialize;
use serde_json::Value as Json;
use sqlx::error::DatabaseError;

use super::place::Place;

/// The reason of a store's error, under the names that users branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Code {
    /// A URL that names no store, or has an unknown parameter.
    #[serde(rename = "ERR_STORE_URL")]
    Url,
    /// A server or file that cannot be reached.
    #[serde(rename = "ERR_STORE_CONNECT")]
    Connect,
    /// A user, password or database that the server refuses.
    #[serde(rename = "ERR_STORE_AUTH")]
    Auth,
    /// A TLS handshake that failed, or a certificate that cannot be read.
    #[serde(rename = "ERR_STORE_TLS")]
    Tls,
    /// Tables that do not fit, or a newer store.
    #[serde(rename = "ERR_STORE_SCHEMA")]
    Schema,
    /// A lock that was not had in time.
    #[serde(rename = "ERR_STORE_BUSY")]
    Busy,
    /// A connection or statement that took too long.
    #[serde(rename = "ERR_STORE_TIMEOUT")]
    Timeout,
    /// A disk without space.
    #[serde(rename = "ERR_STORE_FULL")]
    Full,
    /// A store that cannot be written.
    #[serde(rename = "ERR_STORE_READ_ONLY")]
    ReadOnly,
    /// A file that is damaged or no database, or a value that cannot be read.
    #[serde(rename = "ERR_STORE_CORRUPT")]
    Corrupt,
    /// A row that exists already.
    #[serde(rename = "ERR_STORE_CONFLICT")]
    Conflict,
    /// A run that does not exist.
    #[serde(rename = "ERR_STORE_NOT_FOUND")]
    NotFound,
    /// A run of another dataset, model or configuration.
    #[serde(rename = "ERR_STORE_RUN_MISMATCH")]
    RunMismatch,
    /// A run that another process holds.
    #[serde(rename = "ERR_STORE_RUN_BUSY")]
    RunBusy,
    /// A store that was closed.
    #[serde(rename = "ERR_CLOSED")]
    Closed,
    /// An argument of the right type that cannot be used.
    #[serde(rename = "ERR_OUT_OF_RANGE")]
    OutOfRange,
    /// An argument of the wrong type or shape.
    #[serde(rename = "ERR_INVALID_ARG_TYPE")]
    InvalidType,
}

/// A column of a run whose stored value is not the expected one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The column, and the path in its JSON value.
    pub path: String,
    /// The value in the store; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<Json>,
    /// The value that was expected; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given: Option<Json>,
}

/// An error of the store.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "camelCase")]
pub struct StoreError {
    /// The reason.
    pub code: Code,
    /// Sentences for people, without secrets.
    pub message: String,
    /// True when the same call may succeed later.
    pub retryable: bool,
    /// The place of the offending row in its batch, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<usize>,
    /// The offending column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The SQLSTATE of PostgreSQL, or SQLite's extended result code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql_state: Option<String>,
    /// The differences, of [`Code::RunMismatch`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// True when a transaction that failed so may succeed at once: a deadlock, or a connection that was lost.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub transient: bool,
}

/// The outcome of a call of the store.
pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// Makes an error. Whether it is retryable follows from the code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retryable: matches!(code, Code::Connect | Code::Busy | Code::Timeout | Code::RunBusy),
            row: None,
            column: None,
            sql_state: None,
            differences: Vec::new(),
            transient: false,
        }
    }

    /// Makes the error of a closed store.
    pub fn closed() -> Self {
        Self::new(Code::Closed, "The store was closed; open it again to go on.")
    }

    /// Makes the error of a run that does not exist.
    pub fn no_run(id: &str) -> Self {
        Self::new(
            Code::NotFound,
            format!(
                "There is no run {id:?} in the store; create it with createRun, or list what there is with listRuns."
            ),
        )
    }

    /// Makes the error of a column whose value cannot be read.
    pub fn unreadable(table: &str, id: &str, column: &str, problem: &str) -> Self {
        let mut error = Self::new(
            Code::Corrupt,
            format!("{column} of the row {id:?} of {table} {problem}; correct or delete that row."),
        );
        error.column = Some(column.to_owned());
        error
    }

    /// Classifies what the driver reports of `place`.
    pub fn of_driver(error: &sqlx::Error, place: &Place) -> Self {
        let mut made = match error {
            sqlx::Error::Database(error) => of_database(error.as_ref(), place),
            // TLS reports a certificate that it refuses, and an alert of the server, as invalid data.
            sqlx::Error::Io(error) if error.kind() == ErrorKind::InvalidData && error.get_ref().is_some() => {
                Self::new(
                    Code::Tls,
                    format!(
                        "The TLS connection to {place} was refused: {error}. Check the host name, sslmode, sslrootcert and the option tls."
                    ),
                )
            }
            sqlx::Error::Io(error) => {
                let mut made = Self::new(
                    Code::Connect,
                    format!(
                        "{place} cannot be reached: {error}. Check that it runs and that host and port are right."
                    ),
                );
                made.transient = true;
                made
            }
            sqlx::Error::Tls(error) => Self::new(
                Code::Tls,
                format!(
                    "The TLS connection to {place} failed: {error}. Check sslmode, sslrootcert and the option tls."
                ),
            ),
            sqlx::Error::PoolTimedOut => Self::new(
                Code::Timeout,
                format!(
                    "No connection to {place} became free in time; raise acquireTimeout or maxConnections."
                ),
            ),
            sqlx::Error::PoolClosed => Self::closed(),
            sqlx::Error::WorkerCrashed => {
                Self::new(Code::Connect, format!("The connection to {place} was lost."))
            }
            sqlx::Error::Configuration(error) => Self::new(
                Code::Tls,
                format!("The TLS options of {place} cannot be used: {error}."),
            ),
            sqlx::Error::Protocol(problem) => {
                let mut made = Self::new(
                    Code::Connect,
                    format!("{place} answered unexpectedly: {problem}."),
                );
                made.transient = true;
                made
            }
            other => Self::new(Code::Corrupt, format!("{place}: {other}.")),
        };
        made.message = place.redacted(&made.message);
        made
    }
}

fn of_database(error: &dyn DatabaseError, place: &Place) -> StoreError {
    let state = error.code().map(Cow::into_owned).unwrap_or_default();
    let said = error.message();
    let mut made = if place.is_file() {
        of_sqlite(state.parse().unwrap_or(0), said, place)
    } else {
        of_postgres(&state, said, place)
    };
    made.sql_state = Some(state);
    made
}

/// Classifies a result code of SQLite (<https://sqlite.org/rescode.html>).
fn of_sqlite(code: i32, said: &str, place: &Place) -> StoreError {
    const IOERR_WRITE: i32 = 778;
    const IOERR_FSYNC: i32 = 1034;
    const IOERR_TRUNCATE: i32 = 1546;
    const IOERR_SHMSIZE: i32 = 4874;
    let (class, advice) = match (code, code & 0xFF) {
        (IOERR_WRITE | IOERR_FSYNC | IOERR_TRUNCATE | IOERR_SHMSIZE, _) | (_, 13) => (
            Code::Full,
            "cannot be written, because its disk is full or a limit is reached; free some space, then repeat the call",
        ),
        (_, 5 | 6) => (
            Code::Busy,
            "is locked by another connection for longer than lockTimeout; repeat the call or raise lockTimeout",
        ),
        (_, 8) => (
            Code::ReadOnly,
            "cannot be written; check the permissions of the file and its folder",
        ),
        (_, 9) => (
            Code::Timeout,
            "did not finish a statement within statementTimeout; ask for less or raise statementTimeout",
        ),
        (_, 3 | 14 | 23) => (
            Code::Connect,
            "cannot be opened; check that the folder exists and that you may read and write it",
        ),
        (_, 26) => (
            Code::Corrupt,
            "is no SQLite database; give the path of another file",
        ),
        (_, 10 | 11) => (
            Code::Corrupt,
            "is damaged or cannot be read; restore a backup, or save what can be read with `sqlite3 FILE .recover`",
        ),
        (_, 19) => (Code::Conflict, "refuses the row"),
        (_, 7 | 18) => (Code::OutOfRange, "cannot take a value of that size"),
        _ => (
            Code::Schema,
            "does not understand a statement of this version; its tables were changed",
        ),
    };
    StoreError::new(class, format!("{place} {advice} ({said}, SQLite code {code})."))
}

/// Classifies a SQLSTATE of PostgreSQL (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn of_postgres(state: &str, said: &str, place: &Place) -> StoreError {
    let (class, transient, advice) = match state {
        "40001" | "40P01" => (Code::Busy, true, "repeat the call"),
        "55P03" => (
            Code::Busy,
            false,
            "another session holds a lock for longer than lockTimeout; repeat the call",
        ),
        "57014" => (Code::Timeout, false, "ask for less or raise statementTimeout"),
        "57P01" | "57P02" | "57P03" => (
            Code::Connect,
            true,
            "the server is stopping or starting; try again",
        ),
        "53300" => (
            Code::Connect,
            true,
            "the server has no free connection; lower maxConnections or try again",
        ),
        "53100" => (
            Code::Full,
            false,
            "the server's disk is full; free some space, then repeat the call",
        ),
        "25006" => (Code::ReadOnly, false, "connect to the primary server"),
        "42501" => (
            Code::Schema,
            false,
            "the user lacks a right; grant it, or let an owner open the store once",
        ),
        "23505" => (Code::Conflict, false, "the row exists already"),
        "23503" => (
            Code::NotFound,
            false,
            "the run does not exist; create it with createRun",
        ),
        "3D000" => (Code::Auth, false, "create the database or correct its name"),
        "28P01" | "28000" => (Code::Auth, false, "check user and password"),
        "XX001" | "XX002" => (
            Code::Corrupt,
            false,
            "the server's files are damaged; restore a backup",
        ),
        _ if state.starts_with("08") => (Code::Connect, true, "the connection was lost"),
        _ if state.starts_with("53") => (Code::Full, false, "the server lacks resources"),
        _ if state.starts_with("22") || state.starts_with("54") => {
            (Code::OutOfRange, false, "the server refuses a value")
        }
        _ => (
            Code::Schema,
            false,
            "the server refuses a statement of this version; its tables were changed",
        ),
    };
    let mut error = StoreError::new(class, format!("{place}: {said} (SQLSTATE {state}); {advice}."));
    error.transient = transient;
    error.retryable |= transient;
    error
}
