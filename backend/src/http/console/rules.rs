//! The rules by which duties are prompted: which hold on a day at a court, where they come from, how far they were checked, and which cases they prompt.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use zhixing_protocol::rules::evaluate::Evaluator;
use zhixing_protocol::rules::law::{Law, Period};
use zhixing_protocol::rules::pack::{Confidence, Rule, RulePack, Severity};
use zhixing_protocol::rules::view::BasisView;
use zhixing_protocol::time::{Date, UtcMillis};

use super::cases::visible;
use super::refusal::Reply;
use super::session::Person;
use crate::court::Court;
use crate::norms::{self, Published};
use crate::problem::Failure;
use crate::{access, cases};

/// Most cases of one answer.
const MAX_CASES: usize = 200;

#[derive(Deserialize)]
pub struct RulesQuery {
    /// The court whose settings count; the person's own if empty.
    #[serde(default)]
    court: String,
    /// Another day than today.
    on: Option<Date>,
    /// Words that id, names, duty, law, article or papers hold.
    #[serde(default)]
    query: String,
    /// A stage.
    #[serde(default)]
    stage: String,
    /// Only hard ones, or only soft ones.
    hard: Option<bool>,
    /// How far they were checked.
    confidence: Option<Confidence>,
    /// Only what the court set.
    #[serde(default)]
    own: bool,
}

impl RulesQuery {
    /// The court asked for. *Errors*: `not_found` for one that the person does not oversee.
    fn word(&self, person: &Person) -> Reply<String> {
        let own = person.courts.first().cloned().unwrap_or_default();
        match self.court.as_str() {
            "" => Ok(own),
            word if person.oversees(word) => Ok(word.to_owned()),
            _ => Err(Failure::not_found().into()),
        }
    }

    fn wants(&self, rule: &Rule, set: bool, pack: &RulePack) -> bool {
        let law = |id: &str| pack.laws.get(id).map_or("", |law| law.name_zh.as_str());
        let bases = rule.basis.iter();
        let bases =
            bases.flat_map(|basis| [law(&basis.law), basis.law.as_str(), basis.article.as_str()]);
        let texts = [&rule.id, &rule.name_zh, &rule.prompt_zh, &rule.duty].map(String::as_str);
        let papers = rule.documents.iter().map(String::as_str);
        let texts: String = texts
            .into_iter()
            .chain(bases)
            .chain(papers)
            .collect::<Vec<_>>()
            .join("\n");
        let texts = texts.to_lowercase();
        let mut words = self.query.split_whitespace().map(str::to_lowercase);
        words.all(|word| texts.contains(&word))
            && (self.stage.is_empty() || self.stage == rule.stage)
            && self.hard.is_none_or(|hard| hard == rule.hard)
            && self
                .confidence
                .is_none_or(|confidence| confidence == rule.confidence)
            && (!self.own || set)
    }

    fn now(&self, court: &Court) -> UtcMillis {
        self.on.map_or_else(|| court.now(), Date::shanghai_noon)
    }
}

/// `GET rules`
pub async fn list(
    State(court): State<Arc<Court>>,
    person: Person,
    Query(asked): Query<RulesQuery>,
) -> Reply<Json<Value>> {
    let word = asked.word(&person)?;
    let mut tx = court.db.begin_read().await?;
    let published = norms::published(&court, &mut tx).await?;
    drop(tx);
    let law = published.law(&word);
    let on = asked.now(&court).shanghai_date();
    let period = law.on(on);
    let pack = &period.pack;
    let base = base_of(&published, pack.version);
    let stages = pack.stages.iter().enumerate();
    let order: BTreeMap<&str, usize> = stages
        .map(|(place, stage)| (stage.key.as_str(), place))
        .collect();
    let mut rules: Vec<(&Rule, bool)> = pack.rules.iter().map(|rule| (rule, false)).collect();
    let off = base
        .rules
        .iter()
        .filter(|rule| pack.rule(&rule.id).is_none());
    rules.extend(off.map(|rule| (rule, true)));
    let total = rules.len();
    rules.retain(|(rule, off)| {
        let set = *off || period.overlay_of(&rule.id).is_some();
        asked.wants(rule, set, pack)
    });
    rules.sort_by_key(|(rule, _)| (order.get(rule.stage.as_str()).copied(), rule.id.clone()));
    let rows: Vec<Value> = rules
        .into_iter()
        .map(|(rule, off)| row(rule, off, period, &base))
        .collect();
    let findings: Vec<Value> = pack
        .check()
        .into_iter()
        .map(|finding| {
            json!({
                "fault": finding.severity == Severity::Fault,
                "code": finding.code,
                "rule": finding.rule,
                "detail": finding.detail,
            })
        })
        .collect();
    let left_out = period.left_out.iter();
    let left_out: Vec<Value> = left_out
        .map(|error| json!({"rule": error.rule(), "detail": error.to_string()}))
        .collect();
    Ok(Json(json!({
        "on": on,
        "court": word,
        "warning": pack.warning,
        "legal_cutoff": pack.legal_cutoff,
        "in_force": shown(period),
        "periods": law.periods().iter().map(shown).collect::<Vec<_>>(),
        "published": published.version,
        "refused": published.refused.iter().map(|(entry, code)| json!({
            "kind": entry.kind, "scope": entry.scope, "version": entry.version, "code": code,
        })).collect::<Vec<_>>(),
        "stages": pack.stages,
        "total": total,
        "rules": rows,
        "left_out": left_out,
        "findings": findings,
    })))
}

