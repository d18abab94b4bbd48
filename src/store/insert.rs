//! Storing results, each once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;

use super::attempts::{reading, writing};
use super::batch::NewResult;
use super::error::{Code, Result, StoreError};
use super::json_column::stored;
use super::result_id::result_id;
use super::session::Session;
use super::value::Value;
use super::{Store, locked};

/// Rows of one INSERT of SQLite: enough that the statement's overhead no longer counts.
const ROWS_PER_STATEMENT: usize = 50;

const COLUMNS: &str = "\"id\", \"runId\", \"testCaseId\", \"input\", \"expected\", \"actual\", \"passed\", \"score\", \
                       \"confidence\", \"explanation\", \"latencyMs\", \"tokenUsage\", \"cost\", \"metadata\", \"createdAt\"";
const COLUMN_COUNT: usize = 15;
const PLACE_COLUMNS: &str = "\"runId\", \"index\", \"repeat\", \"resultId\", \"category\"";
const PLACE_COLUMN_COUNT: usize = 5;

/// Counts of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inserted {
    /// Rows that are new in the store.
    pub inserted: u64,
    /// Rows that were there before.
    pub skipped: u64,
}

/// A result with its id and its place in the dataset.
struct Placed<'a> {
    id: String,
    index: i64,
    result: &'a NewResult,
}

impl Store {
    /// Stores a batch in one transaction. A row whose (run, case, repeat) is there already is skipped; with
    /// `skip_duplicates` false it is an error. O(n log rows).
    ///
    /// # Errors
    /// - [`Code::Conflict`] for the first duplicate, unless they are skipped;
    /// - [`Code::NotFound`] for a run that does not exist;
    /// - the database's. Nothing of the batch is stored then.
    pub async fn insert_results(&self, results: Vec<NewResult>, skip_duplicates: bool) -> Result<Inserted> {
        let results = Arc::new(results);
        writing!(self, session => {
            let results = Arc::clone(&results);
            self.insert_in(session, &results, skip_duplicates).await
        })
    }

    /// Stores a batch in the transaction of `session`.
    pub(super) async fn insert_in(
        &self,
        session: &mut Session,
        results: &[NewResult],
        skip_duplicates: bool,
    ) -> Result<Inserted> {
        if results.is_empty() {
            return Ok(Inserted::default());
        }
        self.check_runs(session, results).await?;
        let ids: Vec<String> = results
            .iter()
            .map(|result| result_id(&result.run_id, &result.test_case_id, result.repeat))
            .collect();
        let stored = self.stored_rows(session, results, &ids, skip_duplicates).await?;
        let mut seen = HashSet::with_capacity(ids.len());
        let mut placed = Vec::with_capacity(results.len());
        for (row, (result, id)) in results.iter().zip(&ids).enumerate() {
            if stored[row] || !seen.insert(id) {
                if skip_duplicates {
                    continue;
                }
                return Err(conflict(row, result));
            }
            let index = match result.index {
                Some(index) => index,
                None => self.next_index(session, &result.run_id).await?,
            };
            placed.push(Placed {
                id: id.clone(),
                index,
                result,
            });
        }
        let now = self.now();
        let inserted = if self.dialect.is_postgres() {
            self.insert_postgres(session, &placed, now).await?
        } else {
            self.insert_sqlite(session, &placed, now).await?
        };
        if !skip_duplicates && inserted < placed.len() as u64 {
            return Err(StoreError::new(
                Code::Conflict,
                "Another process stored a result of this batch at the same time; nothing of the batch was stored.",
            ));
        }
        Ok(Inserted {
            inserted,
            skipped: results.len() as u64 - inserted,
        })
    }

