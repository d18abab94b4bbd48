//! The pages of a column without empty ones, with which some writers begin a column and at which the crate stops.

use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::Result;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::RowGroupReader;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

/// A row group whose columns have no empty pages.
pub(super) struct WithoutEmptyPages<'a>(pub(super) &'a dyn RowGroupReader);

impl RowGroupReader for WithoutEmptyPages<'_> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.0.metadata()
    }

    fn num_columns(&self) -> usize {
        self.0.num_columns()
    }

    fn get_column_page_reader(&self, column: usize) -> Result<Box<dyn PageReader>> {
        Ok(Box::new(Pages(self.0.get_column_page_reader(column)?)))
    }

    fn get_column_bloom_filter(&self, column: usize) -> Option<&Sbbf> {
        self.0.get_column_bloom_filter(column)
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

struct Pages(Box<dyn PageReader>);

impl Pages {
    fn pass_empty(&mut self) -> Result<()> {
        while let Some(page) = self.0.peek_next_page()? {
            if page.is_dict || page.num_levels != Some(0) {
                break;
            }
            self.0.skip_next_page()?;
        }
        Ok(())
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.pass_empty()?;
        self.0.get_next_page()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pass_empty()?;
        self.0.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pass_empty()?;
        self.0.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pass_empty()?;
        self.0.at_record_boundary()
    }
}
