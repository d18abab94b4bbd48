//! The part of `byte_cache` that lets one of those who share a cache compute a key.

use napi::bindgen_prelude::{Uint8Array, Uint32Array};
use napi::{Env, JsString};
use napi_derive::napi;

use super::byte_cache::ByteCacheHandle;
use super::held_bytes::{Bytes, Disk, Shared, split};
use super::key::with_units;
use crate::binding::error::{Code, Failure, Result};
use crate::cache::disk::Digest;
use crate::cache::leases::Claimed;
use crate::key::Key;

/// The answer of `claim`.
#[napi(object, object_from_js = false)]
pub struct ClaimAnswer {
    /// For `set` and `release`.
    pub ticket: f64,
    /// For each key: 0, another computes it; 1, it is the caller's to compute; 2, a fresh entry is there.
    pub answers: Uint8Array,
}

impl ClaimAnswer {
    fn of((ticket, answers): (i64, Vec<Claimed>)) -> Self {
        let answers: Vec<_> = answers.into_iter().map(|answer| answer as u8).collect();
        Self {
            ticket: ticket as f64,
            answers: answers.into(),
        }
    }
}

/// The entries that several keys lead to.
enum Ats<'a> {
    Shared(&'a mut Shared, Vec<Key>),
    Disk(&'a mut Disk, Vec<Digest>),
}

#[napi]
impl ByteCacheHandle {
    /// Asks to compute what is under the keys that `units` consists of, see `spans` of `set_many`, and holds what it gets
    /// for `lease` ms. One that `seizes` gets all.
    #[napi(catch_unwind)]
    pub fn claim(
        &self,
        env: Env,
        units: JsString,
        spans: Uint32Array,
        seizes: bool,
        now: f64,
        lease: f64,
    ) -> Result<ClaimAnswer> {
        self.at_all(env, units, &spans, |at| match at {
            Ats::Shared(shared, keys) => {
                Ok(shared.cache.claim(&keys, shared.owner, seizes, now, now + lease))
            }
            Ats::Disk(disk, digests) => Ok(disk.cache.claim(&digests, seizes, now, lease)?),
        })
        .map(ClaimAnswer::of)
    }

    /// Asks for each of the keys by itself, in one write: the ticket of the `n`th is the one answered + `n`. Of a file.
    #[napi(catch_unwind)]
    pub fn claim_each(
        &self,
        env: Env,
        units: JsString,
        spans: Uint32Array,
        seizes: bool,
        now: f64,
        lease: f64,
    ) -> Result<ClaimAnswer> {
        self.at_all(env, units, &spans, |at| match at {
            Ats::Shared(..) => Err(Failure::new(Code::Native, "a shared cache has no writes to save")),
            Ats::Disk(disk, digests) => Ok(disk.cache.claim_each(&digests, seizes, now, lease)?),
        })
        .map(ClaimAnswer::of)
    }

    /// Gives back what was claimed with the tickets that have `ended`, and holds every other claim of this handle for
    /// another `lease` ms.
    #[napi(catch_unwind)]
    pub fn renew(&self, now: f64, lease: f64, ended: Vec<f64>) -> Result<()> {
        let ended: Vec<_> = ended.into_iter().map(|ticket| ticket as i64).collect();
        self.with(|cache| match cache {
            Bytes::Shared(shared) => {
                shared.cache.renew(shared.owner, &ended, now + lease);
                Ok(())
            }
            Bytes::Disk(disk) => Ok(disk.cache.renew(&ended, now, lease)?),
        })
    }

    /// Gives back what was claimed with `ticket` and not stored or deleted since: to whoever asks next, or, with `open`, to
    /// all who ask until then.
    #[napi(catch_unwind)]
    pub fn release(
        &self,
        env: Env,
        units: JsString,
        spans: Uint32Array,
        ticket: f64,
        open: Option<f64>,
    ) -> Result<()> {
        let ticket = ticket as i64;
        self.at_all(env, units, &spans, |at| match at {
            Ats::Shared(shared, keys) => {
                shared.cache.release(&keys, shared.grant(ticket), open);
                Ok(())
            }
            Ats::Disk(disk, digests) => Ok(disk.cache.release(&digests, ticket, open)?),
        })
    }

    /// Gives back every claim of this handle, as its end would do: for the end of the process.
    #[napi(catch_unwind)]
    pub fn release_all(&self) -> Result<()> {
        self.with(|cache| {
            match cache {
                Bytes::Shared(shared) => shared.cache.release_all(shared.owner),
                Bytes::Disk(disk) => disk.cache.release_all(),
            }
            Ok(())
        })
    }
}

impl ByteCacheHandle {
    fn at_all<T>(
        &self,
        env: Env,
        units: JsString,
        spans: &[u32],
        use_cache: impl FnOnce(Ats) -> Result<T>,
    ) -> Result<T> {
        self.with(|cache| {
            let at = with_units(env, &[], 0.0, units, |_, units| {
                let keys = split(units, spans);
                match cache {
                    Bytes::Shared(shared) => {
                        let keys = keys.map(|(structure, text)| shared.secret.key(structure, text));
                        let keys = keys.collect();
                        Ats::Shared(shared, keys)
                    }
                    Bytes::Disk(disk) => {
                        let digests = keys.map(|(structure, text)| disk.scope.digest(structure, text));
                        let digests = digests.collect();
                        Ats::Disk(disk, digests)
                    }
                }
            })?;
            use_cache(at)
        })
    }
}
