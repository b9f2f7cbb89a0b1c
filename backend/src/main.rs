//! `zhixing-server`: the court's one binary.

mod audit_command;
mod gate_command;
mod rules_command;
mod staff_command;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use zhixing_protocol::ids::RealmId;
use zhixing_protocol::trust::KeyPurpose;
use zhixing_server::config::{Config, DEFAULT_TEXT};
use zhixing_server::court::{Court, has_court, system_clock};
use zhixing_server::keys::Rotation;
use zhixing_server::{demo, devices, import, serve, tickets};

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
    /// Fill an empty court with the demonstration's: ten courts, seven people, 44 fictional cases with their papers. Running it again changes
    /// nothing. Everybody knows the passwords (demo- and the login), so a court with people of its own is refused.
    DemoData {
        /// Chinese font of the papers.
        #[arg(long, default_value = demo::FONT)]
        font: PathBuf,
        /// Leave the batch in this folder; else it is removed once imported.
        #[arg(long)]
        keep: Option<PathBuf>,
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
    /// Replace a key of the court by a new one. What the old one signed stays valid, and what was encrypted to it can
    /// still be opened; devices learn the new one from the trust document at their next contact.
    Rotate {
        /// Which key.
        #[command(subcommand)]
        key: RotatedKey,
    },
    /// Say that a lost device will not come back: its chain ends where the court has it. What it sends later is kept,
    /// without effect.
    CloseChain {
        /// The device.
        device: String,
        /// Why, in words; kept as a hidden member of the statement.
        #[arg(long)]
        reason: String,
    },
    /// Print the root key in PEM, to be published: with it anybody checks exported evidence.
    Root {
        /// Print all root keys there were, the first one first: what was exported under an earlier root is checked with that one.
        #[arg(long)]
        former: bool,
    },
    /// Check, compare, try, sign and publish rule packs.
    Rules {
        /// What to do.
        #[command(subcommand)]
        command: rules_command::RulesCommand,
    },
    /// Read the whole store again and say whether it proves itself: signatures, chains, log, events, receipts, files, records of looks.
    ///
    /// Nothing is changed, and a running server is not disturbed. Exit code 0: everything proves itself; 3: something does not, and it is named.
    Audit {
        /// Read every stored file too, and compare its SHA-256. Takes as long as the disk needs.
        #[arg(long)]
        deep: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// How people of the court get in: passwords, one-time passwords, lock-outs. Each change is recorded.
    Staff {
        /// What to do.
        #[command(subcommand)]
        command: staff_command::StaffCommand,
    },
    /// Move signed batches to and from the courts' inner systems (docs/GATE.md), and look after what was put aside.
    Gate {
        /// What to do.
        #[command(subcommand)]
        command: gate_command::GateCommand,
    },
    /// Bring the database to the newest schema and stop.
    Migrate,
    /// Print the commented default configuration.
    Config,
}

#[derive(Subcommand)]
enum RotatedKey {
    /// The identity of a court, to whom media are encrypted.
    Identity {
        /// The court's word, such as 川0811.
        court: zhixing_protocol::case::CourtWord,
    },
    /// The key that signs checkpoints of the log. The log itself goes on.
    Log,
    /// The key that signs storage receipts.
    Receipt,
    /// The key that signs times.
    Clock,
    /// The key that signs statements of jobs and imports.
    Job,
    /// The key that signs statements of the console and of people without a key.
    Portal,
    /// The key that signs rule packs, courts' settings and holidays.
    RulePack,
    /// The root key, which vouches for all others. The old one names the new one, so devices follow however long they
    /// were away; nothing the old one signs later is believed by a device that did. Publish the new one (`root`).
    Root,
}

impl RotatedKey {
    fn rotation(self, realm: RealmId) -> Rotation {
        match self {
            Self::Identity { court } => Rotation::Identity(court),
            Self::Log => Rotation::Log,
            Self::Receipt => Rotation::Signer(KeyPurpose::Receipt),
            Self::Clock => Rotation::Signer(KeyPurpose::Clock),
            Self::Job => Rotation::Signer(KeyPurpose::Job),
            Self::Portal => Rotation::Signer(KeyPurpose::Portal),
            Self::RulePack => Rotation::Signer(KeyPurpose::RulePack),
            Self::Root => Rotation::Root(realm),
        }
    }
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

/// Replaces the line of progress.
#[allow(clippy::print_stderr)] // the binary's own output
fn say_progress(text: &str) {
    eprint!("\r\x1b[K{text}");
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
    if matches!(
        arguments.command,
        Command::Serve | Command::Import { .. } | Command::DemoData { .. }
    ) {
        court
            .objects
            .check()
            .await
            .map_err(|error| error.to_string())?;
    }
    match arguments.command {
        Command::Config => {}
        Command::Rules { command } => rules_command::with_court(&court, command).await?,
        Command::Audit { deep, json } => {
            let code = audit_command::run(&court, deep, json).await?;
            court.db.close().await;
            return Ok(code);
        }
        Command::Staff { command } => staff_command::run(&court, command).await?,
        Command::Gate { command } => {
            let code = gate_command::run(&court, command).await?;
            court.db.close().await;
            return Ok(code);
        }
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
            return imported(&court, &report).await;
        }
        Command::DemoData { font, keep } => {
            let report = demo::run(&court, &font, keep.as_deref()).await?;
            return imported(&court, &report).await;
        }
        Command::EnrolTicket { login, label } => {
            let ticket = tickets::make(&court, &login, &label, None)
                .await
                .map_err(|failure| failure.0.title)?;
            say(&ticket.to_string());
        }
        Command::Root { former } => {
            let all: Vec<_> = court.keys.roots().collect();
            let wanted = if former { all.len() } else { 1 };
            for key in all.iter().skip(all.len().saturating_sub(wanted)) {
                say(key.to_pem().trim_end());
            }
        }
        Command::Rotate { key } => {
            rotate(&court, &key.rotation(court.realm)).await?;
            say(
                "Replaced. Restart the server within a day: until then it goes on with the old key. Then back up the folder data/keys.",
            );
        }
        Command::CloseChain { device, reason } => {
            let device = device.parse().map_err(|error| format!("device: {error}"))?;
            let end = devices::close_chain(&court, device, &reason)
                .await
                .map_err(|failure| failure.0.title)?;
            say(&format!("closed after statement {}", end.seq));
        }
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

/// Logs what was imported and prints the report.
async fn imported(court: &Court, report: &import::ImportReport) -> Result<ExitCode, String> {
    zhixing_server::log::sequence(court)
        .await
        .map_err(|failure| failure.0.title)?;
    say(&serde_json::to_string_pretty(report).map_err(|error| error.to_string())?);
    court.db.close().await;
    Ok(if report.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

async fn rotate(court: &Court, what: &Rotation) -> Result<(), String> {
    if let Rotation::Identity(word) = what {
        let mut tx = court
            .db
            .begin_read()
            .await
            .map_err(|error| error.to_string())?;
        let known = has_court(&mut tx, word.as_str()).await;
        if !known.map_err(|error| error.to_string())? {
            return Err(format!(
                "there is no court {word} here; import the courts first"
            ));
        }
    }
    court
        .keys
        .rotate(what, court.now())
        .map_err(|error| error.to_string())
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
