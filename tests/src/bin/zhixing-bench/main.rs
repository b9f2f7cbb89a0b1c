//! Measures Zhixing, side by side with peers where there are some: `zhixing-bench --programs FOLDER`.

mod device;
mod gate;
mod law;
mod link;
mod machine;
mod papers;
mod report;
mod server;
mod transfer;
mod upload;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::report::Report;

/// Measures each figure in interleaved rounds and prints medians. Nothing here passes or fails: figures are for people.
#[derive(Parser)]
#[command(
    name = "zhixing-bench",
    after_help = "Figures: seal, law, papers, gate, statements, log, proof, bootstrap, head, upload, resent, slow\nExamples:\n  zhixing-bench --programs target/bench-programs\n  zhixing-bench --programs target/bench-programs --only seal --only law --rounds 9\n  zhixing-bench --report bench.json"
)]
struct Arguments {
    /// Folder with zhixing-server, zhixing-field and, for comparison, tusd.
    #[arg(long, default_value = "target/bench-programs")]
    programs: PathBuf,
    /// Rounds of each measurement.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Only these figures.
    #[arg(long)]
    only: Vec<String>,
    /// Write the figures as JSON here as well.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Measure nothing; print the table of a JSON file.
    #[arg(long)]
    report: Option<PathBuf>,
    /// Size of the large upload in MiB.
    #[arg(long, default_value_t = 1024)]
    upload_mib: u64,
    /// Make one record from the photos of a folder and say what it cost; the program runs itself so.
    #[arg(long, hide = true)]
    paper_once: Option<PathBuf>,
    /// Cases of the bootstrap.
    #[arg(long, default_value_t = 400)]
    cases: u32,
    /// Events of each case.
    #[arg(long, default_value_t = 150)]
    events: u32,
}

/// What every measurement gets.
pub struct Setup {
    /// Rounds.
    pub rounds: u32,
    /// Programs to start.
    pub programs: PathBuf,
    /// Bytes of the large upload.
    pub upload_bytes: u64,
    /// Cases of the bootstrap.
    pub cases: u32,
    /// Events of each case.
    pub events: u32,
}

#[allow(clippy::print_stdout)] // the program's own output
fn say(text: &str) {
    println!("{text}");
}

/// Says on standard error what goes on.
#[allow(clippy::print_stderr)] // the program's own progress
pub fn progress(text: &str) {
    eprintln!("{text}");
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(path) = &arguments.report {
        return match Report::read(path) {
            Ok(report) => {
                say(&report.markdown());
                ExitCode::SUCCESS
            }
            Err(error) => {
                progress(&format!("{}: {error}", path.display()));
                ExitCode::FAILURE
            }
        };
    }
    if let Some(folder) = &arguments.paper_once {
        say(&papers::once(folder));
        return ExitCode::SUCCESS;
    }
    let setup = Setup {
        rounds: arguments.rounds.max(1),
        programs: arguments.programs,
        upload_bytes: arguments.upload_mib * 1024 * 1024,
        cases: arguments.cases,
        events: arguments.events,
    };
    let wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    let mut report = Report::new(setup.rounds);
    if wanted("seal") {
        device::seal(&setup, &mut report).await;
    }
    if wanted("law") {
        law::evaluate(&setup, &mut report);
    }
    if wanted("gate") {
        gate::gate(&setup, &mut report).await;
    }
    if wanted("papers") {
        papers::record(&setup, &mut report);
    }
    if wanted("statements") {
        server::statements(&setup, &mut report).await;
    }
    if wanted("log") {
        server::log(&setup, &mut report).await;
    }
    if wanted("proof") {
        server::proof(&setup, &mut report).await;
    }
    if wanted("bootstrap") {
        device::bootstrap(&setup, &mut report).await;
    }
    if wanted("head") {
        transfer::head(&setup, &mut report).await;
    }
    if wanted("upload") {
        upload::upload(&setup, &mut report);
    }
    if wanted("resent") {
        transfer::resent(&setup, &mut report).await;
    }
    if wanted("slow") {
        transfer::slow(&setup, &mut report).await;
    }
    report.finish();
    say(&report.markdown());
    if let Some(path) = &arguments.json
        && let Err(error) = report.write(path)
    {
        progress(&format!("{}: {error}", path.display()));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
