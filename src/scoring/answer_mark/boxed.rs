//! Boxes: `\boxed{…}`, and what stands in one. `\fbox` and `\framebox` were rewritten as `\boxed` before.

use super::scan::{line_end, skip, starts_with};
use std::ops::Range;

/// Returns the content of the last box that is not empty. O(n).
pub fn last(chars: &[char]) -> Option<Range<usize>> {
    const NAME: &str = "\\boxed";
    let mut found = None;
    // Ends of the boxes that are open, by the depth of their brace.
    let mut open: Vec<Option<usize>> = Vec::new();
    let mut complete = |range: Range<usize>| {
        // Most are passed over without a look at their content, or the boxes within boxes would cost their square.
        let later = found
            .as_ref()
            .is_none_or(|last: &Range<usize>| range.start > last.start);
        if later
            && chars[range.clone()]
                .iter()
                .any(|c| c.is_alphanumeric() || *c == '∞')
        {
            found = Some(range);
        }
    };
    let mut i = 0;
    while i < chars.len() {
        if starts_with(&chars[i..], NAME) {
            let start = skip(chars, i + NAME.len(), |c| c == ' ');
            if chars.get(start) == Some(&'{') {
                open.push(Some(start + 1));
                i = start + 1;
                continue;
            }
            // `\boxed 5`, `\boxed\frac12`
            let end = skip(chars, start, |c| {
                !c.is_whitespace() && !matches!(c, '$' | ')' | ']' | ',')
            });
            let end = start
                + chars[start..end]
                    .iter()
                    .rposition(|c| !matches!(c, '.' | ';'))
                    .map_or(0, |last| last + 1);
            complete(start..end);
            i = end.max(i + 1);
            continue;
        }
        match chars[i] {
            '{' => open.push(None),
            '}' => {
                if let Some(Some(start)) = open.pop() {
                    complete(start..i);
                }
            }
            _ => {}
        }
        i += 1;
    }
    // An answer that was cut off.
    if let Some(start) = open.into_iter().flatten().last() {
        complete(start..line_end(chars, start));
    }
    found
}
