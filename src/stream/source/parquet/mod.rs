//! Parquet: every row is an object. Rows are read one row group at a time, page by page, so memory is a page and a dictionary
//! per column, whatever the file's size.

mod column_kind;
mod row_text;

#[cfg(test)]
mod size_tests;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::errors::ParquetError;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Row;
use parquet::record::reader::{ReaderIter, TreeBuilder};

use crate::stream::source::Record;
use crate::stream::source::batch::BatchBuilder;
use crate::stream::source::error::DatasetError;
use column_kind::Kind;

/// The first and the last four bytes of a Parquet file.
const MAGIC: &[u8] = b"PAR1";

/// Values taken from a column at a time.
const COLUMN_BATCH: usize = 256;

/// Whether `file` starts as a Parquet file does; only a regular file can be looked at without taking its bytes away.
pub(super) fn is_parquet(file: &mut File) -> std::io::Result<bool> {
    if !file.metadata()?.is_file() {
        return Ok(false);
    }
    let mut magic = [0; MAGIC.len()];
    let found = match file.read_exact(&mut magic) {
        Ok(()) => magic == MAGIC,
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(error),
    };
    file.rewind()?;
    Ok(found)
}

/// The rows of a Parquet file. O(values).
pub(super) struct ParquetRows {
    file: SerializedFileReader<File>,
    kind: Kind,
    next_group: usize,
    rows: Option<ReaderIter>,
    row: u64,
}

impl ParquetRows {
    /// Reads the footer.
    ///
    /// # Errors
    /// When there is none, or a column has a type that is not read.
    pub(super) fn open(file: File) -> Result<Self, DatasetError> {
        let file = guarded(|| SerializedFileReader::new(file))
            .map_err(|reason| DatasetError::of_file(format!("is not a whole Parquet file: {reason}")))?;
        let about = file.metadata().file_metadata();
        let groups = file.metadata().row_groups();
        if groups.iter().map(RowGroupMetaData::num_rows).sum::<i64>() != about.num_rows() {
            let reason =
                "is not a whole Parquet file: its row groups have not as many rows as the file should";
            return Err(DatasetError::of_file(reason));
        }
        let schema = about.schema();
        let kind = guarded(|| Ok(Kind::of_message(schema)))
            .and_then(|kind| kind)
            .map_err(DatasetError::of_file)?;
        Ok(Self {
            file,
            kind,
            next_group: 0,
            rows: None,
            row: 0,
        })
    }

    /// What the reader of the text has to do to get the values, as JSON; see [`Kind::plan`].
    pub(super) fn plan(&self) -> String {
        self.kind.plan().to_string()
    }

    /// Takes one row; an error is final.
    pub(super) fn next(&mut self, batch: &mut BatchBuilder) -> Result<Record, DatasetError> {
        let Some(row) = self.next_row()? else {
            return Ok(Record::End);
        };
        let mut text = Vec::new();
        row_text::write_row(&self.kind, &row, &mut text).map_err(|reason| self.wrong(&reason))?;
        batch.item(|out| out.extend_from_slice(&text));
        self.row += 1;
        Ok(Record::Item)
    }

    fn next_row(&mut self) -> Result<Option<Row>, DatasetError> {
        loop {
            if let Some(rows) = &mut self.rows {
                match guarded(|| rows.next().transpose()) {
                    Ok(Some(row)) => return Ok(Some(row)),
                    Ok(None) => self.rows = None,
                    Err(reason) => return Err(self.wrong(&reason)),
                }
            }
            if self.next_group == self.file.num_row_groups() {
                return Ok(None);
            }
            let (file, group) = (&self.file, self.next_group);
            let rows = guarded(|| {
                let reader = file.get_row_group(group)?;
                let schema = file.metadata().file_metadata().schema_descr_ptr();
                TreeBuilder::new()
                    .with_batch_size(COLUMN_BATCH)
                    .as_iter(schema, &*reader)
            });
            self.rows = Some(rows.map_err(|reason| self.wrong(&reason))?);
            self.next_group += 1;
        }
    }

    fn wrong(&self, reason: &str) -> DatasetError {
        let row = self.row + 1;
        DatasetError::of_file(format!("row {row} of the Parquet file cannot be read: {reason}"))
    }
}

/// What `read` gives. The crate may panic on damaged data; here that is an error like others.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("its data is damaged".into()),
    }
}
