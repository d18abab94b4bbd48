//! Options of opening a store.

use std::time::Duration;

use serde::Deserialize;

use super::error::{Code, Result, StoreError};

/// The failures that a resolved write survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The end of the process, by kill −9 too.
    #[default]
    Process,
    /// A power cut: every commit waits for the disk.
    Power,
}

/// The treatment of an incomplete schema at opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Migrate {
    /// Creates it.
    #[default]
    Auto,
    /// Refuses.
    Check,
}

/// Options of TLS connections. Texts are PEM.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// Root certificates.
    pub ca: Option<String>,
    /// The certificate of the client.
    pub cert: Option<String>,
    /// The private key of the client.
    pub key: Option<String>,
    /// False: any certificate will do.
    pub reject_unauthorized: Option<bool>,
    /// The name that the certificate must be for: the URL's host.
    pub servername: Option<String>,
}

impl Tls {
    /// Returns whether any option was given.
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }
}

/// Options of a store.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreOptions {
    /// The most connections; default 10, of SQLite 5.
    pub max_connections: Option<u32>,
    /// The longest wait for a connection; default 30 s.
    pub acquire_timeout: Duration,
    /// The longest wait for a lock; default 30 s.
    pub lock_timeout: Duration,
    /// The longest statement; default 60 s, zero: no limit.
    pub statement_timeout: Duration,
    /// The treatment of missing tables and indexes.
    pub migrate: Migrate,
    /// The schema of our own tables in PostgreSQL.
    pub schema: String,
    /// The failures that a resolved write survives.
    pub durability: Durability,
    /// The password, instead of the URL's.
    pub password: Option<String>,
    /// TLS.
    pub tls: Tls,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            max_connections: None,
            acquire_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(30),
            statement_timeout: Duration::from_secs(60),
            migrate: Migrate::Auto,
            schema: "ai_evals".to_owned(),
            durability: Durability::Process,
            password: None,
            tls: Tls::default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    url: String,
    max_connections: Option<f64>,
    acquire_timeout: Option<f64>,
    lock_timeout: Option<f64>,
    statement_timeout: Option<f64>,
    #[serde(default)]
    migrate: Migrate,
    schema: Option<String>,
    #[serde(default)]
    durability: Durability,
    password: Option<String>,
    #[serde(default)]
    tls: Tls,
}

impl StoreOptions {
    /// Reads a URL and options from JSON, with times in ms.
    ///
    /// # Errors
    /// [`Code::InvalidType`] for a wrong shape, [`Code::OutOfRange`] for a number that cannot be used.
    pub fn from_json(json: &str) -> Result<(String, Self)> {
        let given: Given = serde_json::from_str(json).map_err(|error| {
            StoreError::new(
                Code::InvalidType,
                format!("The options of the store cannot be read: {error}."),
            )
        })?;
        let defaults = Self::default();
        let time = |name: &str, ms: Option<f64>, default: Duration| match ms {
            None => Ok(default),
            Some(ms) if ms >= 0.0 && ms <= f64::from(i32::MAX) => {
                Ok(Duration::from_micros((ms * 1000.0) as u64))
            }
            Some(ms) => Err(out_of_range(name, "a number of ms from 0 to 2147483647", ms)),
        };
        let max_connections = match given.max_connections {
            None => None,
            Some(count) if count.fract() == 0.0 && (1.0..=10_000.0).contains(&count) => Some(count as u32),
            Some(count) => {
                return Err(out_of_range(
                    "maxConnections",
                    "a whole number from 1 to 10000",
                    count,
                ));
            }
        };
        let schema = given.schema.unwrap_or(defaults.schema);
        if schema.is_empty() || schema.contains('\0') {
            return Err(StoreError::new(
                Code::OutOfRange,
                "schema must be the name of a schema, got an empty one.",
            ));
        }
        let options = Self {
            max_connections,
            acquire_timeout: time("acquireTimeout", given.acquire_timeout, defaults.acquire_timeout)?,
            lock_timeout: time("lockTimeout", given.lock_timeout, defaults.lock_timeout)?,
            statement_timeout: time(
                "statementTimeout",
                given.statement_timeout,
                defaults.statement_timeout,
            )?,
            migrate: given.migrate,
            schema,
            durability: given.durability,
            password: given.password,
            tls: given.tls,
        };
        Ok((given.url, options))
    }
}

fn out_of_range(name: &str, range: &str, value: f64) -> StoreError {
    StoreError::new(Code::OutOfRange, format!("{name} must be {range}, got {value}."))
}
