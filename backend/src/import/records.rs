//! Records by kind: what a line says, and how it becomes rows and facts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::case::{CaseNumber, CourtWord};
use zhixing_protocol::event::Effect;
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::ids::{CaseId, DocumentId, PartyId, StaffId, SubjectId};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::rules::pack::RulePack;
use zhixing_protocol::statement::{
    CaseAssigned, CaseFiled, CaseRole, DocumentAdded, Fact, FactContent, JobImport,
    MAX_STATEMENT_BYTES, NodeRecorded, NodeValue, PartyAdded, PartyRole, are_codes,
};
use zhixing_protocol::time::{Date, UtcMillis};
use zhixing_protocol::trust::KeyPurpose;

use super::documents;
use super::lines::NumberedLine;
use super::look_up::{self, LookUp};
use crate::cases::{self, CaseRow};
use crate::court::Court;
use crate::inbox;
use crate::store::{StoreError, Tx};

/// Numbers in signed data are below 2^53 in magnitude.
const MAX_AMOUNT_FEN: i64 = (1 << 53) - 1;
/// What a hidden member costs in a statement at most: its name, the commitment in hexadecimal, and punctuation.
const HIDDEN_MEMBER_BYTES: usize = 160;
/// Members of a statement beside body and hidden members.
const FRAME_BYTES: usize = 2048;

/// Why a line was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LineFailure {
    /// It is the line's fault; it will not be better when it comes again as it is.
    Bad(String),
    /// Store, key or disk; the line may be good.
    Fault(String),
}

impl LineFailure {
    pub(crate) fn bad(reason: impl Into<String>) -> Self {
        Self::Bad(reason.into())
    }

    pub(crate) fn fault(error: impl fmt::Display) -> Self {
        Self::Fault(error.to_string())
    }
}

impl fmt::Display for LineFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad(reason) | Self::Fault(reason) => f.write_str(reason),
        }
    }
}

impl From<StoreError> for LineFailure {
    fn from(error: StoreError) -> Self {
        Self::fault(error)
    }
}

/// Whether something was added (or known before), or why not.
pub(crate) type LineResult = Result<bool, LineFailure>;

/// What the lines of one file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Courts of the tree.
    Courts,
    /// People.
    Staff,
    /// Cases with their parties and documents.
    Cases,
    /// Parties that join a case later.
    Parties,
    /// Documents that join a case later.
    Documents,
    /// Nodes of the procedure.
    Nodes,
    /// Money of cases.
    Funds,
}

impl LineKind {
    /// The file that holds them.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Courts => "courts.jsonl",
            Self::Staff => "staff.jsonl",
            Self::Cases => "cases.jsonl",
            Self::Parties => "parties.jsonl",
            Self::Documents => "documents.jsonl",
            Self::Nodes => "nodes.jsonl",
            Self::Funds => "funds.jsonl",
        }
    }
}

/// Where lines come from, what may come from there, and what was looked up for them.
pub(crate) struct Source<'a> {
    pub folder: &'a Path,
    batch: Sha256Digest,
    /// Courts the source may speak for; none: all.
    courts: Option<&'a [CourtWord]>,
    /// Files the batch vouches for; none: whatever lies in the folder.
    files: Option<&'a BTreeMap<String, Sha256Digest>>,
    known_courts: HashSet<String>,
    known_staff: HashMap<String, (StaffId, String)>,
    /// What was looked up for all lines of a chunk at once.
    known: LookUp,
}

impl<'a> Source<'a> {
    /// A folder that somebody imports by hand.
    pub(crate) fn folder(folder: &'a Path, batch: Sha256Digest) -> Self {
        Self {
            folder,
            batch,
            courts: None,
            files: None,
            known_courts: HashSet::new(),
            known_staff: HashMap::new(),
            known: LookUp::default(),
        }
    }

