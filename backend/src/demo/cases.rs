//! The cases: three that the story names, and 41 drawn ones.

use serde_json::{Value, json};
use zhixing_protocol::time::Date;

use super::people::{self, Party};

/// How many there are.
const CASES: usize = 44;
/// Those behind belong to another court and judge.
const OF_ZHAOHUA: usize = 34;
/// Those up to here are the first judge's.
const OF_HE_WEI: usize = 28;
/// Codes and names of causes.
const CAUSES: &[(&str, &str)] = &[
    ("loan", "民间借贷纠纷"),
    ("sale", "买卖合同纠纷"),
    ("wages", "追索劳动报酬纠纷"),
    ("traffic", "机动车交通事故责任纠纷"),
    ("lease", "租赁合同纠纷"),
];

/// A case.
pub(super) struct Case {
    pub(super) place: usize,
    pub(super) number: String,
    pub(super) court: &'static str,
    pub(super) cause: (&'static str, &'static str),
    pub(super) amount_fen: i64,
    pub(super) filed_on: Date,
    pub(super) handler: &'static str,
    pub(super) applicant: Party,
    pub(super) respondent: Party,
    /// A settlement before the court instead of a judgment.
    pub(super) mediated: bool,
    title_year: i32,
}

/// What kind of paper a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paper {
    Title,
    Application,
    Identity,
    Clue,
    Inquiry,
    Visit,
    Settlement,
    Memo,
}

impl Paper {
    /// Id and code of the document, its volume, and the end of its file's name.
    pub(super) fn record(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Title => ("title", "enforcement_title", "main", "pdf"),
            Self::Application => ("application", "application", "main", "pdf"),
            Self::Identity => ("identity", "identity_copy", "main", "pdf"),
            Self::Clue => ("clue", "photo", "main", "jpg"),
            Self::Inquiry => ("inquiry", "record", "main", "pdf"),
            Self::Visit => ("visit", "record", "main", "pdf"),
            Self::Settlement => ("settlement", "record", "main", "pdf"),
            Self::Memo => ("memo", "internal_memo", "internal", "pdf"),
        }
    }
}

impl Case {
    /// Its documents: four that each case begins with, and what became of it since.
    pub(super) fn papers(&self) -> Vec<Paper> {
        let mut papers = vec![
            Paper::Title,
            Paper::Application,
            Paper::Identity,
            Paper::Clue,
        ];
        if self.place % 3 == 1 {
            papers.push(Paper::Inquiry);
        }
        if self.place % 3 == 2 {
            papers.push(Paper::Visit);
        }
        if self.place.is_multiple_of(7) {
            papers.push(Paper::Settlement);
        }
        if self.place.is_multiple_of(2) {
            papers.push(Paper::Memo);
        }
        papers
    }

    /// Title of a document.
    pub(super) fn title_of(&self, paper: Paper) -> &'static str {
        match paper {
            Paper::Title if self.mediated => "民事调解书",
            Paper::Title => "民事判决书",
            Paper::Application => "强制执行申请书",
            Paper::Identity => "申请执行人身份证明（复印件）",
            Paper::Clue if self.clue_is_vehicle() => "财产线索照片：货车",
            Paper::Clue => "财产线索照片：房屋",
            Paper::Inquiry => "询问笔录",
            Paper::Visit => "走访笔录",
            Paper::Settlement => "执行和解笔录",
            Paper::Memo => "承办人备忘",
        }
    }

    /// Whether the applicant photographed a vehicle and not a house.
    pub(super) fn clue_is_vehicle(&self) -> bool {
        self.place % 2 == 1
    }

    /// Its place in the batch folder.
    pub(super) fn file_of(&self, paper: Paper) -> String {
        let (id, _, _, end) = paper.record();
        format!("documents/{}-{id}.{end}", self.place)
    }

    /// Number of the judgment.
    pub(super) fn title_number(&self) -> String {
        format!(
            "（{}）{}民初{}号",
            self.title_year,
            self.court,
            1000 + self.place
        )
    }

    /// The judgment as papers name it.
    pub(super) fn title_basis(&self) -> String {
        format!("{}{}", self.title_number(), self.title_of(Paper::Title))
    }

    /// Its line of `cases.jsonl`.
    pub(super) fn record(&self) -> Value {
        let documents: Vec<Value> = self
            .papers()
            .into_iter()
            .map(|paper| {
                let (id, kind, volume, end) = paper.record();
                json!({
                    "external_id": id,
                    "kind": kind,
                    "volume": volume,
                    "title": self.title_of(paper),
                    "media_type": if end == "jpg" { "image/jpeg" } else { "application/pdf" },
                    "file": self.file_of(paper),
                })
            })
            .collect();
        let assistants: &[&str] = if self.court == "川0811" {
            &["clerk"]
        } else {
            &[]
        };
        json!({
            "external_id": format!("demo-{}", self.place),
            "number": self.number,
            "court": self.court,
            "cause": self.cause.0,
            "amount_fen": self.amount_fen,
            "filed_on": self.filed_on.to_string(),
            "title": format!("{}：{}", self.title_basis(), self.cause.1),
            "handler": self.handler,
            "assistants": assistants,
            "parties": [self.applicant.record("applicant"), self.respondent.record("respondent")],
            "documents": documents,
        })
    }
}

