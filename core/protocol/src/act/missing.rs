//! What keeps an act from being closed, and why.

use serde::Serialize;

use super::book::{ActBook, Check, Condition, LineCheck, Requirement};
use super::standing::{Standing, instant_of};
use super::timer;
use crate::case::CaseState;
use crate::ids::AttendeeId;
use crate::rules::pack::{Basis, Confidence, Provenance};
use crate::statement::{ActStep, NodeValue, PartyRole, Presence, Refusal};
use crate::time::{DAY_MS, Date, SHANGHAI_OFFSET_MS, UtcMillis};

const HOUR_MS: i64 = 60 * 60 * 1000;

/// One thing that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Code of the requirement.
    pub requirement: String,
    /// Step of the flow.
    pub group: String,
    /// What it is.
    pub name_zh: String,
    /// What to do.
    pub do_zh: String,
    /// Ids of the people, lines or statements it is about.
    pub about: Vec<String>,
    /// Without it the act cannot be closed.
    pub hard: bool,
    /// It may also come after the closing.
    pub after_closing: bool,
    /// The law.
    pub basis: Vec<Basis>,
    /// How sure the wording is.
    pub confidence: Confidence,
    /// How far it was checked.
    pub provenance: Provenance,
}

/// What an act still misses, in the order in which it is done. Empty while nobody knows what kind of act it is.
pub fn missing(standing: &Standing<'_>, case: &CaseState, now: UtcMillis) -> Vec<Missing> {
    let book = ActBook::bundled();
    let Some(kind) = standing.kind else {
        return Vec::new();
    };
    let look = Look {
        standing,
        case,
        now,
    };
    book.requirements(kind)
        .filter(|(_, asked)| look.is_asked(asked))
        .filter_map(|(code, asked)| {
            let about = look.lacks(&asked.need)?;
            Some(Missing {
                requirement: code.to_owned(),
                group: asked.group.clone(),
                name_zh: asked.name_zh.clone(),
                do_zh: asked.do_zh.clone(),
                about,
                hard: asked.hard,
                after_closing: asked.after_closing,
                basis: asked.basis.clone(),
                confidence: asked.confidence,
                provenance: asked.provenance.clone(),
            })
        })
        .collect()
}

/// What an act asks for as it stands, whether it is there or not, in the order in which it is done.
pub fn asked<'a>(
    standing: &'a Standing<'_>,
    case: &'a CaseState,
    now: UtcMillis,
) -> impl Iterator<Item = (&'static str, &'static Requirement)> + 'a {
    let look = Look {
        standing,
        case,
        now,
    };
    let all = standing.kind.into_iter();
    all.flat_map(|kind| ActBook::bundled().requirements(kind))
        .filter(move |(_, asked)| look.is_asked(asked))
}

/// Whether everything of a group is there; false where the kind asks for nothing of it.
pub(super) fn is_met(standing: &Standing<'_>, case: &CaseState, group: &str) -> bool {
    let Some(kind) = standing.kind else {
        return false;
    };
    // No clock is in the groups that facts are made of, so that facts do not change with time.
    let look = Look {
        standing,
        case,
        now: UtcMillis(0),
    };
    let mut asked = ActBook::bundled()
        .requirements(kind)
        .filter(|(_, asked)| asked.group == group && asked.hard && look.is_asked(asked))
        .peekable();
    asked.peek().is_some() && asked.all(|(_, asked)| look.lacks(&asked.need).is_none())
}

struct Look<'l> {
    standing: &'l Standing<'l>,
    case: &'l CaseState,
    now: UtcMillis,
}

