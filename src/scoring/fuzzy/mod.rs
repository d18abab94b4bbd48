//! Fuzzy similarity: indel similarity that forgives order, repetition and additions. Equal to `rapidfuzz.fuzz` 3.14, as a
//! share of 1.
//!
//! Costs of texts of m ≤ n symbols: O(⌈m/64⌉ · n), with a window (`partial`, `weighted`) O(m · n). Memory is linear.

pub mod window;

#[cfg(test)]
mod tests;

use serde::Deserialize;

use self::window::best_window;
use super::edit_distance::{lcs, similarity, without_common_ends};
use super::interrupt::{Interrupt, Stop, within_cells};
use super::kernel::{Kernel, Pair, best};
use super::text;

/// Weight of what a method finds in unordered tokens.
const UNORDERED: f64 = 0.95;
/// Ratio of the lengths from which on `weighted` looks at windows.
const WINDOW_FROM: f64 = 1.5;
/// Ratio of the lengths up to which a window weighs [`WINDOW`], and above it [`FAR_WINDOW`].
const NEAR_UP_TO: f64 = 8.0;
const WINDOW: f64 = 0.9;
const FAR_WINDOW: f64 = 0.6;

/// The methods of similarity.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// Indel similarity.
    Ratio,
    /// The best ratio of the shorter text to a window of the longer.
    Partial,
    /// The ratio of the sorted tokens.
    TokenSort,
    /// The ratio of the sets of tokens.
    TokenSet,
    /// The better of both.
    Token,
    /// The best of all, each with a weight (WRatio).
    Weighted,
}

/// A scorer by fuzzy similarity.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fuzzy {
    method: Method,
    #[serde(default)]
    process: bool,
    max_cells: f64,
}

impl Kernel for Fuzzy {
    fn score(&self, pair: Pair<'_>, figures: &mut [f64], interrupt: Interrupt<'_>) -> Result<f64, Stop> {
        let work = Work {
            limit: self.max_cells,
            interrupt,
        };
        let actual = self.prepared(pair.actual);
        best(pair.expected, figures, |expected, _| {
            let expected = self.prepared(expected);
            match self.method {
                Method::Ratio => work.ratio(&expected, &actual),
                Method::Partial => work.partial(&expected, &actual),
                Method::TokenSort => work.token_sort(&Tokens::of(&expected), &Tokens::of(&actual)),
                Method::TokenSet => work.token_set(&Tokens::of(&expected), &Tokens::of(&actual)),
                Method::Token => work.token(&Tokens::of(&expected), &Tokens::of(&actual)),
                Method::Weighted => work.weighted(&expected, &actual),
            }
        })
    }
}

impl Fuzzy {
    fn prepared(&self, units: &[u16]) -> Vec<u32> {
        let points = text::code_points(units);
        if self.process { processed(&points) } else { points }
    }
}

/// Lower-cases one to one, turns all but letters and numbers into blanks, and trims.
fn processed(points: &[u32]) -> Vec<u32> {
    let blank = u32::from(' ');
    let changed: Vec<u32> = points
        .iter()
        .map(|&point| {
            let Some(character) = char::from_u32(point).filter(|_| text::is_alphanumeric(point)) else {
                return blank;
            };
            let mut lower = character.to_lowercase();
            match (lower.next(), lower.next()) {
                (Some(one), None) => u32::from(one),
                // `İ`, the only one with two: the first of them is its simple mapping.
                (first, _) => first.map_or(point, u32::from),
            }
        })
        .collect();
    text::trim(&changed).to_vec()
}

/// The tokens of a text, sorted by code point.
struct Tokens<'a> {
    sorted: Vec<&'a [u32]>,
    unique: Vec<&'a [u32]>,
}

impl<'a> Tokens<'a> {
    fn of(text: &'a [u32]) -> Self {
        let mut sorted: Vec<&[u32]> = text::words(text).collect();
        sorted.sort_unstable();
        let mut unique = sorted.clone();
        unique.dedup();
        Self { sorted, unique }
    }

    /// The unique tokens that `other` has not.
    fn without(&self, other: &Self) -> Vec<&'a [u32]> {
        let missing = |token: &&[u32]| other.unique.binary_search(token).is_err();
        self.unique.iter().copied().filter(missing).collect()
    }
}

fn joined(tokens: &[&[u32]]) -> Vec<u32> {
    tokens.join(&u32::from(' '))
}

