//! `zhixing-server gate`: moving batches by hand, and what to do with those that were put aside.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use zhixing_protocol::keys::Signer as _;
use zhixing_protocol::trust::KeyPurpose;
use zhixing_server::court::Court;
use zhixing_server::gate::{self, Peer};

/// What to do with the gate.
#[derive(Subcommand)]
pub enum GateCommand {
    /// Take what came and make what is to go, at the configured interval or once.
    Run {
        /// Once, and stop. Exit code 2: something waits or was put into quarantine.
        #[arg(long)]
        once: bool,
    },
    /// How things stand with each inner system: last batches, what waits, what is in quarantine and why.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put a batch from quarantine back among the incoming ones; it is judged anew.
    Retry {
        /// The inner system.
        peer: String,
        /// The batch.
        batch: String,
    },
    /// Let the order begin anew at a batch in quarantine: what is missing before it is given up.
    Release {
        /// The inner system.
        peer: String,
        /// The batch.
        batch: String,
    },
    /// Print the key, in PEM, that signs outgoing batches: inner systems pin it.
    Key,
}

/// Runs it.
pub async fn run(court: &Court, command: GateCommand) -> Result<ExitCode, String> {
    match command {
        GateCommand::Run { once: true } => {
            let reports = gate::run_once(court).await?;
            super::say(&serde_json::to_string_pretty(&reports).map_err(|error| error.to_string())?);
            zhixing_server::log::sequence(court)
                .await
                .map_err(|failure| failure.0.title)?;
            if reports
                .iter()
                .any(|report| report.waiting + report.quarantined > 0)
            {
                return Ok(ExitCode::from(2));
            }
        }
        GateCommand::Run { once: false } => {
            let pause = Duration::from_secs(court.config.gate_interval_seconds.max(1));
            loop {
                for report in gate::run_once(court).await? {
                    tracing::info!(?report, "gate");
                }
                zhixing_server::log::sequence(court)
                    .await
                    .map_err(|failure| failure.0.title)?;
                tokio::select! {
                    () = super::stop_signal() => break,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
        GateCommand::List { json } => list(court, json).await?,
        GateCommand::Retry { peer, batch } => {
            gate::retry(court, &find(court, &peer)?, &batch).await?;
            super::say("It is back among the incoming ones; `gate run --once` judges it.");
        }
        GateCommand::Release { peer, batch } => {
            gate::release(court, &find(court, &peer)?, &batch).await?;
            super::say("The order goes on at this batch; `gate run --once` takes it.");
        }
        GateCommand::Key => super::say(
            court
                .keys
                .signer(KeyPurpose::Job)
                .public_key()
                .to_pem()
                .trim_end(),
        ),
    }
    Ok(ExitCode::SUCCESS)
}

fn find(court: &Court, name: &str) -> Result<Peer, String> {
    Peer::all(&court.config)?
        .into_iter()
        .find(|peer| peer.name == name)
        .ok_or_else(|| format!("gate_peers of the configuration has no {name:?}"))
}

async fn list(court: &Court, json: bool) -> Result<(), String> {
    let mut tx = court
        .db
        .begin_read()
        .await
        .map_err(|error| error.to_string())?;
    let peers = gate::list(&mut tx)
        .await
        .map_err(|error| error.to_string())?;
    if json {
        super::say(&serde_json::to_string_pretty(&peers).map_err(|error| error.to_string())?);
        return Ok(());
    }
    if peers.is_empty() {
        super::say("No inner system was ever served; gate_peers of the configuration names them.");
    }
    for peer in peers {
        super::say(&format!(
            "{}: {} batches in, {} lines of the last one refused; {} out, {} not acknowledged",
            peer.peer, peer.in_seq, peer.failed_lines, peer.out_seq, peer.unacknowledged
        ));
        for (what, batches) in [
            ("waits", peer.waiting),
            ("quarantine", peer.quarantined),
            ("refused there", peer.refused),
        ] {
            for batch in batches {
                super::say(&format!("  {what}: {}: {}", batch.name, batch.reason));
            }
        }
    }
    Ok(())
}
