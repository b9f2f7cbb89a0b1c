//! `zhixing-server audit`.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use zhixing_server::audit::{self, Audit, Part, Progress};
use zhixing_server::court::Court;

use crate::{say, say_progress};

/// Something does not prove itself.
const NOT_SOUND: u8 = 3;
/// Between two lines of progress.
const PACE: Duration = Duration::from_millis(200);

/// Audits and prints; the exit code says whether everything proves itself.
pub async fn run(court: &Court, deep: bool, json: bool) -> Result<ExitCode, String> {
    let visible = std::io::stderr().is_terminal();
    let mut shown = Instant::now();
    let mut progress = |at: Progress| {
        if visible && shown.elapsed() >= PACE {
            shown = Instant::now();
            say_progress(&format!("{}: {}", name(at.part), at.done));
        }
    };
    let audit = audit::run(court, deep, &mut progress)
        .await
        .map_err(|failure| failure.0.title)?;
    if visible {
        say_progress("");
    }
    if json {
        say(&serde_json::to_string_pretty(&audit).map_err(|error| error.to_string())?);
    } else {
        print(&audit, deep);
    }
    Ok(if audit.is_sound() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_SOUND)
    })
}

fn name(part: Part) -> &'static str {
    match part {
        Part::Trust => "root keys",
        Part::Statement => "statements",
        Part::Chain => "device chains",
        Part::Log => "log",
        Part::Tile => "log files",
        Part::Case => "cases",
        Part::Receipt => "receipts",
        Part::Object => "stored files",
        Part::Access => "records of looks",
    }
}

fn print(audit: &Audit, deep: bool) {
    let read = if deep {
        format!("{} bytes read again", audit.read_bytes)
    } else {
        "their bytes not read; --deep does".to_owned()
    };
    for (what, count, how) in [
        ("root keys", audit.roots, "each leads to the one in use"),
        (
            "statements",
            audit.statements,
            "bytes, signature, openings, chain of the device",
        ),
        (
            "leaves",
            audit.leaves,
            "tree computed again, checkpoint and root",
        ),
        ("log files", audit.tiles, "equal to the statements"),
        (
            "time marks",
            audit.time_marks,
            "signed, over the log's own roots",
        ),
        (
            "cases",
            audit.cases,
            "events follow each other up to the head",
        ),
        ("events", audit.events, "each with its cause"),
        ("receipts", audit.receipts, "signed, over the stored bytes"),
        ("stored files", audit.objects, read.as_str()),
        (
            "records of looks",
            audit.access_records,
            "chained, court by court",
        ),
    ] {
        say(&format!("{count:>10}  {what:<18} {how}"));
    }
    if audit.unnamed_objects > 0 {
        say(&format!(
            "\n{} stored files are named by nothing: an intake or import was interrupted, or is at work now. They harm nothing.",
            audit.unnamed_objects
        ));
    }
    if audit.is_sound() {
        say("\nEverything proves itself.");
        return;
    }
    say(&format!(
        "\nThis does not prove itself ({} in all):",
        audit.found
    ));
    for finding in &audit.findings {
        say(&format!(
            "  {} {}: {}",
            name(finding.part),
            finding.which,
            finding.problem
        ));
    }
    let told = u64::try_from(audit.findings.len()).unwrap_or(u64::MAX);
    if audit.found > told {
        say(&format!("  and {} more", audit.found - told));
    }
    say(
        "Keep the data folder as it is, copy it, and compare with the last backup and with what devices hold.",
    );
}
