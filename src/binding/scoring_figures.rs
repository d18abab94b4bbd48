//! Binding of the figures of the module `scoring` that are no scores of one pair: reports, intervals, tests, and the parts of
//! scorers that compare with JavaScript.

use super::error::{Failure, Result};
use super::number::integer;
use crate::scoring::aggregates::{
    McnemarMethod, Method, Resampling, bootstrap_interval, mcnemar, paired_bootstrap, wilson_interval,
};
use crate::scoring::classification::{KappaWeights, PrecisionRecall, report};
use crate::scoring::interrupt::Interrupt;
use crate::scoring::json_schema::{JsonSchema, JsonSchemaSpecification};
use crate::scoring::{json_diff, json_text, list_overlap, ranking};
use napi::bindgen_prelude::{Float64Array, Float64ArraySlice, Uint32ArraySlice, Utf16String};
use napi_derive::napi;

/// The largest seed and count: whole numbers up to here are exact in JavaScript.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

fn share(name: &str, value: f64) -> Result<f64> {
    if value > 0.0 && value < 1.0 {
        Ok(value)
    } else {
        Err(Failure::out_of_range(format!(
            "{name} must be above 0 and below 1, got {value}"
        )))
    }
}

fn resampling(confidence: f64, resamples: f64, seed: f64) -> Result<Resampling> {
    Ok(Resampling {
        confidence: share("confidence", confidence)?,
        resamples: integer("resamples", resamples, 1.0, 1e9)? as usize,
        seed: integer("seed", seed, 0.0, MAX_SAFE)?,
    })
}

/// Mean, low and high of a bootstrap interval.
#[napi(catch_unwind)]
pub fn bootstrap_mean_interval(
    values: Float64ArraySlice,
    bca: bool,
    confidence: f64,
    resamples: f64,
    seed: f64,
) -> Result<Float64Array> {
    let method = if bca { Method::Bca } else { Method::Percentile };
    let resampling = resampling(confidence, resamples, seed)?;
    let (mean, interval) = bootstrap_interval(&values, &resampling, method).map_err(Failure::out_of_range)?;
    Ok(Float64Array::new(vec![mean, interval.low, interval.high]))
}

/// Difference, low, high and p of paired scores.
#[napi(catch_unwind)]
pub fn bootstrap_difference(
    a: Float64ArraySlice,
    b: Float64ArraySlice,
    confidence: f64,
    resamples: f64,
    seed: f64,
) -> Result<Float64Array> {
    let resampling = resampling(confidence, resamples, seed)?;
    let found = paired_bootstrap(&a, &b, &resampling).map_err(Failure::out_of_range)?;
    let figures = vec![found.difference, found.interval.low, found.interval.high, found.p];
    Ok(Float64Array::new(figures))
}

/// Low and high of a Wilson interval.
#[napi(catch_unwind)]
pub fn wilson(passed: f64, total: f64, confidence: f64) -> Result<Float64Array> {
    let total = integer("total", total, 0.0, MAX_SAFE)? as f64;
    let passed = integer("passed", passed, 0.0, total)? as f64;
    let interval = wilson_interval(passed, total, share("confidence", confidence)?);
    Ok(Float64Array::new(vec![interval.low, interval.high]))
}

/// p and statistic of `McNemar`'s test.
#[napi(catch_unwind)]
pub fn mcnemar_test(only_a: f64, only_b: f64, exact: bool) -> Result<Float64Array> {
    let only_a = integer("onlyA", only_a, 0.0, MAX_SAFE)? as f64;
    let only_b = integer("onlyB", only_b, 0.0, MAX_SAFE)? as f64;
    let method = if exact {
        McnemarMethod::Exact
    } else {
        McnemarMethod::ChiSquared
    };
    let (p, statistic) = mcnemar(only_a, only_b, method);
    Ok(Float64Array::new(vec![p, statistic]))
}

/// The figures of predictions, in a row: accuracy, balanced accuracy, MCC, kappa; precision, recall and F1 of the macro, micro
/// and weighted average; precision, recall, F1 and support of each label; and the matrix, row by row.
#[napi(catch_unwind)]
pub fn classification_figures(
    expected: Uint32ArraySlice,
    actual: Uint32ArraySlice,
    labels: f64,
    classes: f64,
    kappa_weights: String,
) -> Result<Float64Array> {
    let weights = match kappa_weights.as_str() {
        "linear" => KappaWeights::Linear,
        "quadratic" => KappaWeights::Quadratic,
        _ => KappaWeights::None,
    };
    let classes = integer("classes", classes, 0.0, f64::from(u32::MAX))? as usize;
    let labels = integer("labels", labels, 0.0, classes as f64)? as usize;
    let report = report(&expected, &actual, labels, classes, weights).map_err(Failure::out_of_range)?;
    let three = |scores: &PrecisionRecall| [scores.precision, scores.recall, scores.f1];
    let mut row = vec![
        report.accuracy,
        report.balanced_accuracy,
        report.mcc,
        report.kappa,
    ];
    for average in [
        &report.macro_average,
        &report.micro_average,
        &report.weighted_average,
    ] {
        row.extend(three(average));
    }
    for class in &report.classes {
        row.extend(three(&class.scores));
        row.push(class.support as f64);
    }
    row.extend(report.matrix.iter().flatten().map(|count| *count as f64));
    Ok(Float64Array::new(row))
}

