//! What is worth another attempt, and when.

/// How often a failed task is tried, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts in all; 1 is no retry.
    pub max_attempts: u32,
    /// Upper bound of the first backoff.
    pub base_delay: f64,
    /// Upper bound of every backoff.
    pub max_delay: f64,
}

impl RetryPolicy {
    /// Full jitter: a uniform share (`random`, 0–1) of `base × 2^(attempts − 1)`, capped. Clients that failed together then
    /// come back apart (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015).
    pub fn backoff(&self, attempts: u32, random: f64) -> f64 {
        let ceiling = self.base_delay * f64::from(attempts.saturating_sub(1).min(60)).exp2();
        random * ceiling.min(self.max_delay)
    }
}

/// What is known of a failure.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trouble<'a> {
    /// HTTP status, 0 when there was none.
    pub status: u32,
    /// Error code such as `ECONNRESET`.
    pub code: &'a str,
    /// Name of the error's class.
    pub name: &'a str,
    /// Its text.
    pub message: &'a str,
}

/// Codes of connections that broke or names that did not resolve for the moment (Node's, libuv's and undici's).
const CODES: [&str; 20] = [
    "ECONNRESET",
    "ECONNREFUSED",
    "ECONNABORTED",
    "ETIMEDOUT",
    "ESOCKETTIMEDOUT",
    "ERR_SOCKET_CONNECTION_TIMEOUT",
    "ERR_TIMEOUT",
    "EPIPE",
    "EAI_AGAIN",
    "ENOTFOUND",
    "ENETDOWN",
    "ENETRESET",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "EHOSTDOWN",
    "UND_ERR_SOCKET",
    "UND_ERR_CONNECT_TIMEOUT",
    "UND_ERR_HEADERS_TIMEOUT",
    "UND_ERR_BODY_TIMEOUT",
    "ERR_STREAM_PREMATURE_CLOSE",
];

/// Whether trying again can help: HTTP 408, 409, 425, 429 and 5xx, timeouts and broken connections. A status decides alone;
/// without one the code, the class's name and at last the text do.
pub fn is_retryable(trouble: &Trouble<'_>) -> bool {
    let status = if trouble.status == 0 {
        status_in(trouble.message)
    } else {
        trouble.status
    };
    if status != 0 {
        return matches!(status, 408 | 409 | 425 | 429 | 500..=599);
    }
    if !trouble.code.is_empty() && CODES.contains(&trouble.code) {
        return true;
    }
    let text = trouble.message.to_ascii_lowercase();
    trouble.name.contains("Timeout")
        || trouble.name == "APIConnectionError"
        || CODES.iter().any(|code| trouble.message.contains(code))
        || [
            "timed out",
            "timeout",
            "time-out",
            "socket hang up",
            "fetch failed",
        ]
        .iter()
        .any(|t| text.contains(t))
        || ["rate limit", "too many requests", "overloaded"]
            .iter()
            .any(|t| text.contains(t))
}

/// The status in texts such as `429 Too Many Requests`, `HTTP 503` or `Request failed with status code 404`; 0 if none.
pub fn status_in(message: &str) -> u32 {
    let number = |text: &str| {
        let digits = text.trim_start_matches([' ', ':', '=', '#']).as_bytes();
        let three = digits.get(..3).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
        let ends = digits.get(3).is_none_or(|next| !next.is_ascii_alphanumeric());
        let read = || digits[..3].iter().fold(0, |n, d| n * 10 + u32::from(d - b'0'));
        if three && ends { read() } else { 0 }
    };
    let status = number(message);
    if (400..600).contains(&status) && !message.starts_with([':', '=']) {
        return status;
    }
    let text = message.to_ascii_lowercase();
    for mark in [
        "status code",
        "status",
        "http/1.1",
        "http/2",
        "http error",
        "http",
    ] {
        if let Some(at) = text.find(mark) {
            let status = number(&text[at + mark.len()..]);
            if (400..600).contains(&status) {
                return status;
            }
        }
    }
    0
}
