//! What a cache of bytes is given to store.

/// One entry to store under a key of type `K`.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a, K> {
    /// What it is stored under.
    pub key: K,
    /// What the caller encoded it as.
    pub form: u8,
    /// The encoded value.
    pub value: &'a [u8],
    /// A short text for a diagnostic.
    pub note: &'a str,
}

impl<K> Item<'_, K> {
    /// What it counts for in the limit of bytes.
    pub fn size(&self) -> u64 {
        (self.value.len() + self.note.len()) as u64
    }
}
