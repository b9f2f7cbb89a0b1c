//! Every command: reads the engine, asks it, prints what it says. Nothing is decided here.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};
use zhixing_engine::capture::{CaptureRequest, MAX_WRITE_BYTES, SealedItem};
use zhixing_engine::error::Result;
use zhixing_engine::ports::Ports;
use zhixing_engine::proof::{self, Verdict};
use zhixing_engine::queue::{Item, Troubled, Upload};
use zhixing_engine::{Engine, EngineError, ErrorKind, Progress, Status, SyncEnd};
use zhixing_protocol::canonical;
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::statement::{ImportSource, MediaKind};

use crate::act;
use crate::arguments::{Arguments, Command, DocAct, Kind, Source};
use crate::output::{Output, moment, short, size, yuan};
use crate::{doc, exit, funds, law};

/// Marks that the judge closed the case files on this laptop.
const LOCK_MARK: &str = "locked-by-the-judge";

/// Runs the command and gives the exit code.
pub fn run(arguments: &Arguments, output: &Output) -> Result<u8> {
    let folder = arguments.folder.as_path();
    match &arguments.command {
        Command::Vectors { files } => return vectors(files, output),
        Command::Nodes { word } => return law::nodes(word.as_deref(), output),
        Command::Doc {
            act: DocAct::List { word },
        } => return doc::list(word.as_deref(), output),
        Command::Doc {
            act:
                DocAct::Fields {
                    template,
                    case: None,
                    ..
                },
        } => return doc::fields(template, output),
        Command::Doc {
            act: DocAct::Specimens { folder, fonts },
        } => return doc::specimens(folder, fonts, output),
        Command::Interest {
            principal,
            due,
            until,
            claim,
        } => {
            let simple = principal.as_deref().zip(*due).zip(*until);
            return law::interest(simple, claim.as_deref(), output);
        }
        Command::Verify { from, trust } => return verify(from, trust, output),
        Command::Lock => {
            File::create(folder.join(LOCK_MARK))?.sync_all()?;
            output.show(&json!({"locked": true}), || {
                vec!["The case files are closed. Captures and uploads go on.".into()]
            });
            return Ok(exit::DONE);
        }
        Command::Unlock => {
            match std::fs::remove_file(folder.join(LOCK_MARK)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error.into());
                }
                _ => {}
            }
            open(folder)?.unlock()?;
            output.show(&json!({"locked": false}), || {
                vec!["The case files are open.".into()]
            });
            return Ok(exit::DONE);
        }
        _ => {}
    }
    let engine = open(folder)?;
    if !matches!(arguments.command, Command::Enrol { .. } | Command::Doctor)
        && !folder.join(LOCK_MARK).exists()
    {
        // Without the reading key everything but reading still works; the command itself says what it misses.
        match engine.unlock() {
            Err(error) if error.kind != ErrorKind::Locked => return Err(error),
            _ => {}
        }
    }
    command(&engine, &arguments.command, output)
}

fn open(folder: &Path) -> Result<Engine> {
    std::fs::create_dir_all(folder)?;
    let platform = concat!("linux zhixing-field/", env!("CARGO_PKG_VERSION"));
    Engine::open(folder, Ports::system(folder, platform)?)
}

