//! Errors as clients throw them, and how they are judged.

use super::phrases::http_status;
use super::*;
use crate::limiter::Refusal;

fn judge(trouble: Trouble<'_>) -> (bool, Option<Refusal>) {
    let judgement = classify(&[trouble]);
    (judgement.retryable, judgement.refusal)
}

fn text(message: &str) -> (bool, Option<Refusal>) {
    judge(Trouble {
        message,
        ..Trouble::default()
    })
}

const AGAIN: (bool, Option<Refusal>) = (true, None);
const NEVER: (bool, Option<Refusal>) = (false, None);
const RATE: (bool, Option<Refusal>) = (true, Some(Refusal::Rate));
const OVERLOAD: (bool, Option<Refusal>) = (true, Some(Refusal::Overload));

#[test]
fn a_status_decides_whatever_the_text_says() {
    for message in ["", "timeout", "fetch failed", "503"] {
        let status = |status| {
            judge(Trouble {
                status,
                message,
                ..Trouble::default()
            })
        };
        for code in [408, 409, 425, 500, 502, 503, 504, 520, 599] {
            assert_eq!(status(code), AGAIN, "{code}");
        }
        for code in [400, 401, 402, 403, 404, 405, 413, 418, 422, 451] {
            assert_eq!(status(code), NEVER, "{code}");
        }
        assert_eq!(status(429), RATE);
        assert_eq!(status(529), OVERLOAD);
    }
    assert_eq!(
        judge(Trouble {
            status: 200,
            codes: "ECONNRESET",
            ..Trouble::default()
        }),
        AGAIN
    );
}

#[test]
fn the_first_error_of_a_chain_that_has_a_status_decides() {
    let of = |status| Trouble {
        status,
        ..Trouble::default()
    };
    assert!(!classify(&[of(0), of(400), of(503)]).retryable);
    assert!(classify(&[of(200), of(503), of(400)]).retryable);
}

#[test]
fn codes_and_names_decide_without_a_status() {
    let code = |codes| {
        judge(Trouble {
            codes,
            ..Trouble::default()
        })
    };
    for one in [
        "ECONNRESET",
        "ETIMEDOUT",
        "UND_ERR_SOCKET",
        "EAI_AGAIN",
        "ERR_NETWORK",
        "ECONNABORTED",
        "ServiceUnavailableException",
    ] {
        assert_eq!(code(one), AGAIN, "{one}");
    }
    for one in [
        "ThrottlingException",
        "rate_limit_exceeded",
        "TooManyRequestsException",
        "RESOURCE_EXHAUSTED",
    ] {
        assert_eq!(code(one), RATE, "{one}");
    }
    assert_eq!(code("overloaded_error"), OVERLOAD);
    for one in [
        "",
        "ERR_INVALID_ARG_TYPE",
        "invalid_api_key",
        "ERR_BAD_REQUEST",
        "ENOENT",
        "insufficient_quota",
    ] {
        assert_eq!(code(one), NEVER, "{one}");
    }
    let name = |name| {
        judge(Trouble {
            name,
            ..Trouble::default()
        })
    };
    assert_eq!(name("APIConnectionTimeoutError"), AGAIN);
    assert_eq!(name("RateLimitError"), RATE);
    assert_eq!(name("AbortError"), NEVER);
    for (grpc, judged) in [
        (8, RATE),
        (14, AGAIN),
        (4, AGAIN),
        (3, NEVER),
        (5, NEVER),
        (7, NEVER),
        (16, NEVER),
    ] {
        assert_eq!(
            judge(Trouble {
                grpc,
                message: "timed out",
                ..Trouble::default()
            }),
            judged,
            "{grpc}"
        );
    }
}

#[test]
fn aws_throttles_with_a_400_and_overload_comes_with_a_503() {
    assert_eq!(
        judge(Trouble {
            status: 400,
            codes: "ThrottlingException",
            ..Trouble::default()
        }),
        RATE
    );
    assert_eq!(
        judge(Trouble {
            status: 400,
            codes: "ValidationException",
            ..Trouble::default()
        }),
        NEVER
    );
    assert_eq!(
        judge(Trouble {
            status: 503,
            message: "The model is overloaded. Please try again later.",
            ..Trouble::default()
        }),
        OVERLOAD
    );
    assert_eq!(
        judge(Trouble {
            status: 503,
            message: "Service Unavailable",
            ..Trouble::default()
        }),
        AGAIN
    );
    assert_eq!(
        judge(Trouble {
            status: 500,
            codes: "overloaded_error",
            ..Trouble::default()
        }),
        OVERLOAD
    );
}

#[test]
fn an_account_without_quota_is_not_tried_again() {
    let openai = "429 You exceeded your current quota, please check your plan and billing details.";
    assert_eq!(text(openai), NEVER);
    assert_eq!(
        judge(Trouble {
            status: 429,
            codes: "insufficient_quota",
            ..Trouble::default()
        }),
        NEVER
    );
    assert_eq!(
        judge(Trouble {
            status: 429,
            message: "{\"error\":{\"code\":\"insufficient_quota\"}}",
            ..Trouble::default()
        }),
        NEVER
    );
    let gemini = "You exceeded your current quota, please check your plan and billing details. [RESOURCE_EXHAUSTED] Please retry in 34.07s.";
    assert_eq!(
        judge(Trouble {
            status: 429,
            message: gemini,
            ..Trouble::default()
        }),
        RATE
    );
}