/// nDCG of items by their scores; `k` 0 looks at all.
#[napi(catch_unwind)]
pub fn ndcg_of_scores(relevance: Float64ArraySlice, scores: Float64ArraySlice, k: f64) -> Result<f64> {
    let k = integer("k", k, 0.0, MAX_SAFE)? as usize;
    Ok(ranking::ndcg_from_scores(
        &relevance,
        &scores,
        (k > 0).then_some(k),
    ))
}

/// Refuses lists that are too long for an assignment.
#[napi(catch_unwind)]
pub fn assignment_is_affordable(expected: f64, actual: f64, max_cells: f64) -> Result<()> {
    let expected = integer("expected", expected, 0.0, f64::from(u32::MAX))? as usize;
    let actual = integer("actual", actual, 0.0, f64::from(u32::MAX))? as usize;
    list_overlap::affordable(expected, actual, max_cells).map_err(Failure::out_of_range)
}

/// The overlap of lists whose elements were compared in JavaScript: `similarity` row by row of expected elements.
#[napi(catch_unwind)]
pub fn overlap_of_similarities(
    similarity: Float64ArraySlice,
    expected: f64,
    actual: f64,
    allow_extra: bool,
) -> Result<f64> {
    let expected = integer("expected", expected, 0.0, f64::from(u32::MAX))? as usize;
    let actual = integer("actual", actual, 0.0, f64::from(u32::MAX))? as usize;
    if expected.checked_mul(actual) != Some(similarity.len()) {
        return Err(Failure::invalid("similarity must have one entry for each pair"));
    }
    list_overlap::score(expected, actual, allow_extra, &similarity, Interrupt::never())
        .map_err(Failure::out_of_range)
}

/// The leaves of two JSON values that are compared in JavaScript, as JSON: `["s", expected, actual]` for strings, `["n", …]`
/// for numbers.
#[napi(catch_unwind)]
pub fn json_leaves(expected: Utf16String, actual: Utf16String, preserve_strings: bool) -> Result<String> {
    let mut leaves = Vec::new();
    compare_json(&expected, &actual, preserve_strings, &mut |leaf| {
        leaves.push(json_diff::leaf_text(&leaf));
        0.0
    })?;
    Ok(format!("[{}]", leaves.join(",")))
}

/// The similarity of two JSON values, given that of each leaf in the order of [`json_leaves`].
#[napi(catch_unwind)]
pub fn json_similarity(
    expected: Utf16String,
    actual: Utf16String,
    preserve_strings: bool,
    scores: Float64ArraySlice,
) -> Result<f64> {
    let mut scores = scores.iter().copied();
    compare_json(&expected, &actual, preserve_strings, &mut |_| {
        scores.next().unwrap_or(f64::NAN)
    })
}

fn compare_json(
    expected: &[u16],
    actual: &[u16],
    preserve_strings: bool,
    compare: &mut dyn FnMut(json_diff::Leaf) -> f64,
) -> Result<f64> {
    let read =
        |units: &[u16]| json_text::parse(units).ok_or_else(|| Failure::invalid("the text is not JSON"));
    let (expected, actual) = (read(expected)?, read(actual)?);
    json_diff::score(&expected, &actual, preserve_strings, &mut |leaf| {
        Ok(compare(leaf))
    })
}

/// A compiled JSON Schema that says why an answer is not valid.
#[napi]
pub struct NativeJsonSchema {
    schema: JsonSchema,
}

#[napi]
impl NativeJsonSchema {
    /// Compiles the schema of a specification, as JSON.
    #[napi(constructor, catch_unwind)]
    pub fn new(specification: String) -> Result<Self> {
        let specification: JsonSchemaSpecification =
            serde_json::from_str(&specification).map_err(Failure::invalid)?;
        let schema = JsonSchema::new(&specification).map_err(Failure::out_of_range)?;
        Ok(Self { schema })
    }

    /// Says why an answer is not valid; null if it is.
    #[napi(catch_unwind)]
    pub fn explain(&self, answer: Utf16String) -> Result<Option<String>> {
        self.schema.explain(&answer).map_err(Failure::out_of_range)
    }
}