/// The pack as it was published, without a court's settings.
fn base_of(published: &Published, version: u32) -> Arc<RulePack> {
    let packs = published.norms.packs().iter();
    let found = packs.into_iter().find(|pack| pack.version == version);
    found.map_or_else(
        || Arc::clone(&Law::bundled().on(Date::from_days(0)).pack),
        Arc::clone,
    )
}

fn shown(period: &Period) -> Value {
    json!({
        "from": period.from,
        "until": period.until,
        "pack_version": period.pack.version,
        "pack_id": period.pack_id,
        "overlay_version": period.overlay,
    })
}

fn row(rule: &Rule, off: bool, period: &Period, base: &RulePack) -> Value {
    let basis = rule.basis.iter().map(|basis| {
        let law = period.pack.laws.get(&basis.law);
        BasisView {
            law: basis.law.clone(),
            name_zh: law.map_or_else(|| basis.law.clone(), |law| law.name_zh.clone()),
            doc_no: law.and_then(|law| law.doc_no.clone()),
            article: basis.article.clone(),
            cites_cpl_numbering: law.and_then(|law| law.cites_cpl_numbering.clone()),
        }
    });
    let own = base.rule(&rule.id);
    json!({
        "id": rule.id,
        "stage": rule.stage,
        "name_zh": rule.name_zh,
        "prompt_zh": rule.prompt_zh,
        "duty": rule.duty,
        "hard": rule.hard,
        "scope": rule.scope,
        "limit": rule.deadline,
        "promptly": period.pack.promptly,
        "valid_from": rule.valid_from,
        "valid_to": rule.valid_to,
        "action": rule.action,
        "documents": rule.documents,
        "evidence_required": rule.evidence_required,
        "on_miss": rule.on_miss,
        "on_miss_zh": rule.on_miss_zh,
        "basis": basis.collect::<Vec<_>>(),
        "confidence": rule.confidence,
        "provenance": rule.provenance.status,
        "source": rule.provenance.place,
        "overlay_version": period.overlay_of(&rule.id),
        "off": off,
        "local": own.is_none(),
        "pack_limit": own.map(|own| &own.deadline),
    })
}

/// `GET rules/{rule}/cases`: the open cases that a rule prompts now, most urgent first. A look at each of them, and recorded as one (I13).
pub async fn prompted(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(rule): Path<String>,
    Query(asked): Query<RulesQuery>,
) -> Reply<Json<Value>> {
    let word = asked.word(&person)?;
    let now = asked.now(&court);
    let today = now.shanghai_date();
    let mut tx = court.db.begin_read().await?;
    let law = norms::law(&court, &mut tx, &word).await?;
    let evaluator = Evaluator::of(&law);
    let mut found = Vec::new();
    for row in visible(&mut tx, &person, &word).await? {
        let state = cases::state(&court, &mut tx, &row).await?;
        let prompts = evaluator.evaluate(&state, now).into_iter();
        for prompt in prompts.filter(|prompt| prompt.rule.id == rule) {
            let days_left = prompt.days_left(today);
            found.push((
                (
                    prompt.standing,
                    days_left.unwrap_or(i64::MAX),
                    row.number.clone(),
                ),
                (row.court.clone(), row.case),
                json!({
                    "case": row.case.to_string(),
                    "number": row.number,
                    "standing": prompt.standing,
                    "due": prompt.due,
                    "days_left": days_left,
                }),
            ));
        }
    }
    drop(tx);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let count = found.len();
    found.truncate(MAX_CASES);
    let looked_at: Vec<_> = found.iter().map(|(_, case, _)| case.clone()).collect();
    access::record_all(&court, person.staff, &looked_at, "console.rule_cases").await?;
    let cases: Vec<Value> = found.into_iter().map(|(.., case)| case).collect();
    Ok(Json(
        json!({"rule": rule, "on": today, "count": count, "cases": cases}),
    ))
}
