//! The schema of a store: creating it, and adopting the tables that Prisma or plain SQL made.
//!
//! An open reads what is there and takes a lock only when something is missing. Under the lock it looks again, so that any
//! number of processes may open a new store at once. What Prisma does not know lives in tables of our own, because a
//! column or index of ours in Prisma's tables would be drift, which `prisma migrate dev` answers with a reset.

pub mod tables;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::dialect::{Dialect, quoted};
use super::error::{Code, Result, StoreError};
use super::session::Session;
use super::value::Value;
use tables::{Index, TABLES, Table, own_ddl};

/// The version of our own tables.
pub const VERSION: i64 = 1;
/// The oldest version that can work with a store of this version.
const OLDEST_READER: i64 = 1;

/// The outcome of opening a schema.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SchemaReport {
    /// The version of our own tables.
    pub version: i64,
    /// True if the tables were there before the store was.
    pub adopted: bool,
    /// Names of the tables and indexes that this open added.
    pub added: Vec<String>,
}

/// The schema as it was found.
pub struct Found {
    /// The declared types of the columns of each table.
    tables: HashMap<&'static str, HashMap<String, String>>,
    /// The indexes of each table, by name and by their columns.
    indexes: HashMap<&'static str, (HashSet<String>, HashSet<String>)>,
    /// Indexes whose creation was interrupted.
    broken: Vec<String>,
    /// The newest migration, the oldest version that reads the store, and the name of the first migration.
    migration: Option<(i64, i64, String)>,
    own_tables: usize,
    /// The schemas of PostgreSQL that there are of the two needed ones.
    schemas: HashSet<String>,
}

/// Statements that are missing between what was found and what is needed.
pub struct Plan {
    tables: Vec<&'static Table>,
    /// Indexes of tables that exist, which may be large.
    indexes: Vec<(&'static str, &'static Index)>,
    broken: Vec<String>,
    own: bool,
    adopted: bool,
    /// Schemas of PostgreSQL. One that exists is not created: even `IF NOT EXISTS` asks for the right to.
    schemas: Vec<String>,
}

const OWN_TABLES: usize = 4;

/// Reads the schema of the store.
///
/// # Errors
/// The database's.
pub async fn find(session: &mut Session, dialect: &Dialect) -> Result<Found> {
    let mut found = Found {
        tables: HashMap::new(),
        indexes: HashMap::new(),
        broken: Vec::new(),
        migration: None,
        own_tables: 0,
        schemas: HashSet::new(),
    };
    if dialect.is_postgres() {
        found.schemas = session
            .rows(
                "SELECT nspname::text FROM pg_namespace WHERE nspname IN ($1, $2)",
                vec![Value::text(&dialect.schema), Value::text(&dialect.own_schema)],
            )
            .await?
            .iter()
            .filter_map(|row| row[0].text().map(str::to_owned))
            .collect();
    }
    for table in &TABLES {
        let columns = columns_of(session, dialect, table.name).await?;
        if columns.is_empty() {
            continue;
        }
        found.tables.insert(table.name, columns);
        let (mut names, mut lists) = (HashSet::new(), HashSet::new());
        for (name, columns, unique, valid) in indexes_of(session, dialect, table.name).await? {
            if valid {
                lists.insert(format!("{unique} {columns}"));
                names.insert(name);
            } else {
                found.broken.push(name);
            }
        }
        found.indexes.insert(table.name, (names, lists));
    }
    found.own_tables = own_tables(session, dialect).await?;
    if found.own_tables > 0 {
        found.migration = migration(session, dialect).await?;
    }
    Ok(found)
}

async fn columns_of(
    session: &mut Session,
    dialect: &Dialect,
    table: &str,
) -> Result<HashMap<String, String>> {
    let rows = if dialect.is_postgres() {
        session
            .rows(
                "SELECT column_name::text, data_type::text FROM information_schema.columns \
                 WHERE table_schema = $1 AND table_name = $2",
                vec![Value::text(&dialect.schema), Value::text(table)],
            )
            .await?
    } else {
        session
            .rows(
                "SELECT name, type FROM pragma_table_info($1)",
                vec![Value::text(table)],
            )
            .await?
    };
    Ok(rows
        .iter()
        .filter_map(|row| Some((row.first()?.text()?.to_owned(), row.get(1)?.text()?.to_owned())))
        .collect())
}

