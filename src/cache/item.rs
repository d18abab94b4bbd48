//! An entry to store in a cache of bytes.

/// One entry to store under a key of type `K`.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a, K> {
    /// Its key.
    pub key: K,
    /// The caller's encoding.
    pub form: u8,
    /// The encoded value.
    pub value: &'a [u8],
    /// A short text for a diagnostic.
    pub note: &'a str,
}

impl<K> Item<'_, K> {
    /// Its bytes, as the limit counts them.
    pub fn size(&self) -> u64 {
        (self.value.len() + self.note.len()) as u64
    }
}
