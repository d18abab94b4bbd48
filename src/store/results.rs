//! Reading the results of a run, a page at a time.
//!
//! A page begins behind the last sort key of the one before: rows before it are never walked again. The orders by score and
//! by time are in files of their own.

use serde::{Deserialize, Serialize};

use super::Store;
use super::attempts::reading;
use super::cursor::{self, Key};
use super::error::Result;
use super::json_object::{JsonObject, page};
use super::runs::parsed;
use super::session::Session;
use super::value::{Cell, Row, Value};

/// The order of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
enum Order {
    /// By index and repeat; what others wrote comes last, by time.
    #[default]
    #[serde(rename = "dataset")]
    Dataset,
    /// By time.
    #[serde(rename = "createdAt")]
    CreatedAt,
    /// Lowest score first.
    #[serde(rename = "score")]
    Score,
    /// Highest score first.
    #[serde(rename = "-score")]
    ScoreDescending,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ResultFilter {
    passed: Option<bool>,
    min_score: Option<f64>,
    max_score: Option<f64>,
    test_case_id: Option<String>,
    pub(super) category: Option<String>,
    order: Order,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ResultQuery {
    filter: ResultFilter,
    limit: Option<f64>,
    cursor: Option<String>,
}

/// The columns of a result before its sort key.
const RESULT_COLUMNS: usize = 18;

/// A row that was read, with its sort key.
pub(super) struct Found {
    row: Row,
    pub(super) key: Vec<Key>,
}

/// Rows that were read.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) found: Vec<Found>,
    /// True when their size ended them, so that more may follow.
    pub(super) cut: bool,
}

/// The bytes of rows that end a page, whatever its limit is: parsing a longer one would hold up the event loop.
const PAGE_BYTES: usize = 512 << 10;

/// A statement in the making: conditions and their values.
#[derive(Clone)]
pub(super) struct Conditions {
    pub(super) sql: Vec<String>,
    pub(super) values: Vec<Value>,
}

impl Conditions {
    pub(super) fn add(&mut self, value: Value, condition: impl Fn(usize) -> String) {
        self.values.push(value);
        self.sql.push(condition(self.values.len()));
    }

    /// Adds the condition of rows behind a sort key of two parts.
    pub(super) fn after(&mut self, first: &str, second: &str, from: Option<&[Key]>) {
        if let Some([a, b]) = from {
            let at = self.values.len();
            self.values.extend([value_of(a), value_of(b)]);
            self.sql.push(format!(
                "({first} > ${n} OR ({first} = ${n} AND {second} > ${m}))",
                n = at + 1,
                m = at + 2
            ));
        }
    }

    pub(super) fn text(&self) -> String {
        self.sql.join(" AND ")
    }
}

impl Store {
    /// Lists results of a run as a page of JSON. `query` is JSON with `filter`, `limit` and `cursor`. O(limit · log rows);
    /// by time O(rows of the run).
    ///
    /// # Errors
    /// [`super::error::Code::OutOfRange`] for a limit or cursor that cannot be used.
    pub async fn list_results(&self, run_id: &str, query: &str) -> Result<String> {
        let query: ResultQuery = parsed(query, "The query")?;
        let limit = cursor::limit(query.limit)?;
        let filter = &query.filter;
        let fingerprint = format!(
            "results {run_id:?} {}",
            serde_json::to_string(filter).unwrap_or_default()
        );
        let lengths: &[usize] = match filter.order {
            Order::Dataset | Order::CreatedAt => &[3, 2],
            Order::Score | Order::ScoreDescending => &[2],
        };
        let from = query
            .cursor
            .as_deref()
            .map(|cursor| cursor::read(&fingerprint, cursor, lengths))
            .transpose()?;
        let Rows { mut found, cut } = reading!(self, session => {
            let from = from.clone();
            match filter.order {
                Order::Dataset => {
                    self.in_dataset_order(session, run_id, filter, from, limit + 1)
                        .await
                }
                Order::CreatedAt => self.by_time(session, run_id, filter, from, limit + 1).await,
                Order::Score => {
                    self.by_score(session, run_id, filter, from, limit + 1, false)
                        .await
                }
                Order::ScoreDescending => {
                    self.by_score(session, run_id, filter, from, limit + 1, true)
                        .await
                }
            }
        })?;
        let more = cut || found.len() > limit;
        found.truncate(limit);
        let next = found
            .last()
            .filter(|_| more)
            .map(|last| cursor::write(&fingerprint, &last.key));
        let items = found
            .iter()
            .map(|found| write(&found.row))
            .collect::<Result<Vec<_>>>()?;
        Ok(page(&items, next.as_deref()))
    }

