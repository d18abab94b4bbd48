//! A pair of lists in the texts of a pair.
//!
//! The first expected text is packed numbers: the length of the expected list, that of both lists together, the length of
//! each element in UTF-16 units, and figures of the caller's. The second is all elements, run together.

use super::kernel::Pair;
use super::packed_numbers::unpack;

/// A text in UTF-16.
type Text<'a> = &'a [u16];

/// Two lists of texts, and figures beside them.
#[derive(Debug, PartialEq)]
pub struct TwoLists<'a> {
    /// The elements of the expected list.
    pub expected: Vec<Text<'a>>,
    /// The elements of the answer's list.
    pub actual: Vec<Text<'a>>,
    /// The figures that came with them.
    pub figures: Vec<f64>,
}

/// Reads two lists. `None` if the facade did not write them. Linear.
pub fn two_lists(pair: Pair<'_>) -> Option<TwoLists<'_>> {
    let &[numbers, elements] = pair.expected else {
        return None;
    };
    let numbers = unpack(numbers);
    let [expected, all, rest @ ..] = &numbers[..] else {
        return None;
    };
    let (lengths, figures) = rest.split_at_checked(*all as usize)?;
    let mut elements = elements;
    let mut texts = Vec::with_capacity(lengths.len());
    for length in lengths {
        let (text, rest) = elements.split_at_checked(*length as usize)?;
        texts.push(text);
        elements = rest;
    }
    let expected = *expected as usize;
    if expected > texts.len() {
        return None;
    }
    let actual = texts.split_off(expected);
    Some(TwoLists {
        expected: texts,
        actual,
        figures: figures.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::two_lists;
    use crate::scoring::kernel::Pair;
    use crate::scoring::packed_numbers::pack;

    #[test]
    fn lists_are_split_by_their_lengths() {
        let split = |numbers: &[f64]| {
            let numbers = pack(numbers);
            let texts: [&[u16]; 2] = [&numbers, &[1, 2, 3]];
            let pair = Pair {
                expected: &texts,
                actual: &[],
            };
            two_lists(pair).map(|lists| {
                let owned = |list: Vec<&[u16]>| list.into_iter().map(<[u16]>::to_vec).collect::<Vec<_>>();
                (owned(lists.expected), owned(lists.actual), lists.figures)
            })
        };
        assert_eq!(
            split(&[1.0, 2.0, 2.0, 1.0, 0.5]),
            Some((vec![vec![1, 2]], vec![vec![3]], vec![0.5]))
        );
        assert_eq!(split(&[0.0, 1.0, 0.0]), Some((vec![], vec![vec![]], vec![])));
        assert_eq!(split(&[0.0, 0.0]), Some((vec![], vec![], vec![])));
        for broken in [
            &[3.0, 2.0, 1.0, 1.0][..],
            &[0.0, 9.0, 1.0],
            &[0.0, 1.0, 9.0],
            &[1.0],
        ] {
            assert_eq!(split(broken), None, "{broken:?}");
        }
    }
}