    /// A batch with a signed manifest.
    pub(crate) fn signed(
        folder: &'a Path,
        batch: Sha256Digest,
        courts: &'a [CourtWord],
        files: &'a BTreeMap<String, Sha256Digest>,
    ) -> Self {
        Self {
            courts: Some(courts),
            files: Some(files),
            ..Self::folder(folder, batch)
        }
    }

    /// Forgets what a transaction that was given up may have brought.
    pub(super) fn forget(&mut self) {
        self.known_courts.clear();
        self.known_staff.clear();
        self.known = LookUp::default();
    }

    /// Looks up what is known of the records of a chunk, in a question or two for all of them.
    pub(super) async fn look_up(
        &mut self,
        tx: &mut Tx,
        kind: LineKind,
        chunk: &[NumberedLine],
    ) -> Result<(), StoreError> {
        self.known = LookUp::of(tx, kind, chunk).await?;
        Ok(())
    }

    /// The digest that the manifest gives for a file. *Errors*: the manifest does not name it.
    pub(super) fn expected_digest(&self, file: &str) -> Result<Option<Sha256Digest>, LineFailure> {
        match self.files {
            None => Ok(None),
            Some(files) => files.get(file).copied().map(Some).ok_or_else(|| {
                LineFailure::bad(format!("document {file}: the manifest does not name it"))
            }),
        }
    }

    fn may_speak_for(&self, word: &str) -> Result<(), LineFailure> {
        match self.courts {
            Some(courts) if !courts.iter().any(|court| court.as_str() == word) => Err(
                LineFailure::bad(format!("this sender does not speak for court {word}")),
            ),
            _ => Ok(()),
        }
    }

    async fn require_court(&mut self, tx: &mut Tx, word: &str) -> Result<(), LineFailure> {
        if !self.known_courts.contains(word) {
            if !crate::court::has_court(tx, word).await? {
                return Err(LineFailure::bad(format!(
                    "unknown court {word}: add it to courts.jsonl"
                )));
            }
            self.known_courts.insert(word.to_owned());
        }
        Ok(())
    }

    async fn person(&mut self, tx: &mut Tx, login: &str) -> Result<(StaffId, String), LineFailure> {
        if let Some(known) = self.known_staff.get(login) {
            return Ok(known.clone());
        }
        let row = tx
            .row(
                "SELECT staff, name FROM staff WHERE login = $1",
                &[login.into()],
            )
            .await?;
        let Some(row) = row else {
            return Err(LineFailure::bad(format!(
                "unknown login {login}: add the person to staff.jsonl"
            )));
        };
        let person = (row.parse(0)?, row.text(1)?);
        self.known_staff.insert(login.to_owned(), person.clone());
        Ok(person)
    }
}

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
    /// Day on which the handler was named; without it, that of filing.
    assigned_on: Option<Date>,
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

/// A record of its own that belongs to a case.
#[derive(Debug, Deserialize)]
struct OfCase<T> {
    /// `external_id` of the case.
    case: String,
    /// Day on which it joined the case; that of the case's filing if missing.
    on: Option<Date>,
    #[serde(flatten)]
    record: T,
}

/// A node of the procedure.
#[derive(Debug, Deserialize)]
struct NodeLine {
    external_id: String,
    case: String,
    node: String,
    at: Moment,
    /// The inner system's name of what it is about: a party, a document, a thing.
    subject: Option<String>,
    /// The inner system's name of the paper that shows it.
    document: Option<String>,
    #[serde(default)]
    values: BTreeMap<String, NodeValue>,
    name: Option<String>,
    text: Option<String>,
}