/// Returns name, columns, uniqueness and validity of the indexes of a table.
async fn indexes_of(
    session: &mut Session,
    dialect: &Dialect,
    table: &str,
) -> Result<Vec<(String, String, bool, bool)>> {
    let rows = if dialect.is_postgres() {
        session
            .rows(
                "SELECT c.relname::text, string_agg(a.attname::text, ',' ORDER BY k.at), i.indisunique, i.indisvalid \
                 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid \
                 JOIN pg_namespace n ON n.oid = t.relnamespace, unnest(i.indkey) WITH ORDINALITY AS k(attnum, at) \
                 JOIN pg_attribute a ON a.attnum = k.attnum \
                 WHERE n.nspname = $1 AND t.relname = $2 AND a.attrelid = t.oid AND i.indpred IS NULL \
                 GROUP BY 1, 3, 4",
                vec![Value::text(&dialect.schema), Value::text(table)],
            )
            .await?
    } else {
        session
            .rows(
                "SELECT l.name, group_concat(i.name, ','), l.\"unique\", 1 FROM pragma_index_list($1) l, \
                 pragma_index_info(l.name) i WHERE l.partial = 0 GROUP BY l.name",
                vec![Value::text(table)],
            )
            .await?
    };
    Ok(rows
        .iter()
        .filter_map(|row| {
            let (name, columns) = (row.first()?.text()?, row.get(1)?.text()?);
            Some((
                name.to_owned(),
                columns.to_owned(),
                row.get(2)?.truth(),
                row.get(3)?.truth(),
            ))
        })
        .collect())
}

async fn own_tables(session: &mut Session, dialect: &Dialect) -> Result<usize> {
    let row = if dialect.is_postgres() {
        session
            .first(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = $1 \
                 AND table_name IN ('migrations', 'result_order', 'run_owner', 'document')",
                vec![Value::text(&dialect.own_schema)],
            )
            .await?
    } else {
        session
            .first(
                "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN \
                 ('ai_evals_migrations', 'ai_evals_result_order', 'ai_evals_run_owner', 'ai_evals_document')",
                Vec::new(),
            )
            .await?
    };
    Ok(row.and_then(|row| row.first()?.int()).unwrap_or(0) as usize)
}

async fn migration(session: &mut Session, dialect: &Dialect) -> Result<Option<(i64, i64, String)>> {
    let rows = session
        .rows(
            format!(
                "SELECT version, \"oldestReader\", name FROM {} ORDER BY version",
                dialect.migrations
            ),
            Vec::new(),
        )
        .await?;
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok(None);
    };
    let number =
        |row: &super::value::Row, at: usize| row.get(at).and_then(super::value::Cell::int).unwrap_or(0);
    let name = first
        .get(2)
        .and_then(|cell| cell.text())
        .unwrap_or_default()
        .to_owned();
    Ok(Some((number(last, 0), number(last, 1), name)))
}

impl Found {
    /// Compares the schema with what is needed.
    ///
    /// # Errors
    /// [`Code::Schema`] for a newer store and for columns that are missing or of another type.
    pub fn plan(&self, dialect: &Dialect) -> Result<Plan> {
        if let Some((version, oldest_reader, _)) = &self.migration
            && *version > VERSION
            && *oldest_reader > VERSION
        {
            return Err(StoreError::new(
                Code::Schema,
                format!(
                    "The store is of version {version}, and only versions from {oldest_reader} on can work with it; \
                     this one is {VERSION}. Install a newer @aah/ai-evals."
                ),
            ));
        }
        let mut plan = Plan {
            tables: Vec::new(),
            indexes: Vec::new(),
            broken: Vec::new(),
            own: self.migration.is_none() || self.own_tables < OWN_TABLES,
            schemas: [&dialect.schema, &dialect.own_schema]
                .into_iter()
                .filter(|name| dialect.is_postgres() && !self.schemas.contains(*name))
                .cloned()
                .collect(),
            adopted: self
                .migration
                .as_ref()
                .map_or(!self.tables.is_empty(), |(_, _, name)| name == "adopt"),
        };
        for table in &TABLES {
            let Some(columns) = self.tables.get(table.name) else {
                plan.tables.push(table);
                continue;
            };
            check_columns(table, columns, dialect)?;
            let Some((names, lists)) = self.indexes.get(table.name) else {
                continue;
            };
            for index in table.indexes {
                let key = |unique: bool| format!("{unique} {}", index.columns.join(","));
                // Prisma declares an index of its own beside a unique one; the unique one serves as well.
                let there = names.contains(&index.name(table.name))
                    || lists.contains(&key(true))
                    || (!index.unique && lists.contains(&key(false)));
                if !there {
                    let name = index.name(table.name);
                    if self.broken.contains(&name) {
                        plan.broken.push(name);
                    }
                    plan.indexes.push((table.name, index));
                }
            }
        }
        Ok(plan)
    }
}

