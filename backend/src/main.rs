//! `zhixing-server`: the court's one binary.

mod rules_command;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use zhixing_server::config::{Config, DEFAULT_TEXT};
use zhixing_server::court::{Court, system_clock};
use zhixing_server::{devices, import, serve};

/// Zhixing server: takes statements and encrypted evidence from judges' devices, checks and keeps them, and proves it.
#[derive(Parser)]
#[command(
    version,
    about,
    after_help = "First steps:\n  zhixing-server import BATCH_FOLDER          courts, people, cases\n  zhixing-server serve                        leave it running\n  zhixing-server enrol-ticket --login NAME    then: zhixing-field enrol TICKET"
)]
struct Arguments {
    /// Configuration file; without one the defaults hold (see `zhixing-server config`).
    #[arg(long, global = true, env = "ZHIXING_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until Ctrl-C or SIGTERM.
    Serve,
    /// Import courts, staff and cases from a batch folder. Running it again changes nothing.
    Import {
        /// The folder (format: docs/IMPORT.md).
        folder: PathBuf,
    },
    /// Make a one-time ticket with which one device of one person is enrolled. It is good for a day.
    EnrolTicket {
        /// Login of the person.
        #[arg(long)]
        login: String,
        /// What to call the device.
        #[arg(long, default_value = "device")]
        label: String,
    },
    /// Take a device's rights away. What it still holds of evidence is taken all the same.
    RevokeDevice {
        /// The device.
        device: String,
        /// lost, stolen, returned or compromised.
        #[arg(long)]
        reason: String,
    },
    /// Print the root key in PEM, to be published: with it anybody checks exported evidence.
    Root,
    /// Check, compare and try rule packs.
    Rules {
        /// What to do.
        #[command(subcommand)]
        command: rules_command::RulesCommand,
    },
    /// Bring the database to the newest schema and stop.
    Migrate,
    /// Print the commented default configuration.
    Config,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| "info,sqlx=warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(reason) => {
            say_error(&format!("zhixing-server: {reason}"));
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout)] // the binary's own output
fn say(text: &str) {
    println!("{text}");
}

#[allow(clippy::print_stderr)] // the binary's own output
fn say_error(text: &str) {
    eprintln!("{text}");
}

async fn run(arguments: Arguments) -> Result<ExitCode, String> {
    if matches!(arguments.command, Command::Config) {
        say(DEFAULT_TEXT);
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Rules { command } = &arguments.command
        && let Some(done) = rules_command::without_court(command)
    {
        return done;
    }
    let config = Config::read(arguments.config.as_deref()).map_err(|error| error.to_string())?;
    let court = Court::open(config, system_clock())
        .await
        .map_err(|error| error.to_string())?;
    match arguments.command {
        Command::Config => {}
        Command::Rules { command } => rules_command::with_court(&court, command).await?,
        Command::Migrate => say(&format!(
            "schema {} is in place ({})",
            zhixing_server::store::SCHEMA_VERSION,
            court.db.engine()
        )),
        Command::Serve => {
            let listener = tokio::net::TcpListener::bind(court.config.listen)
                .await
                .map_err(|error| format!("cannot listen on {}: {error}", court.config.listen))?;
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            tracing::info!(%address, database = court.db.engine(), "serving");
            serve::run(Arc::clone(&court), listener, stop_signal()).await;
            tracing::info!("stopped");
        }
        Command::Import { folder } => {
            let report = import::run(&court, &folder).await?;
            zhixing_server::log::sequence(&court)
                .await
                .map_err(|failure| failure.0.title)?;
            say(&serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
            if !report.failed.is_empty() {
                return Ok(ExitCode::from(2));
            }
        }
        Command::EnrolTicket { login, label } => {
            let ticket = devices::make_ticket(&court, &login, &label)
                .await
                .map_err(|failure| failure.0.title)?;
            say(&ticket.to_string());
        }
        Command::Root => say(zhixing_protocol::keys::Signer::public_key(&court.keys.root)
            .to_pem()
            .trim_end()),
        Command::RevokeDevice { device, reason } => {
            let device = device.parse().map_err(|error| format!("device: {error}"))?;
            devices::revoke(&court, device, &reason, "")
                .await
                .map_err(|failure| failure.0.title)?;
            say("revoked");
        }
    }
    court.db.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
