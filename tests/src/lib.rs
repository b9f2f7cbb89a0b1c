//! What the scenarios stand on: a real court on a loopback port, a proxy that fails on demand, and devices in folders.

mod court;
mod device;
mod proxy;
pub mod simulation;

pub use court::TestCourt;
pub use device::TestDevice;
pub use proxy::{Fault, Proxy};
