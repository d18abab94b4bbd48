//! Shifts of phrases: the answer is changed by one shift at a time, as long as the edit distance falls by it.

use super::beam::{Beam, Edit};
use crate::scoring::interrupt::{Interrupt, Stop};

/// Longest phrase that is shifted.
const LONGEST: usize = 10;
/// Farthest shift.
const FARTHEST: usize = 50;
/// Candidates for shifts that are looked at in all.
const CANDIDATES: usize = 1000;

/// Returns the number of shifts and edits that turn the answer into the reference.
///
/// # Errors
/// [`Stop::Interrupted`].
pub fn edits(answer: &[u32], reference: &[u32], interrupt: Interrupt<'_>) -> Result<usize, Stop> {
    if reference.is_empty() {
        return Ok(answer.len());
    }
    let mut answer = answer.to_vec();
    let mut beam = Beam::new(reference, &answer);
    let (mut shifts, mut checked) = (0, 0);
    loop {
        interrupt.check()?;
        let best = best_shift(&answer, reference, &mut beam, &mut checked, interrupt)?;
        if checked >= CANDIDATES {
            break;
        }
        let Some(shift) = best.filter(|shift| shift.gain > 0) else {
            break;
        };
        answer = shift.of(&answer);
        beam.set_answer(&answer);
        shifts += 1;
    }
    Ok(shifts + beam.distance() as usize)
}

/// A phrase of the answer, and where it goes.
#[derive(Debug, Clone, Copy)]
struct Shift {
    start: usize,
    length: usize,
    target: usize,
    /// By how much the edit distance falls.
    gain: i64,
}

impl Shift {
    /// The largest gain is the best, then the longest phrase, then the first, then the first target.
    fn rank(self) -> (i64, usize, std::cmp::Reverse<usize>, std::cmp::Reverse<usize>) {
        (
            self.gain,
            self.length,
            std::cmp::Reverse(self.start),
            std::cmp::Reverse(self.target),
        )
    }

    fn of(self, words: &[u32]) -> Vec<u32> {
        let end = self.start + self.length;
        let parts = if self.target < self.start {
            [
                &words[..self.target],
                &words[self.start..end],
                &words[self.target..self.start],
                &words[end..],
            ]
        } else if self.target > end {
            [
                &words[..self.start],
                &words[end..self.target],
                &words[self.start..end],
                &words[self.target..],
            ]
        } else {
            // Within the phrase: it goes behind as many of the words that follow it, as far as there are any.
            let target = (self.length + self.target).min(words.len());
            [
                &words[..self.start],
                &words[end..target],
                &words[self.start..end],
                &words[target..],
            ]
        };
        parts.concat()
    }
}

/// An alignment of the words of answer and reference.
struct Alignment {
    /// For each word of the reference, the number of the answer's words up to the one it stands against.
    positions: Vec<usize>,
    reference_errors: Vec<bool>,
    answer_errors: Vec<bool>,
}

impl Alignment {
    fn of(beam: &Beam<'_>, answer: &[u32]) -> Self {
        let mut alignment = Self {
            positions: Vec::new(),
            reference_errors: Vec::new(),
            answer_errors: Vec::new(),
        };
        let mut position = 0;
        for &edit in beam.edits_from_end(answer).iter().rev() {
            let wrong = edit != Edit::Keep;
            if edit != Edit::Insert {
                position += 1;
                alignment.answer_errors.push(wrong);
            }
            if edit != Edit::Delete {
                alignment.positions.push(position);
                alignment.reference_errors.push(wrong);
            }
        }
        alignment
    }
}

fn best_shift(
    answer: &[u32],
    reference: &[u32],
    beam: &mut Beam<'_>,
    checked: &mut usize,
    interrupt: Interrupt<'_>,
) -> Result<Option<Shift>, Stop> {
    let distance = i64::from(beam.distance());
    let alignment = Alignment::of(beam, answer);
    let mut best: Option<Shift> = None;
    for start in 0..answer.len() {
        let near = start.saturating_sub(FARTHEST)..reference.len().min(start + FARTHEST + 1);
        for reference_start in near {
            let same = answer[start..]
                .iter()
                .zip(&reference[reference_start..])
                .take(LONGEST)
                .take_while(|(a, b)| a == b)
                .count();
            for length in 1..=same {
                let aligned = alignment.positions[reference_start];
                let within = aligned > start && aligned <= start + length;
                if within
                    || !alignment.answer_errors[start..start + length].contains(&true)
                    || !alignment.reference_errors[reference_start..reference_start + length].contains(&true)
                {
                    continue;
                }
                interrupt.check()?;
                // In front of the phrase's first word in the reference, then behind each of its words.
                let first = reference_start.checked_sub(1);
                let targets = std::iter::once(first.map_or(0, |before| alignment.positions[before])).chain(
                    alignment.positions[reference_start..reference_start + length]
                        .iter()
                        .copied(),
                );
                let mut previous = None;
                for target in targets {
                    if previous == Some(target) {
                        continue;
                    }
                    previous = Some(target);
                    let mut shift = Shift {
                        start,
                        length,
                        target,
                        gain: 0,
                    };
                    let shifted = shift.of(answer);
                    shift.gain = distance - i64::from(beam.distance_of(&shifted, start.min(target)));
                    *checked += 1;
                    if best.is_none_or(|best| shift.rank() > best.rank()) {
                        best = Some(shift);
                    }
                }
                if *checked >= CANDIDATES {
                    return Ok(best);
                }
            }
        }
    }
    Ok(best)
}