/// What the story says of a case; the rest is drawn.
struct Named {
    applicant: &'static str,
    respondent: &'static str,
    organisation: bool,
    amount_fen: i64,
    filed_on: (i32, u8, u8),
    number: usize,
}

fn named(place: usize) -> Option<Named> {
    let named = |applicant, respondent, organisation, amount_fen, filed_on, number| Named {
        applicant,
        respondent,
        organisation,
        amount_fen,
        filed_on,
        number,
    };
    Some(match place {
        1 => named("梁某某", "彭某某", false, 2_000_000, (2020, 3, 10), 123),
        2 => named(
            "杨某某",
            "川北砂石有限公司（虚构）",
            true,
            8_650_000,
            (2026, 5, 18),
            301,
        ),
        3 => named("陈某某", "马文斌", false, 3_120_050, (2026, 6, 2), 318),
        _ => return None,
    })
}

/// Draws from a fixed seed: the same batch each time.
struct Draw(u32);

impl Draw {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // The low bits of such a generator repeat soon.
        (self.0 >> 8) % limit.max(1)
    }
}

/// All of them.
pub(super) fn all() -> Vec<Case> {
    let mut draw = Draw(20_200_310);
    (1..=CASES).map(|place| case(place, &mut draw)).collect()
}

fn case(place: usize, draw: &mut Draw) -> Case {
    let (court, region) = if place <= OF_ZHAOHUA {
        ("川0811", "510811")
    } else {
        ("川0802", "510802")
    };
    let handler = match place {
        place if place <= OF_HE_WEI => "hewei",
        place if place <= OF_ZHAOHUA => "tangjing",
        _ => "zhourui",
    };
    let cause = usize::try_from(draw.below(5)).unwrap_or(0);
    let (amount, month, day) = (draw.below(40_000_000), draw.below(8), draw.below(28));
    let known = named(place);
    let known = known.as_ref();
    let small = |number: u32| u8::try_from(number + 1).unwrap_or(1);
    let (year, month, day) = known.map_or((2026, small(month), small(day)), |known| known.filed_on);
    let number = known.map_or(400 + place, |known| known.number);
    let respondent = match known {
        Some(known) if known.organisation => {
            Party::organisation(place + 200, known.respondent.to_owned())
        }
        Some(known) => Party::person(place + 200, Some(known.respondent), region),
        None if place.is_multiple_of(9) => Party::organisation(place + 200, people::company(place)),
        None => Party::person(place + 200, None, region),
    };
    Case {
        place,
        number: format!("（{year}）{court}执{number}号"),
        court,
        cause: if known.is_some() && place == 1 {
            ("loan", "民间借贷纠纷")
        } else {
            CAUSES
                .get(cause)
                .copied()
                .unwrap_or(("loan", "民间借贷纠纷"))
        },
        amount_fen: known.map_or(500_000 + i64::from(amount), |known| known.amount_fen),
        filed_on: date(year, month, day),
        handler,
        applicant: Party::person(place, known.map(|known| known.applicant), region),
        respondent,
        mediated: place.is_multiple_of(5),
        title_year: year - 1,
    }
}

/// Days of the story are written by hand or drawn within every month's days.
fn date(year: i32, month: u8, day: u8) -> Date {
    format!("{year}-{month:02}-{day:02}")
        .parse()
        .expect("a day that every month has")
}
