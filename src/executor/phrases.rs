//! Phrases in the texts of clients' errors: refusals, broken connections, statuses and waits. Texts are in lower case, but
//! for [`http_status`].

use crate::limiter::duration;

/// Phrases of a refusal for the rate.
pub(super) const RATE: &[&str] = &[
    "=rate limit",
    "=rate limited",
    "rate limit exceeded",
    "rate limit reached",
    "rate limit hit",
    "rate limit error",
    "rate limit was exceeded",
    "rate limit has been",
    "exceeded rate limit",
    "exceeded the rate limit",
    "exceeded your rate limit",
    "exceeded your current rate limit",
    "exceeding the rate limit",
    "exceeds the rate limit",
    "hit the rate limit",
    "hit a rate limit",
    "hit your rate limit",
    "reached the rate limit",
    "reached your rate limit",
    "have been rate limited",
    "been rate-limited",
    "was rate limited",
    "are being rate limited",
    "rate-limit exceeded",
    "ratelimit exceeded",
    "rate_limit_exceeded",
    "rate_limit_error",
    "ratelimiterror",
    "resource_exhausted",
    "resource has been exhausted",
    "too many requests",
    "too_many_requests",
    "toomanyrequests",
    "throttlingexception",
    "request was throttled",
    "requests are throttled",
    "request throttled",
    "rate exceeded",
    "request rate limit",
    "requests per minute limit",
    "tokens per minute limit",
];

/// Phrases of a provider that is overloaded.
pub(super) const OVERLOAD: &[&str] = &[
    "=overloaded",
    "overloaded_error",
    "is overloaded",
    "are overloaded",
    "currently overloaded",
    "temporarily overloaded",
    "server overloaded",
    "model overloaded",
    "engine overloaded",
    "service overloaded",
    "is at capacity",
    "at full capacity",
    "over capacity",
];

/// Phrases of timeouts and broken connections.
pub(super) const RETRYABLE: &[&str] = &[
    "timed out",
    "timed-out",
    "=timeout",
    "timeout of ",
    "timeout exceeded",
    "timeout after",
    "timeout awaiting",
    "timeout waiting",
    "timeout while",
    "timeout reached",
    "timeout occurred",
    "timeout expired",
    "exceeded timeout",
    "request timeout",
    "response timeout",
    "connection timeout",
    "connect timeout",
    "socket timeout",
    "read timeout",
    "network timeout",
    "headers timeout",
    "body timeout",
    "operation timeout",
    "upstream timeout",
    "gateway timeout",
    "gateway time-out",
    "deadline exceeded",
    "deadline_exceeded",
    "socket hang up",
    "fetch failed",
    "failed to fetch",
    "=network error",
    "networkerror when attempting",
    "=connection error",
    "connection reset",
    "connection refused",
    "connection closed",
    "connection aborted",
    "connection terminated",
    "connection was forcibly closed",
    "connection lost",
    "other side closed",
    "premature close",
    "=terminated",
    "=aborted",
    "stream has been aborted",
    "bad gateway",
    "service unavailable",
    "service temporarily unavailable",
    "temporarily unavailable",
    "internal server error",
    "econnreset",
    "econnrefused",
    "econnaborted",
    "etimedout",
    "esockettimedout",
    "eai_again",
    "enotfound",
    "epipe",
    "enetunreach",
    "ehostunreach",
    "und_err_socket",
    "und_err_connect_timeout",
    "und_err_headers_timeout",
    "und_err_body_timeout",
    "err_network",
    "apiconnectionerror",
    "apitimeouterror",
    "14 unavailable",
    "4 deadline_exceeded",
];

/// Phrases of a complaint about a value, in which the name of a setting such as "request timeout" means nothing.
pub(super) const MALFORMED: &[&str] = &[
    "must be",
    "is not defined",
    "is not a",
    "is required",
    "invalid",
    "unknown option",
];

/// Returns whether `text` contains one of `phrases` as whole words; one that begins with `=` has to be the whole text, or be
/// followed by a sign other than a letter or a space.
pub(super) fn contains_any(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| match phrase.strip_prefix('=') {
        Some(whole) => text.trim().strip_prefix(whole).is_some_and(|rest| {
            !rest.starts_with(|next: char| next.is_alphanumeric() || matches!(next, ' ' | '_' | '-'))
        }),
        None => text.match_indices(phrase).any(|(at, _)| {
            let letter = |c: char| c.is_alphanumeric();
            let begins = !text[..at].ends_with(letter) || !phrase.starts_with(letter);
            let ends = !text[at + phrase.len()..].starts_with(letter) || !phrase.ends_with(letter);
            begins && ends
        }),
    })
}

/// Returns whether a text says that the account has nothing left to spend. Gemini uses the same words for a limit of a minute.
pub(super) fn says_no_quota(text: &str) -> bool {
    let openai = text.contains("exceeded your current quota") && text.contains("billing");
    let gemini = [
        "resource_exhausted",
        "generativelanguage",
        "retrydelay",
        "retry in",
        "ai.google.dev",
    ];
    text.contains("insufficient_quota")
        || text.contains("credit balance is too low")
        || (openai && !gemini.iter().any(|mark| text.contains(mark)))
}