/// Takes one line inside the transaction, which is to be dropped if it fails.
pub(super) async fn take(
    court: &Court,
    tx: &mut Tx,
    source: &mut Source<'_>,
    kind: LineKind,
    line: &NumberedLine,
) -> LineResult {
    let Some(text) = line.text.as_deref() else {
        return Err(LineFailure::bad(
            "the line is longer than 1 MiB or not UTF-8",
        ));
    };
    match kind {
        LineKind::Courts => take_court(tx, source, text).await,
        LineKind::Staff => take_person(court, tx, source, text).await,
        LineKind::Cases => take_case(court, tx, source, text).await,
        LineKind::Parties => take_party(court, tx, source, text).await,
        LineKind::Documents => take_document(court, tx, source, text).await,
        LineKind::Nodes => take_node(court, tx, source, text).await,
        LineKind::Funds => super::funds::take(court, tx, source, text).await,
    }
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(line: &str) -> Result<T, LineFailure> {
    serde_json::from_str(line).map_err(|error| LineFailure::bad(error.to_string()))
}

async fn take_court(tx: &mut Tx, source: &mut Source<'_>, text: &str) -> LineResult {
    let line: CourtLine = parse(text)?;
    source.may_speak_for(line.word.as_str())?;
    let changed = tx
        .execute(
            "INSERT INTO courts (word, name, level, parent) VALUES ($1, $2, $3, $4) ON CONFLICT (word) DO NOTHING",
            &[line.word.as_str().into(), line.name.into(), line.level.into(), line.parent.into()],
        )
        .await?;
    Ok(changed == 1)
}

async fn take_person(
    court: &Court,
    tx: &mut Tx,
    source: &mut Source<'_>,
    text: &str,
) -> LineResult {
    let line: StaffLine = parse(text)?;
    if !["judge", "clerk", "duty", "admin", "auditor"].contains(&line.role.as_str()) {
        return Err(LineFailure::bad(format!(
            "unknown role {:?}: write judge, clerk, duty, admin or auditor",
            line.role
        )));
    }
    source.may_speak_for(line.court.as_str())?;
    if source.courts.is_some() && line.password.is_some() {
        return Err(LineFailure::bad(
            "passwords do not cross the gate: leave it out and set one with `zhixing-server staff password`",
        ));
    }
    let known = tx
        .row(
            "SELECT staff FROM staff WHERE login = $1",
            &[line.login.as_str().into()],
        )
        .await?;
    if known.is_some() {
        return Ok(false);
    }
    source.require_court(tx, line.court.as_str()).await?;
    let password_hash = match line.password {
        Some(password) => crate::auth::hash_password(&password)
            .map_err(|error| LineFailure::fault(format!("{error:?}")))?,
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
    .await?;
    Ok(true)
}

/// Ids are derived from the source system's names, so that the same record never becomes two.
fn derived_id(court: &Court, filed_on: Date, name: &str) -> ([u8; 10], UtcMillis) {
    let digest = Sha256Digest::of(format!("{}\n{name}", court.realm).as_bytes());
    let mut random = [0; 10];
    for (to, from) in random.iter_mut().zip(digest.0) {
        *to = from;
    }
    (random, filed_on.shanghai_start())
}

/// The id of a party, document or thing of a case: the same uuid whatever refers to it.
pub(super) fn derived_part(court: &Court, case: &Known, name: &str) -> ([u8; 10], UtcMillis) {
    derived_id(
        court,
        case.filed_on,
        &format!("{}\n{name}", case.external_id),
    )
}

/// The subject that the source system calls `name`.
fn derive_subject(court: &Court, case: &Known, name: &str) -> SubjectId {
    let (random, made) = derived_part(court, case, name);
    SubjectId::make(made, random)
}

/// A case that is here.
pub(super) struct Known {
    pub row: CaseRow,
    pub external_id: String,
    pub filed_on: Date,
}

/// The case that the source system calls `external_id`. *Errors*: there is none, or the source does not speak for its court.
pub(super) async fn case_by_external_id(
    court: &Court,
    tx: &mut Tx,
    source: &Source<'_>,
    external_id: &str,
) -> Result<Known, LineFailure> {
    let found = tx
        .row(
            "SELECT case_id FROM cases WHERE external_id = $1",
            &[external_id.into()],
        )
        .await?;
    let unknown = || {
        LineFailure::bad(format!(
            "unknown case {external_id}: send it in cases.jsonl first"
        ))
    };
    let id: CaseId = found.ok_or_else(unknown)?.parse(0)?;
    let row = cases::row(tx, id).await?.ok_or_else(unknown)?;
    source.may_speak_for(&row.court)?;
    let state = cases::state(court, tx, &row).await?;
    let filed_on = state.filing().ok_or_else(unknown)?.occurred_on;
    Ok(Known {
        row,
        external_id: external_id.to_owned(),
        filed_on,
    })
}

/// Facts and hidden members of one import statement as they are gathered.
#[derive(Default)]
pub(super) struct Gathered {
    facts: Vec<Fact>,
    hidden: Object,
}

impl Gathered {
    /// Adds a fact; its hidden members get names of their own in the statement.
    pub(super) fn add(
        &mut self,
        content: FactContent,
        occurred_on: Date,
        words: &[(&str, Option<&str>)],
    ) {
        let place = self.facts.len();
        let mut hidden = BTreeMap::new();
        for (name, value) in words {
            if let Some(value) = value {
                let member = format!("fact_{place}_{name}");
                self.hidden
                    .insert(member.clone(), Value::Text((*value).to_owned()));
                hidden.insert((*name).to_owned(), member);
            }
        }
        self.facts.push(Fact {
            content,
            hidden,
            occurred_on,
        });
    }
}

/// Whether a record came before: as it is now (nothing to do), or otherwise.
pub(super) enum Before {
    /// Never.
    New,
    /// With the same text.
    Same,
    /// With another text.
    Changed,
}

pub(super) async fn before(
    tx: &mut Tx,
    source: &Source<'_>,
    key: &str,
    text: &str,
) -> Result<Before, LineFailure> {
    Ok(match source.known.import(tx, key).await? {
        None => Before::New,
        Some(digest) if digest == line_digest(text) => Before::Same,
        Some(_) => Before::Changed,
    })
}

fn line_digest(text: &str) -> Sha256Digest {
    Sha256Digest::of(text.trim().as_bytes())
}

/// Where an import goes.
pub(super) enum Place<'a> {
    /// Into a new case, which it files.
    Filed(CaseRow),
    /// Into a case of a court.
    In(&'a str, CaseId),
}

/// Signs what was gathered as an import of the court, applies it, and remembers the record under `key`.
pub(super) async fn issue(
    court: &Court,
    tx: &mut Tx,
    source: &mut Source<'_>,
    (key, text): (&str, &str),
    place: Place<'_>,
    gathered: Gathered,
) -> LineResult {
    let body = JobImport {
        batch: source.batch,
        external_id: key.to_owned(),
        facts: gathered.facts,
    };
    let size = serde_json::to_vec(&body)
        .map_err(LineFailure::fault)?
        .len()
        .saturating_add(gathered.hidden.len().saturating_mul(HIDDEN_MEMBER_BYTES))
        .saturating_add(FRAME_BYTES);
    if size > MAX_STATEMENT_BYTES {
        return Err(LineFailure::bad(
            "too many parties and documents for one line: send the others in parties.jsonl and documents.jsonl",
        ));
    }
    let hidden = gathered.hidden;
    let (_, effect) = match place {
        Place::Filed(row) => inbox::issue_filing(court, tx, row, &body, hidden).await,
        Place::In(word, case) => {
            inbox::issue(court, tx, KeyPurpose::Job, word, Some(case), &body, hidden).await
        }
    }
    .map_err(|failure| LineFailure::fault(failure.0.title))?;
    if !matches!(effect, Effect::Applied | Effect::Duplicate) {
        return Err(LineFailure::bad(match effect {
            Effect::Conflict { current } => {
                format!("{current}: it does not fit what the case has already")
            }
            Effect::Rejected { reason } | Effect::Held { reason } => {
                format!("{reason}: the case cannot take it")
            }
            Effect::Applied | Effect::Duplicate => String::new(),
        }));
    }
    let now = court.now();
    source
        .known
        .keep_import(tx, key, line_digest(text), now)
        .await?;
    Ok(effect == Effect::Applied)
}

async fn take_case(court: &Court, tx: &mut Tx, source: &mut Source<'_>, text: &str) -> LineResult {
    let line: CaseLine = parse(text)?;
    let number: CaseNumber = line
        .number
        .parse()
        .map_err(|error| LineFailure::bad(format!("{error}")))?;
    if line
        .amount_fen
        .is_some_and(|fen| !(0..=MAX_AMOUNT_FEN).contains(&fen))
    {
        return Err(LineFailure::bad(
            "amount_fen must be between 0 and 9007199254740991",
        ));
    }
    if line.assigned_on.is_some_and(|day| day < line.filed_on) {
        return Err(LineFailure::bad("assigned_on is before filed_on"));
    }
    source.may_speak_for(line.court.as_str())?;
    let before = before(tx, source, &line.external_id, text).await?;
    if matches!(before, Before::Same) {
        return Ok(false);
    }
    source.require_court(tx, line.court.as_str()).await?;
    source.require_court(tx, number.court().as_str()).await?;
    let taken = source.known.number(tx, &number.to_string()).await?;
    if let Some(other) = &taken
        && *other != line.external_id
    {
        return Err(LineFailure::bad(format!(
            "the number {number} belongs to the case {other}"
        )));
    }
    // A case and the note that its record came are written together.
    let new = matches!(before, Before::New) && taken.is_none();
    let (random, made) = derived_id(court, line.filed_on, &line.external_id);
    let case = CaseId::make(made, random);
    let known = Known {
        row: CaseRow {
            case,
            court: line.court.to_string(),
            number: number.to_string(),
            head: zhixing_protocol::event::Head::EMPTY,
        },
        external_id: line.external_id.clone(),
        filed_on: line.filed_on,
    };
    let mut gathered = Gathered::default();
    gathered.add(
        FactContent::CaseFiled(CaseFiled {
            amount_fen: line.amount_fen,
            cause: line.cause.clone(),
            court: line.court.clone(),
            number,
        }),
        line.filed_on,
        &[("title", Some(&line.title))],
    );
    let handler = line.handler.iter().map(|login| (login, CaseRole::Handler));
    let assistants = line.assistants.iter();
    for (login, role) in handler.chain(assistants.map(|login| (login, CaseRole::Assistant))) {
        let (staff, name) = source.person(tx, login).await?;
        gathered.add(
            FactContent::CaseAssigned(CaseAssigned { role, staff }),
            line.assigned_on.unwrap_or(line.filed_on),
            &[("name", Some(&name))],
        );
    }
    for party in &line.parties {
        add_party(court, &known, party, line.filed_on, &mut gathered);
    }
    for document in &line.documents {
        add_document(
            court,
            source,
            &known,
            document,
            line.filed_on,
            &mut gathered,
        )
        .await?;
    }
    let key = line.external_id.as_str();
    let number = known.row.number.clone();
    let place = if new {
        Place::Filed(known.row)
    } else {
        Place::In(line.court.as_str(), case)
    };
    let taken = issue(court, tx, source, (key, text), place, gathered).await?;
    source.known.keep_number(number, key);
    Ok(taken)
}

fn add_party(court: &Court, case: &Known, party: &PartyLine, on: Date, gathered: &mut Gathered) {
    let (random, made) = derived_part(court, case, &party.external_id);
    gathered.add(
        FactContent::PartyAdded(PartyAdded {
            party: PartyId::make(made, random),
            person_kind: party.kind.clone(),
            role: party.role,
            village: party.village.clone(),
        }),
        on,
        &[
            ("name", Some(&party.name)),
            ("id_number", party.id_number.as_deref()),
            ("phone", party.phone.as_deref()),
            ("address", party.address.as_deref()),
        ],
    );
}

async fn add_document(
    court: &Court,
    source: &Source<'_>,
    case: &Known,
    document: &DocumentLine,
    on: Date,
    gathered: &mut Gathered,
) -> Result<(), LineFailure> {
    let kept = documents::keep(court, source, &case.row.court, &document.file).await?;
    let (random, made) = derived_part(court, case, &document.external_id);
    gathered.add(
        FactContent::DocumentAdded(DocumentAdded {
            document: DocumentId::make(made, random),
            document_kind: document.kind.clone(),
            media_type: document.media_type.clone(),
            sha256: kept.sha256,
            size_bytes: kept.size_bytes,
            stored_sha256: kept.stored_sha256,
            volume: document.volume.clone(),
        }),
        on,
        &[("title", Some(&document.title))],
    );
    Ok(())
}

async fn take_party(court: &Court, tx: &mut Tx, source: &mut Source<'_>, text: &str) -> LineResult {
    let line: OfCase<PartyLine> = parse(text)?;
    let key = look_up::key(LineKind::Parties, &line.case, &line.record.external_id);
    match before(tx, source, &key, text).await? {
        Before::Same => return Ok(false),
        Before::Changed => return Err(changed()),
        Before::New => {}
    }
    let case = case_by_external_id(court, tx, source, &line.case).await?;
    let mut gathered = Gathered::default();
    let on = line.on.unwrap_or(case.filed_on);
    add_party(court, &case, &line.record, on, &mut gathered);
    let place = Place::In(case.row.court.as_str(), case.row.case);
    issue(court, tx, source, (&key, text), place, gathered).await
}

async fn take_document(
    court: &Court,
    tx: &mut Tx,
    source: &mut Source<'_>,
    text: &str,
) -> LineResult {
    let line: OfCase<DocumentLine> = parse(text)?;
    let key = look_up::key(LineKind::Documents, &line.case, &line.record.external_id);
    match before(tx, source, &key, text).await? {
        Before::Same => return Ok(false),
        Before::Changed => return Err(changed()),
        Before::New => {}
    }
    let case = case_by_external_id(court, tx, source, &line.case).await?;
    let mut gathered = Gathered::default();
    let on = line.on.unwrap_or(case.filed_on);
    add_document(court, source, &case, &line.record, on, &mut gathered).await?;
    let place = Place::In(case.row.court.as_str(), case.row.case);
    issue(court, tx, source, (&key, text), place, gathered).await
}

pub(super) fn changed() -> LineFailure {
    LineFailure::bad(
        "this record came before with another content, which stays: send the correction under a new external_id",
    )
}

async fn take_node(court: &Court, tx: &mut Tx, source: &mut Source<'_>, text: &str) -> LineResult {
    let line: NodeLine = parse(text)?;
    let key = look_up::key(LineKind::Nodes, &line.case, &line.external_id);
    match before(tx, source, &key, text).await? {
        Before::Same => return Ok(false),
        Before::Changed => return Err(changed()),
        Before::New => {}
    }
    if !RulePack::bundled().nodes.contains_key(&line.node) {
        return Err(LineFailure::bad(format!(
            "unknown node {:?}: `zhixing-field nodes` lists them",
            line.node
        )));
    }
    if !are_codes(&line.values) {
        return Err(LineFailure::bad(
            "values hold codes, numbers and yes or no only; words go into name and text",
        ));
    }
    let case = case_by_external_id(court, tx, source, &line.case).await?;
    let document = line.document.as_deref().map(|name| {
        let (random, made) = derived_part(court, &case, name);
        DocumentId::make(made, random)
    });
    let subject = line
        .subject
        .as_deref()
        .map(|name| derive_subject(court, &case, name));
    let mut gathered = Gathered::default();
    gathered.add(
        FactContent::NodeRecorded(NodeRecorded {
            at: line.at,
            document,
            node: line.node.clone(),
            subject,
            values: line.values.clone(),
        }),
        line.at.date(),
        &[
            ("name", line.name.as_deref()),
            ("text", line.text.as_deref()),
        ],
    );
    let place = Place::In(case.row.court.as_str(), case.row.case);
    issue(court, tx, source, (&key, text), place, gathered).await
}
