//! What the store knows of the records of a chunk: asked for all of its lines at once, since each question costs more than the
//! work on a line.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;
use zhixing_protocol::case::CaseNumber;
use zhixing_protocol::hash::Sha256Digest;
use zhixing_protocol::time::UtcMillis;

use super::lines::NumberedLine;
use super::records::LineKind;
use crate::store::{Arg, Insert, StoreResult, Tx};

/// Values of one question.
const ASKED_AT_ONCE: usize = 128;

static IMPORTS_OF: LazyLock<String> =
    LazyLock::new(|| question("SELECT external_id, sha256 FROM imports WHERE external_id IN"));
static CASES_OF: LazyLock<String> =
    LazyLock::new(|| question("SELECT number, external_id FROM cases WHERE number IN"));
static IMPORTS: Insert = Insert {
    head: "INSERT INTO imports (external_id, sha256, at_ms) VALUES",
    columns: 3,
    tail: "",
};

fn question(head: &str) -> String {
    let places: Vec<String> = (1..=ASKED_AT_ONCE)
        .map(|place| format!("${place}"))
        .collect();
    format!("{head} ({})", places.join(", "))
}

/// The name under which a record is remembered; the cases' own is their `external_id`.
pub(super) fn key(kind: LineKind, case: &str, external_id: &str) -> String {
    match kind {
        LineKind::Parties => format!("party\n{case}\n{external_id}"),
        LineKind::Documents => format!("document\n{case}\n{external_id}"),
        LineKind::Nodes => format!("node\n{case}\n{external_id}"),
        LineKind::Funds => format!("funds\n{case}\n{external_id}"),
        LineKind::Cases | LineKind::Courts | LineKind::Staff => external_id.to_owned(),
    }
}

/// What of a line says which record it is.
#[derive(Deserialize)]
struct Named {
    external_id: String,
    #[serde(default)]
    case: String,
    number: Option<String>,
}

/// Records and case numbers that were looked up, with what the transaction has added since; what is not in it is asked for.
#[derive(Default)]
pub(super) struct LookUp {
    /// Digest of the record by its name; none: it never came.
    imports: HashMap<String, Option<Sha256Digest>>,
    /// The case that has a number.
    numbers: HashMap<String, Option<String>>,
}

impl LookUp {
    /// Looks up what the lines of a chunk name. Lines that cannot be read are left to who takes them.
    pub(super) async fn of(
        tx: &mut Tx,
        kind: LineKind,
        chunk: &[NumberedLine],
    ) -> StoreResult<Self> {
        let mut known = Self::default();
        if matches!(kind, LineKind::Courts | LineKind::Staff) {
            return Ok(known);
        }
        for line in chunk {
            let named = line.text.as_deref().map(serde_json::from_str::<Named>);
            let Some(Ok(named)) = named else {
                continue;
            };
            let number = named
                .number
                .and_then(|text| text.parse::<CaseNumber>().ok());
            if let Some(number) = number {
                known.numbers.insert(number.to_string(), None);
            }
            known
                .imports
                .insert(key(kind, &named.case, &named.external_id), None);
        }
        let names: Vec<String> = known.imports.keys().cloned().collect();
        for row in ask(tx, &IMPORTS_OF, &names).await? {
            known.imports.insert(row.text(0)?, Some(row.parse(1)?));
        }
        let numbers: Vec<String> = known.numbers.keys().cloned().collect();
        for row in ask(tx, &CASES_OF, &numbers).await? {
            known.numbers.insert(row.text(0)?, Some(row.text(1)?));
        }
        Ok(known)
    }

    /// Digest of a record that came before.
    pub(super) async fn import(&self, tx: &mut Tx, key: &str) -> StoreResult<Option<Sha256Digest>> {
        if let Some(known) = self.imports.get(key) {
            return Ok(*known);
        }
        let row = tx
            .row(
                "SELECT sha256 FROM imports WHERE external_id = $1",
                &[key.into()],
            )
            .await?;
        row.map(|row| row.parse(0)).transpose()
    }

