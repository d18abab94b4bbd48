//! Metrics of a run, computed by the database from its results.
//!
//! - `accuracy` and `passRate` are passed / total, from 0 to 1; means of an empty run are 0.
//! - `totalTokens` counts `total` of `tokenUsage`, or its prompt and completion.
//! - `scoreDistribution` counts scores in fifths; 1 belongs to the last one.
//! - `failuresByType` counts failed results by `failureType`, `errorType` or `error` of their metadata.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::Store;
use super::attempts::reading;
use super::dialect::Dialect;
use super::error::Result;
use super::json_column::stored;
use super::json_object::JsonObject;
use super::result_id::result_id;
use super::session::Session;
use super::value::{Cell, Row, Value};

const TOTALS: [&str; 4] = ["total", "totalTokens", "total_tokens", "totalTokenCount"];
const PROMPTS: [&str; 6] = [
    "prompt",
    "promptTokens",
    "prompt_tokens",
    "inputTokens",
    "input_tokens",
    "promptTokenCount",
];
const COMPLETIONS: [&str; 6] = [
    "completion",
    "completionTokens",
    "completion_tokens",
    "outputTokens",
    "output_tokens",
    "candidatesTokenCount",
];
const FIFTHS: [&str; 5] = ["0.0-0.2", "0.2-0.4", "0.4-0.6", "0.6-0.8", "0.8-1.0"];

/// Metrics that a caller knows better: what is absent is computed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NewMetrics {
    total_tests: Option<f64>,
    passed_tests: Option<f64>,
    failed_tests: Option<f64>,
    accuracy: Option<f64>,
    pass_rate: Option<f64>,
    avg_score: Option<f64>,
    avg_latency_ms: Option<f64>,
    total_cost: Option<f64>,
    total_tokens: Option<f64>,
    category_breakdown: Option<Json>,
    failures_by_type: Option<Json>,
    score_distribution: Option<Json>,
}

/// Sums over some results.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    total: f64,
    passed: f64,
    score: f64,
    latency: f64,
    cost: f64,
    tokens: f64,
    fifths: [f64; 5],
}

impl Sums {
    fn of(row: &Row) -> Self {
        let number = |at: usize| row.get(at).and_then(Cell::number).unwrap_or(0.0);
        Self {
            total: number(1),
            passed: number(2),
            score: number(3),
            latency: number(4),
            cost: number(5),
            tokens: number(6),
            fifths: [number(7), number(8), number(9), number(10), number(11)],
        }
    }

    fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.passed += other.passed;
        self.score += other.score;
        self.latency += other.latency;
        self.cost += other.cost;
        self.tokens += other.tokens;
        for (own, more) in self.fifths.iter_mut().zip(other.fifths) {
            *own += more;
        }
    }

    fn mean(&self, sum: f64) -> f64 {
        if self.total > 0.0 { sum / self.total } else { 0.0 }
    }

    fn json(&self) -> Json {
        serde_json::json!({
            "totalTests": self.total,
            "passedTests": self.passed,
            "failedTests": self.total - self.passed,
            "accuracy": self.mean(self.passed),
            "passRate": self.mean(self.passed),
            "avgScore": self.mean(self.score),
            "avgLatencyMs": self.mean(self.latency),
            "totalCost": self.cost,
            "totalTokens": self.tokens,
        })
    }
}

/// The expression of a number at a key of a JSON column; 0-argument calls of it are NULL where there is none.
fn number_at(dialect: &Dialect, column: &str, key: &str) -> String {
    if dialect.is_postgres() {
        format!(
            "CASE jsonb_typeof({column}::jsonb -> '{key}') WHEN 'number' THEN ({column}::jsonb ->> '{key}')::float8 END"
        )
    } else {
        format!(
            "CASE json_type({column}, '$.{key}') WHEN 'integer' THEN {column} ->> '$.{key}' WHEN 'real' THEN {column} ->> '$.{key}' END"
        )
    }
}

fn first_of(dialect: &Dialect, column: &str, keys: &[&str]) -> String {
    let parts: Vec<_> = keys.iter().map(|key| number_at(dialect, column, key)).collect();
    format!("coalesce({}, NULL)", parts.join(", "))
}

fn tokens(dialect: &Dialect) -> String {
    let column = "r.\"tokenUsage\"";
    let sum = format!(
        "coalesce({}, coalesce({}, 0) + coalesce({}, 0))",
        first_of(dialect, column, &TOTALS),
        first_of(dialect, column, &PROMPTS),
        first_of(dialect, column, &COMPLETIONS)
    );
    if dialect.is_postgres() {
        sum
    } else {
        format!("CASE WHEN typeof({column}) = 'text' AND json_valid({column}) THEN {sum} ELSE 0 END")
    }
}

