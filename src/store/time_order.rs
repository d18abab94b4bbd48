//! Results by time.
//!
//! Where all times of a run have one form, the index on the column has their order, and a page costs O(its length). The form
//! is looked at once, for the first page, which costs O(rows of the run); the cursor remembers it. Only in SQLite can forms
//! be mixed: then every page costs O(rows of the run).

use super::Store;
use super::cursor::Key;
use super::error::Result;
use super::results::{ResultFilter, Rows, value_of};
use super::session::Session;
use super::value::{Cell, Value};

/// The first part of the sort key of times that are ordered as they are stored.
const STORED: &str = "stored";

impl Store {
    /// Reads rows by time.
    pub(super) async fn by_time(
        &self,
        session: &mut Session,
        run_id: &str,
        filter: &ResultFilter,
        from: Option<Vec<Key>>,
        limit: usize,
    ) -> Result<Rows> {
        match from.as_deref() {
            Some([_, at, unique]) => {
                self.by_stored_time(session, run_id, filter, Some((at, unique)), None, limit)
                    .await
            }
            Some(key) => self.by_read_time(session, run_id, filter, Some(key), limit).await,
            None if self.dialect.is_postgres() => {
                self.by_stored_time(session, run_id, filter, None, None, limit)
                    .await
            }
            None => match self.first_time(session, run_id).await? {
                Some(first) => {
                    self.by_stored_time(session, run_id, filter, None, Some(first), limit)
                        .await
                }
                None => self.by_read_time(session, run_id, filter, None, limit).await,
            },
        }
    }

    /// Returns the first time of a run of SQLite whose times all have one form.
    async fn first_time(&self, session: &mut Session, run_id: &str) -> Result<Option<Value>> {
        let row = session
            .first(
                format!(
                    "SELECT min(\"createdAt\"), count(*), count(*) FILTER (WHERE typeof(\"createdAt\") = 'integer'), \
                     count(*) FILTER (WHERE \"createdAt\" GLOB '????-??-??T??:??:??.???+00:00') FROM {} \
                     WHERE \"runId\" = $1",
                    self.dialect.result
                ),
                vec![Value::text(run_id)],
            )
            .await?;
        Ok(row.and_then(|row| {
            let uniform = row[1] == row[2] || row[1] == row[3];
            match &row[0] {
                Cell::Int(ms) if uniform => Some(Value::int(*ms)),
                Cell::Text(text) if uniform => Some(Value::text(text)),
                _ => None,
            }
        }))
    }

    /// Reads rows by the index on the time, behind a sort key or from a first time on.
    async fn by_stored_time(
        &self,
        session: &mut Session,
        run_id: &str,
        filter: &ResultFilter,
        behind: Option<(&Key, &Key)>,
        first: Option<Value>,
        limit: usize,
    ) -> Result<Rows> {
        let (column, unique) = ("r.\"createdAt\"", self.tie());
        let (run_column, shown, cast) = if self.dialect.is_postgres() {
            ("r.\"runId\"", "r.\"createdAt\"::text", "::timestamp")
        } else {
            // The unary plus keeps SQLite from sorting all rows of the run.
            ("+r.\"runId\"", column, "")
        };
        let key = [shown, unique];
        let mut rows = Rows::default();
        if let Some((at, behind)) = behind {
            let mut conditions = self.conditions(run_id, filter, run_column);
            conditions.add(value_of(at), |n| format!("{column} = ${n}{cast}"));
            conditions.add(value_of(behind), |n| format!("{unique} > ${n}"));
            rows = self.sorted(session, conditions, key, unique, Some(limit)).await?;
        }
        let rest = limit - rows.found.len();
        if !rows.cut && rest > 0 {
            let mut conditions = self.conditions(run_id, filter, run_column);
            if let Some((at, _)) = behind {
                conditions.add(value_of(at), |n| format!("{column} > ${n}{cast}"));
            } else if let Some(first) = first {
                conditions.add(first, |n| format!("{column} >= ${n}"));
            }
            let order = format!("{column}, {unique}");
            let later = self.sorted(session, conditions, key, &order, Some(rest)).await?;
            rows.found.extend(later.found);
            rows.cut = later.cut;
        }
        for found in &mut rows.found {
            found.key.insert(0, Key::Text(STORED.to_owned()));
        }
        Ok(rows)
    }

    /// Reads rows by their times whatever their forms are.
    async fn by_read_time(
        &self,
        session: &mut Session,
        run_id: &str,
        filter: &ResultFilter,
        behind: Option<&[Key]>,
        limit: usize,
    ) -> Result<Rows> {
        let mut conditions = self.conditions(run_id, filter, self.run_column(filter));
        let read = self.dialect.time_order("r.\"createdAt\"");
        let unique = self.tie();
        conditions.after(&read, unique, behind);
        let key = [read.as_str(), unique];
        self.sorted(session, conditions, key, &key.join(", "), Some(limit))
            .await
    }
}