fn command(engine: &Engine, command: &Command, output: &Output) -> Result<u8> {
    match command {
        Command::Enrol { ticket, label } => enrol(engine, ticket, label, output),
        Command::Cases => cases(engine, output),
        Command::Show { case } => show(engine, case, output),
        Command::Search { words } => search(engine, words, output),
        Command::Document {
            case,
            document,
            output: to,
        } => document_to(engine, case, document, to, output),
        Command::Capture {
            inputs,
            case,
            kind,
            text,
        } => capture(
            engine,
            inputs,
            case.as_deref(),
            *kind,
            text.as_deref(),
            output,
        ),
        Command::Import {
            files,
            case,
            source,
        } => import(engine, files, case.as_deref(), *source, output),
        Command::Assign { case, items } => {
            let case = find_case(engine, case)?;
            let items = items
                .iter()
                .map(|item| {
                    item.parse()
                        .map_err(|error| EngineError::invalid(format!("item {item}: {error}")))
                })
                .collect::<Result<Vec<_>>>()?;
            let statement = engine.assign(&items, case)?;
            output.show(&json!({"statement": statement.to_string()}), || {
                vec![format!("{} items assigned.", items.len())]
            });
            Ok(exit::DONE)
        }
        Command::Note { case, text } => {
            let case = find_case(engine, case)?;
            let statement = engine.note(case, text, None, None)?;
            output.show(&json!({"statement": statement.to_string()}), || {
                vec!["Noted; it goes to the court with the next sync.".into()]
            });
            Ok(exit::DONE)
        }
        Command::Today { .. }
        | Command::Prompts { .. }
        | Command::Checklist { .. }
        | Command::Record { .. }
        | Command::Measure { .. }
        | Command::Pause { .. } => law::run(engine, command, output),
        Command::Funds { case, act } => {
            funds::run(engine, find_case(engine, case)?, act.as_ref(), output)
        }
        Command::Act { act } => act::run(engine, act, output),
        Command::Doc { act } => doc::run(engine, act, output),
        Command::Sync { wait } => sync(engine, *wait, output),
        Command::Status => status(engine, output),
        Command::Receipts => receipts(engine, output),
        Command::Retry { item } => {
            let item = item
                .parse()
                .map_err(|error| EngineError::invalid(format!("item {item}: {error}")))?;
            engine.retry_item(item)?;
            output.show(&json!({"item": item.to_string()}), || {
                vec!["It is tried again at the next sync.".into()]
            });
            Ok(exit::DONE)
        }
        Command::Free => {
            let freed = engine.free()?;
            let kept: Vec<Value> = freed
                .kept
                .iter()
                .map(|kept| json!({"item": kept.item.to_string(), "missing": kept.missing}))
                .collect();
            output.show(&json!({"freed_items": freed.items.len(), "freed_bytes": freed.bytes, "kept": kept}), || {
                let mut lines = vec![format!("{} originals deleted, {} freed. The court verifiably holds them.", freed.items.len(), size(freed.bytes))];
                lines.extend(freed.kept.iter().map(|kept| format!("{} stays: {}", kept.item, kept.missing)));
                lines
            });
            Ok(exit::DONE)
        }
        Command::Export { case, to } => {
            let case = find_case(engine, case)?;
            let folder = engine.export(case, to)?;
            output.show(&json!({"folder": folder.display().to_string()}), || {
                vec![format!(
                    "Written to {}. README.txt there says how to check it with stock tools.",
                    folder.display()
                )]
            });
            Ok(exit::DONE)
        }
        Command::Adopt => {
            let (taken, left) = engine.adopt_put_aside()?;
            let list: Vec<Value> = taken.iter().map(sealed_value).collect();
            output.show(&json!({"items": list, "left_aside": left}), || {
                let mut lines: Vec<String> = taken.iter().map(sealed_line).collect();
                lines.push(format!("{} taken in again without a case; next: zhixing-field assign. {left} files stay in the folder quarantine.", taken.len()));
                lines
            });
            Ok(exit::DONE)
        }
        Command::Doctor => doctor(engine, output),
        Command::Verify { .. }
        | Command::Vectors { .. }
        | Command::Nodes { .. }
        | Command::Interest { .. }
        | Command::Lock
        | Command::Unlock => Ok(exit::DONE),
    }
}

/// A case by id, or by number in any spelling.
pub fn find_case(engine: &Engine, text: &str) -> Result<CaseId> {
    if let Ok(case) = text.parse() {
        return Ok(case);
    }
    let number: zhixing_protocol::case::CaseNumber = text
        .parse()
        .map_err(|error| EngineError::invalid(format!("{text}: {error}")))?;
    let number = number.to_string();
    let found = engine
        .cases()?
        .into_iter()
        .find(|case| case.number == number);
    found.map(|case| case.case).ok_or_else(|| {
        EngineError::not_found(format!(
            "{number} is not on this device; sync, or ask for the case"
        ))
    })
}