fn failure_type(dialect: &Dialect) -> String {
    let paths = [
        "failureType",
        "errorType",
        "error.type",
        "error.code",
        "error.name",
    ];
    let column = "r.\"metadata\"";
    let at = |path: &str| {
        if dialect.is_postgres() {
            let path = path.replace('.', ",");
            format!(
                "CASE jsonb_typeof({column}::jsonb #> '{{{path}}}') WHEN 'string' THEN {column}::jsonb #>> '{{{path}}}' END"
            )
        } else {
            format!("CASE json_type({column}, '$.{path}') WHEN 'text' THEN {column} ->> '$.{path}' END")
        }
    };
    let parts: Vec<_> = paths.iter().map(|path| at(path)).collect();
    let failed = if dialect.is_postgres() {
        format!(
            "CASE WHEN coalesce(jsonb_typeof({column}::jsonb -> 'error'), 'null') <> 'null' THEN 'error' END"
        )
    } else {
        format!("CASE WHEN coalesce(json_type({column}, '$.error'), 'null') <> 'null' THEN 'error' END")
    };
    let kind = format!("coalesce({}, {failed}, 'incorrect')", parts.join(", "));
    if dialect.is_postgres() {
        kind
    } else {
        format!(
            "CASE WHEN typeof({column}) = 'text' AND json_valid({column}) THEN {kind} ELSE 'incorrect' END"
        )
    }
}

impl Store {
    /// Returns the metrics of a run as JSON; `None` for a run without.
    ///
    /// # Errors
    /// The database's.
    pub async fn metrics(&self, run_id: &str) -> Result<Option<String>> {
        let row = reading!(self, session => self.metrics_row(session, run_id).await)?;
        row.as_ref().map(write).transpose()
    }

    pub(super) async fn metrics_row(&self, session: &mut Session, run_id: &str) -> Result<Option<Row>> {
        let dialect = &self.dialect;
        let json = |name: &str| dialect.json_out(&format!("\"{name}\""));
        session
            .first(
                format!(
                    "SELECT \"id\", \"runId\", \"totalTests\", \"passedTests\", \"failedTests\", \"accuracy\", \"passRate\", \
                     \"avgScore\", \"avgLatencyMs\", \"totalCost\", \"totalTokens\", {}, {}, {}, {} FROM {} \
                     WHERE \"runId\" = $1",
                    json("categoryBreakdown"),
                    json("failuresByType"),
                    json("scoreDistribution"),
                    dialect.time_out("\"createdAt\""),
                    dialect.metrics
                ),
                vec![Value::text(run_id)],
            )
            .await
    }

    /// Computes the metrics of a run and writes them, but for what is `given`. Returns the sum of its tokens.
    pub(super) async fn write_metrics(
        &self,
        session: &mut Session,
        run_id: &str,
        given: Option<&NewMetrics>,
    ) -> Result<f64> {
        let (all, categories) = self.sums(session, run_id).await?;
        let failures = self.failures(session, run_id).await?;
        let fifths: Map<String, Json> = FIFTHS
            .iter()
            .zip(all.fifths)
            .map(|(name, count)| ((*name).to_owned(), Json::from(count as u64)))
            .collect();
        let computed = NewMetrics::default();
        let given = given.unwrap_or(&computed);
        let total_tokens = given.total_tokens.unwrap_or(all.tokens);
        let json = |given: &Option<Json>, computed: Map<String, Json>| {
            let value = given
                .clone()
                .or_else(|| (!computed.is_empty()).then_some(Json::Object(computed)));
            Value::Json(value.map(|value| stored(value.to_string())))
        };
        let count = |given: Option<f64>, computed: f64| {
            Value::int(given.unwrap_or(computed).round().clamp(0.0, f64::from(i32::MAX)) as i64)
        };
        let dialect = &self.dialect;
        let sql = format!(
            "INSERT INTO {table} (\"id\", \"runId\", \"totalTests\", \"passedTests\", \"failedTests\", \"accuracy\", \
             \"passRate\", \"avgScore\", \"avgLatencyMs\", \"totalCost\", \"totalTokens\", \"categoryBreakdown\", \
             \"failuresByType\", \"scoreDistribution\", \"createdAt\") \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, {}, {}, {}, {})",
            dialect.json(12),
            dialect.json(13),
            dialect.json(14),
            dialect.time(15),
            table = dialect.metrics
        );
        session
            .run(
                format!("DELETE FROM {} WHERE \"runId\" = $1", dialect.metrics),
                vec![Value::text(run_id)],
            )
            .await?;
        let mut id = result_id(run_id, "metrics", 0);
        id.replace_range(..1, "m");
        session
            .run(
                sql,
                vec![
                    Value::text(id),
                    Value::text(run_id),
                    count(given.total_tests, all.total),
                    count(given.passed_tests, all.passed),
                    count(given.failed_tests, all.total - all.passed),
                    Value::real(given.accuracy.unwrap_or(all.mean(all.passed))),
                    Value::real(given.pass_rate.unwrap_or(all.mean(all.passed))),
                    Value::real(given.avg_score.unwrap_or(all.mean(all.score))),
                    Value::real(given.avg_latency_ms.unwrap_or(all.mean(all.latency))),
                    Value::real(given.total_cost.unwrap_or(all.cost)),
                    count(given.total_tokens, total_tokens),
                    json(&given.category_breakdown, categories),
                    json(&given.failures_by_type, failures),
                    json(&given.score_distribution, fifths),
                    Value::time(self.now()),
                ],
            )
            .await?;
        Ok(total_tokens)
    }

