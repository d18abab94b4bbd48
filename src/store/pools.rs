//! The connections of a store: for SQLite one writer and some readers, for PostgreSQL one pool.

use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, PgPool, SqlitePool};

use super::error::{Code, Result, StoreError};
use super::options::{Durability, StoreOptions, Tls};
use super::place::Place;
use super::session::{Session, SessionSettings};
use super::sqlite_transaction::SqliteTransaction;
use super::url::{Server, TlsMode};

/// The pause between two attempts to connect to a server that is not there.
const CONNECT_PAUSE: Duration = Duration::from_millis(100);
/// The limit of one attempt to connect, unless the URL has `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The writer's page cache in KiB: ids are random, so a batch touches pages all over the indexes.
const WRITER_CACHE_KIB: u32 = 65_536;
/// Pages of SQLite's log after which it is moved into the database. A batch writes some thousands.
const CHECKPOINT_PAGES: u32 = 16_384;

/// Rows that SQLite's thread may be ahead of the reader, so that the two rarely wait for each other.
const ROW_BUFFER: usize = 128;

enum Kind {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres { pool: PgPool, pooler: bool },
}

/// The connections of a store.
pub struct Pools {
    kind: Kind,
    max: u32,
    waiting: AtomicUsize,
    lock_timeout: Duration,
    durability: Durability,
}

/// Counts of the connections of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStats {
    /// The most connections.
    pub max: usize,
    /// Open connections.
    pub size: usize,
    /// Open connections that nobody uses.
    pub idle: usize,
    /// Calls that wait for a connection.
    pub waiting: usize,
}