    async fn check_runs(&self, session: &mut Session, results: &[NewResult]) -> Result<()> {
        let mut runs: Vec<&str> = results.iter().map(|result| result.run_id.as_str()).collect();
        runs.dedup();
        runs.sort_unstable();
        runs.dedup();
        let found: HashSet<String> = session
            .rows(
                format!(
                    "SELECT \"id\" FROM {} WHERE \"id\" {}",
                    self.dialect.run,
                    self.dialect.any(1)
                ),
                vec![Value::Texts(runs.iter().map(|run| (*run).to_owned()).collect())],
            )
            .await?
            .iter()
            .filter_map(|row| row[0].text().map(str::to_owned))
            .collect();
        let missing = results.iter().position(|result| !found.contains(&result.run_id));
        match missing {
            None => Ok(()),
            Some(row) => {
                let mut error = StoreError::no_run(&results[row].run_id);
                error.row = Some(row);
                error.column = Some("runId".to_owned());
                Err(error)
            }
        }
    }

    /// Returns for each result whether it is in the store, as far as the INSERT itself would not find out.
    async fn stored_rows(
        &self,
        session: &mut Session,
        results: &[NewResult],
        ids: &[String],
        skip_duplicates: bool,
    ) -> Result<Vec<bool>> {
        // PostgreSQL finds its own duplicates; SQLite does so too, but is slower to be handed what it will not store.
        let own = if skip_duplicates && self.dialect.is_postgres() {
            HashSet::new()
        } else {
            self.stored_ids(session, ids).await?
        };
        let mut cases: HashMap<&str, Vec<String>> = HashMap::new();
        for (result, id) in results.iter().zip(ids) {
            if result.repeat == 0 && !own.contains(id) {
                cases
                    .entry(result.run_id.as_str())
                    .or_default()
                    .push(result.test_case_id.clone());
            }
        }
        let mut foreign = HashSet::new();
        for (run, cases) in cases {
            for case in self.foreign_cases(session, run, cases).await? {
                foreign.insert((run, case));
            }
        }
        Ok(results
            .iter()
            .zip(ids)
            .map(|(result, id)| {
                own.contains(id)
                    || (result.repeat == 0
                        && !foreign.is_empty()
                        && foreign.contains(&(result.run_id.as_str(), result.test_case_id.clone())))
            })
            .collect())
    }

    async fn stored_ids(&self, session: &mut Session, ids: &[String]) -> Result<HashSet<String>> {
        Ok(session
            .rows(
                format!(
                    "SELECT \"id\" FROM {} WHERE \"id\" {}",
                    self.dialect.result,
                    self.dialect.any(1)
                ),
                vec![Value::Texts(ids.to_vec())],
            )
            .await?
            .iter()
            .filter_map(|row| row[0].text().map(str::to_owned))
            .collect())
    }

    /// Returns those of `cases` of which others wrote a result: rows without a place in our table.
    async fn foreign_cases(
        &self,
        session: &mut Session,
        run: &str,
        cases: Vec<String>,
    ) -> Result<HashSet<String>> {
        // The unary plus keeps SQLite from walking all rows of the run instead of those of each case.
        let run_column = if self.dialect.is_postgres() {
            "r.\"runId\""
        } else {
            "+r.\"runId\""
        };
        Ok(session
            .rows(
                format!(
                    "SELECT DISTINCT r.\"testCaseId\" FROM {} r WHERE r.\"testCaseId\" {} AND {run_column} = $2 \
                     AND NOT EXISTS (SELECT 1 FROM {} o WHERE o.\"resultId\" = r.\"id\")",
                    self.dialect.result,
                    self.dialect.any(1),
                    self.dialect.order
                ),
                vec![Value::Texts(cases), Value::text(run)],
            )
            .await?
            .iter()
            .filter_map(|row| row[0].text().map(str::to_owned))
            .collect())
    }

