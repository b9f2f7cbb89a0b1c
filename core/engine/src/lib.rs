//! The offline-first client of Zhixing: what a device captures is durable, signed and proven to have arrived.
//!
//! [`Engine`] is what shells hold. Below it, `queue` (own statements, uploads, confirmations), `vault` (age files) and
//! `capture` work without the reading key; `casebook` needs it; `sync` is a step function that any HTTP stack can drive.

pub mod act;
pub mod capture;
pub mod casebook;
pub mod database;
pub mod duty;
mod engine;
pub mod error;
pub mod funds;
pub mod norms;
pub mod papers;
pub mod ports;
pub mod proof;
pub mod queue;
pub mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod vault;

pub use engine::{Engine, Progress, SetAside, Status, SyncEnd};
pub use error::{EngineError, ErrorKind};
