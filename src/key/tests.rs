use std::collections::HashMap;

use proptest::prelude::*;

use super::{DigestScope, Key, KeySecret, stable_digest};

const SECRET: KeySecret = KeySecret::new([1, 2, 3, 4]);

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

#[test]
fn the_boundary_between_structure_and_text_is_part_of_the_key() {
    let text = units("abcdef");
    let keys: Vec<Key> = (0..=6)
        .map(|structure| SECRET.key(&text[..structure], &text[structure..]))
        .collect();
    for (i, key) in keys.iter().enumerate() {
        assert!(!keys[i + 1..].contains(key));
        let digest = stable_digest(&text[..i], &text[i..]);
        assert!((0..i).all(|j| stable_digest(&text[..j], &text[j..]) != digest));
    }
}

#[test]
fn another_secret_gives_another_key() {
    let text = units("the same prompt");
    assert_ne!(
        SECRET.key(&[], &text),
        KeySecret::new([1, 2, 3, 5]).key(&[], &text)
    );
    assert_eq!(
        KeySecret::of_process().key(&[], &text),
        KeySecret::of_process().key(&[], &text)
    );
}

#[test]
fn stable_digests_never_change() {
    let hex = |text: &str, structure| {
        blake3::Hash::from_bytes(stable_digest(
            &units(text)[..structure],
            &units(text)[structure..],
        ))
        .to_hex()
        .to_string()
    };
    assert_eq!(
        hex("", 0),
        "a81ff16a837276b93d69c5af0ecad52111ee8d77ed526fe234663183e38c4f41"
    );
    assert_eq!(
        hex("hello", 2),
        "15baed94e80c97d8bfbc3546310d43a34d95da189e06e79b42700446c32ce770"
    );
    assert_eq!(
        hex(&"ж".repeat(1000), 7),
        "db436bdaa757bd9c693199af05d7e59a1b5c748b268b1d864c11fde0ae7424e4"
    );
}

#[test]
fn digests_of_a_scope_never_change() {
    let hex = |scope: &str, text: &str| {
        blake3::Hash::from_bytes(DigestScope::new(&units(scope)).digest(&[], &units(text)))
            .to_hex()
            .to_string()
    };
    assert_eq!(
        hex("", "hello"),
        blake3::Hash::from_bytes(stable_digest(&[], &units("hello")))
            .to_hex()
            .to_string()
    );
    assert_eq!(
        hex("prompt v2", "hello"),
        "052db9e52bc64d02ec093ded6d9c3f2a4198be49b752e66b4e38acc5e7d2a4bd"
    );
}

#[test]
fn scopes_share_no_key_and_no_digest() {
    let scopes = ["", "a", "ab", "b", "жж", "prompt v1", "prompt v2"];
    let text = units("the same prompt");
    for (i, one) in scopes.iter().enumerate() {
        for other in &scopes[i + 1..] {
            let (one, other) = (units(one), units(other));
            assert_ne!(
                SECRET.scoped(&one).key(&[], &text),
                SECRET.scoped(&other).key(&[], &text)
            );
            assert_ne!(
                DigestScope::new(&one).digest(&[], &text),
                DigestScope::new(&other).digest(&[], &text)
            );
        }
    }
    assert_eq!(SECRET.scoped(&[]).key(&[], &text), SECRET.key(&[], &text));
    // A unit moved from the content into the scope.
    assert_ne!(
        DigestScope::new(&units("ab")).digest(&[], &units("c")),
        DigestScope::new(&units("a")).digest(&[], &units("bc"))
    );
}

/// A million short sequences: every pair of different ones (5 × 10¹¹) has different keys.
#[test]
fn a_million_similar_sequences_have_a_million_keys() {
    let mut seen = HashMap::with_capacity(1 << 20);
    for i in 0..1_000_000u32 {
        let sequence = [i as u16, (i >> 16) as u16, 7];
        assert_eq!(seen.insert(SECRET.key(&sequence[..1], &sequence[1..]), i), None);
    }
}

proptest! {
    #[test]
    fn wide_and_narrow_text_never_share_a_key(bytes in proptest::collection::vec(any::<u8>(), 2..600)) {
        // Units that hold the same bytes in memory, read as one byte each or as two.
        let narrow: Vec<u16> = bytes.iter().map(|byte| u16::from(*byte)).collect();
        let wide: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect();
        prop_assert_ne!(SECRET.key(&[], &narrow), SECRET.key(&[], &wide));
    }

    #[test]
    fn any_change_of_one_unit_changes_the_key(
        mut sequence in proptest::collection::vec(any::<u16>(), 1..400), at in any::<usize>(), by in 1..=u16::MAX,
    ) {
        let (key, digest) = (SECRET.key(&[], &sequence), stable_digest(&[], &sequence));
        let at = at % sequence.len();
        sequence[at] = sequence[at].wrapping_add(by);
        prop_assert_ne!(SECRET.key(&[], &sequence), key);
        prop_assert_ne!(stable_digest(&[], &sequence), digest);
    }

    #[test]
    fn a_prefix_has_another_key(sequence in proptest::collection::vec(any::<u16>(), 1..400)) {
        let shorter = &sequence[..sequence.len() - 1];
        prop_assert_ne!(SECRET.key(&[], &sequence), SECRET.key(&[], shorter));
        prop_assert_ne!(stable_digest(&[], &sequence), stable_digest(&[], shorter));
    }
}
