//! The tables that Prisma users have, as data: from it come the DDL of a new store and the check of an old one.

use crate::store::dialect::{Backend, Dialect, quoted};

/// A kind of column, by Prisma's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `String`
    Text,
    /// `Json`
    Json,
    /// `Int`
    Int,
    /// `Float`
    Real,
    /// `Boolean`
    Bool,
    /// `DateTime`
    Time,
    /// `String[]`, of SQLite a JSON array
    Tags,
}

impl Kind {
    /// Returns the type that Prisma declares.
    pub fn declared(self, backend: Backend) -> &'static str {
        match (self, backend) {
            (Self::Text, _) => "TEXT",
            (Self::Json, _) | (Self::Tags, Backend::Sqlite) => "JSONB",
            (Self::Int, _) => "INTEGER",
            (Self::Real, Backend::Sqlite) => "REAL",
            (Self::Real, Backend::Postgres) => "DOUBLE PRECISION",
            (Self::Bool, _) => "BOOLEAN",
            (Self::Time, Backend::Sqlite) => "DATETIME",
            (Self::Time, Backend::Postgres) => "TIMESTAMP(3)",
            (Self::Tags, Backend::Postgres) => "TEXT[]",
        }
    }

    /// Returns whether a column that was declared as `found` takes and gives such values.
    pub fn fits(self, found: &str, backend: Backend) -> bool {
        let found = found.to_ascii_uppercase();
        let holds = |parts: &[&str]| parts.iter().any(|part| found.contains(part));
        match (self, backend) {
            (Self::Text, Backend::Sqlite) => holds(&["TEXT", "CHAR", "CLOB"]),
            (Self::Json | Self::Tags, Backend::Sqlite) => holds(&["JSON", "TEXT", "CHAR", "CLOB", "BLOB"]),
            (Self::Int, Backend::Sqlite) => holds(&["INT"]),
            (Self::Real, Backend::Sqlite) => holds(&["REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL"]),
            (Self::Bool, Backend::Sqlite) => holds(&["BOOL", "INT"]),
            (Self::Time, Backend::Sqlite) => holds(&["DATE", "TIME", "INT", "TEXT", "NUMERIC"]),
            (Self::Text, Backend::Postgres) => holds(&["TEXT", "CHAR"]) && !holds(&["ARRAY", "[]"]),
            (Self::Json, Backend::Postgres) => holds(&["JSON"]),
            (Self::Int, Backend::Postgres) => matches!(found.as_str(), "INTEGER" | "BIGINT"),
            (Self::Real, Backend::Postgres) => found == "DOUBLE PRECISION",
            (Self::Bool, Backend::Postgres) => found == "BOOLEAN",
            (Self::Time, Backend::Postgres) => found.starts_with("TIMESTAMP"),
            (Self::Tags, Backend::Postgres) => found == "ARRAY",
        }
    }
}

/// A column.
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// True if it may be NULL.
    pub optional: bool,
    /// The default of Prisma's DDL; empty for none.
    pub default: &'static str,
}

/// An index.
pub struct Index {
    /// Its columns.
    pub columns: &'static [&'static str],
    /// True if it is a unique one.
    pub unique: bool,
}

/// A table.
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns; the first one is the primary key.
    pub columns: &'static [Column],
    /// Its indexes besides the primary key.
    pub indexes: &'static [Index],
    /// True if `runId` refers to a run, whose deletion it follows.
    pub of_run: bool,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        optional: false,
        default: "",
    }
}

const fn optional(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        optional: true,
        default: "",
    }
}

const fn with_default(name: &'static str, kind: Kind, default: &'static str) -> Column {
    Column {
        name,
        kind,
        optional: false,
        default,
    }
}

const CREATED_AT: Column = with_default("createdAt", Kind::Time, "CURRENT_TIMESTAMP");

const fn index(columns: &'static [&'static str]) -> Index {
    Index {
        columns,
        unique: false,
    }
}

const fn unique(columns: &'static [&'static str]) -> Index {
    Index {
        columns,
        unique: true,
    }
}

