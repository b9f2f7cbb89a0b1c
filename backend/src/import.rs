//! Import of courts, staff and cases from a batch folder. Running it again changes nothing; each line stands alone.
//!
//! *Shape*: `courts.jsonl`, `staff.jsonl`, `cases.jsonl` (each may be missing) and the files that `cases.jsonl` names.
//! The format is described in `docs/IMPORT.md`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Read as _};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use zhixing_protocol::age::{FileKey, Header, NONCE_LEN, StreamSealer};
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::case::{CaseNumber, CourtWord};
use zhixing_protocol::event::Effect;
use zhixing_protocol::hash::{Sha256Digest, StoredDigest};
use zhixing_protocol::ids::{CaseId, DocumentId, PartyId, StaffId};
use zhixing_protocol::statement::{
    CaseAssigned, CaseFiled, CaseRole, DocumentAdded, Fact, FactContent, JobImport, PartyAdded,
    PartyRole,
};
use zhixing_protocol::time::Date;
use zhixing_protocol::trust::KeyPurpose;

use crate::court::Court;
use crate::inbox;

/// Largest document taken: 64 MiB.
const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

/// A court of the tree.
#[derive(Debug, Deserialize)]
struct CourtLine {
    word: CourtWord,
    name: String,
    level: String,
    parent: Option<String>,
}

/// A person of a court.
#[derive(Debug, Deserialize)]
struct StaffLine {
    login: String,
    name: String,
    role: String,
    court: CourtWord,
    badge: String,
    /// First password; without one the person cannot log in to the console.
    password: Option<String>,
}

/// A case.
#[derive(Debug, Deserialize)]
struct CaseLine {
    external_id: String,
    number: String,
    court: CourtWord,
    cause: String,
    amount_fen: Option<i64>,
    filed_on: Date,
    title: String,
    handler: Option<String>,
    #[serde(default)]
    assistants: Vec<String>,
    #[serde(default)]
    parties: Vec<PartyLine>,
    #[serde(default)]
    documents: Vec<DocumentLine>,
}

#[derive(Debug, Deserialize)]
struct PartyLine {
    external_id: String,
    role: PartyRole,
    kind: String,
    name: String,
    id_number: Option<String>,
    phone: Option<String>,
    address: Option<String>,
    village: Option<String>,
}

#[derive(Debug, Deserialize)]
struct DocumentLine {
    external_id: String,
    kind: String,
    volume: String,
    title: String,
    media_type: String,
    file: String,
}

/// What became of one line.
#[derive(Debug, Serialize)]
pub struct LineReport {
    /// File and line, such as `cases.jsonl:3`.
    pub at: String,
    /// `added`, `unchanged` or `failed`.
    pub outcome: &'static str,
    /// Why it failed.
    pub reason: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Default, Serialize)]
pub struct ImportReport {
    /// Lines taken.
    pub added: u64,
    /// Lines known before.
    pub unchanged: u64,
    /// Lines refused; the others were taken all the same.
    pub failed: Vec<LineReport>,
}

type LineResult = Result<bool, String>;

/// Imports a batch folder. *Errors*: only where the folder or the store cannot be used at all.
pub async fn run(court: &Court, folder: &Path) -> Result<ImportReport, String> {
    let mut report = ImportReport::default();
    let batch = batch_digest(folder)?;
    for (number, line) in lines(folder, "courts.jsonl")? {
        let result = import_court(court, &line).await;
        note(&mut report, "courts.jsonl", number, result);
    }
    for (number, line) in lines(folder, "staff.jsonl")? {
        let result = import_staff(court, &line).await;
        note(&mut report, "staff.jsonl", number, result);
    }
    for (number, line) in lines(folder, "cases.jsonl")? {
        let result = import_case(court, folder, batch, &line).await;
        note(&mut report, "cases.jsonl", number, result);
    }
    court.log_wake.notify_one();
    Ok(report)
}

