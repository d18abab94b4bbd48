//! Reads what a caller's values are written as: the structure from the facade's page, the text from a string.

use std::cell::RefCell;

use napi::bindgen_prelude::{Uint8Array, Uint16Array};
use napi::{Env, JsString, JsValue, sys};
use napi_derive::napi;

use crate::binding::error::{Code, Failure, Result};

use crate::key::{Key, KeySecret, stable_digest};

/// Units kept between calls; a longer text is read into memory that is given back.
const KEPT: usize = 64 * 1024;

thread_local! {
    static UNITS: RefCell<Vec<u16>> = RefCell::new(Vec::with_capacity(KEPT));
}

/// Calls `use_units` with the first `structure` units of `page` and with the units of `text`.
pub fn with_units<T>(
    env: Env,
    page: &[u16],
    structure: f64,
    text: JsString,
    use_units: impl FnOnce(&[u16], &[u16]) -> T,
) -> Result<T> {
    let structure = page
        .get(..structure as usize)
        .ok_or_else(|| Failure::new(Code::Native, "the structure is longer than its page"))?;
    UNITS.with_borrow_mut(|units| {
        units.clear();
        append(env, units, text)?;
        let result = use_units(structure, units);
        if units.capacity() > 2 * KEPT {
            *units = Vec::with_capacity(KEPT);
        }
        Ok(result)
    })
}

/// Appends the units of `text`, unpaired surrogates included.
pub fn append(env: Env, units: &mut Vec<u16>, text: JsString) -> Result<()> {
    loop {
        // One more than can be used: Node-API terminates what it writes.
        let room = units.spare_capacity_mut();
        let mut written = 0;
        // SAFETY: `text` is a live value of `env`; at most `room.len()` units are written, into memory that `units` owns.
        let status = unsafe {
            sys::napi_get_value_string_utf16(
                env.raw(),
                text.raw(),
                room.as_mut_ptr().cast(),
                room.len(),
                &raw mut written,
            )
        };
        napi::check_status!(status, "a text could not be read")?;
        if written + 1 < room.len() {
            let length = units.len() + written;
            // SAFETY: the call above has written `written` units behind the old length, within the capacity.
            unsafe { units.set_len(length) };
            return Ok(());
        }
        let mut needed = 0;
        // SAFETY: without a buffer, the call only reports the length of `text`.
        let status = unsafe {
            sys::napi_get_value_string_utf16(env.raw(), text.raw(), std::ptr::null_mut(), 0, &raw mut needed)
        };
        napi::check_status!(status, "a text could not be read")?;
        units.reserve(needed + 2);
    }
}

/// The in-process key of such a sequence.
pub fn key(env: Env, page: &[u16], structure: f64, text: JsString, secret: &KeySecret) -> Result<Key> {
    with_units(env, page, structure, text, |units, structure| {
        secret.key(units, structure)
    })
}

/// Writes the stable digest (32 bytes) of such a sequence to `digest`.
#[napi(catch_unwind)]
pub fn stable_key(
    env: Env,
    page: Uint16Array,
    structure: f64,
    text: JsString,
    mut digest: Uint8Array,
) -> Result<()> {
    with_units(env, &page, structure, text, |structure, text| {
        let made = stable_digest(structure, text);
        // SAFETY: this call is the only user of the facade's array while it runs on the JavaScript thread.
        for (place, byte) in unsafe { digest.as_mut() }.iter_mut().zip(made) {
            *place = byte;
        }
    })
}