impl Look<'_> {
    fn is_asked(&self, asked: &Requirement) -> bool {
        match &asked.when {
            None => true,
            Some(Condition::RespondentIsPerson) => {
                let mut respondents = self
                    .case
                    .parties()
                    .filter(|party| party.body.role == PartyRole::Respondent)
                    .peekable();
                // Of a respondent nobody knows yet the stricter rule is asked.
                respondents.peek().is_none()
                    || respondents.any(|party| party.body.person_kind == "person")
            }
            Some(Condition::HasLines) => !self.standing.lines.is_empty(),
            Some(Condition::Attended { roles }) => self
                .standing
                .people()
                .any(|person| person.attended_as(roles)),
            Some(Condition::Answer { field, value }) => self.standing.answer(field) == Some(value),
        }
    }

    /// None if it is there; else the ids of what lacks it.
    fn lacks(&self, check: &Check) -> Option<Vec<String>> {
        let standing = self.standing;
        let unless = |there: bool| (!there).then(Vec::new);
        match check {
            Check::Any { needs } => {
                let mut lacking = Vec::new();
                for need in needs {
                    lacking.extend(self.lacks(need)?);
                }
                Some(lacking)
            }
            Check::NoConflict => {
                let conflicts = standing.conflicts();
                let hashes = conflicts.iter().flatten().map(ToString::to_string);
                (!conflicts.is_empty()).then(|| hashes.collect())
            }
            Check::NothingLate => {
                let late = standing.late.iter().map(ToString::to_string);
                (!standing.late.is_empty()).then(|| late.collect())
            }
            Check::Attended { roles, n } => {
                let people = standing.people();
                let there = people.filter(|person| person.attended_as(roles)).count();
                unless(u32::try_from(there).is_ok_and(|there| there >= *n))
            }
            Check::Told { roles } => {
                unless(standing.people().any(|person| person.is_one_of(roles)))
            }
            Check::WomanOfficer => unless(standing.people().any(|person| {
                person.female
                    && person.presence == Presence::Attended
                    && person.roles.iter().any(|role| role.is_of_court())
            })),
            Check::Shown { papers } => unless(self.shows(|paper, _| papers.contains(paper))),
            Check::PaperInFile { paper } => {
                unless(self.shows(|shown, in_file| shown == paper && in_file))
            }
            Check::Fact { node } => unless(self.case.facts().of(node).next().is_some()),
            Check::Shot { shot } => {
                let shots = standing.shots(|shown, _| shown == shot);
                unless(!shots.is_empty())
            }
            Check::Note { topics, n } => {
                let steps = standing.steps.iter();
                let notes = steps.filter(|(_, said)| {
                    matches!(&said.fact.step, ActStep::Note { topic } if topics.contains(topic))
                });
                unless(u32::try_from(notes.count()).is_ok_and(|notes| notes >= *n))
            }
            Check::Answered { field } => unless(standing.answer(field).is_some()),
            Check::Answer { field, value } => unless(standing.answer(field) == Some(value)),
            Check::Positive { field } => unless(self.number(field).is_some_and(|n| n > 0)),
            Check::AtMost { field, n } => unless(
                self.number(field)
                    .is_some_and(|days| (1..=*n).contains(&days)),
            ),
            Check::DatePassed { field } => {
                let date = standing.answer(field).map(NodeValue::text);
                let date: Option<Date> = date.and_then(|date| date.parse().ok());
                let begun = standing.state.start().map(|start| start.fact.at.date());
                unless(date.is_some_and(|date| begun.is_some_and(|begun| begun > date)))
            }
            Check::Hours { from, to } => {
                let begun = standing.state.start().map(|start| start.fact.at);
                let hour = begun.map(|at| hour_of(instant_of(at)));
                unless(hour.is_none_or(|hour| (i64::from(*from)..i64::from(*to)).contains(&hour)))
            }
            Check::TimerKept { timer } => unless(!timer::is_over(standing, timer, self.now)),
            Check::Recorders { n } => {
                let recorders = u32::try_from(standing.recorders().len());
                unless(recorders.is_ok_and(|recorders| recorders >= *n))
            }
            Check::Lines => unless(!standing.lines.is_empty()),
            Check::EachLine { has } => self.lines_without(*has),
            Check::NotExcessive => unless(!self.is_excessive()),
            Check::Ended => unless(standing.ended_at().is_some()),
            Check::ReadBack { roles } => self.people_without(
                |person| person.attended_as(roles),
                |person| {
                    standing.has_read(person)
                        || standing.refusal(person, Refusal::ReadBack).is_some()
                },
            ),
            Check::Signed { paper, roles } => self.people_without(
                |person| person.attended_as(roles),
                |person| standing.signs(person, *paper).is_some(),
            ),
            Check::Handed { papers, roles } => unless(self.is_handed(papers, roles)),
            Check::Countersigned => unless(standing.countersigned()),
        }
    }

    fn shows(&self, fits: impl Fn(&String, bool) -> bool) -> bool {
        self.standing.steps.iter().any(|(_, said)| {
            let ActStep::Shown {
                document, paper, ..
            } = &said.fact.step
            else {
                return false;
            };
            let in_file = document.is_some_and(|document| self.case.document(document).is_some());
            fits(paper, in_file)
        })
    }

    fn number(&self, field: &str) -> Option<i64> {
        match self.standing.answer(field)? {
            NodeValue::Number(number) => Some(*number),
            NodeValue::Flag(_) | NodeValue::Code(_) => None,
        }
    }

    fn people_without(
        &self,
        wanted: impl Fn(&super::standing::Attendee<'_>) -> bool,
        has: impl Fn(AttendeeId) -> bool,
    ) -> Option<Vec<String>> {
        let people = self.standing.people().filter(|person| wanted(person));
        let lacking: Vec<String> = people
            .filter(|person| !has(person.attendee))
            .map(|person| person.attendee.to_string())
            .collect();
        (!lacking.is_empty()).then_some(lacking)
    }

    fn lines_without(&self, has: LineCheck) -> Option<Vec<String>> {
        let standing = self.standing;
        let lacking: Vec<String> = standing
            .inventory()
            .filter(|line| {
                let id = line.fact.line;
                let exemptions = standing.exemptions(id);
                let mut categories = exemptions.iter().map(|(_, category)| *category);
                !match has {
                    LineCheck::Photo => !standing.photos(id).is_empty(),
                    LineCheck::Keeper => line
                        .fact
                        .keeper
                        .is_some_and(|keeper| standing.person(keeper).is_some()),
                    LineCheck::ExemptChecked => !exemptions.is_empty(),
                    LineCheck::MayBeTaken => categories.all(|category| category.may_be_taken()),
                    LineCheck::NoEssentialHome => categories
                        .all(|category| category != crate::statement::Exemption::EssentialHome),
                    LineCheck::Estimate => line.fact.estimate_fen.is_some(),
                    LineCheck::EngineNumber => {
                        !line.fact.unregistered_vehicle || line.members.contains("serial")
                    }
                }
            })
            .map(|line| line.fact.line.to_string())
            .collect();
        (!lacking.is_empty()).then_some(lacking)
    }

    fn is_excessive(&self) -> bool {
        let claimed = self.case.filed().and_then(|filed| filed.amount_fen);
        let values = self.standing.inventory();
        let taken = values
            .filter_map(|line| line.fact.estimate_fen)
            .fold(0_i64, i64::saturating_add);
        // "Clearly" has no number in the law; a fifth more than the claim, for costs and interest, is taken as the line.
        claimed.is_some_and(|claimed| taken > claimed.saturating_add(claimed / 5))
    }

    fn is_handed(&self, papers: &[String], roles: &[crate::statement::AttendeeRole]) -> bool {
        let standing = self.standing;
        let fits = |attendee: AttendeeId| {
            let person = standing.person(attendee);
            person.is_some_and(|person| person.is_one_of(roles))
        };
        let handed = standing.steps.iter().any(|(_, said)| {
            matches!(
                &said.fact.step,
                ActStep::Handed { attendee, paper, .. } if papers.contains(paper) && fits(*attendee)
            )
        });
        let refused = || {
            standing.people().any(|person| {
                person.is_one_of(roles)
                    && standing.refusal(person.attendee, Refusal::Take).is_some()
            })
        };
        handed || refused()
    }
}

/// The hour of the day in China.
fn hour_of(at: UtcMillis) -> i64 {
    let of_day = at.0.saturating_add(SHANGHAI_OFFSET_MS).rem_euclid(DAY_MS);
    of_day / HOUR_MS
}
