//! URLs of stores: which database, with which of Prisma's and libpq's parameters, and how it is shown without secrets.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::error::{Code, Result, StoreError};

/// Certificate checks of a connection, by libpq's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS when the server refuses a plain connection.
    Allow,
    /// TLS when the server offers it. The default.
    Prefer,
    /// Always TLS; the certificate is checked where a root certificate is given.
    Require,
    /// Always TLS, by a certificate of a known authority.
    VerifyCa,
    /// Always TLS, by a certificate of a known authority for that host.
    VerifyFull,
}

/// The server that a `postgres://` URL names.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// The host name or address; a path is the folder of a Unix socket.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The user; absent: that of the process.
    pub user: Option<String>,
    /// The password of the URL.
    pub password: Option<String>,
    /// The database; absent: that of the user's name.
    pub database: Option<String>,
    /// The schema of the tables.
    pub schema: String,
    /// Certificate checks; absent: not given.
    pub tls: Option<TlsMode>,
    /// The file of root certificates.
    pub root_certificate: Option<PathBuf>,
    /// The limit of a connection attempt.
    pub connect_timeout: Option<Duration>,
    /// The name that the server lists the connections under.
    pub application_name: Option<String>,
    /// The most connections.
    pub connection_limit: Option<u32>,
    /// The limit of waiting for a connection; zero is no limit.
    pub pool_timeout: Option<Duration>,
    /// True when a transaction pooler stands between, which knows no prepared statements.
    pub pooler: bool,
}

/// The database that a URL names.
#[derive(Clone, Debug, PartialEq)]
pub enum Location {
    /// A database of this process, gone when it is closed.
    Memory,
    /// A database file.
    File(PathBuf),
    /// A database of a PostgreSQL server.
    Server(Box<Server>),
}

/// Reads a store's URL.
///
/// # Errors
/// [`Code::Url`] for another scheme, an unknown parameter (by name) or a value that cannot be used.
pub fn parse(url: &str) -> Result<Location> {
    if let Some(rest) = url.strip_prefix("sqlite:").or_else(|| url.strip_prefix("file:")) {
        return file(rest);
    }
    if let Some(rest) = url
        .strip_prefix("postgres://")
        .or_else(|| url.strip_prefix("postgresql://"))
    {
        return server(rest).map(|server| Location::Server(Box::new(server)));
    }
    let problem = match url.split_once(':') {
        Some((scheme, _)) => format!(
            "cannot begin with \"{}:\"",
            scheme.chars().take(20).collect::<String>()
        ),
        None => "must begin with a scheme".to_owned(),
    };
    Err(refused(&format!(
        "A store's URL {problem}; use sqlite:PATH, file:PATH, sqlite::memory: or postgres://USER@HOST/DATABASE"
    )))
}

fn refused(message: &str) -> StoreError {
    StoreError::new(Code::Url, format!("{message}."))
}

fn decoded(text: &str) -> Result<String> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| refused("The store's URL has percent-encoded bytes that are no UTF-8"))
}

fn parameters(query: &str) -> Result<Vec<(String, String)>> {
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decoded(name)?, decoded(&value.replace('+', "%20"))?))
        })
        .collect()
}

fn unknown(name: &str, known: &str) -> StoreError {
    refused(&format!(
        "The store's URL has the unknown parameter {name:?}; known are {known}"
    ))
}

fn file(rest: &str) -> Result<Location> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    for (name, value) in parameters(query)? {
        match name.as_str() {
            "connection_limit" => drop(whole(&name, &value)?),
            _ => return Err(unknown(&name, "connection_limit")),
        }
    }
    if path == ":memory:" || path == "memory:" {
        return Ok(Location::Memory);
    }
    // `file:///a` and `sqlite:///a` have an empty host; two slashes before a relative path are sqlx's spelling.
    let path = path
        .strip_prefix("//localhost/")
        .map(|rest| format!("/{rest}"))
        .or_else(|| path.strip_prefix("//").map(str::to_owned))
        .unwrap_or_else(|| path.to_owned());
    let path = decoded(&path)?;
    // `file:///C:/data` names a path with a drive.
    #[cfg(windows)]
    let path = match path.as_bytes() {
        [b'/', drive, b':', ..] if drive.is_ascii_alphabetic() => path[1..].to_owned(),
        _ => path,
    };
    if path.is_empty() || path.contains('\0') {
        return Err(refused("The store's URL names no file; use sqlite:PATH"));
    }
    Ok(Location::File(PathBuf::from(path)))
}