/// Words that a status follows whatever comes behind it.
const STRONG: &[&str] = &[
    "status code",
    "statuscode",
    "status",
    "http error",
    "http",
    "http/1.1",
    "http/2",
    "http/1.0",
];
/// Words that a status follows when nothing but its meaning comes behind it.
const WEAK: &[&str] = &[
    "error",
    "error code",
    "code",
    "failed with",
    "returned",
    "response",
    "responded with",
];
/// Beginnings of the reason phrases of statuses from 400 on (RFC 9110).
const REASONS: &[&str] = &[
    "bad",
    "unauthorized",
    "payment",
    "forbidden",
    "not found",
    "method",
    "not acceptable",
    "proxy",
    "request",
    "conflict",
    "gone",
    "length",
    "precondition",
    "content",
    "payload",
    "uri",
    "unsupported",
    "range",
    "expectation",
    "misdirected",
    "unprocessable",
    "locked",
    "failed",
    "too ",
    "upgrade",
    "unavailable",
    "internal",
    "not implemented",
    "service",
    "gateway",
    "http",
    "variant",
    "insufficient",
    "loop",
    "network",
    "site is overloaded",
    "status",
    "overloaded",
    "rate limit",
    "you exceeded",
    "error",
    "resource_exhausted",
    "client error",
    "server error",
    "(no body)",
    "response",
    "from",
    "invalid",
    "incorrect",
    "timeout",
    "time-out",
];

/// The HTTP status in texts such as `429 Too Many Requests`, `API error: 503 …` or `Request failed with status code 404`;
/// 0 if there is none. A number that merely counts something is none.
pub fn http_status(message: &str) -> u32 {
    let text = message.to_ascii_lowercase();
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut best = 0;
    for at in 0..bytes.len().saturating_sub(2) {
        let alone =
            digit(at) && digit(at + 1) && digit(at + 2) && !digit(at + 3) && (at == 0 || !digit(at - 1));
        if !alone || !matches!(bytes[at], b'4' | b'5') {
            continue;
        }
        let (before, behind) = (&text[..at], &text[at + 3..]);
        // Part of a word, a decimal number, a version, an identifier.
        let glued = before
            .ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '$' | '#'))
            || behind.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '%'))
            || behind
                .strip_prefix('.')
                .or(behind.strip_prefix(','))
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if glued {
            continue;
        }
        let status = bytes[at..at + 3]
            .iter()
            .fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
        let lead = before.trim_end_matches([' ', ':', '=', '(', '[', '"', '\'', '<', '\n', '\t']);
        let ends_with = |words: &[&str]| {
            words.iter().any(|word| {
                lead.strip_suffix(word)
                    .is_some_and(|rest| !rest.ends_with(|c: char| c.is_alphanumeric()))
            })
        };
        if ends_with(STRONG) {
            return status;
        }
        let follow = behind.trim_start();
        // `429 Please wait` is a status and its text, `500 words` is a number of words.
        let is_sentence = message[at + 3..]
            .trim_start()
            .starts_with(|c: char| c.is_ascii_uppercase());
        let meaning = follow.is_empty()
            || is_sentence
            || !follow.starts_with(|c: char| c.is_alphanumeric())
            || REASONS.iter().any(|reason| follow.starts_with(reason));
        let bracketed = before.ends_with(['(', '[']) && behind.starts_with([')', ']']);
        let leads = lead.is_empty()
            || lead.ends_with("error")
            || ends_with(WEAK)
            || lead.ends_with(['}', ')', '|', '>'])
            || bracketed;
        if best == 0 && meaning && leads {
            best = status;
        }
    }
    best
}

/// Milliseconds that a text asks to wait: `try again in 1m2.5s`, `retry after 10 seconds`, `"retryDelay": "34s"`.
pub(super) fn named_wait(text: &str) -> Option<f64> {
    for mark in [
        "try again in ",
        "retry in ",
        "retry after ",
        "retry-after: ",
        "retrydelay\":\"",
        "retrydelay\": \"",
        "retry again in ",
    ] {
        let Some(at) = text.find(mark) else { continue };
        let rest = &text[at + mark.len()..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '.')
            .unwrap_or(rest.len());
        let word = rest[..end].trim_end_matches('.');
        if let Some(wait) = duration(word) {
            return Some(wait);
        }
        let unit = rest[end..].trim_start();
        let scale = [
            ("millisecond", 1.0),
            ("ms", 1.0),
            ("second", 1000.0),
            ("sec", 1000.0),
            ("minute", 60_000.0),
            ("s", 1000.0),
        ];
        let scale = scale
            .iter()
            .find(|(name, _)| unit.starts_with(name))
            .map(|(_, scale)| *scale);
        if let (Ok(value), Some(scale)) = (word.parse::<f64>(), scale) {
            return Some(value * scale);
        }
    }
    None
}
