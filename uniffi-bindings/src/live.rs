//! How many exported objects are alive: with the feature `testing` counted, otherwise nothing at all.

#[cfg(feature = "testing")]
mod counted {
    use std::sync::atomic::{AtomicU32, Ordering};

    static ENGINES: AtomicU32 = AtomicU32::new(0);
    static CAPTURES: AtomicU32 = AtomicU32::new(0);
    static SYNC_TASKS: AtomicU32 = AtomicU32::new(0);
    static SUBSCRIPTIONS: AtomicU32 = AtomicU32::new(0);

    /// Which objects are counted.
    #[derive(Clone, Copy)]
    pub(crate) enum Kind {
        Engine,
        Capture,
        SyncTask,
        Subscription,
    }

    fn counter(kind: Kind) -> &'static AtomicU32 {
        match kind {
            Kind::Engine => &ENGINES,
            Kind::Capture => &CAPTURES,
            Kind::SyncTask => &SYNC_TASKS,
            Kind::Subscription => &SUBSCRIPTIONS,
        }
    }

    /// Lies in an object and counts it as long as it lives.
    pub(crate) struct Live(Kind);

    impl Live {
        pub(crate) fn new(kind: Kind) -> Self {
            counter(kind).fetch_add(1, Ordering::SeqCst);
            Self(kind)
        }
    }

    impl Drop for Live {
        fn drop(&mut self) {
            counter(self.0).fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Objects of this process that are alive on the side of the core.
    #[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
    pub struct LiveObjects {
        /// Engines.
        pub engines: u32,
        /// Captures.
        pub captures: u32,
        /// Synchronisations.
        pub sync_tasks: u32,
        /// Subscriptions of observers.
        pub subscriptions: u32,
    }

    /// Counts the objects that are alive.
    #[uniffi::export]
    pub fn live_objects() -> LiveObjects {
        let count = |kind| counter(kind).load(Ordering::SeqCst);
        LiveObjects {
            engines: count(Kind::Engine),
            captures: count(Kind::Capture),
            sync_tasks: count(Kind::SyncTask),
            subscriptions: count(Kind::Subscription),
        }
    }
}

#[cfg(not(feature = "testing"))]
mod counted {
    /// Which objects would be counted.
    pub(crate) enum Kind {
        Engine,
        Capture,
        SyncTask,
        Subscription,
    }

    /// Takes no room.
    pub(crate) struct Live;

    impl Live {
        pub(crate) fn new(_: Kind) -> Self {
            Self
        }
    }
}

pub(crate) use counted::{Kind, Live};
#[cfg(feature = "testing")]
pub use counted::{LiveObjects, live_objects};