/// The four tables, a table behind those that it refers to.
pub const TABLES: [Table; 4] = [
    Table {
        name: "EvalRun",
        columns: &[
            column("id", Kind::Text),
            column("datasetId", Kind::Text),
            column("datasetVersion", Kind::Text),
            optional("datasetName", Kind::Text),
            column("modelId", Kind::Text),
            column("modelConfig", Kind::Json),
            column("runnerType", Kind::Text),
            column("scorerConfig", Kind::Json),
            column("startTime", Kind::Time),
            optional("endTime", Kind::Time),
            optional("durationMs", Kind::Int),
            column("status", Kind::Text),
            optional("error", Kind::Text),
            optional("metadata", Kind::Json),
            CREATED_AT,
            column("updatedAt", Kind::Time),
        ],
        indexes: &[
            index(&["datasetId"]),
            index(&["modelId"]),
            index(&["runnerType"]),
            index(&["status"]),
            index(&["startTime"]),
            index(&["createdAt"]),
        ],
        of_run: false,
    },
    Table {
        name: "EvalResult",
        columns: &[
            column("id", Kind::Text),
            column("runId", Kind::Text),
            column("testCaseId", Kind::Text),
            column("input", Kind::Json),
            column("expected", Kind::Json),
            column("actual", Kind::Json),
            column("passed", Kind::Bool),
            column("score", Kind::Real),
            optional("confidence", Kind::Real),
            optional("explanation", Kind::Text),
            column("latencyMs", Kind::Int),
            column("tokenUsage", Kind::Json),
            column("cost", Kind::Real),
            optional("metadata", Kind::Json),
            CREATED_AT,
        ],
        indexes: &[
            index(&["runId"]),
            index(&["testCaseId"]),
            index(&["passed"]),
            index(&["score"]),
            index(&["createdAt"]),
            index(&["runId", "score"]),
        ],
        of_run: true,
    },
    Table {
        name: "EvalMetrics",
        columns: &[
            column("id", Kind::Text),
            column("runId", Kind::Text),
            column("totalTests", Kind::Int),
            column("passedTests", Kind::Int),
            column("failedTests", Kind::Int),
            column("accuracy", Kind::Real),
            column("passRate", Kind::Real),
            column("avgScore", Kind::Real),
            column("avgLatencyMs", Kind::Real),
            column("totalCost", Kind::Real),
            column("totalTokens", Kind::Int),
            optional("categoryBreakdown", Kind::Json),
            optional("failuresByType", Kind::Json),
            optional("scoreDistribution", Kind::Json),
            CREATED_AT,
        ],
        indexes: &[
            unique(&["runId"]),
            index(&["runId"]),
            index(&["accuracy"]),
            index(&["avgScore"]),
            index(&["createdAt"]),
        ],
        of_run: true,
    },
    Table {
        name: "EvalBaseline",
        columns: &[
            column("id", Kind::Text),
            column("name", Kind::Text),
            column("description", Kind::Text),
            column("runId", Kind::Text),
            column("datasetId", Kind::Text),
            column("modelId", Kind::Text),
            with_default("isActive", Kind::Bool, "false"),
            column("tags", Kind::Tags),
            optional("metadata", Kind::Json),
            CREATED_AT,
            column("updatedAt", Kind::Time),
        ],
        indexes: &[
            unique(&["name"]),
            index(&["name"]),
            index(&["datasetId"]),
            index(&["modelId"]),
            index(&["isActive"]),
            index(&["createdAt"]),
        ],
        of_run: false,
    },
];

impl Index {
    /// Returns the name that Prisma gives the index.
    pub fn name(&self, table: &str) -> String {
        let suffix = if self.unique { "key" } else { "idx" };
        format!("{table}_{}_{suffix}", self.columns.join("_"))
    }

    /// Returns the statement that creates the index.
    pub fn ddl(&self, table: &str, dialect: &Dialect, concurrently: bool) -> String {
        let unique = if self.unique { "UNIQUE " } else { "" };
        let concurrently = if concurrently { "CONCURRENTLY " } else { "" };
        let columns: Vec<_> = self.columns.iter().map(|name| quoted(name)).collect();
        format!(
            "CREATE {unique}INDEX {concurrently}{} ON {}({});\n",
            quoted(&self.name(table)),
            qualified(table, dialect),
            columns.join(", ")
        )
    }
}

