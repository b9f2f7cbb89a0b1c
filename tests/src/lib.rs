//! What the scenarios stand on: a real court on a loopback port, a proxy that fails on demand, and devices in folders.

mod court;
mod device;
mod gated;
mod inner;
mod process;
mod proxy;
pub mod simulation;

pub use court::TestCourt;
pub use device::TestDevice;
pub use gated::{GATE_PEER, court_with_gate, run_gate};
pub use inner::{InnerSystem, Received, jsonl};
pub use process::CourtProcess;
pub use proxy::{Fault, Proxy};

use zhixing_server::store::testing::{Engine, Scratch};

/// Number of the first case of the small batch.
pub const CASE: &str = "（2026）川0811执1号";

/// A court behind a proxy, and an enrolled device of its judge that has everything.
///
/// Panics where a test could not go on.
pub async fn village() -> (TestCourt, Proxy, TestDevice) {
    village_with(|_| {}).await
}

/// As [`village`], of a court with other settings.
pub async fn village_with(
    adjust: impl FnOnce(&mut zhixing_server::config::Config),
) -> (TestCourt, Proxy, TestDevice) {
    village_as(Scratch::new(Engine::Sqlite).await, adjust).await
}

/// As [`village`], in a folder and on a database of the test's own.
pub async fn village_in(scratch: Scratch) -> (TestCourt, Proxy, TestDevice) {
    village_as(scratch, |_| {}).await
}

async fn village_as(
    scratch: Scratch,
    adjust: impl FnOnce(&mut zhixing_server::config::Config),
) -> (TestCourt, Proxy, TestDevice) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let proxy = Proxy::start(listener.local_addr().expect("a bound listener"))
        .await
        .expect("a free port");
    let url = format!("http://{}/", proxy.address);
    let court = TestCourt::start_in(scratch, listener, &url, adjust).await;
    let device = TestDevice::enrolled(&court.ticket("judge").await).await;
    assert_eq!(device.sync(2_000).await, zhixing_engine::SyncEnd::Done);
    (court, proxy, device)
}