    /// Returns the sums over a run, and those of each of its categories.
    async fn sums(&self, session: &mut Session, run_id: &str) -> Result<(Sums, Map<String, Json>)> {
        let dialect = &self.dialect;
        let real = if dialect.is_postgres() { "float8" } else { "REAL" };
        let fifth = |from: &str, to: &str| format!("count(*) FILTER (WHERE {from} AND {to})");
        let fifths = [
            fifth("1 = 1", "r.\"score\" < 0.2"),
            fifth("r.\"score\" >= 0.2", "r.\"score\" < 0.4"),
            fifth("r.\"score\" >= 0.4", "r.\"score\" < 0.6"),
            fifth("r.\"score\" >= 0.6", "r.\"score\" < 0.8"),
            fifth("r.\"score\" >= 0.8", "1 = 1"),
        ];
        let rows = session
            .rows(
                format!(
                    "SELECT o.\"category\", count(*), count(*) FILTER (WHERE r.\"passed\"), CAST(sum(r.\"score\") AS {real}), \
                     CAST(sum(r.\"latencyMs\") AS {real}), CAST(sum(r.\"cost\") AS {real}), CAST(sum({}) AS {real}), {} \
                     FROM {} r LEFT JOIN {} o ON o.\"resultId\" = r.\"id\" WHERE r.\"runId\" = $1 GROUP BY o.\"category\"",
                    tokens(dialect),
                    fifths.join(", "),
                    dialect.result,
                    dialect.order
                ),
                vec![Value::text(run_id)],
            )
            .await?;
        let (mut all, mut categories) = (Sums::default(), Map::new());
        for row in &rows {
            let sums = Sums::of(row);
            all.add(&sums);
            if let Some(category) = row[0].text() {
                categories.insert(category.to_owned(), sums.json());
            }
        }
        Ok((all, categories))
    }

    async fn failures(&self, session: &mut Session, run_id: &str) -> Result<Map<String, Json>> {
        let rows = session
            .rows(
                format!(
                    "SELECT {}, count(*) FROM {} r WHERE r.\"runId\" = $1 AND NOT r.\"passed\" GROUP BY 1",
                    failure_type(&self.dialect),
                    self.dialect.result
                ),
                vec![Value::text(run_id)],
            )
            .await?;
        Ok(rows
            .iter()
            .filter_map(|row| Some((row[0].text()?.to_owned(), Json::from(row[1].int()?))))
            .collect())
    }
}

fn write(row: &Row) -> Result<String> {
    let mut out = String::with_capacity(512);
    let id = row[0].text().unwrap_or_default().to_owned();
    let mut object = JsonObject::begin(&mut out, "EvalMetrics", &id);
    object.text("id", &row[0]);
    object.text("runId", &row[1]);
    for (at, name) in [
        "totalTests",
        "passedTests",
        "failedTests",
        "accuracy",
        "passRate",
        "avgScore",
        "avgLatencyMs",
        "totalCost",
        "totalTokens",
    ]
    .into_iter()
    .enumerate()
    {
        object.number(name, &row[at + 2])?;
    }
    object.json("categoryBreakdown", &row[11])?;
    object.json("failuresByType", &row[12])?;
    object.json("scoreDistribution", &row[13])?;
    object.time("createdAt", &row[14])?;
    object.end();
    Ok(out)
}