fn whole(name: &str, value: &str) -> Result<u32> {
    value.parse().map_err(|_| {
        refused(&format!(
            "The parameter {name} of the store's URL must be a whole number of at least 0, got {value:?}"
        ))
    })
}

const SERVER_PARAMETERS: &str = "sslmode, sslrootcert, sslaccept, connect_timeout, application_name, schema, connection_limit, \
     pool_timeout, pgbouncer, host, port, user, password, dbname";

fn server(rest: &str) -> Result<Server> {
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = before.split_once('/').unwrap_or((before, ""));
    let (user_info, host_port) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = match user_info.split_once(':') {
        Some((user, password)) => (user, Some(decoded(password)?)),
        None => (user_info, None),
    };
    let (host, port) = host_and_port(host_port)?;
    let given = |text: &str| (!text.is_empty()).then(|| decoded(text)).transpose();
    let mut server = Server {
        host,
        port,
        user: given(user)?,
        password,
        database: given(database)?,
        schema: "public".to_owned(),
        tls: None,
        root_certificate: None,
        connect_timeout: None,
        application_name: None,
        connection_limit: None,
        pool_timeout: None,
        pooler: false,
    };
    for (name, value) in parameters(query)? {
        match name.as_str() {
            "sslmode" => server.tls = Some(tls_mode(&value)?),
            "sslrootcert" | "sslcert" => server.root_certificate = Some(PathBuf::from(value)),
            "sslaccept" => match value.as_str() {
                "strict" => server.tls = Some(TlsMode::VerifyFull),
                "accept_invalid_certs" => {}
                _ => {
                    return Err(refused(
                        "The parameter sslaccept must be strict or accept_invalid_certs",
                    ));
                }
            },
            "connect_timeout" => server.connect_timeout = seconds(whole(&name, &value)?),
            "application_name" => server.application_name = Some(value),
            "schema" => {
                if value.is_empty() || value.contains('\0') {
                    return Err(refused(
                        "The parameter schema of the store's URL is empty; leave it out or name a schema",
                    ));
                }
                server.schema = value;
            }
            "connection_limit" => {
                let limit = whole(&name, &value)?;
                if limit == 0 {
                    return Err(refused(
                        "The parameter connection_limit of the store's URL must be at least 1",
                    ));
                }
                server.connection_limit = Some(limit);
            }
            "pool_timeout" => server.pool_timeout = Some(Duration::from_secs(whole(&name, &value)?.into())),
            "pgbouncer" => {
                server.pooler = match value.as_str() {
                    "true" => true,
                    "false" => false,
                    _ => {
                        return Err(refused(
                            "The parameter pgbouncer of the store's URL must be true or false",
                        ));
                    }
                }
            }
            "host" => server.host = value,
            "port" => {
                server.port = value
                    .parse()
                    .map_err(|_| refused("The parameter port of the store's URL is no port"))?;
            }
            "user" => server.user = Some(value),
            "password" => server.password = Some(value),
            "dbname" => server.database = Some(value),
            _ => return Err(unknown(&name, SERVER_PARAMETERS)),
        }
    }
    Ok(server)
}

fn seconds(count: u32) -> Option<Duration> {
    (count > 0).then(|| Duration::from_secs(count.into()))
}

fn host_and_port(text: &str) -> Result<(String, u16)> {
    let bad = || refused("The port of the store's URL must be a whole number from 1 to 65535");
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest
            .split_once(']')
            .ok_or_else(|| refused("The address of the store's URL lacks its closing bracket"))?;
        (address.to_owned(), rest.strip_prefix(':'))
    } else {
        match text.rsplit_once(':') {
            Some((host, port)) => (decoded(host)?, Some(port)),
            None => (decoded(text)?, None),
        }
    };
    let port = match port {
        None | Some("") => 5432,
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(bad)?,
    };
    let host = if host.is_empty() {
        "localhost".to_owned()
    } else {
        host
    };
    Ok((host, port))
}

