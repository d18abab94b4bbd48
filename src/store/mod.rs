//! The result store: runs, results, metrics and baselines in SQLite or PostgreSQL, in the tables that Prisma users have.
//!
//! Invariants:
//! - a call that succeeded is durable; one that failed changed nothing, or says what it did;
//! - a (run, case, repeat) is stored once: its id is a function of the three ([`result_id`]), so the primary key refuses a
//!   second one on every machine. What others wrote for a (run, case) is its repeat 0;
//! - all values are bound parameters;
//! - a page costs O(its length), wherever it is: cursors hold the last sort key ([`cursor`]).
//!
//! [`session`] makes both backends look the same: statements with values in, rows out. [`dialect`] holds what differs in SQL.
//! Nothing here knows of Node.js. Calls are futures of a tokio runtime that the caller brings.

mod attempts;
pub mod baseline;
pub mod batch;
mod comparison;
mod cursor;
mod dialect;
mod document;
pub mod error;
mod insert;
mod instant;
mod json_column;
mod json_object;
mod metrics;
mod options;
mod owner;
mod ownership;
mod place;
mod pools;
mod result_id;
mod results;
pub mod run;
pub mod runs;
mod schema;
mod score_order;
mod session;
mod sqlite_transaction;
mod time_order;
mod transaction;
mod url;
mod value;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{OwnedRwLockReadGuard, RwLock};
use tokio::task::AbortHandle;

use attempts::Attempts;
pub use dialect::Backend;
use dialect::Dialect;
use error::{Code, Result, StoreError};
use instant::TimeForm;
pub use options::{Durability, Migrate, StoreOptions, Tls};
use owner::Owner;
use place::Place;
pub use pools::PoolStats;
use pools::Pools;
pub use schema::SchemaReport;
use session::{Session, SessionSettings};
pub use transaction::StoreTransaction;
use url::{Location, Server};
use value::Value;

/// The key of PostgreSQL's advisory lock under which schemas are changed: "aievals" in ASCII.
const SCHEMA_LOCK: i64 = 0x0061_6965_7661_6c73;
/// The pause between two looks at a lock that cannot be waited for.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// An open store. Calls may run at the same time.
pub struct Store {
    url: String,
    dialect: Dialect,
    pools: Pools,
    settings: Mutex<SessionSettings>,
    options: StoreOptions,
    server: Option<Box<Server>>,
    schema: SchemaReport,
    owner: Owner,
    /// Runs that this store holds: heartbeats go on for them.
    held: Mutex<HashSet<String>>,
    heartbeat: Mutex<Option<AbortHandle>>,
    /// The next place in the dataset of each run, for results that do not say theirs.
    next_index: Mutex<HashMap<String, i64>>,
    /// The newest time that [`Store::now`] gave.
    newest: AtomicI64,
    closed: AtomicBool,
    /// Calls hold it shared, closing alone.
    gate: Arc<RwLock<()>>,
}

/// A call that is under way: closing waits for it.
pub type Call = OwnedRwLockReadGuard<()>;

/// Returns the DDL of a new store.
pub fn schema_sql(backend: Backend) -> String {
    schema::tables::schema_sql(&match backend {
        Backend::Sqlite => Dialect::sqlite(),
        Backend::Postgres => Dialect::postgres("public", "ai_evals"),
    })
}

/// Returns whether a file, or the folder that it would be in, is there but cannot be written.
fn is_write_protected(path: &Path) -> bool {
    let attempt = if path.exists() {
        std::fs::OpenOptions::new().append(true).open(path).map(drop)
    } else {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        tempfile::tempfile_in(folder.unwrap_or(Path::new("."))).map(drop)
    };
    attempt.is_err_and(|error| {
        matches!(
            error.kind(),
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem
        )
    })
}

