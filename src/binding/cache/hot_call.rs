//! Functions that are called for every case of an evaluation, exported without the macro.
//!
//! Code that `#[napi]` generates sets up scopes for borrowed arguments and converts through several layers: on a call that
//! takes 60 ns otherwise, that is 200 ns. This does the three steps a call needs: read the arguments, run, answer with a
//! number; a panic becomes the same error as everywhere.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use napi::bindgen_prelude::{FromNapiValue, panic_to_error};
use napi::{Env, JsError, JsString, sys};

use crate::binding::error::{Failure, Result};

/// The arguments of one call, at most six.
pub struct Arguments {
    env: sys::napi_env,
    values: [sys::napi_value; 6],
}

impl Arguments {
    /// The environment of the call.
    pub fn env(&self) -> Env {
        Env::from_raw(self.env)
    }

    /// The argument at `index` as a number.
    pub fn number(&self, index: usize) -> Result<f64> {
        let mut number = 0.0;
        // SAFETY: the value belongs to the running call; anything but a number is answered with an error status.
        let status = unsafe { sys::napi_get_value_double(self.env, self.values[index], &raw mut number) };
        napi::check_status!(status, "argument {index} must be a number")?;
        Ok(number)
    }

    /// The argument at `index`, to be read as a string.
    pub fn string(&self, index: usize) -> Result<JsString<'_>> {
        // SAFETY: the value belongs to the running call, which outlives `self`; reading it checks that it is a string.
        Ok(unsafe { JsString::from_napi_value(self.env, self.values[index]) }?)
    }
}

/// Answers a call with the number that `body` returns, or throws its error or panic.
///
/// # Safety
/// `env` and `info` must be what Node-API called the exported function with.
pub unsafe fn answer(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&Arguments) -> Result<f64>,
) -> sys::napi_value {
    let answered = catch_unwind(AssertUnwindSafe(|| {
        let mut values = [ptr::null_mut(); 6];
        let mut count = values.len();
        // SAFETY: by contract; `count` says how many values there is room for, and absent ones become `undefined`.
        let status = unsafe {
            sys::napi_get_cb_info(
                env,
                info,
                &raw mut count,
                values.as_mut_ptr(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        napi::check_status!(status, "the arguments could not be read")?;
        let number = body(&Arguments { env, values })?;
        let mut answer = ptr::null_mut();
        // SAFETY: `env` is the environment of the running call.
        napi::check_status!(
            unsafe { sys::napi_create_double(env, number, &raw mut answer) },
            "no answer"
        )?;
        Ok::<_, Failure>(answer)
    }));
    match answered {
        Ok(Ok(answer)) => return answer,
        // SAFETY: `env` is the environment of the running call, in which nothing was thrown yet.
        Ok(Err(failure)) => unsafe { JsError::from(failure).throw_into(env) },
        // SAFETY: as above.
        Err(panic) => unsafe { JsError::from(panic_to_error(panic)).throw_into(env) },
    }
    ptr::null_mut()
}
