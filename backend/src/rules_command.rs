//! `zhixing-server rules`: a rule pack is checked, compared, tried on the court's own cases, signed and published.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use zhixing_protocol::case::CaseNumber;
use zhixing_protocol::document::SignedDocument;
use zhixing_protocol::rules::calendar::HolidayYear;
use zhixing_protocol::rules::norms::PackRelease;
use zhixing_protocol::rules::pack::{Finding, RulePack, Severity};
use zhixing_protocol::time::{Date, UtcMillis};
use zhixing_server::court::Court;
use zhixing_server::duties;
use zhixing_server::norms::{self, Published};

use crate::say;

/// What is done with rule packs.
#[derive(Subcommand)]
pub enum RulesCommand {
    /// Look for faults and for what a reviewer should see. Exit code 2 if there is a fault.
    Check {
        /// Packs that are to hold one after the other, signed or not; the one of this version if missing.
        packs: Vec<PathBuf>,
    },
    /// Say which rules a new pack adds, removes and changes, member by member.
    Diff {
        /// The older pack, signed or not, or `-` for the one of this version.
        old: PathBuf,
        /// The newer pack.
        new: PathBuf,
    },
    /// Say of every rule why it prompts in a case or not, and by which version of the law.
    Explain {
        /// Number of the case, such as （2020）川0811执123号.
        case: String,
        /// Another day than today.
        #[arg(long)]
        on: Option<Date>,
    },
    /// Say which open cases of this court a new pack would change, and how. Nothing is changed.
    Simulate {
        /// The new pack, signed or not.
        pack: PathBuf,
        /// Another day than today.
        #[arg(long)]
        on: Option<Date>,
    },
    /// Sign a pack, or the holidays of a year, with the court's rule-pack key. Nothing is published yet.
    Sign {
        /// The pack, or `{"year", "rest", "work", "papers"}`; `-` for the pack of this version.
        file: PathBuf,
        /// Where the signed document goes.
        #[arg(long)]
        out: PathBuf,
    },
    /// Publish a signed document: this court and its devices work by it from its day on. It cannot be taken back, only followed by another.
    Publish {
        /// The signed document.
        file: PathBuf,
    },
    /// Say what is published and from when which pack is in force.
    List,
}

/// A file as JSON. *Errors*: in words.
fn json(path: &Path) -> Result<serde_json::Value, String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// The pack inside a signed document, or the file's own value. The signature is looked at when it is published.
fn inside(path: &Path) -> Result<serde_json::Value, String> {
    if path == Path::new("-") {
        return serde_json::to_value(RulePack::bundled()).map_err(|error| error.to_string());
    }
    let value = json(path)?;
    match value.pointer("/document/pack") {
        Some(pack) => Ok(pack.clone()),
        None => Ok(value),
    }
}

