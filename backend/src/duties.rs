//! What the law asks of the court's cases: the same pure code as on a device, and tools for a rule pack before it is published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use zhixing_protocol::case::CaseState;
use zhixing_protocol::ids::CaseId;
use zhixing_protocol::rules::evaluate::Evaluator;
use zhixing_protocol::rules::law::Law;
use zhixing_protocol::rules::pack::{Rule, RulePack};
use zhixing_protocol::rules::view::{PromptView, RuleVerdict, rule_verdicts};
use zhixing_protocol::time::UtcMillis;

use crate::cases;
use crate::court::Court;
use crate::norms::Published;
use crate::store::{StoreResult, Tx};

/// The prompts of a case at a time.
pub fn prompts(law: &Law, state: &CaseState, now: UtcMillis) -> Vec<PromptView> {
    let today = now.shanghai_date();
    Evaluator::of(law)
        .evaluate(state, now)
        .iter()
        .map(|prompt| PromptView::new(prompt, law, today))
        .collect()
}

/// Why each rule does or does not prompt.
pub fn verdicts(law: &Law, state: &CaseState, now: UtcMillis) -> Vec<RuleVerdict> {
    rule_verdicts(&Evaluator::of(law).explain(state, now), law)
}

/// A rule that two packs have and that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedRule {
    /// The rule.
    pub rule: String,
    /// By member of the rule: before and after.
    pub members: BTreeMap<String, (Value, Value)>,
}

/// What a new pack changes in the text of rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PackDifference {
    /// Rules that only the new pack has.
    pub added: Vec<String>,
    /// Rules that only the old pack has.
    pub removed: Vec<String>,
    /// Rules that differ.
    pub changed: Vec<ChangedRule>,
}

/// Compares two packs rule by rule.
pub fn difference(old: &RulePack, new: &RulePack) -> PackDifference {
    let mut found = PackDifference::default();
    for rule in &old.rules {
        let Some(other) = new.rule(&rule.id) else {
            found.removed.push(rule.id.clone());
            continue;
        };
        let (before, after) = (members(rule), members(other));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let members: BTreeMap<String, (Value, Value)> = names
            .into_iter()
            .filter_map(|name| {
                let before = before.get(name).cloned().unwrap_or_default();
                let after = after.get(name).cloned().unwrap_or_default();
                (before != after).then(|| (name.clone(), (before, after)))
            })
            .collect();
        if !members.is_empty() {
            let rule = rule.id.clone();
            found.changed.push(ChangedRule { rule, members });
        }
    }
    let added = new.rules.iter().filter(|rule| old.rule(&rule.id).is_none());
    found.added.extend(added.map(|rule| rule.id.clone()));
    found
}

fn members(rule: &Rule) -> serde_json::Map<String, Value> {
    match serde_json::to_value(rule) {
        Ok(Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    }
}

/// One prompt in the shortest form in which a change shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PromptLine {
    /// The rule.
    pub rule: String,
    /// What it is about.
    pub subject: Option<String>,
    /// Its date.
    pub due: Option<String>,
    /// A breach has legal effect.
    pub hard: bool,
    /// Version of the pack that judges.
    pub pack_version: u32,
}

/// What a new pack changes in one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseDifference {
    /// Number of the case.
    pub number: String,
    /// Prompts that go.
    pub gone: Vec<PromptLine>,
    /// Prompts that come.
    pub new: Vec<PromptLine>,
}

fn lines(law: &Law, state: &CaseState, now: UtcMillis) -> BTreeSet<PromptLine> {
    let prompts = Evaluator::of(law).evaluate(state, now);
    let version = |period: usize| {
        law.periods()
            .get(period)
            .map_or(0, |period| period.pack.version)
    };
    prompts
        .iter()
        .map(|prompt| PromptLine {
            rule: prompt.rule.id.clone(),
            subject: prompt.subject.clone(),
            due: prompt.due.map(|due| due.to_string()),
            hard: prompt.is_hard(),
            pack_version: version(prompt.period),
        })
        .collect()
}

/// Which open cases a new pack would change, and how, before it is published. A prompt that only comes from another version of the pack, and is the same
/// in all that it asks, is no change.
///
/// *Errors*: those of the store.
pub async fn simulate(
    court: &Court,
    published: &Published,
    new: RulePack,
    now: UtcMillis,
) -> StoreResult<Vec<CaseDifference>> {
    let mut tx = court.db.begin_read().await?;
    let rows = tx
        .rows("SELECT case_id, court FROM cases ORDER BY number", &[])
        .await?;
    let mut laws: BTreeMap<String, (Arc<Law>, Law)> = BTreeMap::new();
    let mut found = Vec::new();
    for row in &rows {
        let word = row.text(1)?;
        let (old, new) = laws.entry(word.clone()).or_insert_with(|| {
            let new = published.norms.law_if(new.clone(), &word);
            (published.law(&word), new)
        });
        let Some(case) = cases::row(&mut tx, row.parse(0)?).await? else {
            continue;
        };
        let state = cases::state(court, &mut tx, &case).await?;
        let (before, after) = (lines(old, &state, now), lines(new, &state, now));
        let only = |these: &BTreeSet<PromptLine>, those: &BTreeSet<PromptLine>| {
            let alike = |one: &PromptLine, other: &PromptLine| {
                (&one.rule, &one.subject, &one.due, one.hard)
                    == (&other.rule, &other.subject, &other.due, other.hard)
            };
            let only = these
                .iter()
                .filter(|one| !those.iter().any(|other| alike(one, other)));
            only.cloned().collect::<Vec<_>>()
        };
        let (gone, new) = (only(&before, &after), only(&after, &before));
        if !gone.is_empty() || !new.is_empty() {
            found.push(CaseDifference {
                number: case.number,
                gone,
                new,
            });
        }
    }
    Ok(found)
}

/// The state of a case for its prompts; no hidden value is needed. *Errors*: those of the store.
pub async fn state_of(
    court: &Court,
    tx: &mut Tx,
    case: CaseId,
) -> StoreResult<Option<Arc<CaseState>>> {
    let Some(row) = cases::row(tx, case).await? else {
        return Ok(None);
    };
    cases::state(court, tx, &row).await.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_rules_and_members() {
        let old = RulePack::bundled();
        assert_eq!(difference(old, old), PackDifference::default());
        let mut new = old.clone();
        new.rules.retain(|rule| rule.id != "S01-05");
        for rule in &mut new.rules {
            if rule.id == "S02-01" {
                rule.deadline.n = Some(3);
            }
        }
        let found = difference(old, &new);
        assert_eq!(found.removed, ["S01-05"]);
        assert_eq!(found.added, Vec::<String>::new());
        let changed = found.changed.first().expect("one rule");
        assert_eq!((found.changed.len(), changed.rule.as_str()), (1, "S02-01"));
        assert_eq!(changed.members.keys().collect::<Vec<_>>(), ["deadline"]);
        assert_eq!(difference(&new, old).added, ["S01-05"]);
    }
}
