//! The running server: listener, sequencer and intake.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::court::Court;
use crate::http::connections::{self, Limits};
use crate::uploads::ledger;
use crate::{gate, http, intake, log};

/// How long background work waits before it tries again after a fault.
const RETRY: Duration = Duration::from_secs(2);
/// How often uploads that nobody completed are looked for: hourly, against days of lifetime.
const EXPIRY: Duration = Duration::from_secs(3600);

/// Serves until `stop` resolves, then lets open requests end.
pub async fn run(
    court: Arc<Court>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    // A fault is logged where it arises; the next start tries again, and the next leaf brings a new checkpoint anyway.
    let _ = log::sign_again(&court).await;
    let sequencer = tokio::spawn(sequencer(Arc::clone(&court)));
    let intake = tokio::spawn(intake_loop(Arc::clone(&court)));
    let expiry = tokio::spawn(expiry_loop(Arc::clone(&court)));
    let gate = tokio::spawn(gate_loop(Arc::clone(&court)));
    let limits = Limits {
        head: Duration::from_secs(court.config.head_seconds),
        stalled: Duration::from_secs(court.config.idle_seconds),
        connections: court.config.max_connections,
    };
    connections::serve(listener, http::router(Arc::clone(&court)), limits, stop).await;
    sequencer.abort();
    intake.abort();
    expiry.abort();
    gate.abort();
}

async fn sequencer(court: Arc<Court>) {
    let pause = Duration::from_millis(court.config.log_interval_ms);
    loop {
        match log::sequence(&court).await {
            Ok(0) => court.log_wake.notified().await,
            Ok(_) => {}
            Err(_) => tokio::time::sleep(RETRY).await,
        }
        // Gathers what comes in the meantime into one checkpoint.
        tokio::time::sleep(pause).await;
    }
}

async fn intake_loop(court: Arc<Court>) {
    loop {
        match intake::run(&court).await {
            Ok(0) => court.intake_wake.notified().await,
            Ok(_) => {}
            // What arrives meanwhile does not wait for what failed (I9).
            Err(_) => tokio::select! {
                () = court.intake_wake.notified() => {}
                () = tokio::time::sleep(RETRY) => {}
            },
        }
    }
}

async fn expiry_loop(court: Arc<Court>) {
    loop {
        match ledger::expire(&court).await {
            Ok(0) => {}
            Ok(uploads) => tracing::info!(uploads, "dropped expired uploads"),
            // Logged where it arose; the next round tries again.
            Err(_) => {}
        }
        tokio::time::sleep(EXPIRY).await;
    }
}

/// Moves batches of the gate. A fault is told and tried again at the next turn; the gate never holds up anything else.
async fn gate_loop(court: Arc<Court>) {
    if court.config.gate_peers.is_empty() || court.config.gate_interval_seconds == 0 {
        return;
    }
    let pause = Duration::from_secs(court.config.gate_interval_seconds);
    loop {
        if let Err(reason) = gate::run_once(&court).await {
            tracing::error!(reason, "the gate stands still");
        }
        tokio::time::sleep(pause).await;
    }
}
