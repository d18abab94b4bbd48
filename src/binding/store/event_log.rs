//! Events of the engine on their way to a JavaScript listener: slow statements, retries, waits for locks.
//!
//! Until a listener is set there is no subscriber, and an event costs the look at one number.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use napi::Status;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// A callback for an event of JSON. It does not keep the process alive.
type Listener = ThreadsafeFunction<String, (), String, Status, false, true>;

static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);
static LISTENS: AtomicBool = AtomicBool::new(false);

/// Sets the listener of the process, which takes the place of the one before; null removes it. It gets an event as JSON:
/// `time` in ms since 1970, `level`, `target`, `message`, `fields`.
#[napi(
    catch_unwind,
    ts_args_type = "listener: ((event: string) => void) | null | undefined"
)]
pub fn set_store_logger(listener: Option<Listener>) {
    static SUBSCRIBED: Once = Once::new();
    let listens = listener.is_some();
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = listener;
    LISTENS.store(listens, Ordering::Release);
    if listens {
        // Another subscriber in this library cannot be there.
        SUBSCRIBED.call_once(|| drop(tracing::subscriber::set_global_default(Forwarder)));
    }
}

struct Forwarder;

impl Subscriber for Forwarder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("ai_evals") && LISTENS.load(Ordering::Acquire)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let time = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.as_millis() as u64);
        let json = serde_json::json!({
            "time": time,
            "level": event.metadata().level().as_str().to_ascii_lowercase(),
            "target": event.metadata().target(),
            "message": fields.message,
            "fields": fields.others,
        });
        if let Some(listener) = LISTENER.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            listener.call(json.to_string(), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Json>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Json) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Json::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Json::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Json::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Json::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Json::from(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.put(field, Json::from(text));
        }
    }
}
