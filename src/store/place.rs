//! The place of a store as messages name it, and the secrets that no message may hold.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A database file, or a server's host and port.
#[derive(Clone, Debug, Default)]
pub struct Place {
    label: String,
    file: bool,
    secrets: Vec<String>,
}

impl Place {
    /// Makes the place of a database file.
    pub fn file(path: &str) -> Self {
        Self {
            label: format!("The database {path}"),
            file: true,
            secrets: Vec::new(),
        }
    }

    /// Makes the place of a server.
    pub fn server(host: &str, port: u16) -> Self {
        Self {
            label: format!("The PostgreSQL server at {host}:{port}"),
            file: false,
            secrets: Vec::new(),
        }
    }

    /// Returns true if this is a file.
    pub fn is_file(&self) -> bool {
        self.file
    }

    /// Remembers a password, so that it is left out of messages, as it is and percent-encoded.
    pub fn hide(&mut self, secret: &str) {
        if !secret.is_empty() {
            let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
            self.secrets.extend([secret.to_owned(), encoded]);
            self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// Returns `text` with `***` for every secret.
    pub fn redacted(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), "***")
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.label)
    }
}