fn read(path: &Path) -> Result<RulePack, String> {
    let text = inside(path)?.to_string();
    RulePack::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads a pack without refusing its faults, so that all of them can be shown.
fn read_faulty(path: &Path) -> Result<RulePack, String> {
    serde_json::from_value(inside(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

fn signed(path: &Path) -> Result<SignedDocument, String> {
    serde_json::from_value(json(path)?).map_err(|_| {
        format!(
            "{} is no signed document; sign it first: rules sign {} --out SIGNED.json",
            path.display(),
            path.display()
        )
    })
}

/// Whether the command needs the court's database.
pub fn without_court(command: &RulesCommand) -> Option<Result<ExitCode, String>> {
    match command {
        RulesCommand::Check { packs } => Some(check(packs)),
        RulesCommand::Diff { old, new } => Some(diff(old, new)),
        _ => None,
    }
}

fn check(paths: &[PathBuf]) -> Result<ExitCode, String> {
    let mut packs = Vec::new();
    for path in paths {
        packs.push(read_faulty(path)?);
    }
    if packs.is_empty() {
        packs.push(RulePack::bundled().clone());
    }
    let mut faults = 0;
    let mut show = |findings: &[Finding]| {
        for finding in findings {
            let mark = match finding.severity {
                Severity::Fault => "fault  ",
                Severity::Warning => "warning",
            };
            say(&format!("{mark}  {finding}"));
        }
        let found = findings.iter();
        let found = found
            .filter(|finding| finding.severity == Severity::Fault)
            .count();
        faults += found;
        (found, findings.len() - found)
    };
    for pack in &packs {
        let (faults, warnings) = show(&pack.check());
        let timed = pack.rules.iter().filter(|rule| rule.deadline.n.is_some());
        say(&format!(
            "pack {} from {}{}: {} rules, {} timed; {faults} faults, {warnings} warnings",
            pack.version,
            pack.effective_from,
            until(pack.effective_until),
            pack.rules.len(),
            timed.count(),
        ));
    }
    let together: Vec<&RulePack> = packs.iter().collect();
    show(&RulePack::check_sequence(&together));
    Ok(if faults > 0 {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    })
}

fn until(day: Option<Date>) -> String {
    day.map_or_else(String::new, |day| format!(" until {day}"))
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

/// Runs a command on the court's cases and store.
pub async fn with_court(court: &Court, command: RulesCommand) -> Result<(), String> {
    match command {
        RulesCommand::Check { .. } | RulesCommand::Diff { .. } => Ok(()),
        RulesCommand::Explain { case, on } => explain(court, &case, on).await,
        RulesCommand::Simulate { pack, on } => simulate(court, &pack, on).await,
        RulesCommand::Sign { file, out } => sign(court, &file, &out).await,
        RulesCommand::Publish { file } => publish(court, &file).await,
        RulesCommand::List => list(court).await,
    }
}

fn time(court: &Court, on: Option<Date>) -> UtcMillis {
    on.map_or_else(|| court.now(), Date::shanghai_noon)
}

async fn published(court: &Court) -> Result<Arc<Published>, String> {
    let mut tx = court
        .db
        .begin_read()
        .await
        .map_err(|error| error.to_string())?;
    norms::published(court, &mut tx)
        .await
        .map_err(|error| error.to_string())
}

async fn explain(court: &Court, case: &str, on: Option<Date>) -> Result<(), String> {
    let number: CaseNumber = case.parse().map_err(|error| format!("{case}: {error}"))?;
    let told = |error: zhixing_server::store::StoreError| error.to_string();
    let mut tx = court.db.begin_read().await.map_err(told)?;
    let sql = "SELECT case_id, court FROM cases WHERE number = $1";
    let row = tx
        .row(sql, &[number.to_string().into()])
        .await
        .map_err(told)?;
    let row =
        row.ok_or_else(|| format!("{number} is not a case of this court; import it first"))?;
    let (id, word) = (row.parse(0).map_err(told)?, row.text(1).map_err(told)?);
    let law = norms::law(court, &mut tx, &word).await.map_err(told)?;
    let state = duties::state_of(court, &mut tx, id).await.map_err(told)?;
    let state = state.ok_or_else(|| format!("{number} has no history"))?;
    for verdict in duties::verdicts(&law, &state, time(court, on)) {
        say(&verdict.to_string());
    }
    Ok(())
}

async fn simulate(court: &Court, pack: &Path, on: Option<Date>) -> Result<(), String> {
    let new = read(pack)?;
    let old = published(court).await?;
    let (version, from) = (new.version, new.effective_from);
    let found = duties::simulate(court, &old, new, time(court, on))
        .await
        .map_err(|error| error.to_string())?;
    for case in &found {
        say(&case.number);
        let line = |mark: &str, prompt: &duties::PromptLine| {
            let due = prompt.due.as_deref().unwrap_or("no date");
            let hard = if prompt.hard { "hard" } else { "soft" };
            let version = prompt.pack_version;
            say(&format!(
                "  {mark} {} {due} {hard} (pack {version})",
                prompt.rule
            ));
        };
        case.gone.iter().for_each(|prompt| line("-", prompt));
        case.new.iter().for_each(|prompt| line("+", prompt));
    }
    say(&format!(
        "{} cases would change by pack {version}; it judges triggers from {from} on",
        found.len()
    ));
    Ok(())
}

async fn sign(court: &Court, file: &Path, out: &Path) -> Result<(), String> {
    let value = inside(file)?;
    let document = if value.get("year").is_some() {
        let year = HolidayYear::from_json(&value.to_string())
            .map_err(|error| format!("{}: {error}", file.display()))?;
        norms::sign_year(court, year)
            .await
            .map_err(|error| error.to_string())?
    } else {
        let pack = read(file)?;
        let warnings = pack.check().len();
        let document = norms::sign_pack(court, &pack).map_err(|error| error.to_string())?;
        say(&format!(
            "pack {} from {}{}: {} rules, {warnings} warnings (rules check)",
            pack.version,
            pack.effective_from,
            until(pack.effective_until),
            pack.rules.len()
        ));
        document
    };
    let bytes = serde_json::to_vec(&document).map_err(|error| error.to_string())?;
    std::fs::write(out, bytes).map_err(|error| format!("{}: {error}", out.display()))?;
    say(&format!(
        "signed: {}; look what it changes with `rules simulate`, then `rules publish`",
        out.display()
    ));
    Ok(())
}

async fn publish(court: &Court, file: &Path) -> Result<(), String> {
    let document = signed(file)?;
    if let Ok(release) = document.peek::<PackRelease>() {
        // Said before it is done: a pack goes over all that is older from its day on.
        say(&format!(
            "pack {} from {}",
            release.version, release.effective_from
        ));
    }
    let entry = norms::publish(court, &document)
        .await
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let scope = if entry.scope.is_empty() {
        String::new()
    } else {
        format!(" of {}", entry.scope)
    };
    say(&format!(
        "published: {}{scope} version {}, {} bytes; devices get it with their next synchronisation",
        entry.kind, entry.version, entry.size_bytes
    ));
    Ok(())
}

async fn list(court: &Court) -> Result<(), String> {
    let published = published(court).await?;
    for entry in &published.entries {
        let refused = published
            .refused
            .iter()
            .find(|(refused, _)| refused == entry);
        let mark = refused.map_or_else(String::new, |(_, code)| format!("  NOT USED: {code}"));
        say(&format!(
            "{:9}{:10} version {:4} {}{mark}",
            entry.kind, entry.scope, entry.version, entry.sha256
        ));
    }
    for period in published.law("").periods() {
        let from = period
            .from
            .map_or_else(|| "ever".to_owned(), |from| from.to_string());
        say(&format!(
            "in force since {from}{}: pack {} ({})",
            until(period.until),
            period.pack.version,
            period.pack_id
        ));
    }
    Ok(())
}
