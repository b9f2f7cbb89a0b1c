//! A court with a gate to a sample inner system.

use std::fs;

use zhixing_protocol::keys::Signer as _;
use zhixing_protocol::trust::KeyPurpose;
use zhixing_server::gate::{self, PeerConfig, RunReport};

use crate::{InnerSystem, TestCourt};

/// The inner system of [`court_with_gate`].
pub const GATE_PEER: &str = "inner-0811";

/// A court with a gate, and the inner system on its other side.
pub async fn court_with_gate(wait_minutes: u64) -> (TestCourt, InnerSystem) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let url = format!(
        "http://{}/",
        listener.local_addr().expect("a bound listener")
    );
    let mut inner = None;
    let court = TestCourt::start_with(listener, &url, |config| {
        let gate = config.data.join("gate");
        fs::create_dir_all(&gate).expect("a folder");
        let system = InnerSystem::new(&gate, GATE_PEER, "川0811");
        let key = gate.join("inner.pem");
        fs::write(&key, system.key_pem()).expect("writes");
        config.gate_folder = gate;
        config.gate_interval_seconds = 0;
        config.gate_wait_minutes = wait_minutes;
        config.gate_resend_minutes = 60;
        config.gate_peers = vec![PeerConfig {
            name: GATE_PEER.to_owned(),
            courts: vec!["川0811".parse().expect("a court word")],
            key,
        }];
        inner = Some(system);
    })
    .await;
    let mut inner = inner.expect("the court was configured");
    inner.pin(
        court
            .court
            .keys
            .signer(KeyPurpose::Job)
            .public_key()
            .clone(),
    );
    run_gate(&court).await;
    // What the cases of the folder import brought is not told to anybody again.
    assert!(inner.names("out").is_empty());
    (court, inner)
}

/// Lets the gate work once.
pub async fn run_gate(court: &TestCourt) -> RunReport {
    let mut reports = gate::run_once(&court.court).await.expect("the gate runs");
    assert_eq!(reports.len(), 1);
    reports.remove(0)
}
