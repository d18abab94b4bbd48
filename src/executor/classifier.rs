//! One judgement of every failure: whether trying again can help, whether the provider refused the call, and for how long.
//!
//! A failure is a chain of causes. Its structure decides before its text:
//!
//! 1. an account without quota is never tried again;
//! 2. an error that says of itself whether it can be retried is believed;
//! 3. the first HTTP status from 400 on decides;
//! 4. then codes and class names;
//! 5. at last the text: a status in it, or a phrase that clients use. Single words decide nothing.

use super::phrases::{
    MALFORMED, OVERLOAD, RATE, RETRYABLE, contains_any, http_status, named_wait, says_no_quota,
};
use crate::limiter::Refusal;

/// One error of a chain of causes, as data.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trouble<'a> {
    /// HTTP status, 0 when there is none.
    pub status: u32,
    /// gRPC status, 0 when there is none.
    pub grpc: u32,
    /// Codes and types such as `ECONNRESET` or `rate_limit_error`, separated by spaces.
    pub codes: &'a str,
    /// Name of the error's class.
    pub name: &'a str,
    /// Its text.
    pub message: &'a str,
    /// True if it says of itself that it can be retried.
    pub retryable: Option<bool>,
}

/// The judgement of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Judgement {
    /// Trying again can help.
    pub retryable: bool,
    /// The provider refused the call for its rate or its own load.
    pub refusal: Option<Refusal>,
    /// Milliseconds to wait that the text of a refusal names; 0 for none.
    pub retry_after: f64,
    /// The HTTP status, 0 when there is none.
    pub status: u32,
}

/// Codes of connections that broke, or of names that did not resolve for the moment (Node's, libuv's, undici's, axios').
const CONNECTION: &[&str] = &[
    "ECONNRESET",
    "ECONNREFUSED",
    "ECONNABORTED",
    "ETIMEDOUT",
    "ESOCKETTIMEDOUT",
    "ERR_SOCKET_CONNECTION_TIMEOUT",
    "ERR_TIMEOUT",
    "ERR_NETWORK",
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
    "ERR_HTTP2_STREAM_ERROR",
    "ERR_HTTP2_SESSION_ERROR",
    "ERR_HTTP2_GOAWAY_SESSION",
    "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
    "request-timeout",
    "UNAVAILABLE",
    "ABORTED",
    "DEADLINE_EXCEEDED",
    "server_error",
    "api_error",
    "timeout_error",
    "internal_server_error",
    "ServiceUnavailableException",
    "ServiceUnavailable",
    "InternalServerException",
    "InternalFailure",
    "ModelTimeoutException",
    "ModelNotReadyException",
    "ModelErrorException",
    "ModelStreamErrorException",
    "RequestTimeout",
    "RequestTimeoutException",
];

/// Codes and types of refusals for the rate.
const RATE_CODES: &[&str] = &[
    "rate_limit_error",
    "rate_limit_exceeded",
    "rate_limited",
    "rate_limit",
    "too_many_requests",
    "RESOURCE_EXHAUSTED",
    "RateLimitReached",
    "RateLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "Throttled",
    "TooManyRequests",
    "TooManyRequestsException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "SlowDown",
];

/// Codes and types of a provider that is overloaded.
const OVERLOAD_CODES: &[&str] = &[
    "overloaded_error",
    "overloaded",
    "engine_overloaded",
    "server_overloaded",
];

/// Codes and types of an account that has nothing left to spend.
const QUOTA_CODES: &[&str] = &[
    "insufficient_quota",
    "InsufficientQuotaError",
    "billing_hard_limit_reached",
    "billing_not_active",
    "billing_error",
    "insufficient_credits",
    "insufficient_balance",
    "account_deactivated",
];

/// Class names of errors that trying again can mend.
const NAMES: &[&str] = &[
    "TimeoutError",
    "APITimeoutError",
    "APIConnectionError",
    "APIConnectionTimeoutError",
    "ConnectionError",
    "ConnectTimeoutError",
    "HeadersTimeoutError",
    "BodyTimeoutError",
    "SocketError",
    "RequestTimeoutError",
    "InternalServerError",
    "ServiceUnavailableError",
    "HTTPClientTimeoutError",
    "RequestTimeoutException",
];

