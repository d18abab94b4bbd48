//! Writing rows as JSON objects: an SQL NULL is an absent key, JSON columns are embedded as they are.

use super::error::{Result, StoreError};
use super::value::Cell;

/// A JSON object that is being written.
pub struct JsonObject<'a> {
    out: &'a mut String,
    first: bool,
    table: &'static str,
    id: String,
}

/// Appends a text as a JSON string.
pub fn push_string(out: &mut String, text: &str) {
    // A string has a JSON form always.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

impl<'a> JsonObject<'a> {
    /// Begins an object at the end of `out`, of the row `id` of `table`.
    pub fn begin(out: &'a mut String, table: &'static str, id: &str) -> Self {
        out.push('{');
        Self {
            out,
            first: true,
            table,
            id: id.to_owned(),
        }
    }

    fn key(&mut self, key: &str) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        self.out.push('"');
        self.out.push_str(key);
        self.out.push_str("\":");
    }

    fn unreadable(&self, key: &str, problem: &str) -> StoreError {
        StoreError::unreadable(self.table, &self.id, key, problem)
    }

    /// Writes a text; a number as its digits.
    pub fn text(&mut self, key: &str, cell: &Cell) {
        let text = match cell {
            Cell::Null => return,
            Cell::Text(text) => text.clone(),
            Cell::Int(number) => number.to_string(),
            Cell::Real(number) => number.to_string(),
            Cell::Bool(truth) => truth.to_string(),
        };
        self.key(key);
        push_string(self.out, &text);
    }

    /// Writes a JSON column.
    ///
    /// # Errors
    /// [`super::error::Code::Corrupt`] for a text that is no JSON.
    pub fn json(&mut self, key: &str, cell: &Cell) -> Result<()> {
        if *cell == Cell::Null {
            return Ok(());
        }
        let json = cell.json().ok_or_else(|| self.unreadable(key, "holds no JSON"))?;
        self.key(key);
        self.out.push_str(&json);
        Ok(())
    }

    /// Writes a number.
    ///
    /// # Errors
    /// [`super::error::Code::Corrupt`] for what is no finite number.
    pub fn number(&mut self, key: &str, cell: &Cell) -> Result<()> {
        if *cell == Cell::Null {
            return Ok(());
        }
        let number = cell
            .number()
            .and_then(serde_json::Number::from_f64)
            .ok_or_else(|| self.unreadable(key, "holds no finite number"))?;
        self.key(key);
        match cell {
            Cell::Int(number) => self.out.push_str(&number.to_string()),
            _ => self.out.push_str(&number.to_string()),
        }
        Ok(())
    }

    /// Writes a time as ms since 1970.
    ///
    /// # Errors
    /// [`super::error::Code::Corrupt`] for what is no time.
    pub fn time(&mut self, key: &str, cell: &Cell) -> Result<()> {
        if *cell == Cell::Null {
            return Ok(());
        }
        let ms = cell.time().ok_or_else(|| self.unreadable(key, "holds no time"))?;
        self.key(key);
        self.out.push_str(&ms.to_string());
        Ok(())
    }

    /// Writes a truth value.
    pub fn truth(&mut self, key: &str, cell: &Cell) {
        if *cell == Cell::Null {
            return;
        }
        self.key(key);
        self.out.push_str(if cell.truth() { "true" } else { "false" });
    }

    /// Ends the object.
    pub fn end(self) {
        self.out.push('}');
    }
}

/// Writes objects as a page: `{"items":[…],"next":…}`.
pub fn page(items: &[String], next: Option<&str>) -> String {
    let mut out = String::with_capacity(items.iter().map(|item| item.len() + 1).sum::<usize>() + 64);
    out.push_str("{\"items\":[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(item);
    }
    out.push(']');
    if let Some(next) = next {
        out.push_str(",\"next\":");
        push_string(&mut out, next);
    }
    out.push('}');
    out
}