#[test]
fn an_error_is_believed_that_says_whether_it_can_be_retried() {
    let said = |status, retryable| {
        judge(Trouble {
            status,
            retryable: Some(retryable),
            ..Trouble::default()
        })
    };
    assert_eq!(said(400, true), AGAIN);
    assert_eq!(said(503, false), NEVER);
    assert_eq!(said(429, false), NEVER);
    assert_eq!(said(429, true), RATE);
}

#[test]
fn a_status_is_found_anywhere_in_a_text() {
    for (message, status) in [
        ("429 Too Many Requests", 429),
        ("429", 429),
        ("Error: 429", 429),
        ("API error: 503 Service Unavailable", 503),
        ("API error: 503 upstream connect error", 0),
        ("Anthropic API error: 429 {}", 429),
        ("Anthropic API error: 429 {\"type\":\"error\"}", 429),
        ("HTTP 503", 503),
        ("HTTP/1.1 502 Bad Gateway", 502),
        ("http error 500: oops", 500),
        ("HTTPError: 404 Client Error: Not Found for url", 404),
        ("Request failed with status code 404", 404),
        ("Request failed with status 429", 429),
        ("Received status: 504 from upstream", 504),
        ("status=429", 429),
        ("[429] slow down", 429),
        ("OpenAI (503): please wait", 503),
        ("Error code: 429 - {'error': {}}", 429),
        ("429 status code (no body)", 429),
        ("{\"error\":{\"code\":429,\"message\":\"x\"}}", 429),
        ("500 words expected", 0),
        ("Error: 500 words expected", 0),
        ("Expected 429 tokens", 0),
        ("got 503 rows", 0),
        ("1429 Too Many Requests", 0),
        ("4291", 0),
        ("version 5.429.1", 0),
        ("gpt-429", 0),
        ("$500", 0),
        ("error at line 404 of the prompt", 0),
        ("the answer is 503", 0),
        ("", 0),
    ] {
        assert_eq!(http_status(message), status, "{message}");
    }
}

#[test]
fn texts_are_judged_by_phrases_and_never_by_a_stray_word() {
    for message in [
        "Network Error",
        "network error",
        "Request timed out.",
        "timeout of 5000ms exceeded",
        "Timeout exceeded",
        "read ECONNRESET",
        "socket hang up",
        "TypeError: fetch failed",
        "fetch failed",
        "Failed to fetch",
        "terminated",
        "aborted",
        "stream has been aborted",
        "Premature close",
        "other side closed",
        "Connection error.",
        "API error: 503 Service Unavailable",
        "API error: 503 service is down",
        "upstream connect error: connection timeout",
        "14 UNAVAILABLE: No connection established",
        "502 Bad Gateway",
        "HTTP 500",
        "The service is temporarily unavailable",
        "Internal server error",
    ] {
        assert_eq!(text(message), AGAIN, "{message}");
    }
    for message in [
        "rate limit exceeded",
        "Rate limit reached for gpt-4 in organization org-1",
        "You have exceeded your rate limit",
        "Rate limit",
        "rate_limit_error",
        "Too Many Requests",
        "HTTP 429",
        "Error: 429",
        "Anthropic API error: 429 {}",
        "ThrottlingException: Rate exceeded",
        "8 RESOURCE_EXHAUSTED: Quota exceeded",
        "Request was throttled. Expected available in 5 seconds.",
    ] {
        assert_eq!(text(message), RATE, "{message}");
    }
    for message in [
        "Overloaded",
        "overloaded_error",
        "The engine is currently overloaded, please try again later",
        "529 Overloaded",
    ] {
        assert_eq!(text(message), OVERLOAD, "{message}");
    }
    for message in [
        "ReferenceError: timeout is not defined",
        "timeout is not defined",
        "timeout must be a positive number",
        "invalid request timeout",
        "request timeout must be above 0",
        "500 words expected",
        "HTTP 400: timeout too large",
        "400 Bad Request: timeout",
        "403 Forbidden: rate limit exceeded for anonymous users",
        "404 Not Found (timed out)",
        "422 Unprocessable Entity: timeout exceeded",
        "the answer must mention rate limit policies",
        "overloaded function has no matching signature",
        "expected 429 tokens",
        "connectionless",
        "Invalid input",
        "1234 rows",
        "boom",
        "",
    ] {
        assert_eq!(text(message), NEVER, "{message}");
    }
    let mistake = Trouble {
        name: "ReferenceError",
        message: "fetch failed is not defined",
        ..Trouble::default()
    };
    assert_eq!(judge(mistake), NEVER);
}

#[test]
fn a_refusal_names_its_wait_in_its_text() {
    for (message, wait) in [
        ("Rate limit reached. Please try again in 20s.", 20_000.0),
        ("Rate limit reached. Please try again in 1m2.5s. Visit", 62_500.0),
        ("Rate limit reached. Please try again in 120ms", 120.0),
        ("rate limit exceeded, please retry after 10 seconds", 10_000.0),
        ("429 {\"retryDelay\":\"34s\"}", 34_000.0),
        ("429 Please retry in 34.07s.", 34_070.0),
        ("429 try again in a while", 0.0),
        ("503 try again in 20s", 0.0),
        ("try again in 20s", 0.0),
    ] {
        assert_eq!(
            classify(&[Trouble {
                message,
                ..Trouble::default()
            }])
            .retry_after,
            wait,
            "{message}"
        );
    }
}
