//! Courts, the people who work there, and the people of the cases. Nobody here exists.

use serde_json::{Value, json};

/// Word, name, level and the court above.
const COURTS: &[(&str, &str, &str, Option<&str>)] = &[
    ("川", "四川省高级人民法院", "high", None),
    ("川01", "成都市中级人民法院", "intermediate", Some("川")),
    ("川08", "广元市中级人民法院", "intermediate", Some("川")),
    ("川0802", "广元市利州区人民法院", "basic", Some("川08")),
    ("川0811", "广元市昭化区人民法院", "basic", Some("川08")),
    ("川0812", "广元市朝天区人民法院", "basic", Some("川08")),
    ("川0821", "旺苍县人民法院", "basic", Some("川08")),
    ("川0822", "青川县人民法院", "basic", Some("川08")),
    ("川0823", "剑阁县人民法院", "basic", Some("川08")),
    ("川0824", "苍溪县人民法院", "basic", Some("川08")),
];

/// Login, name, role, court and number of the badge.
const STAFF: &[(&str, &str, &str, &str, &str)] = &[
    ("hewei", "何伟", "judge", "川0811", "511001"),
    ("tangjing", "唐静", "judge", "川0811", "511002"),
    ("zhourui", "周睿", "judge", "川0802", "510201"),
    ("clerk", "罗小雨", "clerk", "川0811", "511003"),
    ("duty", "值班员", "duty", "川08", "510801"),
    ("admin", "管理员", "admin", "川08", "510802"),
    ("auditor", "督察员", "auditor", "川", "510001"),
];

const SURNAMES: &[&str] = &[
    "梁", "彭", "杨", "陈", "李", "王", "张", "刘", "赵", "黄", "吴", "徐", "孙", "胡", "朱", "高",
    "林", "郭", "马", "罗",
];
const GIVEN: &[&str] = &[
    "建国", "秀英", "小军", "桂芳", "志强", "玉兰", "海波", "春燕", "明华", "丽娟", "文斌", "国庆",
];
const VILLAGES: &[&str] = &[
    "昭化镇牛头村",
    "元坝镇石井村",
    "卫子镇东岳村",
    "虎跳镇三公村",
    "磨滩镇长青村",
    "柏林沟镇向阳村",
];

/// One of a list, over and over.
pub(super) fn pick<'l>(list: &[&'l str], number: usize) -> &'l str {
    list.get(number % list.len().max(1)).copied().unwrap_or("")
}

/// Lines of `courts.jsonl`.
pub(super) fn courts() -> Vec<Value> {
    COURTS
        .iter()
        .map(|(word, name, level, parent)| {
            json!({"word": word, "name": name, "level": level, "parent": parent})
        })
        .collect()
}

/// Name of a court.
pub(super) fn court_name(word: &str) -> &'static str {
    COURTS
        .iter()
        .find(|court| court.0 == word)
        .map_or("", |court| court.1)
}

/// Lines of `staff.jsonl`.
pub(super) fn staff() -> Vec<Value> {
    STAFF
        .iter()
        .map(|(login, name, role, court, badge)| {
            json!({
                "login": login, "name": name, "role": role, "court": court, "badge": badge,
                "password": format!("demo-{login}"),
            })
        })
        .collect()
}

/// Name and badge of somebody who works there.
pub(super) fn officer(login: &str) -> (&'static str, &'static str) {
    STAFF
        .iter()
        .find(|person| person.0 == login)
        .map_or(("", ""), |person| (person.1, person.4))
}

/// Whether a login is one of [`staff`].
pub(super) fn is_of_the_demonstration(login: &str) -> bool {
    STAFF.iter().any(|person| person.0 == login)
}

/// A party of a case.
pub(super) struct Party {
    pub(super) name: String,
    pub(super) organisation: bool,
    pub(super) id_number: Option<String>,
    pub(super) phone: String,
    pub(super) address: String,
}

impl Party {
    /// A natural person; `name` for one that the story names.
    pub(super) fn person(number: usize, name: Option<&str>, region: &str) -> Self {
        let made = || {
            format!(
                "{}{}",
                pick(SURNAMES, number * 7),
                pick(GIVEN, number * 5 + 3)
            )
        };
        Self {
            name: name.map_or_else(made, str::to_owned),
            organisation: false,
            id_number: Some(identity_number(region, number)),
            phone: phone(number),
            address: address(number),
        }
    }

    /// A company.
    pub(super) fn organisation(number: usize, name: String) -> Self {
        Self {
            name,
            organisation: true,
            id_number: None,
            phone: phone(number),
            address: address(number),
        }
    }

    /// Its line within a case.
    pub(super) fn record(&self, role: &str) -> Value {
        json!({
            "external_id": role,
            "role": role,
            "kind": if self.organisation { "organisation" } else { "person" },
            "name": self.name,
            "id_number": self.id_number,
            "phone": self.phone,
            "address": self.address,
        })
    }

    /// As a paper names it.
    pub(super) fn on_paper(&self) -> Value {
        json!({"name": self.name, "id_number": self.id_number, "address": self.address})
    }

    /// The village, as a paper names a place.
    pub(super) fn place(&self) -> &str {
        &self.address
    }
}

/// A company with a surname.
pub(super) fn company(number: usize) -> String {
    format!("{}氏建材经营部（虚构）", pick(SURNAMES, number))
}

/// Region, birthday and number with a checksum that is never the right one.
fn identity_number(region: &str, number: usize) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let body = format!(
        "{region}19{}{:02}{:02}{:03}",
        60 + number % 35,
        1 + number % 12,
        1 + number % 27,
        (100 + number) % 1000
    );
    let sum: u32 = body
        .chars()
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit.to_digit(10).unwrap_or(0) * weight)
        .sum();
    // 10X98765432 at the place 5 is 7.
    let wrong = if sum % 11 == 5 { '3' } else { '7' };
    format!("{body}{wrong}")
}

fn phone(number: usize) -> String {
    format!("100{:08}", 20_000_000 + number * 137)
}

fn address(number: usize) -> String {
    format!("广元市昭化区{}{}组", pick(VILLAGES, number), 1 + number % 8)
}