    /// Returns the expressions that read a result, in the order of [`write()`].
    pub(super) fn result_columns(&self) -> String {
        let json = |name: &str| self.dialect.json_out(&format!("r.\"{name}\""));
        [
            "r.\"id\"".to_owned(),
            "r.\"runId\"".to_owned(),
            "r.\"testCaseId\"".to_owned(),
            json("input"),
            json("expected"),
            json("actual"),
            "r.\"passed\"".to_owned(),
            "r.\"score\"".to_owned(),
            "r.\"confidence\"".to_owned(),
            "r.\"explanation\"".to_owned(),
            "r.\"latencyMs\"".to_owned(),
            json("tokenUsage"),
            "r.\"cost\"".to_owned(),
            json("metadata"),
            self.dialect.time_out("r.\"createdAt\""),
            "o.\"index\"".to_owned(),
            "o.\"repeat\"".to_owned(),
            "o.\"category\"".to_owned(),
        ]
        .join(", ")
    }

    pub(super) fn conditions(&self, run_id: &str, filter: &ResultFilter, run_column: &str) -> Conditions {
        let mut conditions = Conditions {
            sql: vec![format!("{run_column} = $1")],
            values: vec![Value::text(run_id)],
        };
        if let Some(passed) = filter.passed {
            // SQLite's unary plus: the index on a truth value would be walked for half of all rows.
            let column = if self.dialect.is_postgres() {
                "r.\"passed\""
            } else {
                "+r.\"passed\""
            };
            conditions.add(Value::Bool(passed), |n| format!("{column} = ${n}"));
        }
        if let Some(score) = filter.min_score {
            conditions.add(Value::real(score), |n| format!("r.\"score\" >= ${n}"));
        }
        if let Some(score) = filter.max_score {
            conditions.add(Value::real(score), |n| format!("r.\"score\" <= ${n}"));
        }
        if let Some(case) = &filter.test_case_id {
            conditions.add(Value::text(case), |n| format!("r.\"testCaseId\" = ${n}"));
        }
        if let Some(category) = &filter.category {
            conditions.add(Value::text(category), |n| format!("o.\"category\" = ${n}"));
        }
        conditions
    }

    /// Returns the join of results with their places, which begins with the results.
    pub(super) fn results_first(&self) -> String {
        format!(
            "{} r LEFT JOIN {} o ON o.\"resultId\" = r.\"id\"",
            self.dialect.result, self.dialect.order
        )
    }

    /// Returns the run's column such that SQLite does not use its index where that of the case is better.
    pub(super) fn run_column(&self, filter: &ResultFilter) -> &'static str {
        if filter.test_case_id.is_some() && !self.dialect.is_postgres() {
            "+r.\"runId\""
        } else {
            "r.\"runId\""
        }
    }

    async fn in_dataset_order(
        &self,
        session: &mut Session,
        run_id: &str,
        filter: &ResultFilter,
        from: Option<Vec<Key>>,
        limit: usize,
    ) -> Result<Rows> {
        let mut rows = Rows::default();
        let unplaced_from = match from {
            Some(key) if key.len() == 2 => Some(key),
            from => {
                rows = self.placed(session, run_id, filter, from, limit).await?;
                None
            }
        };
        // What others wrote has no place and no category, and comes behind.
        if !rows.cut && rows.found.len() < limit && filter.category.is_none() {
            let rest = limit - rows.found.len();
            let unplaced = self
                .unplaced(session, run_id, filter, unplaced_from, rest)
                .await?;
            rows.found.extend(unplaced.found);
            rows.cut = unplaced.cut;
        }
        Ok(rows)
    }