fn note(report: &mut ImportReport, file: &str, number: usize, result: LineResult) {
    match result {
        Ok(true) => report.added += 1,
        Ok(false) => report.unchanged += 1,
        Err(reason) => report.failed.push(LineReport {
            at: format!("{file}:{number}"),
            outcome: "failed",
            reason: Some(reason),
        }),
    }
}

fn batch_digest(folder: &Path) -> Result<Sha256Digest, String> {
    let mut all = Vec::new();
    for name in ["courts.jsonl", "staff.jsonl", "cases.jsonl"] {
        if let Ok(bytes) = std::fs::read(folder.join(name)) {
            all.extend_from_slice(&Sha256Digest::of(&bytes).0);
        }
    }
    if all.is_empty() {
        return Err(format!(
            "{} holds no courts.jsonl, staff.jsonl or cases.jsonl",
            folder.display()
        ));
    }
    Ok(Sha256Digest::of(&all))
}

fn lines(folder: &Path, name: &str) -> Result<Vec<(usize, String)>, String> {
    let path = folder.join(name);
    let file = match std::fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let mut found = Vec::new();
    for (place, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| format!("{}: {error}", path.display()))?;
        if !line.trim().is_empty() {
            found.push((place + 1, line));
        }
    }
    Ok(found)
}

fn parse<T: serde::de::DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| error.to_string())
}

fn told(failure: impl std::fmt::Debug) -> String {
    format!("{failure:?}")
}

async fn import_court(court: &Court, line: &str) -> LineResult {
    let line: CourtLine = parse(line)?;
    let mut tx = court.db.begin_write().await.map_err(told)?;
    let changed = tx
        .execute(
            "INSERT INTO courts (word, name, level, parent) VALUES ($1, $2, $3, $4) ON CONFLICT (word) DO NOTHING",
            &[line.word.as_str().into(), line.name.into(), line.level.into(), line.parent.into()],
        )
        .await
        .map_err(told)?;
    tx.commit().await.map_err(told)?;
    Ok(changed == 1)
}

async fn require_court(tx: &mut crate::store::Tx, word: &str) -> Result<(), String> {
    let known = tx
        .row("SELECT word FROM courts WHERE word = $1", &[word.into()])
        .await
        .map_err(told)?;
    match known {
        Some(_) => Ok(()),
        None => Err(format!("unknown court {word}: add it to courts.jsonl")),
    }
}

async fn import_staff(court: &Court, line: &str) -> LineResult {
    let line: StaffLine = parse(line)?;
    if !["judge", "clerk", "duty", "admin", "auditor"].contains(&line.role.as_str()) {
        return Err(format!(
            "unknown role {:?}: write judge, clerk, duty, admin or auditor",
            line.role
        ));
    }
    let mut tx = court.db.begin_write().await.map_err(told)?;
    let known = tx
        .row(
            "SELECT staff FROM staff WHERE login = $1",
            &[line.login.as_str().into()],
        )
        .await
        .map_err(told)?;
    if known.is_some() {
        return Ok(false);
    }
    require_court(&mut tx, line.court.as_str()).await?;
    let password_hash = match line.password {
        Some(password) => crate::auth::hash_password(&password).map_err(told)?,
        None => String::new(),
    };
    tx.execute(
        "INSERT INTO staff (staff, login, name, role, court, badge, password_hash) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            StaffId::make(court.now(), crate::random()).into(),
            line.login.into(),
            line.name.into(),
            line.role.into(),
            line.court.as_str().into(),
            line.badge.into(),
            password_hash.into(),
        ],
    )
    .await
    .map_err(told)?;
    tx.commit().await.map_err(told)?;
    Ok(true)
}

/// Ids are derived from the source system's names, so that the same record never becomes two.
fn derived_id(
    court: &Court,
    filed_on: Date,
    name: &str,
) -> ([u8; 10], zhixing_protocol::time::UtcMillis) {
    let digest = Sha256Digest::of(format!("{}\n{name}", court.realm).as_bytes());
    let mut random = [0; 10];
    for (to, from) in random.iter_mut().zip(digest.0) {
        *to = from;
    }
    (random, filed_on.shanghai_start())
}

