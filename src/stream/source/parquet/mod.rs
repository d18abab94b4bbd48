//! Rows of Parquet files, each an object.
//!
//! Row groups are read one after the other, page by page. Memory is a page and a dictionary for every column, whatever the
//! file's size.

mod column_kind;
mod pages;
mod row_text;

#[cfg(test)]
mod size_tests;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::page_index::RowGroupPageIndex;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::properties::ReaderProperties;
use parquet::file::reader::RowGroupReader;
use parquet::file::serialized_reader::SerializedRowGroupReader;
use parquet::record::Row;
use parquet::record::reader::{ReaderIter, TreeBuilder};
use parquet::schema::types::SchemaDescPtr;

use crate::stream::source::Record;
use crate::stream::source::batch::BatchBuilder;
use crate::stream::source::error::DatasetError;
use crate::stream::source::format::PARQUET;
use column_kind::Kind;
use pages::WithoutEmptyPages;

/// Values taken from a column at a time.
const COLUMN_BATCH: usize = 256;

/// Returns whether `file`, a regular one, starts as a Parquet file does.
pub(super) fn is_parquet(file: &mut File) -> std::io::Result<bool> {
    let mut magic = [0; PARQUET.len()];
    let found = match file.read_exact(&mut magic) {
        Ok(()) => magic == PARQUET,
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(error),
    };
    file.rewind()?;
    Ok(found)
}

/// The rows of a Parquet file. O(values).
pub(super) struct ParquetRows {
    file: Arc<File>,
    groups: Vec<RowGroupMetaData>,
    schema: SchemaDescPtr,
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
        let footer = guarded(|| ParquetMetaDataReader::new().parse_and_finish(&file))
            .and_then(|footer| guarded(|| readable(&footer)).map(|groups| (footer, groups)));
        let (footer, groups) = footer.map_err(|reason| DatasetError::of_file(unreadable(&reason)))?;
        let about = footer.file_metadata();
        let schema = about.schema();
        let kind = guarded(|| Ok(Kind::of_message(schema)))
            .and_then(|kind| kind)
            .map_err(DatasetError::of_file)?;
        Ok(Self {
            schema: about.schema_descr_ptr(),
            file: Arc::new(file),
            groups,
            kind,
            next_group: 0,
            rows: None,
            row: 0,
        })
    }

    /// Returns how many rows the row groups have. The footer's own count may be missing.
    pub(super) fn total(&self) -> u64 {
        self.groups
            .iter()
            .map(|group| u64::try_from(group.num_rows()).unwrap_or(0))
            .sum()
    }

    /// Returns the conversions that make the values of the text, as JSON; see [`Kind::plan`].
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
        batch
            .item(|out| out.extend_from_slice(&text))
            .map_err(|reason| self.wrong(&reason))?;
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
            let Some(group) = self.groups.get(self.next_group) else {
                return Ok(None);
            };
            if group.num_rows() == 0 {
                // Its columns may have no page at all.
                self.next_group += 1;
                continue;
            }
            let rows = guarded(|| {
                let properties = Arc::new(ReaderProperties::builder().build());
                let file = Arc::clone(&self.file);
                let index = RowGroupPageIndex::new(self.next_group, None);
                let reader = SerializedRowGroupReader::new(file, group, index, properties)?;
                let reader: &dyn RowGroupReader = &WithoutEmptyPages(&reader);
                TreeBuilder::new()
                    .with_batch_size(COLUMN_BATCH)
                    .as_iter(Arc::clone(&self.schema), reader)
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

/// Returns the row groups of `footer` in the form that the crate reads.
fn readable(footer: &ParquetMetaData) -> Result<Vec<RowGroupMetaData>, ParquetError> {
    let column = |column: &ColumnChunkMetaData| {
        let dictionary = column.dictionary_page_offset();
        // Some writers say 0 for no dictionary; then the column starts with its first page, whatever that is.
        let real = dictionary.is_some_and(|offset| offset > 0 && offset < column.data_page_offset());
        let column = column.clone().into_builder();
        if real {
            column.build()
        } else {
            column.set_dictionary_page_offset(None).build()
        }
    };
    let group = |group: &RowGroupMetaData| {
        let columns: Result<Vec<_>, _> = group.columns().iter().map(column).collect();
        group.clone().into_builder().set_column_metadata(columns?).build()
    };
    footer.row_groups().iter().map(group).collect()
}

/// Returns the sentence for a footer that cannot be read.
fn unreadable(reason: &str) -> String {
    if reason.to_lowercase().contains("encrypt") {
        return "is an encrypted Parquet file, which is not read (write it without encryption)".into();
    }
    format!("is not a whole Parquet file: {reason}")
}

thread_local! {
    static READING: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether this thread is reading Parquet. A panic there is caught, and says nothing but that the file is damaged.
pub fn expects_panic() -> bool {
    READING.get()
}

/// Returns the value of `read`. The crate may panic on damaged data; here that is an error like others.
fn guarded<T>(read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    READING.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(read));
    READING.set(false);
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("its data is damaged".into()),
    }
}