fn enrol(engine: &Engine, ticket: &str, label: &str, output: &Output) -> Result<u8> {
    let text = if ticket.starts_with("zx1:") {
        ticket.to_owned()
    } else {
        std::fs::read_to_string(ticket)?
    };
    let officer = engine.enrol_once(text.trim(), label)?;
    let open_chain = engine.open_chain()?;
    let open_seq = open_chain.map(|end| end.seq);
    output.show(
        &json!({"officer": officer.name, "court": officer.court, "badge": officer.badge, "open_chain_seq": open_seq}),
        || {
            let mut lines = vec![format!(
                "This device belongs to {} ({}) now. Next: zhixing-field sync",
                officer.name, officer.court
            )];
            if let Some(seq) = open_seq {
                lines.push(format!(
                    "An earlier device of yours is still open at the court, after its statement {seq}. If you have it, let it sync once more; if it is lost, ask the court to revoke it and close its chain."
                ));
            }
            lines
        },
    );
    Ok(exit::DONE)
}

fn cases(engine: &Engine, output: &Output) -> Result<u8> {
    let cases = engine.cases()?;
    let list: Vec<Value> = cases
        .iter()
        .map(|case| json!({"case": case.case.to_string(), "number": case.number, "court": case.court, "events": case.newest_seq, "newest_ms": case.newest_at_ms.0}))
        .collect();
    output.show(&json!({"cases": list}), || {
        let mut lines: Vec<String> = cases
            .iter()
            .map(|case| {
                format!(
                    "{:24} {:3} events  {}",
                    case.number,
                    case.newest_seq,
                    moment(case.newest_at_ms.0)
                )
            })
            .collect();
        lines.push(format!("{} cases", cases.len()));
        lines
    });
    Ok(exit::DONE)
}

