//! Results by score.
//!
//! Ties are broken by what an index holds anyway, so that a run with one score for all costs no sort:
//!
//! - SQLite: the rowid, with which every entry of the index (runId, score) ends;
//! - PostgreSQL: the id. Scores are taken in groups, and a large group is walked by the primary key.

use super::Store;
use super::cursor::Key;
use super::error::Result;
use super::results::{ResultFilter, Rows, value_of};
use super::session::Session;
use super::value::Value;

impl Store {
    /// Reads rows by score.
    pub(super) async fn by_score(
        &self,
        session: &mut Session,
        run_id: &str,
        filter: &ResultFilter,
        from: Option<Vec<Key>>,
        limit: usize,
        descending: bool,
    ) -> Result<Rows> {
        let mut rows = Rows::default();
        let mut passed_score = None;
        if let Some([score, tie]) = from.as_deref() {
            rows = self
                .of_score(
                    session,
                    run_id,
                    filter,
                    score.real(),
                    Some(tie),
                    limit,
                    descending,
                )
                .await?;
            passed_score = Some(score.real());
        }
        while !rows.cut && rows.found.len() < limit {
            let rest = limit - rows.found.len();
            let scores = self
                .next_scores(session, run_id, filter, passed_score, rest, descending)
                .await?;
            let Some(last) = scores.last().copied() else {
                break;
            };
            // All groups but the last one are whole within the rows that are asked for.
            if scores.first() != Some(&last) {
                let whole = self
                    .between(session, run_id, filter, passed_score, last, descending)
                    .await?;
                rows.found.extend(whole.found);
                rows.cut = whole.cut;
            }
            if !rows.cut && rows.found.len() < limit {
                let rest = limit - rows.found.len();
                let group = self
                    .of_score(session, run_id, filter, last, None, rest, descending)
                    .await?;
                rows.found.extend(group.found);
                rows.cut = group.cut;
            }
            passed_score = Some(last);
        }
        rows.found.truncate(limit);
        Ok(rows)
    }

    /// Returns the scores of the next rows, in order.
    async fn next_scores(
        &self,
        session: &mut Session,
        run_id: &str,
        filter: &ResultFilter,
        behind: Option<f64>,
        limit: usize,
        descending: bool,
    ) -> Result<Vec<f64>> {
        let mut conditions = self.conditions(run_id, filter, self.run_column(filter));
        let (sign, direction) = if descending { ("<", "DESC") } else { (">", "ASC") };
        if let Some(score) = behind {
            conditions.add(Value::real(score), |n| format!("r.\"score\" {sign} ${n}"));
        }
        let from = if filter.category.is_some() {
            self.results_first()
        } else {
            format!("{} r", self.dialect.result)
        };
        let sql = format!(
            "SELECT r.\"score\" FROM {from} WHERE {} ORDER BY r.\"score\" {direction} LIMIT {limit}",
            conditions.text()
        );
        let rows = session.rows(sql, conditions.values).await?;
        Ok(rows.iter().filter_map(|row| row[0].number()).collect())
    }

    /// Returns the rows of the scores behind one and before another.
    async fn between(
        &self,
        session: &mut Session,
        run_id: &str,
        filter: &ResultFilter,
        behind: Option<f64>,
        before: f64,
        descending: bool,
    ) -> Result<Rows> {
        let mut conditions = self.conditions(run_id, filter, self.run_column(filter));
        let (behind_sign, before_sign, direction) = if descending {
            ("<", ">", "DESC")
        } else {
            (">", "<", "ASC")
        };
        if let Some(score) = behind {
            conditions.add(Value::real(score), |n| format!("r.\"score\" {behind_sign} ${n}"));
        }
        conditions.add(Value::real(before), |n| format!("r.\"score\" {before_sign} ${n}"));
        let tie = self.tie();
        let order = format!("r.\"score\" {direction}, {tie} {direction}");
        self.sorted(session, conditions, ["r.\"score\"", tie], &order, None)
            .await
    }

    /// Returns the rows of one score, behind a tie.
    #[allow(clippy::too_many_arguments)]
    async fn of_score(
        &self,
        session: &mut Session,
        run_id: &str,
        filter: &ResultFilter,
        score: f64,
        behind: Option<&Key>,
        limit: usize,
        descending: bool,
    ) -> Result<Rows> {
        let mut conditions = self.conditions(run_id, filter, self.run_column(filter));
        conditions.add(Value::real(score), |n| format!("r.\"score\" = ${n}"));
        let tie = self.tie();
        let (sign, direction) = if descending { ("<", "DESC") } else { (">", "ASC") };
        if let Some(key) = behind {
            conditions.add(value_of(key), |n| format!("{tie} {sign} ${n}"));
        }
        let order = format!("{tie} {direction}");
        self.sorted(session, conditions, ["r.\"score\"", tie], &order, Some(limit))
            .await
    }
}
