//! Edit distance of an answer and a reference, looked for near the diagonal alone.

/// Words around the diagonal that are looked at.
const WIDTH: usize = 25;
/// The distance of cells outside the beam.
const FAR: u32 = u32::MAX / 2;

/// An edit of the walk through the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// Both sides have the word.
    Keep,
    /// The answer has another word.
    Substitute,
    /// The answer has no such word.
    Insert,
    /// The answer has a word more.
    Delete,
}

/// The cells of a row that lie in the beam.
#[derive(Debug, Clone, Default)]
struct Row {
    first: usize,
    cells: Vec<u32>,
}

impl Row {
    fn get(&self, column: usize) -> u32 {
        let at = column.checked_sub(self.first);
        at.and_then(|at| self.cells.get(at)).copied().unwrap_or(FAR)
    }
}

/// The table of a reference and an answer; candidates that begin like the answer share its first rows.
pub struct Beam<'a> {
    reference: &'a [u32],
    /// Length of the answer, which no shift changes.
    answer_length: usize,
    rows: Vec<Row>,
    scratch: [Row; 2],
}

impl<'a> Beam<'a> {
    /// The table of an answer.
    pub fn new(reference: &'a [u32], answer: &[u32]) -> Self {
        let first = Row {
            first: 0,
            cells: (0..=reference.len() as u32).collect(),
        };
        let mut beam = Self {
            reference,
            answer_length: answer.len(),
            rows: vec![first],
            scratch: [Row::default(), Row::default()],
        };
        beam.set_answer(answer);
        beam
    }

    /// Fills the table for an answer of the same length.
    pub fn set_answer(&mut self, answer: &[u32]) {
        self.rows.truncate(1);
        for &word in answer {
            let mut row = Row::default();
            self.fill(&self.rows[self.rows.len() - 1], self.rows.len(), word, &mut row);
            self.rows.push(row);
        }
    }

    /// The distance of the answer.
    pub fn distance(&self) -> u32 {
        self.rows[self.rows.len() - 1].get(self.reference.len())
    }

    /// The distance of another answer, which begins with the same `same` words.
    pub fn distance_of(&mut self, answer: &[u32], same: usize) -> u32 {
        let [mut before, mut row] = std::mem::take(&mut self.scratch);
        let mut distance = self.rows[same].get(self.reference.len());
        for (at, &word) in answer.iter().enumerate().skip(same) {
            let above = if at == same { &self.rows[same] } else { &before };
            self.fill(above, at + 1, word, &mut row);
            std::mem::swap(&mut before, &mut row);
            distance = before.get(self.reference.len());
        }
        self.scratch = [before, row];
        distance
    }

    fn fill(&self, above: &Row, row: usize, word: u32, cells: &mut Row) {
        let columns = self.reference.len() + 1;
        let ratio = self.reference.len() as f64 / self.answer_length as f64;
        let width = if (WIDTH as f64) < ratio / 2.0 {
            (ratio / 2.0 + WIDTH as f64).ceil() as usize
        } else {
            WIDTH
        };
        let diagonal = (row as f64 * ratio).floor() as usize;
        let first = diagonal.saturating_sub(width);
        let end = if row == self.answer_length {
            columns
        } else {
            columns.min(diagonal + width)
        };
        cells.first = first;
        cells.cells.clear();
        let mut left = FAR;
        for column in first..end {
            let deleted = above.get(column) + 1;
            left = if let Some(before) = column.checked_sub(1) {
                let kept = above.get(before) + u32::from(word != self.reference[before]);
                kept.min(deleted).min(left + 1).min(FAR)
            } else {
                deleted
            };
            cells.cells.push(left);
        }
    }

    /// The edits of the answer, from its end to its beginning. Of equally good ones, keeping and substitution come first,
    /// then deletion, then insertion.
    pub fn edits_from_end(&self, answer: &[u32]) -> Vec<Edit> {
        let (mut row, mut column) = (answer.len(), self.reference.len());
        let mut edits = Vec::with_capacity(row.max(column));
        while row > 0 || column > 0 {
            let cell = self.rows[row].get(column);
            let edit = if row == 0 {
                Edit::Insert
            } else if column == 0 {
                Edit::Delete
            } else {
                let same = answer[row - 1] == self.reference[column - 1];
                if self.rows[row - 1].get(column - 1) + u32::from(!same) == cell {
                    if same { Edit::Keep } else { Edit::Substitute }
                } else if self.rows[row - 1].get(column) + 1 == cell {
                    Edit::Delete
                } else {
                    Edit::Insert
                }
            };
            row -= usize::from(edit != Edit::Insert);
            column -= usize::from(edit != Edit::Delete);
            edits.push(edit);
        }
        edits
    }
}
