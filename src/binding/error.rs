//! Errors on their way to JavaScript: a code to branch on and a message for people.
//!
//! This is the one mapping of engine errors. Every exported function returns this module's [`Result`]; what it throws has the
//! code as its `code`, by which the facade picks the class. Errors of Node-API itself and caught panics have codes of
//! their own that no engine error has.

use napi::Env;
use napi::bindgen_prelude::JsError;

use crate::cache::disk::DiskError;
use crate::monitor::BaselineError;
use crate::scoring::interrupt::Stop;
use crate::scoring::kernel::SpecificationError;
use crate::stream::spill_queue::SpillError;

/// The reason of an error, as the facade's classes know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A value of the right type that cannot be used.
    OutOfRange,
    /// A value of the wrong type or shape.
    InvalidType,
    /// A file or pipe that cannot be read or written.
    Storage,
    /// An object that was closed.
    Closed,
    /// A document that is no baseline.
    Baseline,
    /// A pattern that linear time does not allow.
    UnsupportedPattern,
    /// A failure of Node-API, or a call that the facade never makes.
    Native,
}

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        match self {
            Self::OutOfRange => "ERR_OUT_OF_RANGE",
            Self::InvalidType => "ERR_INVALID_ARG_TYPE",
            Self::Storage => "ERR_STORAGE",
            Self::Closed => "ERR_CLOSED",
            Self::Baseline => "ERR_BASELINE",
            Self::UnsupportedPattern => "ERR_UNSUPPORTED_PATTERN",
            Self::Native => "ERR_NATIVE",
        }
    }
}

/// An error of an exported function.
#[derive(Clone, Debug)]
pub struct Failure {
    code: Code,
    message: String,
}

/// The outcome of an exported function.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// Returns the error of that code and message.
    pub fn new(code: Code, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }

    /// Returns the error of a value that cannot be used.
    pub fn out_of_range(message: impl ToString) -> Self {
        Self::new(Code::OutOfRange, message)
    }

    /// Returns the error of a value of the wrong type or shape.
    pub fn invalid(message: impl ToString) -> Self {
        Self::new(Code::InvalidType, message)
    }

    /// Returns the error of a file or pipe.
    pub fn storage(message: impl ToString) -> Self {
        Self::new(Code::Storage, message)
    }

    /// Returns the error that rejects the promise of a task, with its code.
    pub fn rejection(self, env: Env) -> napi::Error {
        JsError::from(self).into_unknown(env).into()
    }
}

/// The status with which Node-API refuses a call.
impl From<napi::Error> for Failure {
    fn from(error: napi::Error) -> Self {
        Self::new(Code::Native, error.reason.as_str())
    }
}

impl From<Failure> for JsError<Code> {
    fn from(failure: Failure) -> Self {
        napi::Error::new(failure.code, failure.message).into()
    }
}

impl From<DiskError> for Failure {
    fn from(error: DiskError) -> Self {
        Self::storage(error)
    }
}

impl From<SpillError> for Failure {
    fn from(error: SpillError) -> Self {
        Self::storage(error)
    }
}

impl From<BaselineError> for Failure {
    fn from(error: BaselineError) -> Self {
        Self::new(Code::Baseline, error)
    }
}

impl From<SpecificationError> for Failure {
    fn from(error: SpecificationError) -> Self {
        let code = match error {
            SpecificationError::Malformed(_) => Code::InvalidType,
            SpecificationError::Schema(_) => Code::OutOfRange,
            SpecificationError::Pattern(_) => Code::UnsupportedPattern,
        };
        Self::new(code, error)
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        let code = match stop {
            Stop::TooLarge { .. } | Stop::Exhausted { .. } => Code::OutOfRange,
            Stop::Interrupted => Code::Native,
        };
        Self::new(code, stop)
    }
}
