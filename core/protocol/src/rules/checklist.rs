//! Checklists before a step that ends something: termination of the current enforcement (终本) and completion (执行完毕).
//!
//! Each item names the rule of the pack that asks for it: law, articles, confidence and the action that closes it come from
//! there, so that nothing of the law stands twice. What proves an item is an event, never a tick.
//!
//! *Source*: 终本规定 arts. 1–7 and 民事诉讼法 as the rules S17-01 to S17-05 cite them; release at completion: S06-16, S11-04,
//! S11-07, S11-10, S18-03.

use std::collections::BTreeSet;

use serde::Serialize;

use super::evaluate::{Evaluator, Standing};
use super::law::Law;
use super::pack::Confidence;
use super::view::{BasisView, basis_views};
use crate::case::{CaseState, LegalFact};
use crate::time::{Date, UtcMillis};

/// A step with a checklist before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// 终结本次执行程序.
    Termination,
    /// 执行完毕.
    Completion,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 2] = [Self::Termination, Self::Completion];

    /// The name that people know.
    pub fn name_zh(self) -> &'static str {
        match self {
            Self::Termination => "终结本次执行程序",
            Self::Completion => "执行完毕",
        }
    }

    /// The step that recording a node would take, if it is one of these.
    pub fn of_node(node: &str) -> Option<Self> {
        match node {
            "termination.ruled" => Some(Self::Termination),
            "completion.recorded" => Some(Self::Completion),
            _ => None,
        }
    }

    fn asked(self) -> &'static [Asked] {
        match self {
            Self::Termination => TERMINATION,
            Self::Completion => COMPLETION,
        }
    }
}

/// When an item is asked for.
enum When {
    Always,
    /// The title is about money.
    Money,
    /// One of these facts holds.
    After(&'static [&'static str]),
    /// A fact with this value holds.
    Where(&'static str, &'static str, &'static str),
}

/// What proves an item.
enum Proof {
    /// One of these facts.
    Any(&'static [&'static str]),
    /// For each fact of the first codes one of the second, about the same subject.
    Each(&'static [&'static str], &'static [&'static str]),
    /// No control measure is in force.
    NothingHeld,
    /// The rule's own waiting time is over.
    Waited,
}

struct Asked {
    rule: &'static str,
    zh: &'static str,
    when: When,
    proof: Proof,
}

const TERMINATION: &[Asked] = &[
    Asked {
        rule: "S17-01",
        zh: "立案之日起超过三个月",
        when: When::Always,
        proof: Proof::Waited,
    },
    Asked {
        rule: "S02-03",
        zh: "已发出执行通知",
        when: When::Always,
        proof: Proof::Any(&["notice.sent"]),
    },
    Asked {
        rule: "S03-01",
        zh: "已责令报告财产",
        when: When::Money,
        proof: Proof::Any(&["report_order.issued"]),
    },
    Asked {
        rule: "S03-04",
        zh: "已核查财产报告",
        when: When::After(&["report.received"]),
        proof: Proof::Each(&["report.received"], &["report.verified"]),
    },
    Asked {
        rule: "S04-01",
        zh: "已网络查询财产",
        when: When::Money,
        proof: Proof::Any(&["online_query.sent"]),
    },
    Asked {
        rule: "S04-03",
        zh: "已核查申请人提供的线索",
        when: When::After(&["clue.received"]),
        proof: Proof::Each(&["clue.received"], &["clue.checked"]),
    },
    Asked {
        rule: "S17-03",
        zh: "已穷尽财产调查措施",
        when: When::Money,
        proof: Proof::Any(&["investigation.completed"]),
    },
    Asked {
        rule: "S11-01",
        zh: "已限制消费，或不适用",
        when: When::Money,
        proof: Proof::Any(&["consumption.restricted", "consumption.not_applicable"]),
    },
    Asked {
        rule: "S11-05",
        zh: "符合条件的已纳入失信名单",
        when: When::After(&["default_ground.found"]),
        proof: Proof::Each(
            &["default_ground.found"],
            &["defaulter.listed", "defaulter.not_applicable"],
        ),
    },
    Asked {
        rule: "S05-08",
        zh: "下落不明的已查找",
        when: When::After(&["whereabouts.unknown"]),
        proof: Proof::Each(
            &["whereabouts.unknown"],
            &["locating.requested", "whereabouts.found"],
        ),
    },
    Asked {
        rule: "S03-05",
        zh: "违反报告义务的已制裁",
        when: When::After(&["report.violated"]),
        proof: Proof::Each(
            &["report.violated"],
            &["sanction.decided", "sanction.waived"],
        ),
    },
    Asked {
        rule: "S17-04",
        zh: "已约谈申请执行人",
        when: When::Always,
        proof: Proof::Any(&["interview.held"]),
    },
    Asked {
        rule: "S17-05",
        zh: "申请人不签字的已经合议并报批",
        when: When::Where("termination.proposed", "applicant_signs", "false"),
        proof: Proof::Any(&["termination.approved"]),
    },
];

