//! Batches of results as they cross into the engine: texts in one piece, numbers in a list.

use super::error::Result;
use super::session::malformed;

/// Texts of a row: `runId`, `testCaseId`, `category`, `input`, `expected`, `actual`, `explanation`, `tokenUsage`, `metadata`.
pub const TEXTS: usize = 9;
/// Numbers of a row: `repeat`, `index`, `passed`, `score`, `confidence`, `latencyMs`, `cost`, `createdAt`.
pub const NUMBERS: usize = 8;
/// The length that stands for an absent text.
pub const ABSENT: u32 = u32::MAX;

/// A result to store.
#[derive(Clone, Debug, PartialEq)]
pub struct NewResult {
    /// The run.
    pub run_id: String,
    /// The case.
    pub test_case_id: String,
    /// The repeat of the case, from 0.
    pub repeat: u64,
    /// The place in the dataset.
    pub index: Option<i64>,
    /// The category of the case.
    pub category: Option<String>,
    /// JSON.
    pub input: String,
    /// JSON.
    pub expected: String,
    /// JSON.
    pub actual: String,
    /// True if the case passed.
    pub passed: bool,
    /// The score.
    pub score: f64,
    /// Confidence of the scorer.
    pub confidence: Option<f64>,
    /// Words of the scorer.
    pub explanation: Option<String>,
    /// The latency.
    pub latency_ms: i64,
    /// JSON.
    pub token_usage: String,
    /// The cost in US dollars.
    pub cost: f64,
    /// JSON.
    pub metadata: Option<String>,
    /// When the result was made, in ms since 1970.
    pub created_at: Option<i64>,
}

/// Unpacks a batch. A `runId` of length 0 is that of the row before. O(n).
///
/// # Errors
/// [`super::error::Code::InvalidType`] when the lists do not fit each other.
pub fn unpack(texts: &[u16], lengths: &[u32], numbers: &[f64]) -> Result<Vec<NewResult>> {
    let rows = lengths.len() / TEXTS;
    if !lengths.len().is_multiple_of(TEXTS) || numbers.len() != rows * NUMBERS {
        return Err(malformed(
            "The lists of a batch of results do not have the same number of rows",
        ));
    }
    let mut reader = TextReader { texts, at: 0 };
    let mut results: Vec<NewResult> = Vec::with_capacity(rows);
    for (lengths, numbers) in lengths.chunks_exact(TEXTS).zip(numbers.chunks_exact(NUMBERS)) {
        let mut next = |at: usize| reader.next(lengths[at]);
        let given = next(0)?.unwrap_or_default();
        let run_id = match (given.is_empty(), results.last()) {
            (false, _) => given,
            (true, Some(before)) => before.run_id.clone(),
            (true, None) => return Err(malformed("The first result of a batch has no runId")),
        };
        let needed = |text: Option<String>, name: &str| {
            text.ok_or_else(|| malformed(&format!("A result has no {name}")))
        };
        results.push(NewResult {
            run_id,
            test_case_id: needed(next(1)?, "testCaseId")?,
            category: next(2)?,
            input: needed(next(3)?, "input")?,
            expected: needed(next(4)?, "expected")?,
            actual: next(5)?.unwrap_or_else(|| "null".to_owned()),
            explanation: next(6)?,
            token_usage: next(7)?.unwrap_or_else(|| "{}".to_owned()),
            metadata: next(8)?,
            repeat: given_number(numbers[0]).unwrap_or(0.0) as u64,
            index: given_number(numbers[1]).map(|index| index as i64),
            passed: numbers[2] == 1.0,
            score: finite(numbers[3], "score")?,
            confidence: given_number(numbers[4]),
            latency_ms: finite(numbers[5], "latencyMs")? as i64,
            cost: given_number(numbers[6]).unwrap_or(0.0),
            created_at: given_number(numbers[7]).map(|ms| ms as i64),
        });
    }
    if reader.at != texts.len() {
        return Err(malformed(
            "The lengths of a batch of results do not add up to its text",
        ));
    }
    Ok(results)
}

/// Unpacks texts that cross in one piece. O(n).
///
/// # Errors
/// [`super::error::Code::InvalidType`] when the lengths do not fit the text.
pub fn unpack_texts(texts: &[u16], lengths: &[u32]) -> Result<Vec<String>> {
    let mut reader = TextReader { texts, at: 0 };
    lengths
        .iter()
        .map(|length| Ok(reader.next(*length)?.unwrap_or_default()))
        .collect()
}

struct TextReader<'a> {
    texts: &'a [u16],
    at: usize,
}

impl TextReader<'_> {
    fn next(&mut self, length: u32) -> Result<Option<String>> {
        if length == ABSENT {
            return Ok(None);
        }
        let end = self.at + length as usize;
        let units = self
            .texts
            .get(self.at..end)
            .ok_or_else(|| malformed("The lengths of a batch add up to more than its text"))?;
        self.at = end;
        Ok(Some(text_of(units)))
    }
}

fn text_of(units: &[u16]) -> String {
    // Nearly every text is ASCII alone.
    if units.iter().all(|unit| *unit < 0x80) {
        let bytes = units.iter().map(|unit| *unit as u8).collect();
        return String::from_utf8(bytes).unwrap_or_default();
    }
    String::from_utf16_lossy(units)
}

fn given_number(number: f64) -> Option<f64> {
    (!number.is_nan()).then_some(number)
}

fn finite(number: f64, name: &str) -> Result<f64> {
    if number.is_finite() {
        Ok(number)
    } else {
        Err(malformed(&format!("{name} of a result must be a finite number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(parts: &[Option<&str>]) -> (Vec<u16>, Vec<u32>) {
        let mut texts = Vec::new();
        let lengths = parts
            .iter()
            .map(|part| {
                part.map_or(ABSENT, |text| {
                    let units: Vec<u16> = text.encode_utf16().collect();
                    texts.extend_from_slice(&units);
                    units.len() as u32
                })
            })
            .collect();
        (texts, lengths)
    }

    #[test]
    fn rows_are_unpacked_with_defaults() {
        let row = |run, case| {
            [
                Some(run),
                Some(case),
                None,
                Some("1"),
                Some("\"ü😀\""),
                None,
                None,
                None,
                None,
            ]
        };
        let parts: Vec<_> = row("r", "a").into_iter().chain(row("", "b")).collect();
        let (texts, lengths) = packed(&parts);
        let numbers = [f64::NAN, 3.0, 1.0, 0.5, f64::NAN, 12.0, f64::NAN, f64::NAN];
        let numbers: Vec<f64> = numbers.into_iter().chain(numbers).collect();
        let results = unpack(&texts, &lengths, &numbers).expect("rows");
        assert_eq!(results[1].run_id, "r");
        assert_eq!(results[1].expected, "\"ü😀\"");
        assert_eq!(
            (results[0].actual.as_str(), results[0].token_usage.as_str()),
            ("null", "{}")
        );
        assert_eq!(
            (results[0].repeat, results[0].index, results[0].cost),
            (0, Some(3), 0.0)
        );
    }

    #[test]
    fn lists_that_do_not_fit_are_refused() {
        assert!(unpack(&[], &[1; 9], &[0.0; 8]).is_err());
        assert!(unpack(&[], &[0; 8], &[0.0; 8]).is_err());
        assert!(unpack(&[97], &[], &[]).is_err());
    }
}
