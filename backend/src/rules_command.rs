//! `zhixing-server rules`: a rule pack is checked, compared and tried on the court's own cases before anybody works by it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use zhixing_protocol::case::CaseNumber;
use zhixing_protocol::rules::pack::{RulePack, Severity};
use zhixing_protocol::time::{Date, UtcMillis};
use zhixing_server::court::Court;
use zhixing_server::duties;

use crate::say;

/// What is done with rule packs.
#[derive(Subcommand)]
pub enum RulesCommand {
    /// Look for faults and for what a reviewer should see. Exit code 2 if there is a fault.
    Check {
        /// A pack; the one of this version if missing.
        pack: Option<PathBuf>,
    },
    /// Say which rules a new pack adds, removes and changes, member by member.
    Diff {
        /// The older pack, or `-` for the one of this version.
        old: PathBuf,
        /// The newer pack.
        new: PathBuf,
    },
    /// Say of every rule why it prompts in a case or not.
    Explain {
        /// Number of the case, such as （2020）川0811执123号.
        case: String,
        /// Another day than today.
        #[arg(long)]
        on: Option<Date>,
    },
    /// Say which cases of this court a new pack would change, and how. Nothing is changed.
    Simulate {
        /// The new pack.
        pack: PathBuf,
        /// Another day than today.
        #[arg(long)]
        on: Option<Date>,
    },
}

fn read(path: &Path) -> Result<RulePack, String> {
    if path == Path::new("-") {
        return Ok(RulePack::bundled().clone());
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    RulePack::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads a pack without refusing its faults, so that all of them can be shown.
fn read_faulty(path: &Path) -> Result<RulePack, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether the command needs the court's database.
pub fn without_court(command: &RulesCommand) -> Option<Result<ExitCode, String>> {
    match command {
        RulesCommand::Check { pack } => Some(check(pack.as_deref())),
        RulesCommand::Diff { old, new } => Some(diff(old, new)),
        RulesCommand::Explain { .. } | RulesCommand::Simulate { .. } => None,
    }
}

fn check(path: Option<&Path>) -> Result<ExitCode, String> {
    let pack = match path {
        None => RulePack::bundled().clone(),
        Some(path) => read_faulty(path)?,
    };
    let findings = pack.check();
    let faults = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Fault)
        .count();
    for finding in &findings {
        let mark = match finding.severity {
            Severity::Fault => "fault  ",
            Severity::Warning => "warning",
        };
        say(&format!("{mark}  {finding}"));
    }
    let timed = pack.rules.iter().filter(|rule| rule.deadline.n.is_some());
    say(&format!(
        "{} rules, {} timed; {faults} faults, {} warnings",
        pack.rules.len(),
        timed.count(),
        findings.len() - faults
    ));
    Ok(if faults > 0 {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    })
}

fn diff(old: &Path, new: &Path) -> Result<ExitCode, String> {
    let found = duties::difference(&read(old)?, &read(new)?);
    for rule in &found.added {
        say(&format!("added    {rule}"));
    }
    for rule in &found.removed {
        say(&format!("removed  {rule}"));
    }
    for changed in &found.changed {
        for (member, (before, after)) in &changed.members {
            say(&format!(
                "changed  {}  {member}: {before} → {after}",
                changed.rule
            ));
        }
    }
    say(&format!(
        "{} added, {} removed, {} changed",
        found.added.len(),
        found.removed.len(),
        found.changed.len()
    ));
    Ok(ExitCode::SUCCESS)
}

/// Runs a command on the court's cases.
pub async fn with_court(court: &Court, command: RulesCommand) -> Result<(), String> {
    match command {
        RulesCommand::Check { .. } | RulesCommand::Diff { .. } => Ok(()),
        RulesCommand::Explain { case, on } => explain(court, &case, on).await,
        RulesCommand::Simulate { pack, on } => simulate(court, &pack, on).await,
    }
}

fn time(court: &Court, on: Option<Date>) -> UtcMillis {
    on.map_or_else(|| court.now(), Date::shanghai_noon)
}

async fn explain(court: &Court, case: &str, on: Option<Date>) -> Result<(), String> {
    let number: CaseNumber = case.parse().map_err(|error| format!("{case}: {error}"))?;
    let told = |error: zhixing_server::store::StoreError| error.to_string();
    let mut tx = court.db.begin_read().await.map_err(told)?;
    let sql = "SELECT case_id FROM cases WHERE number = $1";
    let row = tx
        .row(sql, &[number.to_string().into()])
        .await
        .map_err(told)?;
    let row =
        row.ok_or_else(|| format!("{number} is not a case of this court; import it first"))?;
    let id = row.parse(0).map_err(told)?;
    let state = duties::state_of(court, &mut tx, id).await.map_err(told)?;
    let state = state.ok_or_else(|| format!("{number} has no history"))?;
    for verdict in duties::verdicts(RulePack::bundled(), &state, time(court, on)) {
        say(&verdict.to_string());
    }
    Ok(())
}

async fn simulate(court: &Court, pack: &Path, on: Option<Date>) -> Result<(), String> {
    let new = read(pack)?;
    let old = RulePack::bundled();
    let found = duties::simulate(court, old, &new, time(court, on))
        .await
        .map_err(|error| error.to_string())?;
    for case in &found {
        say(&case.number);
        let line = |mark: &str, prompt: &duties::PromptLine| {
            let due = prompt.due.as_deref().unwrap_or("no date");
            let hard = if prompt.hard { "hard" } else { "soft" };
            say(&format!("  {mark} {} {due} {hard}", prompt.rule));
        };
        case.gone.iter().for_each(|prompt| line("-", prompt));
        case.new.iter().for_each(|prompt| line("+", prompt));
    }
    say(&format!("{} cases would change", found.len()));
    Ok(())
}
