//! Digests that mean the same in every process, on every machine and in every later version.

/// Domain separation: no digest of another use of BLAKE3 equals one of ours, and a change of the encoding changes this.
const CONTEXT: &str = "@aah/ai-evals 2026-11 content key v1";
/// The same for digests of a scope.
const SCOPED_CONTEXT: &str = "@aah/ai-evals 2026-11 scoped content key v1";

/// The scope of digests: those of two scopes have nothing to do with each other.
#[derive(Clone)]
pub struct DigestScope(blake3::Hasher);

impl DigestScope {
    /// The scope of that name. The empty one is what [`stable_digest`] uses.
    pub fn new(scope: &[u16]) -> Self {
        if scope.is_empty() {
            return Self(blake3::Hasher::new_derive_key(CONTEXT));
        }
        let mut hasher = blake3::Hasher::new_derive_key(SCOPED_CONTEXT);
        // Its length first: where the scope ends and the content begins is part of what is hashed.
        hasher.update(&(scope.len() as u64).to_le_bytes());
        append(&mut hasher, scope);
        Self(hasher)
    }

    /// The 256-bit BLAKE3 digest of a sequence: its structure, its text (units in little-endian order) and how long the
    /// structure is.
    ///
    /// Cryptographic: no two contents with the same digest can be found. Cost: about 1 µs per kilobyte.
    pub fn digest(&self, structure: &[u16], text: &[u16]) -> [u8; 32] {
        let mut hasher = self.0.clone();
        append(&mut hasher, structure);
        append(&mut hasher, text);
        hasher.update(&(structure.len() as u64).to_le_bytes());
        *hasher.finalize().as_bytes()
    }
}

/// The digest of a sequence in no scope; see [`DigestScope::digest`].
pub fn stable_digest(structure: &[u16], text: &[u16]) -> [u8; 32] {
    DigestScope::new(&[]).digest(structure, text)
}

fn append(hasher: &mut blake3::Hasher, units: &[u16]) {
    let mut bytes = [0u8; 8192];
    for chunk in units.chunks(bytes.len() / 2) {
        for (pair, unit) in bytes.chunks_exact_mut(2).zip(chunk) {
            pair.copy_from_slice(&unit.to_le_bytes());
        }
        hasher.update(&bytes[..chunk.len() * 2]);
    }
}