fn show(engine: &Engine, case: &str, output: &Output) -> Result<u8> {
    let view = engine.case_view(find_case(engine, case)?)?;
    let state = &view.state;
    let mut lines = Vec::new();
    if let Some(filing) = state.filing() {
        lines.push(format!(
            "{}  filed {}  {}",
            filing.body.number,
            filing.occurred_on,
            filing.body.amount_fen.map(yuan).unwrap_or_default()
        ));
        lines.push(filing.hidden_text("title").unwrap_or_default().to_owned());
    }
    if let Some((_, handler)) = state.handler() {
        lines.push(format!(
            "Handler   {}",
            handler.name.as_deref().unwrap_or("—")
        ));
    }
    for party in state.parties() {
        let value = |name| party.hidden_text(name).unwrap_or("—");
        lines.push(format!(
            "{:9} {}  {}  {}",
            format!("{:?}", party.body.role),
            value("name"),
            value("phone"),
            value("address")
        ));
    }
    for document in state.documents() {
        lines.push(format!(
            "Document  {}  {}  {}",
            document.body.document,
            document.hidden_text("title").unwrap_or("—"),
            size(document.body.size_bytes)
        ));
    }
    for (_, note) in state.notes() {
        let mark = if note.seq > view.newest_seq {
            " (on the way)"
        } else {
            ""
        };
        lines.push(format!(
            "Note      {}  {}{mark}",
            note.occurred_on,
            note.hidden_text("text").unwrap_or("—")
        ));
    }
    for (statement, item) in state.all_evidence() {
        let where_ = match (&item.received, item.sealed.seq > view.newest_seq) {
            (Some(received), _) => format!("{:?}", received.outcome),
            (None, true) => "on the way".into(),
            (None, false) => "sealed, bytes awaited".into(),
        };
        lines.push(format!(
            "Evidence  {}  {}  {}  {where_}",
            short(&statement.to_string()),
            item.sealed.body.media_type,
            size(item.sealed.body.digests.size_bytes)
        ));
    }
    for act in view
        .pending
        .iter()
        .filter(|act| act.effect != zhixing_protocol::event::Effect::Applied)
    {
        lines.push(format!(
            "Look at   {}  {}  {:?}",
            act.r#type,
            short(&act.statement.to_string()),
            act.effect
        ));
    }
    let pending: Vec<Value> = view
        .pending
        .iter()
        .map(|act| json!({"statement": act.statement.to_string(), "type": act.r#type, "effect": act.effect}))
        .collect();
    let value = json!({
        "case": view.case.to_string(),
        "newest_seq": view.newest_seq,
        "state": serde_json::to_value(state)?,
        "pending": pending,
    });
    output.show(&value, || lines);
    Ok(exit::DONE)
}

fn search(engine: &Engine, words: &str, output: &Output) -> Result<u8> {
    let hits = engine.search(words)?;
    let numbers: std::collections::BTreeMap<CaseId, String> = engine
        .cases()?
        .into_iter()
        .map(|case| (case.case, case.number))
        .collect();
    let list: Vec<Value> = hits
        .iter()
        .map(|hit| json!({"case": hit.case.to_string(), "number": numbers.get(&hit.case), "field": hit.field, "text": hit.text}))
        .collect();
    output.show(&json!({"hits": list}), || {
        let mut lines: Vec<String> = hits
            .iter()
            .map(|hit| {
                format!(
                    "{:24} {}: {}",
                    numbers.get(&hit.case).map_or("", String::as_str),
                    hit.field,
                    hit.text
                )
            })
            .collect();
        lines.push(format!("{} found", hits.len()));
        lines
    });
    Ok(exit::DONE)
}

fn document_to(
    engine: &Engine,
    case: &str,
    document: &str,
    to: &Path,
    output: &Output,
) -> Result<u8> {
    let case = find_case(engine, case)?;
    let document = document
        .parse()
        .map_err(|error| EngineError::invalid(format!("document {document}: {error}")))?;
    if !engine.fetch_document(case, document)?
        && let SyncEnd::Later { reason } = engine.sync_once(0, None)?
    {
        return Err(EngineError::new(
            ErrorKind::Offline,
            format!(
                "the document is not on this device and the court was not reached ({reason}); try again later"
            ),
        ));
    }
    // Whole or not at all: a name never stands for half a document.
    let part = to.with_extension("part");
    let mut file = File::create(&part)?;
    let copy = engine.open_document(case, document, &mut file)?;
    file.flush()?;
    file.sync_all()?;
    std::fs::rename(&part, to)?;
    output.show(
        &json!({"media_type": copy.media_type, "size_bytes": copy.size_bytes}),
        || {
            vec![format!(
                "{} ({}, {})",
                to.display(),
                copy.media_type,
                size(copy.size_bytes)
            )]
        },
    );
    Ok(exit::DONE)
}

fn sealed_value(sealed: &SealedItem) -> Value {
    json!({
        "item": sealed.item.to_string(),
        "statement": sealed.statement.to_string(),
        "sha256": sealed.digests.sha256.to_string(),
        "sm3": sealed.digests.sm3.to_string(),
        "size_bytes": sealed.digests.size_bytes,
        "media_type": sealed.media_type,
    })
}

fn show_sealed(sealed: &[SealedItem], output: &Output) {
    let list: Vec<Value> = sealed.iter().map(sealed_value).collect();
    output.show(&json!({"items": list}), || {
        sealed.iter().map(sealed_line).collect()
    });
}

fn sealed_line(sealed: &SealedItem) -> String {
    format!(
        "sealed {}  {}  {}  sha256 {}",
        sealed.item,
        sealed.media_type,
        size(sealed.digests.size_bytes),
        short(&sealed.digests.sha256.to_string())
    )
}

fn capture(
    engine: &Engine,
    inputs: &[PathBuf],
    case: Option<&str>,
    kind: Kind,
    text: Option<&str>,
    output: &Output,
) -> Result<u8> {
    let case = case.map(|case| find_case(engine, case)).transpose()?;
    let kind = match kind {
        Kind::Photo => MediaKind::Photo,
        Kind::Video => MediaKind::Video,
        Kind::Audio => MediaKind::Audio,
    };
    let recording = if kind == MediaKind::Video {
        Some(engine.begin_recording(case, kind)?)
    } else {
        None
    };
    let mut sealed = Vec::new();
    for (index, input) in (0_u32..).zip(inputs) {
        let mut request = CaptureRequest::new(kind, case);
        request.segment = recording.map(|recording| (recording, index));
        if let Some(text) = text {
            request
                .hidden
                .insert("text".into(), canonical::Value::from(text));
        }
        sealed.push(capture_one(engine, input, request, output)?);
    }
    if let Some(recording) = recording {
        engine.close_recording(recording)?;
    }
    show_sealed(&sealed, output);
    Ok(exit::DONE)
}

/// Captures the bytes of one file, or of standard input, as they come.
pub fn capture_one(
    engine: &Engine,
    input: &Path,
    request: CaptureRequest,
    output: &Output,
) -> Result<SealedItem> {
    let standard_input = input.as_os_str() == "-";
    let mut source: Box<dyn Read> = if standard_input {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(input)?)
    };
    let total = if standard_input {
        0
    } else {
        std::fs::metadata(input)?.len()
    };
    let bar = output.bar(total, "capturing");
    let mut open = engine.begin_capture(request)?;
    let mut buffer = vec![0; MAX_WRITE_BYTES / 4];
    loop {
        let read = source.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        open.write(buffer.get(..read).unwrap_or_default())?;
        bar.inc(read as u64);
    }
    let sealed = open.finish()?;
    engine.make_thumbnails();
    bar.finish_and_clear();
    Ok(sealed)
}

fn import(
    engine: &Engine,
    files: &[PathBuf],
    case: Option<&str>,
    source: Source,
    output: &Output,
) -> Result<u8> {
    let case = case.map(|case| find_case(engine, case)).transpose()?;
    let source = match source {
        Source::Recorder => ImportSource::Recorder,
        Source::Gallery => ImportSource::Gallery,
        Source::File => ImportSource::File,
    };
    let mut sealed = Vec::new();
    for file in files {
        sealed.push(engine.import(file, source, case, canonical::Object::new())?);
    }
    show_sealed(&sealed, output);
    Ok(exit::DONE)
}

struct Bar {
    bar: indicatif::ProgressBar,
    most: Mutex<u64>,
}

impl Progress for Bar {
    fn changed(&self, status: &Status) {
        let mut most = self
            .most
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *most = (*most).max(status.waiting_bytes);
        self.bar.set_length(*most);
        self.bar
            .set_position(most.saturating_sub(status.waiting_bytes));
    }
}

fn sync(engine: &Engine, wait: u32, output: &Output) -> Result<u8> {
    let before = engine.status()?.waiting_bytes;
    let bar = Bar {
        bar: output.bar(before, "sending"),
        most: Mutex::new(before),
    };
    let end = engine.sync_once(i64::from(wait) * 1000, Some(&bar))?;
    bar.bar.finish_and_clear();
    let code = match &end {
        SyncEnd::Done => exit::DONE,
        SyncEnd::Later { .. } => exit::LATER,
    };
    let reason = match end {
        SyncEnd::Done => None,
        SyncEnd::Later { reason } => Some(reason),
    };
    let (status, troubled) = (engine.status()?, engine.troubled()?);
    let mut value = status_value(&status, &troubled);
    if let Value::Object(members) = &mut value {
        members.insert("later".into(), json!(reason));
    }
    output.show(&value, || {
        let mut lines = status_lines(&status, &troubled);
        if let Some(reason) = reason {
            lines.insert(0, format!("Not everything yet ({reason}). Nothing is lost; sync again when there is a connection."));
        }
        lines
    });
    Ok(code)
}

fn status_value(status: &Status, troubled: &[Troubled]) -> Value {
    json!({
        "officer": status.officer.as_ref().map(|officer| &officer.name),
        "unlocked": status.unlocked,
        "revoked": status.revoked,
        "pending_statements": status.pending_statements,
        "troubled_statements": status.troubled_statements,
        "troubled": troubled.iter().map(|statement| json!({"seq": statement.seq, "statement": statement.hash.to_string(), "type": statement.r#type, "reason": statement.reason})).collect::<Vec<_>>(),
        "items": status.items,
        "waiting_items": status.waiting_items,
        "waiting_bytes": status.waiting_bytes,
        "unconfirmed_items": status.unconfirmed_items,
        "held_items": status.held_items,
        "set_aside": status.set_aside.iter().map(|item| json!({"item": item.item.to_string(), "reason": item.reason})).collect::<Vec<_>>(),
        "refusals": status.refusals,
        "last_contact_ms": status.last_contact_ms,
        "lease_left_ms": status.lease_left_ms,
        "trouble": status.trouble,
    })
}

fn status_lines(status: &Status, troubled: &[Troubled]) -> Vec<String> {
    let mut lines = vec![match &status.officer {
        Some(officer) => format!("Device of {} ({})", officer.name, officer.court),
        None => "Not enrolled. Next: zhixing-field enrol TICKET".into(),
    }];
    if status.revoked {
        lines.push(
            "The court revoked this device. What it holds of evidence still goes out.".into(),
        );
    }
    lines.push(format!(
        "Statements on the way {}   items on the way {} ({})   not confirmed yet {}   held by the court and proved {} of {}",
        status.pending_statements, status.waiting_items, size(status.waiting_bytes), status.unconfirmed_items, status.held_items, status.items
    ));
    for statement in troubled {
        lines.push(format!(
            "Not taken by the court: statement {} ({}): {}. It is kept here and there; speak to the court.",
            statement.seq, statement.r#type, statement.reason
        ));
    }
    for item in &status.set_aside {
        lines.push(format!(
            "Set aside: {} ({}). Try again with: zhixing-field retry {}",
            item.item, item.reason, item.item
        ));
    }
    for (code, count) in &status.refusals {
        lines.push(format!("Not believed and kept out: {code} × {count}"));
    }
    lines.push(match status.last_contact_ms {
        Some(ms) => format!("Last contact {}", moment(ms)),
        None => "No contact yet".into(),
    });
    lines
}

fn status(engine: &Engine, output: &Output) -> Result<u8> {
    let (status, troubled) = (engine.status()?, engine.troubled()?);
    output.show(&status_value(&status, &troubled), || {
        status_lines(&status, &troubled)
    });
    Ok(exit::DONE)
}

fn receipts(engine: &Engine, output: &Output) -> Result<u8> {
    let mut values = Vec::new();
    let mut lines = vec![format!(
        "{:12} {:26} {:>10} {:12} {:9} {:>8} {}",
        "item", "media type", "size", "sha256", "receipt", "leaf", "proof"
    )];
    for item in engine.items()? {
        let held = engine.held(&item)?;
        let upload = match item.upload {
            Upload::Waiting => "waiting",
            Upload::Sent => "sent",
            Upload::SetAside => "set aside",
        };
        let receipt = if held.receipt.is_some() {
            "verified"
        } else {
            upload
        };
        lines.push(format!(
            "{:12} {:26} {:>10} {:12} {receipt:9} {:>8} {}",
            tail(&item),
            item.media_type,
            size(item.digests.size_bytes),
            short(&item.digests.sha256.to_string()),
            held.leaf_index
                .map_or("—".into(), |index| index.to_string()),
            if held.leaf_index.is_some() {
                "verified"
            } else {
                "—"
            },
        ));
        values.push(json!({
            "item": item.item.to_string(),
            "statement": item.statement.to_string(),
            "media_type": item.media_type,
            "size_bytes": item.digests.size_bytes,
            "sha256": item.digests.sha256.to_string(),
            "sm3": item.digests.sm3.to_string(),
            "segment": item.segment.map(|(recording, index)| json!({"recording": recording.to_string(), "index": index})),
            "assurance": held.assurance.to_string(),
            "bracket": held.bracket,
            "receipt_at_ms": held.receipt.map(|at| at.0),
            "leaf_index": held.leaf_index,
            "tree_size": held.tree_size,
            "freed": item.freed,
            "upload": upload,
        }));
    }
    output.show(&json!({"items": values}), || lines);
    Ok(exit::DONE)
}

fn tail(item: &Item) -> String {
    let text = item.item.to_string();
    text.get(24..).unwrap_or(&text).to_owned()
}

fn doctor(engine: &Engine, output: &Output) -> Result<u8> {
    let recovery = engine.recovery();
    let report = engine.examine()?;
    let sound = report.problems.is_empty();
    output.show(
        &json!({"sound": sound, "files": report.files, "problems": report.problems, "recovered_captures": recovery.recovered, "put_aside": recovery.put_aside}),
        || {
            let mut lines = vec![format!("{} media files looked at, {} captures recovered at this start, {} files put aside", report.files, recovery.recovered, recovery.put_aside)];
            lines.extend(report.problems.iter().cloned());
            lines.push(if sound { "Everything is whole.".into() } else { "Keep this folder as it is and speak to the court's engineers.".into() });
            lines
        },
    );
    Ok(if sound {
        exit::DONE
    } else {
        exit::code_of(&EngineError::damaged(""))
    })
}

fn verify(folder: &Path, trust: &Path, output: &Output) -> Result<u8> {
    let report = proof::verify_folder(folder, trust)?;
    let mut values = Vec::new();
    let mut lines = Vec::new();
    let (mut passed, mut failed, mut untrusted) = (0_usize, 0_usize, false);
    for check in &report.checks {
        let of = check.statement.map_or_else(
            || "folder".to_owned(),
            |number| format!("statement {number}"),
        );
        let (word, detail) = match &check.verdict {
            Verdict::Passed => ("passed", String::new()),
            Verdict::Failed => ("FAILED", String::new()),
            Verdict::Untrusted(detail) => ("untrusted", detail.clone()),
            Verdict::Absent => ("absent", String::new()),
        };
        match &check.verdict {
            Verdict::Passed => passed += 1,
            Verdict::Failed => failed += 1,
            Verdict::Untrusted(_) => untrusted = true,
            Verdict::Absent => {}
        }
        lines.push(format!("{word:9}  {of:14}  {}  {detail}", check.code));
        values.push(
            json!({"of": of, "code": check.code, "verdict": word.to_lowercase(), "detail": detail}),
        );
    }
    let code = match (failed, untrusted, report.is_sound()) {
        (0, true, _) => exit::UNTRUSTED_KEY,
        (0, false, true) => exit::DONE,
        _ => exit::NOT_PROVED,
    };
    lines.push(format!("{passed} passed, {failed} failed"));
    output.show(
        &json!({"checks": values, "passed": passed, "failed": failed, "sound": code == exit::DONE}),
        || lines,
    );
    Ok(code)
}

fn vectors(files: &[PathBuf], output: &Output) -> Result<u8> {
    let (mut passed, mut failed) = (0_usize, 0_usize);
    let mut lines = Vec::new();
    let mut values = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file)?;
        let report = zhixing_protocol::vectors::run(&text)
            .map_err(|error| EngineError::invalid(format!("{}: {error}", file.display())))?;
        passed += report.passed;
        failed += report.failures.len();
        lines.push(format!(
            "{}: {} ({} passed, {} failed)",
            file.display(),
            report.kind,
            report.passed,
            report.failures.len()
        ));
        for failure in &report.failures {
            lines.push(format!("  {}: {}", failure.id, failure.why));
            lines.push(format!("    expected {}", failure.expected));
            lines.push(format!("    got      {}", failure.got));
            values.push(json!({"file": file.display().to_string(), "id": failure.id, "expected": failure.expected, "got": failure.got}));
        }
    }
    lines.push(format!("{passed} passed, {failed} failed"));
    output.show(
        &json!({"passed": passed, "failed": failed, "failures": values}),
        || lines,
    );
    Ok(if failed == 0 {
        exit::DONE
    } else {
        exit::NOT_PROVED
    })
}