impl Pools {
    /// Opens the database file `path`, or a database in memory.
    ///
    /// # Errors
    /// The database's: a file that cannot be opened or is no database.
    pub async fn sqlite(
        path: Option<&Path>,
        create: bool,
        options: &StoreOptions,
        place: &Place,
    ) -> Result<Self> {
        let synchronous = match options.durability {
            Durability::Process => SqliteSynchronous::Normal,
            Durability::Power => SqliteSynchronous::Full,
        };
        let connect = match path {
            Some(path) => SqliteConnectOptions::new()
                .filename(path)
                .create_if_missing(create),
            None => SqliteConnectOptions::new().in_memory(true),
        }
        .busy_timeout(options.lock_timeout)
        .synchronous(synchronous)
        .foreign_keys(true)
        .row_buffer_size(ROW_BUFFER)
        .disable_statement_logging();
        let pool = |connections: u32, timeout: Duration| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(timeout)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let failed = |error: sqlx::Error| StoreError::of_driver(&error, place);
        let writer = pool(1, options.lock_timeout)
            .connect_with(
                connect
                    .clone()
                    .pragma("cache_size", format!("-{WRITER_CACHE_KIB}"))
                    .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string()),
            )
            .await
            .map_err(failed)?;
        let readers = options.max_connections.unwrap_or(5).saturating_sub(1);
        // A database in memory belongs to its one connection.
        let readers = if path.is_none() || readers == 0 {
            writer.clone()
        } else {
            pool(readers, options.acquire_timeout).connect_lazy_with(connect.create_if_missing(false))
        };
        let max = if path.is_none() {
            1
        } else {
            options.max_connections.unwrap_or(5)
        };
        Ok(Self {
            kind: Kind::Sqlite { writer, readers },
            max,
            waiting: AtomicUsize::new(0),
            lock_timeout: options.lock_timeout,
            durability: options.durability,
        })
    }

    /// Connects to a server.
    ///
    /// # Errors
    /// [`Code::Connect`], [`Code::Auth`], [`Code::Tls`] or [`Code::Timeout`].
    pub async fn postgres(server: &Server, options: &StoreOptions, place: &Place) -> Result<Self> {
        let connect = connect_options(server, options, options.password.as_deref())?;
        let max = server.connection_limit.or(options.max_connections).unwrap_or(10);
        let acquire = match server.pool_timeout {
            Some(Duration::ZERO) => Duration::from_secs(365 * 86_400),
            Some(timeout) => timeout,
            None => options.acquire_timeout,
        };
        let pool = PgPoolOptions::new()
            .max_connections(max)
            .acquire_timeout(acquire)
            .test_before_acquire(false)
            .connect_lazy_with(connect.clone());
        let deadline = Instant::now() + options.acquire_timeout;
        let attempt = server.connect_timeout.unwrap_or(CONNECT_TIMEOUT);
        // A first connection by hand: the pool would hide the reason behind a timeout.
        let mut tried = false;
        loop {
            let outcome = tokio::time::timeout(attempt, connect.connect()).await;
            let error = match outcome {
                Ok(Ok(connection)) => {
                    let _ = sqlx::Connection::close(connection).await;
                    break;
                }
                Ok(Err(error)) => StoreError::of_driver(&error, place),
                Err(_) => StoreError::new(
                    Code::Connect,
                    format!("{place} did not answer within {} ms.", attempt.as_millis()),
                ),
            };
            // A server that starts is waited for; one that refuses connections is not.
            let starting = error.sql_state.is_some() && error.transient;
            if !starting || (tried && Instant::now() + CONNECT_PAUSE >= deadline) {
                return Err(error);
            }
            tried = true;
            tokio::time::sleep(CONNECT_PAUSE).await;
        }
        Ok(Self {
            kind: Kind::Postgres {
                pool,
                pooler: server.pooler,
            },
            max,
            waiting: AtomicUsize::new(0),
            lock_timeout: options.lock_timeout,
            durability: options.durability,
        })
    }

    /// Changes the password of connections to come.
    ///
    /// # Errors
    /// [`Code::Tls`] for certificates that cannot be used.
    pub fn set_password(&self, server: &Server, options: &StoreOptions, password: &str) -> Result<()> {
        if let Kind::Postgres { pool, .. } = &self.kind {
            pool.set_connect_options(connect_options(server, options, Some(password))?);
        }
        Ok(())
    }

    /// Waits for a connection to read with.
    ///
    /// # Errors
    /// [`Code::Timeout`] after `acquireTimeout`; what connecting fails with.
    pub async fn reader(&self, settings: &SessionSettings) -> Result<Session> {
        let place = &settings.place;
        match &self.kind {
            Kind::Sqlite { readers, .. } => {
                let connection = self
                    .waited(readers.acquire())
                    .await
                    .map_err(|error| StoreError::of_driver(&error, place))?;
                Session::sqlite(connection, settings).await
            }
            // A transaction pooler may give every statement another connection.
            Kind::Postgres { pooler: true, .. } => self.transaction(settings).await,
            Kind::Postgres { pool, .. } => {
                let connection = self
                    .waited(pool.acquire())
                    .await
                    .map_err(|error| StoreError::of_driver(&error, place))?;
                Ok(Session::postgres(connection, settings))
            }
        }
    }

    /// Waits for a connection and begins a transaction that writes. For SQLite it has the file's write lock.
    ///
    /// # Errors
    /// [`Code::Busy`] after `lockTimeout`, [`Code::Timeout`] after `acquireTimeout`; what connecting fails with.
    pub async fn transaction(&self, settings: &SessionSettings) -> Result<Session> {
        let place = &settings.place;
        match &self.kind {
            Kind::Sqlite { writer, .. } => {
                let started = Instant::now();
                let outcome = self.waited(SqliteTransaction::begin(writer)).await;
                let elapsed = started.elapsed();
                if elapsed > Duration::from_millis(100) {
                    tracing::info!(target: "ai_evals::store", ms = elapsed.as_millis() as u64, "waited for the write lock");
                }
                match outcome {
                    Ok(transaction) => Session::sqlite_transaction(transaction, settings).await,
                    Err(sqlx::Error::PoolTimedOut) => Err(StoreError::new(
                        Code::Busy,
                        format!(
                            "{place} was being written by another call for longer than lockTimeout ({} ms); repeat the call \
                             or raise lockTimeout.",
                            self.lock_timeout.as_millis()
                        ),
                    )),
                    Err(error) => Err(StoreError::of_driver(&error, place)),
                }
            }
            Kind::Postgres { pool, pooler } => {
                let transaction = self
                    .waited(pool.begin())
                    .await
                    .map_err(|error| StoreError::of_driver(&error, place))?;
                let mut session = Session::postgres_transaction(transaction, settings);
                if *pooler {
                    session.script(&self.transaction_settings(settings)).await?;
                }
                Ok(session)
            }
        }
    }

    /// Waits for the writing connection of SQLite, or for any of PostgreSQL, without a transaction.
    ///
    /// # Errors
    /// Like [`Pools::reader`].
    pub async fn outside_transaction(&self, settings: &SessionSettings) -> Result<Session> {
        let place = &settings.place;
        let failed = |error: sqlx::Error| StoreError::of_driver(&error, place);
        match &self.kind {
            Kind::Sqlite { writer, .. } => {
                Session::sqlite(writer.acquire().await.map_err(failed)?, settings).await
            }
            Kind::Postgres { pool, .. } => {
                Ok(Session::postgres(pool.acquire().await.map_err(failed)?, settings))
            }
        }
    }

    /// Returns the settings of a transaction behind a pooler, which keeps none from one transaction to the next.
    fn transaction_settings(&self, settings: &SessionSettings) -> String {
        let mut sql = format!(
            "SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; SET LOCAL timezone = 'UTC'",
            settings.statement_timeout.as_millis(),
            self.lock_timeout.as_millis()
        );
        if self.durability == Durability::Power {
            sql.push_str("; SET LOCAL synchronous_commit = on");
        }
        sql
    }

    async fn waited<T>(&self, waiting: impl Future<Output = T>) -> T {
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _counted = Waiting(&self.waiting);
        waiting.await
    }

    /// Returns whether a transaction pooler stands between.
    pub fn has_pooler(&self) -> bool {
        matches!(self.kind, Kind::Postgres { pooler: true, .. })
    }

    /// Counts the connections.
    pub fn stats(&self) -> PoolStats {
        let (size, idle) = match &self.kind {
            Kind::Sqlite { writer, readers } => {
                let others = if self.max > 1 {
                    (readers.size(), readers.num_idle())
                } else {
                    (0, 0)
                };
                (writer.size() + others.0, writer.num_idle() + others.1)
            }
            Kind::Postgres { pool, .. } => (pool.size(), pool.num_idle()),
        };
        PoolStats {
            max: self.max as usize,
            size: size as usize,
            idle,
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    /// Closes the connections. Waits for those in use.
    pub async fn close(&self) {
        match &self.kind {
            Kind::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Kind::Postgres { pool, .. } => pool.close().await,
        }
    }
}

fn connect_options(
    server: &Server,
    options: &StoreOptions,
    password: Option<&str>,
) -> Result<PgConnectOptions> {
    let mut connect = PgConnectOptions::new_without_pgpass()
        .port(server.port)
        .statement_cache_capacity(if server.pooler { 0 } else { 100 })
        .disable_statement_logging();
    connect = if server.host.starts_with('/') {
        connect.socket(&server.host)
    } else {
        connect.host(&server.host)
    };
    if let Some(user) = &server.user {
        connect = connect.username(user);
    }
    if let Some(database) = &server.database {
        connect = connect.database(database);
    }
    if let Some(password) = password.or(server.password.as_deref()) {
        connect = connect.password(password);
    }
    connect = connect.application_name(server.application_name.as_deref().unwrap_or("ai-evals"));
    if server.pooler {
        connect = connect.extra_float_digits(None);
    } else {
        connect = connect.options([
            (
                "statement_timeout",
                options.statement_timeout.as_millis().to_string(),
            ),
            ("lock_timeout", options.lock_timeout.as_millis().to_string()),
            ("timezone", "UTC".to_owned()),
        ]);
        if options.durability == Durability::Power {
            connect = connect.options([("synchronous_commit", "on")]);
        }
    }
    with_tls(connect, server, &options.tls)
}

fn with_tls(mut connect: PgConnectOptions, server: &Server, tls: &Tls) -> Result<PgConnectOptions> {
    if let Some(file) = &server.root_certificate {
        if !file.exists() {
            return Err(StoreError::new(
                Code::Tls,
                format!(
                    "The file of sslrootcert, {}, does not exist; correct the path.",
                    file.display()
                ),
            ));
        }
        connect = connect.ssl_root_cert(file);
    }
    // A root certificate would be checked against even where any certificate will do.
    if let Some(pem) = &tls.ca
        && tls.reject_unauthorized != Some(false)
    {
        connect = connect.ssl_root_cert_from_pem(pem.clone().into_bytes());
    }
    if let Some(pem) = &tls.cert {
        connect = connect.ssl_client_cert_from_pem(pem);
    }
    if let Some(pem) = &tls.key {
        connect = connect.ssl_client_key_from_pem(pem);
    }
    let mode = match server.tls {
        _ if tls.reject_unauthorized == Some(false) => PgSslMode::Require,
        Some(TlsMode::VerifyCa) => PgSslMode::VerifyCa,
        Some(TlsMode::VerifyFull) => PgSslMode::VerifyFull,
        // The option tls alone means what it means in Node: a checked certificate.
        _ if tls.is_given() => PgSslMode::VerifyFull,
        Some(TlsMode::Disable) => PgSslMode::Disable,
        Some(TlsMode::Allow) => PgSslMode::Allow,
        Some(TlsMode::Require) => PgSslMode::Require,
        Some(TlsMode::Prefer) | None => PgSslMode::Prefer,
    };
    if let Some(name) = &tls.servername
        && name != &server.host
    {
        return Err(StoreError::new(
            Code::Tls,
            format!(
                "tls.servername must be the host of the URL, {}, got {name:?}; name that host in the URL and let it \
                 resolve to the server, or use sslmode=verify-ca, which checks no name.",
                server.host
            ),
        ));
    }
    Ok(connect.ssl_mode(mode))
}