fn tls_mode(value: &str) -> Result<TlsMode> {
    Ok(match value {
        "disable" => TlsMode::Disable,
        "allow" => TlsMode::Allow,
        "prefer" => TlsMode::Prefer,
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        _ => {
            return Err(refused(
                "The parameter sslmode of the store's URL must be disable, allow, prefer, require, verify-ca or verify-full",
            ));
        }
    })
}

impl Location {
    /// Returns the URL that names the same database, without password and parameters.
    pub fn shown(&self) -> String {
        match self {
            Self::Memory => "sqlite::memory:".to_owned(),
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Server(server) => {
                let user = server
                    .user
                    .as_deref()
                    .map(|user| format!("{}@", utf8_percent_encode(user, NON_ALPHANUMERIC)))
                    .unwrap_or_default();
                let host = if server.host.contains(':') {
                    format!("[{}]", server.host)
                } else if server.host.starts_with('/') {
                    utf8_percent_encode(&server.host, NON_ALPHANUMERIC).to_string()
                } else {
                    server.host.clone()
                };
                let database = server.database.as_deref().unwrap_or_default();
                format!(
                    "postgres://{user}{host}:{}/{}",
                    server.port,
                    utf8_percent_encode(database, NON_ALPHANUMERIC)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_of(url: &str) -> Server {
        match parse(url).expect("a URL") {
            Location::Server(server) => *server,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn paths_are_read_in_every_spelling() {
        for (url, path) in [
            ("sqlite:runs.db", "runs.db"),
            ("file:./runs.db", "./runs.db"),
            ("file:///a/b%20c.db", "/a/b c.db"),
            ("sqlite:///a.db?connection_limit=1", "/a.db"),
            ("sqlite:/a.db", "/a.db"),
        ] {
            assert_eq!(parse(url), Ok(Location::File(PathBuf::from(path))), "{url}");
        }
        assert_eq!(parse("sqlite::memory:"), Ok(Location::Memory));
    }

    #[test]
    fn parameters_of_prisma_are_understood() {
        let server = server_of(
            "postgresql://us%40er:p%3Aw@[::1]:6432/db?schema=app&connection_limit=3&pool_timeout=7&pgbouncer=true&sslmode=require",
        );
        assert_eq!(server.user.as_deref(), Some("us@er"));
        assert_eq!(server.password.as_deref(), Some("p:w"));
        assert_eq!((server.host.as_str(), server.port), ("::1", 6432));
        assert_eq!(server.schema, "app");
        assert_eq!(server.connection_limit, Some(3));
        assert_eq!(server.pool_timeout, Some(Duration::from_secs(7)));
        assert!(server.pooler);
        assert_eq!(server.tls, Some(TlsMode::Require));
    }

    #[test]
    fn unknown_parameters_are_refused_by_name() {
        for url in ["postgres://h/d?sslmod=require", "sqlite:a.db?sslmod=1"] {
            let error = parse(url).expect_err("refused");
            assert_eq!(error.code, Code::Url);
            assert!(error.message.contains("sslmod"), "{}", error.message);
        }
    }

    #[test]
    fn a_url_without_a_scheme_is_told_so() {
        let error = parse("nonsense").expect_err("refused");
        assert_eq!(error.code, Code::Url);
        assert!(
            error.message.contains("must begin with a scheme"),
            "{}",
            error.message
        );
    }

    #[test]
    fn shown_urls_and_errors_hold_no_password() {
        let location = parse("postgres://u:s3cr%40t@h/d?password=0ther").expect("a URL");
        assert_eq!(location.shown(), "postgres://u@h:5432/d");
        let error = parse("mysql://u:s3cret@h/d").expect_err("refused");
        assert!(!error.message.contains("s3cret"), "{}", error.message);
        let error = parse("postgres://u:s3cret@h:x/d").expect_err("refused");
        assert!(!error.message.contains("s3cret"), "{}", error.message);
    }
}