fn check_columns(table: &Table, columns: &HashMap<String, String>, dialect: &Dialect) -> Result<()> {
    for column in table.columns {
        let problem = match columns.get(column.name) {
            None => "is missing".to_owned(),
            Some(found) if !column.kind.fits(found, dialect.backend) => format!("has the type {found}"),
            Some(_) => continue,
        };
        let mut error = StoreError::new(
            Code::Schema,
            format!(
                "The column {} of the table {} {problem}; it must be {}. Change the table, or give the store another \
                 database or schema.",
                column.name,
                table.name,
                column.kind.declared(dialect.backend)
            ),
        );
        error.column = Some(format!("{}.{}", table.name, column.name));
        return Err(error);
    }
    Ok(())
}

impl Plan {
    /// Returns whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.indexes.is_empty() && !self.own
    }

    /// Returns the report of a store that lacked this.
    pub fn report(&self) -> SchemaReport {
        let tables = self.tables.iter().map(|table| table.name.to_owned());
        let indexes = self.indexes.iter().map(|(table, index)| index.name(table));
        SchemaReport {
            version: VERSION,
            adopted: self.adopted,
            added: if self.adopted || self.tables.len() < TABLES.len() {
                tables.chain(indexes).collect()
            } else {
                tables.collect()
            },
        }
    }

    /// Returns the error of a store that may not be changed.
    pub fn refusal(&self) -> StoreError {
        let mut missing = String::new();
        for name in self.report().added {
            let _ = write!(missing, "{}{name}", if missing.is_empty() { "" } else { ", " });
        }
        if missing.is_empty() {
            "the store's own tables".clone_into(&mut missing);
        }
        StoreError::new(
            Code::Schema,
            format!(
                "The database lacks {missing}, and migrate: 'check' allows no change. Apply EvalStore.schemaSql(), or open \
                 it once with migrate: 'auto'."
            ),
        )
    }

    /// Creates what is missing within the transaction of `session`, but for indexes of existing tables where they are
    /// created `concurrently`.
    ///
    /// # Errors
    /// The database's.
    pub async fn apply(
        &self,
        session: &mut Session,
        dialect: &Dialect,
        concurrently: bool,
        now: i64,
    ) -> Result<()> {
        let mut sql = String::new();
        for schema in &self.schemas {
            let _ = writeln!(sql, "CREATE SCHEMA IF NOT EXISTS {};", quoted(schema));
        }
        for table in &self.tables {
            sql += &table.ddl(dialect);
            for index in table.indexes {
                sql += &index.ddl(table.name, dialect, false);
            }
        }
        if !concurrently {
            for (table, index) in &self.indexes {
                sql += &index.ddl(table, dialect, false);
            }
        }
        if !sql.is_empty() {
            session.script(&sql).await?;
        }
        if self.own {
            let ddl = own_ddl(dialect);
            session.script(&ddl).await?;
            let checksum = blake3::hash(ddl.as_bytes()).to_hex().to_string();
            let name = if self.adopted { "adopt" } else { "create" };
            session
                .run(
                    format!(
                        "INSERT INTO {} (version, name, checksum, \"appliedAt\", \"oldestReader\") \
                         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (version) DO NOTHING",
                        dialect.migrations
                    ),
                    vec![
                        Value::int(VERSION),
                        Value::text(name),
                        Value::text(checksum),
                        Value::int(now),
                        Value::int(OLDEST_READER),
                    ],
                )
                .await?;
        }
        Ok(())
    }

    /// Returns the statements that create indexes of existing tables without holding up writers, each to be run outside a
    /// transaction.
    pub fn concurrent(&self, dialect: &Dialect) -> Vec<String> {
        let dropped = self.broken.iter().map(|name| {
            format!(
                "DROP INDEX CONCURRENTLY IF EXISTS {}.{}",
                quoted(&dialect.schema),
                quoted(name)
            )
        });
        let created = self
            .indexes
            .iter()
            .map(|(table, index)| index.ddl(table, dialect, true));
        dropped.chain(created).collect()
    }
}
