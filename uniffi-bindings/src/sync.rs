//! A synchronisation on a thread of its own, which can be waited for and cancelled.
//!
//! Not an exported future: cancelling one does not cross to Rust from Swift, and it would run on the shell's threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::Notify;
use zhixing_engine::sync::HttpTransport;
use zhixing_engine::{Progress, Status, SyncEnd};

use crate::CoreError;
use crate::engine::Inner;
use crate::live::{Kind, Live};

/// How a synchronisation ended.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum SyncOutcome {
    /// Everything that could be done was done.
    Done,
    /// The court could not be reached or asked to wait. Nothing is lost.
    Later {
        /// Stable code, such as `unreachable`, `captive_portal`, `certificate_not_trusted`.
        reason: String,
    },
    /// It was cancelled. What was under way is done again next time.
    Cancelled,
}

type Ended = Result<SyncOutcome, CoreError>;

#[derive(Default)]
struct Outcome {
    ended: Mutex<Option<Ended>>,
    changed: Condvar,
}

/// A synchronisation that runs. Dropping it cancels it and waits until it has let the engine go.
#[derive(uniffi::Object)]
pub struct SyncTask {
    cancel: Arc<Notify>,
    outcome: Arc<Outcome>,
    thread: Mutex<Option<JoinHandle<()>>>,
    _live: Live,
}

#[uniffi::export]
impl SyncTask {
    /// Ends it at once, in the middle of a request too. Harmless when it has ended.
    pub fn cancel(&self) {
        self.cancel.notify_one();
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        let ended = self.outcome.ended.lock();
        ended.unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Waits for its end, on the caller's thread: not for a main thread. Not called `wait`, which every object of the JVM has.
    ///
    /// *Errors*: those of the store, and `InvalidInput` before enrolment; no connection is no error but `Later`.
    pub fn join(&self) -> Result<SyncOutcome, CoreError> {
        let mut ended = self
            .outcome
            .ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(ended) = &*ended {
                return ended.clone();
            }
            ended = self
                .outcome
                .changed
                .wait(ended)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for SyncTask {
    fn drop(&mut self) {
        self.cancel();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let mut thread = thread;
        if let Some(thread) = thread.take() {
            // It catches its panics.
            drop(thread.join());
        }
    }
}

struct Telling<'a>(&'a Inner);

impl Progress for Telling<'_> {
    fn changed(&self, _: &Status) {
        self.0.news.tell();
    }
}

pub(crate) fn start(inner: &Arc<Inner>, wait_ms: i64) -> Result<Arc<SyncTask>, CoreError> {
    let cancel = Arc::new(Notify::new());
    let outcome = Arc::new(Outcome::default());
    let (engine, stop, told) = (Arc::clone(inner), Arc::clone(&cancel), Arc::clone(&outcome));
    let thread = std::thread::Builder::new()
        .name("zhixing-sync".into())
        .spawn(move || {
            let ended = catch_unwind(AssertUnwindSafe(|| run(&engine, wait_ms, &stop)))
                .unwrap_or_else(|_| Err(CoreError::internal("the synchronisation broke off")));
            engine.news.tell();
            // Before anybody hears of the end: who closes everything then finds the folder free.
            drop(engine);
            *told.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
            told.changed.notify_all();
        })
        .map_err(|_| CoreError::internal("no thread could be started"))?;
    Ok(Arc::new(SyncTask {
        cancel,
        outcome,
        thread: Mutex::new(Some(thread)),
        _live: Live::new(Kind::SyncTask),
    }))
}

fn run(inner: &Inner, wait_ms: i64, stop: &Notify) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|_| CoreError::internal("no runtime could be made"))?;
    let transport = HttpTransport::new()?;
    let telling = Telling(inner);
    runtime.block_on(async {
        tokio::select! {
            biased;
            () = stop.notified() => Ok(SyncOutcome::Cancelled),
            end = inner.engine.sync(&transport, wait_ms, Some(&telling)) => Ok(match end? {
                SyncEnd::Done => SyncOutcome::Done,
                SyncEnd::Later { reason } => SyncOutcome::Later { reason },
            }),
        }
    })
}