    async fn placed(
        &self,
        session: &mut Session,
        run_id: &str,
        filter: &ResultFilter,
        from: Option<Vec<Key>>,
        limit: usize,
    ) -> Result<Rows> {
        let dialect = &self.dialect;
        // Walk the places, or the few rows of one case.
        let by_case = filter.test_case_id.is_some();
        let mut conditions = self.conditions(
            run_id,
            filter,
            if by_case {
                self.run_column(filter)
            } else {
                "o.\"runId\""
            },
        );
        if let Some([index, repeat, id]) = from.as_deref() {
            let at = conditions.values.len();
            conditions.values.extend([
                Value::int(index.int()),
                Value::int(repeat.int()),
                Value::text(id.text()),
            ]);
            conditions.sql.push(format!(
                "(o.\"index\", o.\"repeat\", o.\"resultId\") > (${}, ${}, ${})",
                at + 1,
                at + 2,
                at + 3
            ));
        }
        let join = if by_case || dialect.is_postgres() {
            format!(
                "{} r JOIN {} o ON o.\"resultId\" = r.\"id\"",
                dialect.result, dialect.order
            )
        } else {
            // CROSS JOIN tells SQLite to begin with the places.
            format!(
                "{} o CROSS JOIN {} r ON r.\"id\" = o.\"resultId\"",
                dialect.order, dialect.result
            )
        };
        let sql = format!(
            "SELECT {}, o.\"resultId\" FROM {join} WHERE {} ORDER BY o.\"index\", o.\"repeat\", o.\"resultId\" LIMIT {limit}",
            self.result_columns(),
            conditions.text()
        );
        let (rows, cut) = session.rows_within(sql, conditions.values, PAGE_BYTES).await?;
        let found = rows
            .into_iter()
            .map(|row| {
                let key = vec![
                    Key::Int(row[15].int().unwrap_or(0)),
                    Key::Int(row[16].int().unwrap_or(0)),
                    Key::Text(row[RESULT_COLUMNS].text().unwrap_or_default().to_owned()),
                ];
                Found { row, key }
            })
            .collect();
        Ok(Rows { found, cut })
    }

    async fn unplaced(
        &self,
        session: &mut Session,
        run_id: &str,
        filter: &ResultFilter,
        from: Option<Vec<Key>>,
        limit: usize,
    ) -> Result<Rows> {
        let mut conditions = self.conditions(run_id, filter, self.run_column(filter));
        conditions.sql.push("o.\"resultId\" IS NULL".to_owned());
        let time = self.dialect.time_order("r.\"createdAt\"");
        conditions.after(&time, "r.\"id\"", from.as_deref());
        let key = [time.as_str(), "r.\"id\""];
        self.sorted(session, conditions, key, &key.join(", "), Some(limit))
            .await
    }

    /// Reads the results that meet `conditions`, in an order of SQL, with a sort key of two columns.
    pub(super) async fn sorted(
        &self,
        session: &mut Session,
        conditions: Conditions,
        key: [&str; 2],
        order: &str,
        limit: Option<usize>,
    ) -> Result<Rows> {
        let sql = format!(
            "SELECT {}, {} FROM {} WHERE {} ORDER BY {order}{}",
            self.result_columns(),
            key.join(", "),
            self.results_first(),
            conditions.text(),
            limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default()
        );
        let (rows, cut) = session.rows_within(sql, conditions.values, PAGE_BYTES).await?;
        let found = rows
            .into_iter()
            .map(|row| {
                let key = row[RESULT_COLUMNS..].iter().map(key_of).collect();
                Found { row, key }
            })
            .collect();
        Ok(Rows { found, cut })
    }

    /// Returns the column that breaks ties.
    pub(super) fn tie(&self) -> &'static str {
        if self.dialect.is_postgres() {
            "r.\"id\""
        } else {
            "r.rowid"
        }
    }
}

fn key_of(cell: &Cell) -> Key {
    match cell {
        Cell::Int(number) => Key::Int(*number),
        Cell::Real(number) => Key::Real(*number),
        Cell::Text(text) => Key::Text(text.clone()),
        Cell::Bool(truth) => Key::Int(i64::from(*truth)),
        Cell::Null => Key::Int(0),
    }
}

pub(super) fn value_of(key: &Key) -> Value {
    match key {
        Key::Int(number) => Value::int(*number),
        Key::Real(number) => Value::real(*number),
        Key::Text(text) => Value::text(text),
    }
}

fn write(row: &Row) -> Result<String> {
    let mut out = String::with_capacity(1024);
    let id = row[0].text().unwrap_or_default().to_owned();
    let mut object = JsonObject::begin(&mut out, "EvalResult", &id);
    object.text("id", &row[0]);
    object.text("runId", &row[1]);
    object.text("testCaseId", &row[2]);
    object.json("input", &row[3])?;
    object.json("expected", &row[4])?;
    object.json("actual", &row[5])?;
    object.truth("passed", &row[6]);
    object.number("score", &row[7])?;
    object.number("confidence", &row[8])?;
    object.text("explanation", &row[9]);
    object.number("latencyMs", &row[10])?;
    object.json("tokenUsage", &row[11])?;
    object.number("cost", &row[12])?;
    object.json("metadata", &row[13])?;
    object.time("createdAt", &row[14])?;
    object.number("index", &row[15])?;
    object.number(
        "repeat",
        if row[16] == Cell::Null {
            &Cell::Int(0)
        } else {
            &row[16]
        },
    )?;
    object.text("category", &row[17]);
    object.end();
    Ok(out)
}