    /// `external_id` of the case that has this number.
    pub(super) async fn number(&self, tx: &mut Tx, number: &str) -> StoreResult<Option<String>> {
        if let Some(known) = self.numbers.get(number) {
            return Ok(known.clone());
        }
        let row = tx
            .row(
                "SELECT external_id FROM cases WHERE number = $1",
                &[number.into()],
            )
            .await?;
        row.map(|row| row.text(0)).transpose()
    }

    /// Remembers a record, in the store as well.
    pub(super) async fn keep_import(
        &mut self,
        tx: &mut Tx,
        key: &str,
        digest: Sha256Digest,
        now: UtcMillis,
    ) -> StoreResult<()> {
        let before = self.imports.insert(key.to_owned(), Some(digest));
        if before == Some(None) {
            tx.insert_later(&IMPORTS, [key.into(), digest.into(), now.0.into()]);
        } else {
            tx.execute(
                "INSERT INTO imports (external_id, sha256, at_ms) VALUES ($1, $2, $3) \
                 ON CONFLICT (external_id) DO UPDATE SET sha256 = $2, at_ms = $3",
                &[key.into(), digest.into(), now.0.into()],
            )
            .await?;
        }
        Ok(())
    }

    /// Remembers whose number it is; the store has it with the case.
    pub(super) fn keep_number(&mut self, number: String, external_id: &str) {
        self.numbers.insert(number, Some(external_id.to_owned()));
    }
}

/// Rows of a question about many values; the last of them fill what is left of its places.
async fn ask(
    tx: &mut Tx,
    question: &'static str,
    values: &[String],
) -> StoreResult<Vec<crate::store::Row>> {
    let mut rows = Vec::new();
    for some in values.chunks(ASKED_AT_ONCE) {
        let last = some.last().map_or("", String::as_str);
        let filled = some.iter().map(String::as_str);
        let args: Vec<Arg> = filled
            .chain(std::iter::repeat(last))
            .take(ASKED_AT_ONCE)
            .map(Arg::from)
            .collect();
        rows.extend(tx.rows(question, &args).await?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::on_both_engines;
    use crate::testing::{TestClock, open_court};

    fn line(number: usize, text: &str) -> NumberedLine {
        NumberedLine {
            number,
            text: Some(text.to_owned()),
        }
    }

    on_both_engines! {
        async fn more_records_than_one_question_asks_for_are_all_found(scratch: Scratch) {
            let court = open_court(scratch.config(), &TestClock::new()).await;
            let mut tx = court.db.begin_write().await.expect("begins");
            let digest = Sha256Digest::of(b"x");
            let chunk: Vec<NumberedLine> = (0..300)
                .map(|n| line(n, &format!(r#"{{"external_id":"c{n}","number":"（2020）川0811执{}号"}}"#, n + 1)))
                .chain([line(300, "no JSON"), line(301, r#"{"external_id":"odd","number":"no number"}"#)])
                .collect();
            let mut known = LookUp::of(&mut tx, LineKind::Cases, &chunk).await.expect("asks");
            for n in (0..300).filter(|n| n % 3 == 0) {
                known.keep_import(&mut tx, &format!("c{n}"), digest, UtcMillis(1)).await.expect("keeps");
            }
            // Once more in the same transaction: no second row.
            known.keep_import(&mut tx, "c0", Sha256Digest::of(b"y"), UtcMillis(2)).await.expect("keeps");
            assert_eq!(known.import(&mut tx, "c0").await.expect("knows"), Some(Sha256Digest::of(b"y")));
            let again = LookUp::of(&mut tx, LineKind::Cases, &chunk).await.expect("asks");
            for n in 1..300 {
                let found = again.import(&mut tx, &format!("c{n}")).await.expect("knows");
                assert_eq!(found, (n % 3 == 0).then_some(digest), "c{n}");
            }
            // Nobody looked these up: they are asked for one by one.
            assert_eq!(LookUp::default().import(&mut tx, "c3").await.expect("asks"), Some(digest));
            assert_eq!(LookUp::default().number(&mut tx, "（2020）川0811执1号").await.expect("asks"), None);
        }
    }
}
