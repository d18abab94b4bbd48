//! Resolution of URI references (RFC 3986, section 5), as far as `$id` and `$ref` need it: nothing is ever fetched.

/// The five components of a URI reference (RFC 3986, appendix B).
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

fn parts(reference: &str) -> Parts<'_> {
    let (rest, fragment) = cut(reference, '#');
    let (rest, query) = cut(rest, '?');
    let scheme_end = rest.find([':', '/']).filter(|&at| {
        let scheme = &rest.as_bytes()[..at];
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"+-.".contains(b);
        rest.as_bytes()[at] == b':'
            && scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme.iter().all(allowed)
    });
    let (scheme, rest) = match scheme_end {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find('/').unwrap_or(rest.len());
            (Some(&rest[..end]), &rest[end..])
        }
        None => (None, rest),
    };
    Parts {
        scheme,
        authority,
        path,
        query,
        fragment,
    }
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark)
        .map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Resolves `reference` against `base` and returns the absolute URI without its fragment, and the fragment (`""` where
/// there is none). Linear in both lengths.
pub fn resolve(base: &str, reference: &str) -> (String, String) {
    let (base, reference) = (parts(base), parts(reference));
    let fragment = reference.fragment.unwrap_or_default().to_owned();
    let own_query = reference.query;
    let (scheme, authority, path, query) = if reference.scheme.is_some() {
        let path = without_dots(reference.path);
        (reference.scheme, reference.authority, path, own_query)
    } else if reference.authority.is_some() {
        let path = without_dots(reference.path);
        (base.scheme, reference.authority, path, own_query)
    } else if reference.path.is_empty() {
        let query = own_query.or(base.query);
        (base.scheme, base.authority, base.path.to_owned(), query)
    } else if reference.path.starts_with('/') {
        let path = without_dots(reference.path);
        (base.scheme, base.authority, path, own_query)
    } else {
        let folder = base.path.rfind('/').map_or("", |at| &base.path[..=at]);
        let root = if base.authority.is_some() && base.path.is_empty() {
            "/"
        } else {
            folder
        };
        let path = without_dots(&format!("{root}{}", reference.path));
        (base.scheme, base.authority, path, own_query)
    };
    let mut uri = String::new();
    if let Some(scheme) = scheme {
        uri.push_str(scheme);
        uri.push(':');
    }
    if let Some(authority) = authority {
        uri.push_str("//");
        uri.push_str(authority);
    }
    uri.push_str(&path);
    if let Some(query) = query {
        uri.push('?');
        uri.push_str(query);
    }
    (uri, fragment)
}

/// Removes `.` and `..` segments (RFC 3986, section 5.2.4). A path without a `/`, as of a URN, stays as it is.
fn without_dots(path: &str) -> String {
    if !path.contains('/') {
        return path.to_owned();
    }
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').collect();
    let last = segments.len() - 1;
    for (i, segment) in segments.into_iter().enumerate() {
        match segment {
            "." => {}
            ".." => {
                if kept.len() > 1 || kept.first().is_some_and(|first| !first.is_empty()) {
                    kept.pop();
                }
            }
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if i == last {
            kept.push("");
        }
    }
    kept.join("/")
}

/// Decodes `%XX` (RFC 3986, section 2.1). Sequences that are no UTF-8 stay as they are written.
pub fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |n: usize| char::from(*bytes.get(at + n)?).to_digit(16);
        let escaped = digit(1).zip(digit(2)).filter(|_| bytes[at] == b'%');
        if let Some(byte) = escaped.map(|(high, low)| (high * 16 + low) as u8) {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{percent_decoded, resolve};

    /// The examples of RFC 3986, section 5.4.
    #[test]
    fn references_resolve_as_in_the_rfc() {
        for (reference, expected) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g;x=1/../y", "http://a/b/c/y"),
        ] {
            let (uri, fragment) = resolve("http://a/b/c/d;p?q", reference);
            assert_eq!((uri.as_str(), fragment.as_str()), (expected, ""), "{reference}");
        }
        let urn = "urn:uuid:deadbeef-1234-ffff-ffff-4321feebdaed";
        assert_eq!(
            resolve(urn, "#/$defs/bar"),
            (urn.to_owned(), "/$defs/bar".to_owned())
        );
        assert_eq!(resolve("http://h", "x").0, "http://h/x");
        assert_eq!(resolve("", "x/../y#z"), ("y".to_owned(), "z".to_owned()));
    }

    #[test]
    fn percent_escapes_are_decoded_and_broken_ones_kept() {
        assert_eq!(percent_decoded("a%25b%c3%A9%zz%"), "a%bé%zz%");
        assert_eq!(percent_decoded("%ff"), "%ff");
    }
}