fn qualified(table: &str, dialect: &Dialect) -> String {
    if dialect.is_postgres() {
        format!("{}.{}", quoted(&dialect.schema), quoted(table))
    } else {
        quoted(table)
    }
}

impl Table {
    /// Returns the statement that creates the table, as `prisma migrate` writes it.
    pub fn ddl(&self, dialect: &Dialect) -> String {
        let sqlite = !dialect.is_postgres();
        let mut lines: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let mut line = format!(
                    "{} {}",
                    quoted(column.name),
                    column.kind.declared(dialect.backend)
                );
                // Prisma's lists are columns without a constraint.
                let bare = column.optional || (column.kind == Kind::Tags && !sqlite);
                if !bare {
                    line += " NOT NULL";
                }
                if at == 0 && sqlite {
                    line += " PRIMARY KEY";
                }
                if !column.default.is_empty() {
                    line += " DEFAULT ";
                    line += column.default;
                }
                line
            })
            .collect();
        if !sqlite {
            lines.push(format!(
                "CONSTRAINT {} PRIMARY KEY (\"id\")",
                quoted(&format!("{}_pkey", self.name))
            ));
        }
        if self.of_run {
            lines.push(format!(
                "CONSTRAINT {} FOREIGN KEY (\"runId\") REFERENCES {} (\"id\") ON DELETE CASCADE ON UPDATE CASCADE",
                quoted(&format!("{}_runId_fkey", self.name)),
                dialect.run
            ));
        }
        format!(
            "CREATE TABLE {} (\n    {}\n);\n",
            qualified(self.name, dialect),
            lines.join(",\n    ")
        )
    }
}

/// Returns the statement that creates the schema of our own tables; empty for SQLite.
pub fn own_schema_ddl(dialect: &Dialect) -> String {
    if dialect.is_postgres() {
        format!("CREATE SCHEMA IF NOT EXISTS {};\n", quoted(&dialect.own_schema))
    } else {
        String::new()
    }
}

/// Returns the statements that create our own tables.
pub fn own_ddl(dialect: &Dialect) -> String {
    let big = if dialect.is_postgres() {
        "BIGINT"
    } else {
        "INTEGER"
    };
    let (migrations, order, owner, document) = (
        &dialect.migrations,
        &dialect.order,
        &dialect.owner,
        &dialect.document,
    );
    let order_index = quoted(if dialect.is_postgres() {
        "result_order_place"
    } else {
        "ai_evals_result_order_place"
    });
    format!(
        "CREATE TABLE IF NOT EXISTS {migrations} (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    \"appliedAt\" {big} NOT NULL,
    \"oldestReader\" INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS {order} (
    \"runId\" TEXT NOT NULL,
    \"index\" {big} NOT NULL,
    \"repeat\" {big} NOT NULL,
    \"resultId\" TEXT NOT NULL PRIMARY KEY,
    \"category\" TEXT
);
CREATE INDEX IF NOT EXISTS {order_index} ON {order}(\"runId\", \"index\", \"repeat\", \"resultId\");
CREATE TABLE IF NOT EXISTS {owner} (
    \"runId\" TEXT NOT NULL PRIMARY KEY,
    \"owner\" TEXT NOT NULL,
    \"heartbeatAt\" {big} NOT NULL
);
CREATE TABLE IF NOT EXISTS {document} (
    \"kind\" TEXT NOT NULL,
    \"name\" TEXT NOT NULL,
    \"data\" TEXT NOT NULL,
    \"updatedAt\" {big} NOT NULL,
    PRIMARY KEY (\"kind\", \"name\")
);
"
    )
}

/// Returns the whole DDL of a new store.
pub fn schema_sql(dialect: &Dialect) -> String {
    let mut sql = String::new();
    for table in &TABLES {
        sql += &table.ddl(dialect);
        for index in table.indexes {
            sql += &index.ddl(table.name, dialect, false);
        }
        sql.push('\n');
    }
    sql + &own_schema_ddl(dialect) + &own_ddl(dialect)
}