async fn import_case(court: &Court, folder: &Path, batch: Sha256Digest, text: &str) -> LineResult {
    let line: CaseLine = parse(text)?;
    let line_sha256 = Sha256Digest::of(text.trim().as_bytes());
    let number: CaseNumber = line.number.parse().map_err(|error| format!("{error}"))?;
    let mut tx = court.db.begin_read().await.map_err(told)?;
    let known = tx
        .row(
            "SELECT sha256 FROM imports WHERE external_id = $1",
            &[line.external_id.as_str().into()],
        )
        .await
        .map_err(told)?;
    if let Some(row) = known
        && row.parse::<Sha256Digest>(0).map_err(told)? == line_sha256
    {
        return Ok(false);
    }
    require_court(&mut tx, line.court.as_str()).await?;
    drop(tx);
    // Kept before the database is held: a store may be slow. Whatever fails later leaves a file that the next try finds.
    let mut kept = Vec::new();
    for document in &line.documents {
        kept.push(keep_document(court, folder, line.court.as_str(), &document.file).await?);
    }
    let mut tx = court.db.begin_write().await.map_err(told)?;
    let (random, made) = derived_id(court, line.filed_on, &line.external_id);
    let case = CaseId::make(made, random);
    let mut hidden = Object::new();
    let mut facts = Vec::new();
    hidden.insert("title".into(), Value::Text(line.title.clone()));
    facts.push(Fact {
        content: FactContent::CaseFiled(CaseFiled {
            amount_fen: line.amount_fen,
            cause: line.cause.clone(),
            court: line.court.clone(),
            number,
        }),
        hidden: BTreeMap::from([("title".to_owned(), "title".to_owned())]),
        occurred_on: line.filed_on,
    });
    let handler = line.handler.iter().map(|login| (login, CaseRole::Handler));
    for (place, (login, role)) in handler
        .chain(
            line.assistants
                .iter()
                .map(|login| (login, CaseRole::Assistant)),
        )
        .enumerate()
    {
        let row = tx
            .row(
                "SELECT staff, name FROM staff WHERE login = $1",
                &[login.as_str().into()],
            )
            .await
            .map_err(told)?;
        let Some(row) = row else {
            return Err(format!(
                "unknown login {login}: add the person to staff.jsonl"
            ));
        };
        let member = format!("staff_{place}_name");
        hidden.insert(member.clone(), Value::Text(row.text(1).map_err(told)?));
        facts.push(Fact {
            content: FactContent::CaseAssigned(CaseAssigned {
                role,
                staff: row.parse(0).map_err(told)?,
            }),
            hidden: BTreeMap::from([("name".to_owned(), member)]),
            occurred_on: line.filed_on,
        });
    }
    for (place, party) in line.parties.iter().enumerate() {
        let (random, made) = derived_id(
            court,
            line.filed_on,
            &format!("{}\n{}", line.external_id, party.external_id),
        );
        let mut names = BTreeMap::new();
        let values = [
            ("name", Some(&party.name)),
            ("id_number", party.id_number.as_ref()),
            ("phone", party.phone.as_ref()),
            ("address", party.address.as_ref()),
        ];
        for (name, value) in values {
            if let Some(value) = value {
                let member = format!("party_{place}_{name}");
                hidden.insert(member.clone(), Value::Text(value.clone()));
                names.insert(name.to_owned(), member);
            }
        }
        facts.push(Fact {
            content: FactContent::PartyAdded(PartyAdded {
                party: PartyId::make(made, random),
                person_kind: party.kind.clone(),
                role: party.role,
                village: party.village.clone(),
            }),
            hidden: names,
            occurred_on: line.filed_on,
        });
    }
    for (place, (document, kept)) in line.documents.iter().zip(kept).enumerate() {
        let (random, made) = derived_id(
            court,
            line.filed_on,
            &format!("{}\n{}", line.external_id, document.external_id),
        );
        let member = format!("document_{place}_title");
        hidden.insert(member.clone(), Value::Text(document.title.clone()));
        facts.push(Fact {
            content: FactContent::DocumentAdded(DocumentAdded {
                document: DocumentId::make(made, random),
                document_kind: document.kind.clone(),
                media_type: document.media_type.clone(),
                sha256: kept.sha256,
                size_bytes: kept.size_bytes,
                stored_sha256: kept.stored_sha256,
                volume: document.volume.clone(),
            }),
            hidden: BTreeMap::from([("title".to_owned(), member)]),
            occurred_on: line.filed_on,
        });
    }
    let body = JobImport {
        batch,
        external_id: line.external_id.clone(),
        facts,
    };
    let (_, effect) = inbox::issue(
        court,
        &mut tx,
        KeyPurpose::Job,
        line.court.as_str(),
        Some(case),
        &body,
        hidden,
    )
    .await
    .map_err(told)?;
    if !matches!(effect, Effect::Applied | Effect::Duplicate) {
        return Err(format!(
            "the case differs from what was filed before: {effect:?}"
        ));
    }
    tx.execute(
        "INSERT INTO imports (external_id, sha256, at_ms) VALUES ($1, $2, $3) \
         ON CONFLICT (external_id) DO UPDATE SET sha256 = $2, at_ms = $3",
        &[
            line.external_id.into(),
            line_sha256.into(),
            court.now().0.into(),
        ],
    )
    .await
    .map_err(told)?;
    tx.commit().await.map_err(told)?;
    Ok(effect == Effect::Applied)
}