/// Locks `mutex`, whose value is consistent whatever became of its last holder.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// Opens the store of a URL; see [`StoreOptions`].
    ///
    /// # Errors
    /// - [`Code::Url`] for a URL that names no store;
    /// - [`Code::Connect`], [`Code::Auth`], [`Code::Tls`] when it cannot be reached;
    /// - [`Code::Schema`] for a newer store, for columns that do not fit, and with [`Migrate::Check`] for what is missing;
    /// - [`Code::Corrupt`] for a file that is no database.
    ///
    /// A failed open leaves no file behind.
    pub async fn open(url: &str, options: StoreOptions) -> Result<Arc<Self>> {
        let location = url::parse(url)?;
        let shown = location.shown();
        match location {
            Location::Memory => {
                let place = Place::file(":memory:");
                let pools = Pools::sqlite(None, true, &options, &place).await?;
                Self::prepared(shown, place, pools, None, options).await
            }
            Location::File(path) => Self::open_file(shown, &path, options).await,
            Location::Server(server) => {
                let mut place = Place::server(&server.host, server.port);
                for secret in [&server.password, &options.password].into_iter().flatten() {
                    place.hide(secret);
                }
                let pools = Pools::postgres(&server, &options, &place).await?;
                Self::prepared(shown, place, pools, Some(server), options).await
            }
        }
    }

    async fn open_file(shown: String, path: &Path, options: StoreOptions) -> Result<Arc<Self>> {
        let place = Place::file(&path.display().to_string());
        let missing = !path.exists();
        if missing && options.migrate == Migrate::Check {
            return Err(StoreError::new(
                Code::Schema,
                format!(
                    "{place} does not exist, and migrate: 'check' creates nothing; open it once with migrate: 'auto'."
                ),
            ));
        }
        let opened = match Pools::sqlite(Some(path), true, &options, &place).await {
            Ok(pools) => Self::prepared(shown, place, pools, None, options).await,
            Err(error) => Err(error),
        };
        if missing && opened.is_err() && std::fs::metadata(path).is_ok_and(|file| file.len() == 0) {
            let _ = std::fs::remove_file(path);
        }
        opened.map_err(|error| {
            if error.code == Code::Connect && is_write_protected(path) {
                StoreError::new(
                    Code::ReadOnly,
                    format!(
                        "{} or its folder cannot be written; change its permissions, or use another folder.",
                        Place::file(&path.display().to_string())
                    ),
                )
            } else {
                error
            }
        })
    }

    async fn prepared(
        url: String,
        place: Place,
        pools: Pools,
        server: Option<Box<Server>>,
        options: StoreOptions,
    ) -> Result<Arc<Self>> {
        let dialect = match &server {
            Some(server) => Dialect::postgres(&server.schema, &options.schema),
            None => Dialect::sqlite(),
        };
        let settings = SessionSettings {
            place: Arc::new(place),
            time_form: TimeForm::Text,
            prepared: !pools.has_pooler(),
            statement_timeout: options.statement_timeout,
            #[cfg(test)]
            statements: session::Statements::default(),
        };
        let mut store = Self {
            url,
            dialect,
            pools,
            settings: Mutex::new(settings),
            options,
            server,
            schema: SchemaReport::default(),
            owner: Owner::current(),
            held: Mutex::default(),
            heartbeat: Mutex::default(),
            next_index: Mutex::default(),
            newest: AtomicI64::new(0),
            closed: AtomicBool::new(false),
            gate: Arc::default(),
        };
        match store.prepare().await {
            Ok(report) => {
                store.schema = report;
                Ok(Arc::new(store))
            }
            Err(error) => {
                store.pools.close().await;
                Err(error)
            }
        }
    }

    /// Creates what the schema lacks, and learns the form of its times.
    async fn prepare(&self) -> Result<SchemaReport> {
        let deadline = Instant::now() + self.options.lock_timeout;
        let report = loop {
            match self.prepare_schema().await {
                // Two processes that open a new file at once may find it locked in ways that are not waited for.
                Err(error) if error.code == Code::Busy && Instant::now() < deadline => {
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                outcome => break outcome?,
            }
        };
        if self.dialect.backend == Backend::Sqlite {
            let form = self.time_form().await?;
            locked(&self.settings).time_form = form;
        }
        Ok(report)
    }

    async fn prepare_schema(&self) -> Result<SchemaReport> {
        let settings = self.settings();
        let mut session = self.pools.outside_transaction(&settings).await?;
        let plan = schema::find(&mut session, &self.dialect)
            .await?
            .plan(&self.dialect)?;
        if plan.is_empty() {
            return Ok(plan.report());
        }
        if self.options.migrate == Migrate::Check {
            return Err(plan.refusal());
        }
        if self.dialect.is_postgres() {
            self.migrate_postgres(session).await
        } else {
            self.migrate_sqlite(session).await
        }
    }

    async fn migrate_sqlite(&self, mut session: Session) -> Result<SchemaReport> {
        // Files of others keep their journal mode; a new one gets the log that lets readers go on beside a writer.
        let empty = session
            .first("SELECT count(*) FROM sqlite_master", Vec::new())
            .await?
            .is_some_and(|row| row[0].int() == Some(0));
        if empty {
            session.rows("PRAGMA journal_mode = WAL", Vec::new()).await?;
        }
        drop(session);
        let mut session = self.transaction().await?;
        let plan = schema::find(&mut session, &self.dialect)
            .await?
            .plan(&self.dialect)?;
        plan.apply(&mut session, &self.dialect, false, self.now()).await?;
        session.commit().await?;
        Ok(plan.report())
    }

    async fn migrate_postgres(&self, session: Session) -> Result<SchemaReport> {
        drop(session);
        let settings = self.settings();
        if self.pools.has_pooler() {
            let mut session = self.pools.transaction(&settings).await?;
            session
                .rows("SELECT pg_advisory_xact_lock($1)", vec![Value::int(SCHEMA_LOCK)])
                .await?;
            let plan = schema::find(&mut session, &self.dialect)
                .await?
                .plan(&self.dialect)?;
            plan.apply(&mut session, &self.dialect, false, self.now()).await?;
            session.commit().await?;
            return Ok(plan.report());
        }
        // The lock is polled for: a session that waits for it has a snapshot, which CREATE INDEX CONCURRENTLY waits for.
        let mut holder = self.pools.outside_transaction(&settings).await?;
        let deadline = Instant::now() + self.options.lock_timeout;
        while !holder
            .first("SELECT pg_try_advisory_lock($1)", vec![Value::int(SCHEMA_LOCK)])
            .await?
            .is_some_and(|row| row[0].truth())
        {
            if Instant::now() >= deadline {
                return Err(StoreError::new(
                    Code::Busy,
                    format!(
                        "Another process changes the schema of {} for longer than lockTimeout; try again.",
                        settings.place
                    ),
                ));
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
        let outcome = self.migrate_under_lock(&mut holder, &settings).await;
        let unlocked = holder
            .rows("SELECT pg_advisory_unlock($1)", vec![Value::int(SCHEMA_LOCK)])
            .await;
        let report = outcome?;
        unlocked?;
        Ok(report)
    }

    async fn migrate_under_lock(
        &self,
        holder: &mut Session,
        settings: &SessionSettings,
    ) -> Result<SchemaReport> {
        let plan = schema::find(holder, &self.dialect).await?.plan(&self.dialect)?;
        // Within the one connection, as a store may have but one.
        holder.script("BEGIN").await?;
        if let Err(error) = plan.apply(holder, &self.dialect, true, self.now()).await {
            let _ = holder.script("ROLLBACK").await;
            return Err(error);
        }
        holder.script("COMMIT").await?;
        // Indexes of large tables take longer than any other statement.
        let limit = settings.statement_timeout.as_millis();
        for statement in plan.concurrent(&self.dialect) {
            holder.script("SET statement_timeout = 0").await?;
            let outcome = holder.script(&statement).await;
            holder.script(&format!("SET statement_timeout = {limit}")).await?;
            outcome?;
        }
        Ok(plan.report())
    }

    /// Returns the form of the newest row's times: that of an older Prisma is kept up.
    async fn time_form(&self) -> Result<TimeForm> {
        let mut session = self.pools.reader(&self.settings()).await?;
        for table in [&self.dialect.run, &self.dialect.result] {
            let newest = session
                .first(
                    format!("SELECT typeof(\"createdAt\") FROM {table} ORDER BY rowid DESC LIMIT 1"),
                    Vec::new(),
                )
                .await?;
            if let Some(row) = newest {
                return Ok(match row[0].text() {
                    Some("integer") => TimeForm::Integer,
                    _ => TimeForm::Text,
                });
            }
        }
        Ok(TimeForm::Text)
    }

    fn settings(&self) -> SessionSettings {
        locked(&self.settings).clone()
    }

    /// Returns the URL without secrets.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the kind of database.
    pub fn backend(&self) -> Backend {
        self.dialect.backend
    }

    /// Returns what opening found and added.
    pub fn schema(&self) -> &SchemaReport {
        &self.schema
    }

    /// Counts the connections.
    pub fn pool_stats(&self) -> PoolStats {
        self.pools.stats()
    }

    /// Changes the password of connections to come.
    ///
    /// # Errors
    /// [`Code::Tls`] for certificates that cannot be used.
    pub fn set_password(&self, password: &str) -> Result<()> {
        let Some(server) = &self.server else {
            return Ok(());
        };
        let mut settings = locked(&self.settings);
        let mut place = (*settings.place).clone();
        place.hide(password);
        settings.place = Arc::new(place);
        self.pools.set_password(server, &self.options, password)
    }

    /// Returns ms since 1970, later than at every call before, so that rows of one process sort as they were made.
    fn now(&self) -> i64 {
        let clock = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_millis() as i64);
        self.newest.fetch_max(clock, Ordering::Relaxed).max(clock)
    }

    /// Registers a call, for which closing waits.
    ///
    /// # Errors
    /// [`Code::Closed`] when the store was closed.
    async fn enter(&self) -> Result<Call> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::closed());
        }
        let call = Arc::clone(&self.gate).read_owned().await;
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::closed());
        }
        Ok(call)
    }

    /// Begins the attempts of a call.
    fn attempts(&self) -> Attempts {
        Attempts::within(self.options.acquire_timeout)
    }

    async fn reader(&self) -> Result<Session> {
        self.pools.reader(&self.settings()).await
    }

    async fn transaction(&self) -> Result<Session> {
        self.pools.transaction(&self.settings()).await
    }

    /// Closes the store once the calls under way have ended, and gives up the runs it holds. Calls that come later fail with
    /// [`Code::Closed`].
    pub async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let _alone = self.gate.write().await;
        if let Some(heartbeat) = locked(&self.heartbeat).take() {
            heartbeat.abort();
        }
        let held: Vec<String> = locked(&self.held).drain().collect();
        if !held.is_empty()
            && let Err(error) = self.release(held).await
        {
            tracing::warn!(target: "ai_evals::store", error = %error.message, "runs could not be given up");
        }
        self.pools.close().await;
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(heartbeat) = locked(&self.heartbeat).take() {
            heartbeat.abort();
        }
    }
}
