//! Telling a shell when its status display is out of date.
//!
//! Each observer has a thread of its own. It reads the status itself, so many changes at once are told once, and an observer that is slow
//! or fails holds up nobody: while it is called no lock is held and the engine is not held either.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use crate::engine::Inner;
use crate::live::{Kind, Live};
use crate::{CoreError, EngineStatus};

/// Is told what a status display shows: the present state first, then each change.
///
/// Called on a thread of the core, never on the caller's, and never twice at once. What it throws is dropped; the next change is told
/// all the same. After the subscription or the engine was closed, at most one call that had begun still ends.
#[uniffi::export(foreign)]
pub trait StatusObserver: Send + Sync {
    /// The status has changed.
    fn status_changed(&self, status: EngineStatus) -> Result<(), CoreError>;
}

/// An observer that is told. Dropping it ends that: keep it as long as the display is shown.
#[derive(uniffi::Object)]
pub struct StatusSubscription {
    cancelled: Arc<AtomicBool>,
    news: Arc<News>,
    _live: Live,
}

#[uniffi::export]
impl StatusSubscription {
    /// Ends it. Harmless when it has ended.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.news.tell();
    }
}

impl Drop for StatusSubscription {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// How often something changed, and whether anybody may still look.
#[derive(Default)]
pub(crate) struct News {
    changes: Mutex<u64>,
    changed: Condvar,
    /// True once the engine was closed. Locked while an observer's thread holds the engine.
    closed: Mutex<bool>,
}

impl News {
    fn changes(&self) -> MutexGuard<'_, u64> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> MutexGuard<'_, bool> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something changed that a display may show.
    pub(crate) fn tell(&self) {
        let mut changes = self.changes();
        *changes = changes.wrapping_add(1);
        self.changed.notify_all();
    }

    /// No observer's thread holds the engine when this returns, nor will any later.
    pub(crate) fn close(&self) {
        *self.closed() = true;
        self.tell();
    }

    fn wait_beyond(&self, seen: u64) -> u64 {
        let mut changes = self.changes();
        while *changes == seen {
            changes = self
                .changed
                .wait(changes)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *changes
    }

    /// The status now; none when it cannot be read, an error once nobody may look.
    fn look(&self, inner: &Weak<Inner>) -> Result<Option<EngineStatus>, Closed> {
        let closed = self.closed();
        let inner = inner.upgrade().filter(|_| !*closed).ok_or(Closed)?;
        Ok(inner.engine.status().ok().map(EngineStatus::from))
    }
}

/// The engine was closed.
struct Closed;

pub(crate) fn observe(
    inner: &Arc<Inner>,
    observer: Arc<dyn StatusObserver>,
) -> Result<Arc<StatusSubscription>, CoreError> {
    let news = Arc::clone(&inner.news);
    let cancelled = Arc::new(AtomicBool::new(false));
    let (watched, ended) = (Arc::downgrade(inner), Arc::clone(&cancelled));
    let heard = Arc::clone(&news);
    std::thread::Builder::new()
        .name("zhixing-observer".into())
        .spawn(move || tell_until_closed(&watched, &heard, &ended, &*observer))
        .map_err(|_| CoreError::internal("no thread could be started"))?;
    Ok(Arc::new(StatusSubscription {
        cancelled,
        news,
        _live: Live::new(Kind::Subscription),
    }))
}

fn tell_until_closed(
    inner: &Weak<Inner>,
    news: &News,
    cancelled: &AtomicBool,
    observer: &dyn StatusObserver,
) {
    let mut told = None;
    let mut seen = *news.changes();
    while !cancelled.load(Ordering::SeqCst) {
        let Ok(status) = news.look(inner) else { return };
        // What the lease has left falls by itself and is no news.
        let shown = status.clone().map(|status| EngineStatus {
            lease_left_ms: 0,
            ..status
        });
        if let Some(status) = status
            && shown != told
            && !cancelled.load(Ordering::SeqCst)
        {
            told = shown;
            // Whatever happens over there ends there.
            drop(catch_unwind(AssertUnwindSafe(|| {
                observer.status_changed(status)
            })));
        }
        seen = news.wait_beyond(seen);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    use zhixing_protocol::hash::Sha256Digest;
    use zhixing_protocol::ids::{Nonce, RealmId};
    use zhixing_protocol::time::UtcMillis;
    use zhixing_protocol::wire::EnrolmentTicket;

    use super::*;
    use crate::Engine;

    struct Panicking(Mutex<Sender<EngineStatus>>);

    impl StatusObserver for Panicking {
        fn status_changed(&self, status: EngineStatus) -> Result<(), CoreError> {
            let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            told.send(status).map_err(CoreError::internal)?;
            panic!("the observer's own fault");
        }
    }

    /// The bound for what a loaded machine does at once.
    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn an_observer_that_panics_is_told_again_and_ends_with_the_engine() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_str().expect("UTF-8");
        let engine = Engine::open(path, "test", None, None).expect("opens");
        let (sender, told) = channel();
        let subscription = engine
            .observe(Arc::new(Panicking(Mutex::new(sender))))
            .expect("a thread");
        let first = told.recv_timeout(SOON).expect("the present state");
        assert!(!first.unlocked && first.officer.is_none());
        let ticket = EnrolmentTicket {
            court: "川0811".parse().expect("a court word"),
            expires_ms: UtcMillis(i64::MAX >> 11),
            realm: RealmId([1; 16]),
            root: Sha256Digest([2; 32]),
            secret: Nonce([3; 16]),
            url: "http://127.0.0.1:1/".into(),
        };
        let refused = engine.enrol(&ticket.to_string(), "test");
        assert!(matches!(refused, Err(CoreError::Offline { .. })));
        let second = told.recv_timeout(SOON).expect("told again after its panic");
        assert_eq!(second.pending_statements, 1, "the enrolment waits");
        drop(engine);
        assert!(told.recv_timeout(SOON).is_err(), "its thread has ended");
        drop(subscription);
        Engine::open(path, "test", None, None).expect("the folder is free");
    }
}