struct Kept {
    sha256: Sha256Digest,
    size_bytes: u64,
    stored_sha256: StoredDigest,
}

/// Encrypts a document to the court and puts it into the object store. The file key is derived from content and court,
/// so that a batch imported twice stores it once; nobody without the court's identity can derive it.
async fn keep_document(
    court: &Court,
    folder: &Path,
    court_word: &str,
    file: &str,
) -> Result<Kept, String> {
    let relative = Path::new(file);
    if !relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return Err(format!(
            "document {file:?}: name a file inside the batch folder"
        ));
    }
    let mut plain = Vec::new();
    std::fs::File::open(folder.join(relative))
        .and_then(|file| file.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut plain))
        .map_err(|error| format!("document {file}: {error}"))?;
    if plain.len() as u64 > MAX_DOCUMENT_BYTES {
        return Err(format!("document {file}: larger than 64 MiB"));
    }
    let identity = court.keys.identity(court_word).map_err(told)?;
    let sha256 = Sha256Digest::of(&plain);
    let draw = |label: &str| {
        let key = ring::hmac::Key::new(
            ring::hmac::HMAC_SHA256,
            identity.to_secret_text().as_bytes(),
        );
        let tag = ring::hmac::sign(&key, format!("zx-document/1\n{label}\n{sha256}").as_bytes());
        let mut out = [0_u8; 32];
        out.copy_from_slice(tag.as_ref());
        out
    };
    let mut file_key = [0; 16];
    for (to, from) in file_key.iter_mut().zip(draw("file key")) {
        *to = from;
    }
    let mut nonce = [0; NONCE_LEN];
    for (to, from) in nonce.iter_mut().zip(draw("nonce")) {
        *to = from;
    }
    let file_key = FileKey::make(file_key);
    let header =
        Header::seal(&file_key, &[identity.recipient()], || draw("ephemeral")).map_err(told)?;
    let mut stored = header.to_bytes();
    stored.extend_from_slice(&nonce);
    let mut sealer = StreamSealer::new(&file_key, &nonce);
    sealer.push(&plain, &mut stored);
    sealer.finish(&mut stored);
    let size_bytes = plain.len() as u64;
    drop(plain);
    let stored_sha256 = court
        .objects
        .keep_bytes(stored.into())
        .await
        .map_err(|error| format!("document {file}: {error}"))?;
    Ok(Kept {
        sha256,
        size_bytes,
        stored_sha256,
    })
}