/// Class names of refusals for the rate.
const RATE_NAMES: &[&str] = &[
    "RateLimitError",
    "TooManyRequestsError",
    "RateLimitExceededError",
    "APIRateLimitError",
];

/// Class names of mistakes in the program: their text decides nothing.
const MISTAKES: &[&str] = &[
    "ReferenceError",
    "SyntaxError",
    "RangeError",
    "EvalError",
    "URIError",
    "AssertionError",
];

/// Judges the errors of a chain, the outermost first.
pub fn classify(chain: &[Trouble<'_>]) -> Judgement {
    let status = chain
        .iter()
        .map(|one| one.status)
        .find(|status| (400..600).contains(status));
    let has_code = |codes: &[&str]| {
        chain
            .iter()
            .any(|one| one.codes.split(' ').any(|code| codes.contains(&code)))
    };
    let has_name = |names: &[&str]| chain.iter().any(|one| names.contains(&one.name));
    let mut texts = chain
        .iter()
        .filter(|one| !MISTAKES.contains(&one.name) && !is_mistake(one.message))
        .map(|one| one.message.to_ascii_lowercase());
    let is_text = |phrases: &[&str]| texts.clone().any(|text| contains_any(&text, phrases));

    let has_rate_code = has_code(RATE_CODES) || has_name(RATE_NAMES) || has_name(RATE_CODES);
    let no_quota = has_code(QUOTA_CODES)
        || has_name(QUOTA_CODES)
        || chain
            .iter()
            .any(|one| says_no_quota(&one.message.to_ascii_lowercase()));
    if no_quota && !has_code(&["RESOURCE_EXHAUSTED"]) {
        return Judgement {
            status: status.unwrap_or(0),
            ..Judgement::default()
        };
    }
    let told = chain.iter().find_map(|one| one.retryable);
    // A text that names a status says as much as a field, but for an error that has another field to go by.
    let status = status.unwrap_or_else(|| {
        let silent = told.is_none() && chain.iter().all(|one| one.grpc == 0) && !has_rate_code;
        let mut named = chain.iter().map(|one| http_status(one.message));
        silent
            .then(|| named.find(|status| *status != 0))
            .flatten()
            .unwrap_or(0)
    });
    let grpc = chain
        .iter()
        .map(|one| one.grpc)
        .find(|code| *code != 0)
        .unwrap_or(0);
    let is_overloaded = has_code(OVERLOAD_CODES) || has_name(&["OverloadedError"]) || is_text(OVERLOAD);
    let refusal = match status {
        429 => Some(Refusal::Rate),
        529 => Some(Refusal::Overload),
        500..=599 if is_overloaded => Some(Refusal::Overload),
        500..=599 if has_code(&["SlowDown"]) => Some(Refusal::Rate),
        // AWS reports throttling as 400.
        400 if has_rate_code => Some(Refusal::Rate),
        400..=599 => None,
        _ if grpc == 8 || has_rate_code => Some(Refusal::Rate),
        _ if is_overloaded => Some(Refusal::Overload),
        _ if grpc == 0 && is_text(RATE) => Some(Refusal::Rate),
        _ => None,
    };
    let by_structure = match status {
        _ if refusal.is_some() => true,
        408 | 409 | 425 | 500..=599 => true,
        400..=499 => false,
        _ if grpc != 0 => matches!(grpc, 4 | 8 | 10 | 14),
        _ if has_name(&["AbortError"]) && !has_code(CONNECTION) => false,
        _ => {
            has_code(CONNECTION)
                || has_name(NAMES)
                || texts.any(|text| !contains_any(&text, MALFORMED) && contains_any(&text, RETRYABLE))
        }
    };
    let retryable = told.unwrap_or(by_structure);
    let waits = || {
        chain
            .iter()
            .find_map(|one| named_wait(&one.message.to_ascii_lowercase()))
    };
    Judgement {
        retryable,
        refusal: refusal.filter(|_| retryable),
        retry_after: refusal.and_then(|_| waits()).unwrap_or(0.0),
        status,
    }
}

/// Returns whether a text is a mistake of the program that someone has wrapped: `ReferenceError: timeout is not defined`.
fn is_mistake(message: &str) -> bool {
    let class = message.split(':').next().unwrap_or("").trim();
    MISTAKES.contains(&class.strip_prefix("Uncaught ").unwrap_or(class))
}