/// The bounds that hold within a pair.
#[derive(Clone, Copy)]
struct Work<'a> {
    limit: f64,
    interrupt: Interrupt<'a>,
}

impl Work<'_> {
    fn distance(self, a: &[u32], b: &[u32]) -> Result<usize, Stop> {
        let (a, b) = without_common_ends(a, b);
        within_cells(a.len(), b.len(), self.limit)?;
        Ok(a.len() + b.len() - 2 * lcs::length(a, b, self.interrupt)?)
    }

    fn ratio(self, a: &[u32], b: &[u32]) -> Result<f64, Stop> {
        Ok(similarity(self.distance(a, b)?, a.len() + b.len()))
    }

    fn partial(self, a: &[u32], b: &[u32]) -> Result<f64, Stop> {
        if a.is_empty() || b.is_empty() {
            return Ok(if a.len() == b.len() { 1.0 } else { 0.0 });
        }
        if a == b {
            return Ok(1.0);
        }
        within_cells(a.len(), b.len(), self.limit)?;
        let (shorter, longer) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        let score = best_window(shorter, longer, self.interrupt)?;
        if a.len() == b.len() && score < 1.0 {
            return Ok(score.max(best_window(longer, shorter, self.interrupt)?));
        }
        Ok(score)
    }

    fn token_sort(self, a: &Tokens<'_>, b: &Tokens<'_>) -> Result<f64, Stop> {
        self.ratio(&joined(&a.sorted), &joined(&b.sorted))
    }

    fn token_set(self, a: &Tokens<'_>, b: &Tokens<'_>) -> Result<f64, Stop> {
        if a.unique.is_empty() || b.unique.is_empty() {
            return Ok(0.0);
        }
        let (rest_a, rest_b) = (a.without(b), b.without(a));
        let any_shared = rest_a.len() < a.unique.len();
        if any_shared && (rest_a.is_empty() || rest_b.is_empty()) {
            return Ok(1.0);
        }
        // The shared tokens stand in front of both sides: they add to the lengths, and nothing to the distance.
        let shared: usize = a.unique.iter().map(|token| token.len() + 1).sum::<usize>()
            - rest_a.iter().map(|token| token.len() + 1).sum::<usize>();
        let (rest_a, rest_b) = (joined(&rest_a), joined(&rest_b));
        let both = similarity(
            self.distance(&rest_a, &rest_b)?,
            2 * shared + rest_a.len() + rest_b.len(),
        );
        if !any_shared {
            return Ok(both);
        }
        // `shared` counts a blank behind each token; without a rest there is none behind the last.
        let alone = |rest: &[u32]| similarity(1 + rest.len(), shared - 1 + shared + rest.len());
        Ok(both.max(alone(&rest_a)).max(alone(&rest_b)))
    }

    fn token(self, a: &Tokens<'_>, b: &Tokens<'_>) -> Result<f64, Stop> {
        Ok(self.token_sort(a, b)?.max(self.token_set(a, b)?))
    }

    fn partial_token(self, a: &Tokens<'_>, b: &Tokens<'_>) -> Result<f64, Stop> {
        let (rest_a, rest_b) = (a.without(b), b.without(a));
        if rest_a.len() < a.unique.len() {
            return Ok(1.0);
        }
        let sorted = self.partial(&joined(&a.sorted), &joined(&b.sorted))?;
        if rest_a.len() == a.sorted.len() && rest_b.len() == b.sorted.len() {
            return Ok(sorted);
        }
        Ok(sorted.max(self.partial(&joined(&rest_a), &joined(&rest_b))?))
    }

    fn weighted(self, a: &[u32], b: &[u32]) -> Result<f64, Stop> {
        if a.is_empty() || b.is_empty() {
            return Ok(0.0);
        }
        let (tokens_a, tokens_b) = (Tokens::of(a), Tokens::of(b));
        let ratio = self.ratio(a, b)?;
        let lengths = a.len().max(b.len()) as f64 / a.len().min(b.len()) as f64;
        if lengths < WINDOW_FROM {
            return Ok(ratio.max(UNORDERED * self.token(&tokens_a, &tokens_b)?));
        }
        let weight = if lengths <= NEAR_UP_TO { WINDOW } else { FAR_WINDOW };
        let window = ratio.max(weight * self.partial(a, b)?);
        Ok(window.max(UNORDERED * weight * self.partial_token(&tokens_a, &tokens_b)?))
    }
}