    /// Returns the next place in the dataset of a run: results that do not say theirs come in the order of their arrival.
    async fn next_index(&self, session: &mut Session, run: &str) -> Result<i64> {
        let known = locked(&self.next_index).get(run).copied();
        let next = match known {
            Some(next) => next,
            None => session
                .first(
                    format!(
                        "SELECT max(\"index\") FROM {} WHERE \"runId\" = $1",
                        self.dialect.order
                    ),
                    vec![Value::text(run)],
                )
                .await?
                .and_then(|row| row[0].int())
                .map_or(0, |index| index + 1),
        };
        locked(&self.next_index).insert(run.to_owned(), next + 1);
        Ok(next)
    }

    async fn insert_sqlite(&self, session: &mut Session, rows: &[Placed<'_>], now: i64) -> Result<u64> {
        let mut inserted = 0;
        for rows in rows.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "INSERT INTO {} ({COLUMNS}) VALUES {} ON CONFLICT (\"id\") DO NOTHING",
                self.dialect.result,
                tuples(rows.len(), COLUMN_COUNT)
            );
            let mut values = Vec::with_capacity(rows.len() * COLUMN_COUNT);
            for row in rows {
                let result = row.result;
                values.extend([
                    Value::text(row.id.as_str()),
                    Value::text(result.run_id.as_str()),
                    Value::text(result.test_case_id.as_str()),
                    Value::json(stored(result.input.clone())),
                    Value::json(stored(result.expected.clone())),
                    Value::json(stored(result.actual.clone())),
                    Value::Bool(result.passed),
                    Value::real(result.score),
                    Value::Real(result.confidence),
                    Value::Text(result.explanation.clone()),
                    Value::int(result.latency_ms),
                    Value::json(stored(result.token_usage.clone())),
                    Value::real(result.cost),
                    Value::Json(result.metadata.clone().map(stored)),
                    Value::time(result.created_at.unwrap_or(now)),
                ]);
            }
            inserted += session.run(sql, values).await?;
            let sql = format!(
                "INSERT INTO {} ({PLACE_COLUMNS}) VALUES {} ON CONFLICT (\"resultId\") DO UPDATE SET \
                 \"runId\" = excluded.\"runId\", \"index\" = excluded.\"index\", \"repeat\" = excluded.\"repeat\", \
                 \"category\" = excluded.\"category\"",
                self.dialect.order,
                tuples(rows.len(), PLACE_COLUMN_COUNT)
            );
            let mut values = Vec::with_capacity(rows.len() * PLACE_COLUMN_COUNT);
            for row in rows {
                values.extend([
                    Value::text(row.result.run_id.as_str()),
                    Value::int(row.index),
                    Value::int(row.result.repeat.cast_signed()),
                    Value::text(row.id.as_str()),
                    Value::Text(row.result.category.clone()),
                ]);
            }
            session.run(sql, values).await?;
        }
        Ok(inserted)
    }

    /// One statement for both tables: a round trip a batch.
    async fn insert_postgres(&self, session: &mut Session, rows: &[Placed<'_>], now: i64) -> Result<u64> {
        let texts =
            |of: &dyn Fn(&Placed<'_>) -> Option<String>| Value::TextColumn(rows.iter().map(of).collect());
        let reals =
            |of: &dyn Fn(&Placed<'_>) -> Option<f64>| Value::RealColumn(rows.iter().map(of).collect());
        let ints = |of: &dyn Fn(&Placed<'_>) -> Option<i64>| Value::IntColumn(rows.iter().map(of).collect());
        let values = vec![
            texts(&|row| Some(row.id.clone())),
            texts(&|row| Some(row.result.run_id.clone())),
            texts(&|row| Some(row.result.test_case_id.clone())),
            texts(&|row| Some(stored(row.result.input.clone()))),
            texts(&|row| Some(stored(row.result.expected.clone()))),
            texts(&|row| Some(stored(row.result.actual.clone()))),
            Value::BoolColumn(rows.iter().map(|row| row.result.passed).collect()),
            reals(&|row| Some(row.result.score)),
            reals(&|row| row.result.confidence),
            texts(&|row| row.result.explanation.clone()),
            ints(&|row| Some(row.result.latency_ms)),
            texts(&|row| Some(stored(row.result.token_usage.clone()))),
            reals(&|row| Some(row.result.cost)),
            texts(&|row| row.result.metadata.clone().map(stored)),
            ints(&|row| Some(row.result.created_at.unwrap_or(now))),
            ints(&|row| Some(row.index)),
            ints(&|row| Some(row.result.repeat.cast_signed())),
            texts(&|row| row.result.category.clone()),
        ];
        let sql = format!(
            "WITH batch AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], \
             $7::bool[], $8::float8[], $9::float8[], $10::text[], $11::int8[], $12::text[], $13::float8[], $14::text[], \
             $15::int8[], $16::int8[], $17::int8[], $18::text[]) AS t(id, run, test_case, input, expected, actual, passed, \
             score, confidence, explanation, latency, token_usage, cost, metadata, created, place, repeat, category)), \
             new AS (INSERT INTO {} ({COLUMNS}) SELECT id, run, test_case, input::jsonb, expected::jsonb, actual::jsonb, \
             passed, score, confidence, explanation, latency::int4, token_usage::jsonb, cost, metadata::jsonb, \
             timestamp 'epoch' + created * interval '1 millisecond' FROM batch \
             ON CONFLICT (\"id\") DO NOTHING RETURNING \"id\") \
             INSERT INTO {} ({PLACE_COLUMNS}) SELECT run, place, repeat, id, category FROM batch \
             WHERE id IN (SELECT \"id\" FROM new) ON CONFLICT (\"resultId\") DO UPDATE SET \
             \"runId\" = excluded.\"runId\", \"index\" = excluded.\"index\", \"repeat\" = excluded.\"repeat\", \
             \"category\" = excluded.\"category\"",
            self.dialect.result, self.dialect.order
        );
        session.run(sql, values).await
    }

    /// Returns for each (case, repeat) whether the run has its result. O(n log rows).
    ///
    /// # Errors
    /// The database's.
    pub async fn have(&self, run_id: &str, keys: Vec<(String, u64)>) -> Result<Vec<u8>> {
        let keys = Arc::new(keys);
        reading!(self, session => {
            let keys = Arc::clone(&keys);
            let ids: Vec<String> = keys
                .iter()
                .map(|(case, repeat)| result_id(run_id, case, *repeat))
                .collect();
            let own = self.stored_ids(session, &ids).await?;
            let unknown: Vec<String> = keys
                .iter()
                .zip(&ids)
                .filter(|((_, repeat), id)| *repeat == 0 && !own.contains(*id))
                .map(|((case, _), _)| case.clone())
                .collect();
            let foreign = if unknown.is_empty() {
                HashSet::new()
            } else {
                self.foreign_cases(session, run_id, unknown).await?
            };
            Ok(keys
                .iter()
                .zip(&ids)
                .map(|((case, repeat), id)| {
                    u8::from(own.contains(id) || (*repeat == 0 && foreign.contains(case)))
                })
                .collect())
        })
    }
}

fn conflict(row: usize, result: &NewResult) -> StoreError {
    let mut error = StoreError::new(
        Code::Conflict,
        format!(
            "Row {row} is in the store already: run {:?}, testCaseId {:?}, repeat {}; leave it out, or set skipDuplicates.",
            result.run_id, result.test_case_id, result.repeat
        ),
    );
    error.row = Some(row);
    error
}

/// Returns `count` tuples of `width` parameters each. They have no numbers: SQLite would look each one up among all.
fn tuples(count: usize, width: usize) -> String {
    let mut sql = String::with_capacity(count * (2 * width + 2));
    for row in 0..count {
        sql.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..width {
            let comma = if column == 0 { "" } else { "," };
            sql.push_str(comma);
            sql.push('?');
        }
        sql.push(')');
    }
    sql
}