const COMPLETION: &[Asked] = &[
    Asked {
        rule: "S18-03",
        zh: "义务已全部履行",
        when: When::Always,
        proof: Proof::Any(&["obligation.performed"]),
    },
    Asked {
        rule: "S06-16",
        zh: "查封、扣押、冻结已解除",
        when: When::After(&["measure.taken"]),
        proof: Proof::NothingHeld,
    },
    Asked {
        rule: "S11-04",
        zh: "限制消费已解除",
        when: When::After(&["consumption.restricted"]),
        proof: Proof::Each(&["consumption.restricted"], &["consumption.released"]),
    },
    Asked {
        rule: "S11-07",
        zh: "失信信息已删除",
        when: When::After(&["defaulter.listed"]),
        proof: Proof::Each(&["defaulter.listed"], &["defaulter.deleted"]),
    },
    Asked {
        rule: "S11-10",
        zh: "限制出境已解除",
        when: When::After(&["exit_ban.decided"]),
        proof: Proof::Each(&["exit_ban.decided"], &["exit_ban.lifted"]),
    },
    Asked {
        rule: "S10-01",
        zh: "到账案款已发放或退还",
        when: When::After(&["funds.confirmed"]),
        proof: Proof::Each(&["funds.confirmed"], &["funds.paid_out", "funds.returned"]),
    },
];

/// How an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStanding {
    /// Proved by events.
    Met,
    /// Not yet.
    Open,
    /// The case does not call for it.
    NotNeeded,
}

/// One item of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The rule that asks for it.
    pub rule: String,
    /// What is asked.
    pub asked_zh: String,
    /// How it stands.
    pub standing: ItemStanding,
    /// Numbers of the events that prove it.
    pub by: Vec<u64>,
    /// What it is still open about, as ids; empty if it is about the case.
    pub open_about: Vec<String>,
    /// First day on which it is met by itself.
    pub earliest: Option<Date>,
    /// The step may not be taken while it is open. A rule that was only remembered never stops anybody.
    pub stops: bool,
    /// The one thing that closes it.
    pub action: String,
    /// Law.
    pub basis: Vec<BasisView>,
    /// How sure the rule's wording is.
    pub confidence: Confidence,
}

impl Item {
    /// The step must wait for it.
    pub fn is_in_the_way(&self) -> bool {
        self.stops && self.standing == ItemStanding::Open
    }
}

/// A checklist as a case stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checklist {
    /// The step.
    pub step: Step,
    /// Its name.
    pub name_zh: &'static str,
    /// The items in the order in which they are done.
    pub items: Vec<Item>,
    /// Version of the pack.
    pub pack_version: u32,
}

