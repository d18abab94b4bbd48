//! Small JSON documents beside the runs: baselines of the monitor, entries of caches.

use super::Store;
use super::attempts::{reading, writing};
use super::error::Result;
use super::value::Value;

impl Store {
    /// Returns a document's JSON text.
    ///
    /// # Errors
    /// The database's.
    pub async fn document(&self, kind: &str, name: &str) -> Result<Option<String>> {
        let sql = format!(
            "SELECT \"data\" FROM {} WHERE \"kind\" = $1 AND \"name\" = $2",
            self.dialect.document
        );
        let row = reading!(self, session => {
            let sql = sql.clone();
            session
                .first(sql, vec![Value::text(kind), Value::text(name)])
                .await
        })?;
        Ok(row.and_then(|row| row[0].text().map(str::to_owned)))
    }

    /// Stores a document, or removes it where `json` is absent.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_document(&self, kind: &str, name: &str, json: Option<&str>) -> Result<()> {
        let table = &self.dialect.document;
        writing!(self, session => {
                let mut values = vec![Value::text(kind), Value::text(name)];
                let sql = match json {
                    None => format!("DELETE FROM {table} WHERE \"kind\" = $1 AND \"name\" = $2"),
                    Some(json) => {
                        values.extend([Value::text(json), Value::int(self.now())]);
                        format!(
                            "INSERT INTO {table} (\"kind\", \"name\", \"data\", \"updatedAt\") VALUES ($1, $2, $3, $4) \
                             ON CONFLICT (\"kind\", \"name\") DO UPDATE SET \"data\" = excluded.\"data\", \
                             \"updatedAt\" = excluded.\"updatedAt\""
                        )
                    }
                };
                session.run(sql, values).await
        })?;
        Ok(())
    }

    /// Returns name and time of the documents of a kind as a JSON array, by name.
    ///
    /// # Errors
    /// The database's.
    pub async fn list_documents(&self, kind: &str) -> Result<String> {
        let sql = format!(
            "SELECT \"name\", \"updatedAt\" FROM {} WHERE \"kind\" = $1 ORDER BY \"name\"",
            self.dialect.document
        );
        let rows = reading!(self, session => {
            let sql = sql.clone();
            session.rows(sql, vec![Value::text(kind)]).await
        })?;
        let items: Vec<_> = rows
            .iter()
            .map(|row| serde_json::json!({ "name": row[0].text(), "updatedAt": row[1].int() }))
            .collect();
        Ok(serde_json::Value::Array(items).to_string())
    }
}
