//! Comparing the results of two runs, case by case.

use serde::Serialize;

use super::Store;
use super::attempts::reading;
use super::error::Result;
use super::value::{Cell, Value};
use crate::scoring::aggregates::{McnemarMethod, mcnemar};

/// The difference between two runs over the (case, repeat) that both have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RunComparison {
    both: u64,
    only_a: u64,
    only_b: u64,
    fixed: u64,
    broken: u64,
    score_delta: f64,
    p_value: f64,
}

impl Store {
    /// Compares run `b` with run `a`, as JSON: counts, the mean difference of scores, and p of `McNemar`'s exact test.
    /// O(results).
    ///
    /// # Errors
    /// [`super::error::Code::NotFound`] for a run that does not exist.
    pub async fn compare_runs(&self, a: &str, b: &str) -> Result<String> {
        let dialect = &self.dialect;
        let side = |n: usize| {
            format!(
                "(SELECT r.\"testCaseId\" AS test_case, coalesce(o.\"repeat\", 0) AS repeat, r.\"passed\" AS passed, \
                 r.\"score\" AS score FROM {} r LEFT JOIN {} o ON o.\"resultId\" = r.\"id\" WHERE r.\"runId\" = ${n})",
                dialect.result, dialect.order
            )
        };
        let sql = format!(
            "SELECT count(*), count(*) FILTER (WHERE b.passed AND NOT a.passed), \
             count(*) FILTER (WHERE a.passed AND NOT b.passed), coalesce(sum(b.score - a.score), 0.0) \
             FROM {} a JOIN {} b ON b.test_case = a.test_case AND b.repeat = a.repeat",
            side(1),
            side(2)
        );
        let rows = reading!(self, session => {
            let sql = sql.clone();
            let mut counts = Vec::new();
            for run in [a, b] {
                self.needed_run(session, run).await?;
                let count = session
                    .first(
                        format!("SELECT count(*) FROM {} WHERE \"runId\" = $1", dialect.result),
                        vec![Value::text(run)],
                    )
                    .await?;
                counts.extend(count);
            }
            let joined = session.rows(sql, vec![Value::text(a), Value::text(b)]).await?;
            counts.extend(joined);
            Ok(counts)
        })?;
        let number = |row: usize, column: usize| {
            rows.get(row)
                .and_then(|row| row.get(column))
                .and_then(Cell::number)
                .unwrap_or(0.0)
        };
        let (both, fixed, broken) = (number(2, 0), number(2, 1), number(2, 2));
        let (p_value, _) = mcnemar(broken, fixed, McnemarMethod::Exact);
        let comparison = RunComparison {
            both: both as u64,
            only_a: (number(0, 0) - both).max(0.0) as u64,
            only_b: (number(1, 0) - both).max(0.0) as u64,
            fixed: fixed as u64,
            broken: broken as u64,
            score_delta: if both > 0.0 { number(2, 3) / both } else { 0.0 },
            p_value,
        };
        Ok(serde_json::to_string(&comparison).unwrap_or_default())
    }
}