impl Checklist {
    /// The checklist of a case at a time.
    pub fn new(step: Step, state: &CaseState, law: &Law, now: UtcMillis) -> Self {
        let today = now.shanghai_date();
        let pack = &law.on(today).pack;
        let evaluator = Evaluator::of(law);
        let prompts = evaluator.evaluate(state, now);
        let waits_until = |rule: &str| {
            let mut prompts = prompts.iter();
            let waits = prompts
                .find(|prompt| prompt.rule.id == rule && prompt.standing == Standing::Waiting);
            waits.and_then(|prompt| prompt.due)
        };
        let items = step.asked().iter().filter_map(|asked| {
            // A pack that dropped the rule does not ask for it any more.
            let rule = pack.rule(asked.rule)?;
            let facts = facts_by(state, today);
            let (mut by, mut open_about, mut earliest) = (Vec::new(), Vec::new(), None);
            let met = match asked.proof {
                Proof::Any(codes) => {
                    by.extend(
                        facts
                            .iter()
                            .filter(|fact| is_one(fact, codes))
                            .map(|fact| fact.seq),
                    );
                    !by.is_empty()
                }
                Proof::Each(opened, closed) => {
                    for fact in facts.iter().filter(|fact| is_one(fact, opened)) {
                        let closing = facts
                            .iter()
                            .find(|other| is_one(other, closed) && same_subject(fact, other));
                        match closing {
                            Some(closing) => by.push(closing.seq),
                            None => open_about.push(fact.subject.clone()),
                        }
                    }
                    open_about.is_empty()
                }
                Proof::NothingHeld => {
                    let measures = state.facts().measures();
                    let held = measures
                        .iter()
                        .filter(|measure| measure.released.is_none() && measure.until >= today);
                    open_about.extend(held.map(|measure| Some(measure.measure.clone())));
                    by.extend(
                        facts
                            .iter()
                            .filter(|fact| is_one(fact, &["measure.released"]))
                            .map(|fact| fact.seq),
                    );
                    open_about.is_empty()
                }
                Proof::Waited => {
                    earliest = waits_until(asked.rule).map(|moment| moment.date());
                    let filed = facts.iter().find(|fact| fact.code == "case.filed");
                    by.extend(filed.map(|fact| fact.seq));
                    earliest.is_none() && filed.is_some()
                }
            };
            let called_for = match asked.when {
                When::Always => true,
                When::Money => state
                    .filed()
                    .is_some_and(|filed| filed.amount_fen.is_some()),
                When::After(codes) => facts.iter().any(|fact| is_one(fact, codes)),
                When::Where(code, name, value) => facts
                    .iter()
                    .any(|fact| fact.code == code && fact.field(name) == Some(value)),
            };
            let standing = match (called_for, met) {
                (false, _) => ItemStanding::NotNeeded,
                (true, true) => ItemStanding::Met,
                (true, false) => ItemStanding::Open,
            };
            let open_about: BTreeSet<String> = open_about.into_iter().flatten().collect();
            Some(Item {
                rule: rule.id.clone(),
                asked_zh: asked.zh.to_owned(),
                standing,
                by,
                open_about: open_about.into_iter().collect(),
                earliest,
                stops: rule.hard && rule.confidence > Confidence::Low,
                action: rule.action.clone(),
                basis: basis_views(rule, pack),
                confidence: rule.confidence,
            })
        });
        Self {
            step,
            name_zh: step.name_zh(),
            items: items.collect(),
            pack_version: pack.version,
        }
    }

    /// What stops the step.
    pub fn in_the_way(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.is_in_the_way())
    }
}

/// The facts that hold as far as a day.
fn facts_by(state: &CaseState, today: Date) -> Vec<&LegalFact> {
    let facts = state.facts().iter();
    facts.filter(|fact| fact.at.date() <= today).collect()
}

fn is_one(fact: &LegalFact, codes: &[&str]) -> bool {
    codes.contains(&fact.code.as_str())
}

/// A fact that names no subject is about all of them.
fn same_subject(one: &LegalFact, other: &LegalFact) -> bool {
    match (&one.subject, &other.subject) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}
