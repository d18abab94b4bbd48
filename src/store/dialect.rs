//! The differences between the two backends' SQL: names of tables, and forms of times, JSON and lists.

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file, or memory.
    Sqlite,
    /// A server.
    Postgres,
}

impl Backend {
    /// Returns the name that users give and see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// Names and forms of one store. The parameters of statements are `$1`, `$2` … on both backends.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// The kind of database.
    pub backend: Backend,
    /// The table of runs.
    pub run: String,
    /// The table of results.
    pub result: String,
    /// The table of metrics.
    pub metrics: String,
    /// The table of baselines.
    pub baseline: String,
    /// Our table of migrations.
    pub migrations: String,
    /// Our table of places in the dataset.
    pub order: String,
    /// Our table of runs that a process holds.
    pub owner: String,
    /// Our table of small JSON documents.
    pub document: String,
    /// The schema of our tables; empty for SQLite.
    pub own_schema: String,
    /// The schema of Prisma's tables; empty for SQLite.
    pub schema: String,
}

/// Quotes an identifier.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Dialect {
    /// Makes the dialect of SQLite.
    pub fn sqlite() -> Self {
        let own = |name: &str| quoted(&format!("ai_evals_{name}"));
        Self {
            backend: Backend::Sqlite,
            run: quoted("EvalRun"),
            result: quoted("EvalResult"),
            metrics: quoted("EvalMetrics"),
            baseline: quoted("EvalBaseline"),
            migrations: own("migrations"),
            order: own("result_order"),
            owner: own("run_owner"),
            document: own("document"),
            own_schema: String::new(),
            schema: String::new(),
        }
    }

    /// Makes the dialect of PostgreSQL with Prisma's tables in `schema` and ours in `own_schema`.
    pub fn postgres(schema: &str, own_schema: &str) -> Self {
        let table = |name: &str| format!("{}.{}", quoted(schema), quoted(name));
        let own = |name: &str| format!("{}.{}", quoted(own_schema), quoted(name));
        Self {
            backend: Backend::Postgres,
            run: table("EvalRun"),
            result: table("EvalResult"),
            metrics: table("EvalMetrics"),
            baseline: table("EvalBaseline"),
            migrations: own("migrations"),
            order: own("result_order"),
            owner: own("run_owner"),
            document: own("document"),
            own_schema: own_schema.to_owned(),
            schema: schema.to_owned(),
        }
    }

    /// Returns whether the backend is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.backend == Backend::Postgres
    }

    /// Returns the expression of parameter `n` as a JSON column takes it.
    pub fn json(&self, n: usize) -> String {
        self.cast(n, "jsonb")
    }

    /// Returns the expression of parameter `n` as a time column takes it.
    pub fn time(&self, n: usize) -> String {
        self.cast(n, "timestamp")
    }

    fn cast(&self, n: usize, kind: &str) -> String {
        if self.is_postgres() {
            format!("${n}::{kind}")
        } else {
            format!("${n}")
        }
    }

    /// Returns the expression of parameter `n`, a JSON array, as the column `tags` takes it.
    pub fn tags(&self, n: usize) -> String {
        if self.is_postgres() {
            format!("ARRAY(SELECT jsonb_array_elements_text(${n}::jsonb))")
        } else {
            format!("${n}")
        }
    }

    /// Returns the expression by which a list in parameter `n` holds the value before it.
    pub fn any(&self, n: usize) -> String {
        if self.is_postgres() {
            format!("= ANY(${n})")
        } else {
            format!("IN (SELECT value FROM json_each(${n}))")
        }
    }

    /// Returns the expression that reads a JSON column as text.
    pub fn json_out(&self, column: &str) -> String {
        if self.is_postgres() {
            format!("{column}::text")
        } else {
            format!("CASE typeof({column}) WHEN 'blob' THEN json({column}) ELSE {column} END")
        }
    }

    /// Returns the expression that reads the column `tags` as a JSON array.
    pub fn tags_out(&self, column: &str) -> String {
        if self.is_postgres() {
            format!("to_jsonb({column})::text")
        } else {
            column.to_owned()
        }
    }

    /// Returns the expression that reads a time column, as ms or in a form that [`super::instant::parse`] reads.
    pub fn time_out(&self, column: &str) -> String {
        if self.is_postgres() {
            format!("round(extract(epoch FROM {column}) * 1000)::int8")
        } else {
            column.to_owned()
        }
    }

    /// Returns the expression by which times are compared and ordered, whatever form SQLite's column holds.
    pub fn time_order(&self, column: &str) -> String {
        if self.is_postgres() {
            self.time_out(column)
        } else {
            format!(
                "CASE typeof({column}) WHEN 'text' THEN CAST(round(unixepoch({column}, 'subsec') * 1000) AS INTEGER) \
                 ELSE CAST({column} AS INTEGER) END"
            )
        }
    }
}
