//! What a paper is filled with: values of named fields, checked all at once.

use std::collections::BTreeMap;

use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::rules::moment::Moment;
use zhixing_protocol::text::nfc;
use zhixing_protocol::time::Date;

use crate::error::FieldFault;
use crate::signature::Signature;
use crate::template::{Column, Field, FieldKind, Template};
use crate::{PaperError, words};

/// Most characters of one line.
pub const MAX_TEXT_CHARS: usize = 400;
/// Most characters of a field of words, of all answers together, and of a table together.
pub const MAX_WORDS_CHARS: usize = 100_000;
/// Most rows, turns, photos or persons of one field.
pub const MAX_ROWS: usize = 2000;

/// A person or organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Everything else that is known, by member.
    pub details: BTreeMap<String, String>,
}

/// Members of a person and how they are set in the full description.
const DETAILS: &[(&str, &str)] = &[
    ("sex", ""),
    ("born", ""),
    ("nation", ""),
    ("id_number", "公民身份号码"),
    ("credit_code", "统一社会信用代码"),
    ("represented_by", "法定代表人"),
    ("address", "住"),
    ("post", ""),
    ("badge", "证件号"),
    ("phone", "联系电话"),
    ("relation", "关系："),
];

impl Person {
    /// Name and what is known, as it stands at the head of a ruling.
    pub fn full(&self) -> String {
        let mut text = self.name.clone();
        for (member, label) in DETAILS {
            let Some(value) = self.details.get(*member) else {
                continue;
            };
            // A telephone number has no business at the head of a ruling that is published.
            if *member == "phone" {
                continue;
            }
            text.push('，');
            match (*member, value.parse::<Date>()) {
                ("born", Ok(day)) => text.push_str(&format!("{}出生", words::date(day))),
                ("represented_by", _) => text.push_str(&format!("法定代表人：{value}")),
                _ => text.push_str(&format!("{label}{value}")),
            }
        }
        text
    }
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// Question; empty where the person speaks unasked.
    pub ask: String,
    /// Answer; empty where something is said to the person.
    pub answer: String,
}

/// A photo of the paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// What the source of photos is asked for.
    pub id: String,
    /// Words below it.
    pub caption: String,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filled {
    /// One line.
    Text(String),
    /// Paragraphs.
    Words(String),
    /// A date.
    Date(Date),
    /// A time.
    Moment(Moment),
    /// Fen.
    Money(i64),
    /// A count.
    Number(i64),
    /// Yes.
    Flag,
    /// Persons; one for a field of a single person.
    People(Vec<Person>),
    /// Strings.
    List(Vec<String>),
    /// Rows, each its cells by the order of columns.
    Rows(Vec<Vec<String>>),
    /// Questions and answers.
    Dialogue(Vec<Turn>),
    /// Photos.
    Photos(Vec<Photo>),
    /// Signatures.
    Signatures(Vec<Signature>),
}

/// All values of a paper. A field that is not here was left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    values: BTreeMap<String, Filled>,
}

impl Values {
    /// A field's value.
    pub fn get(&self, name: &str) -> Option<&Filled> {
        self.values.get(name)
    }

    /// Reads and checks the fields of a template.
    ///
    /// *Errors*: [`PaperError::Fields`] with every fault at once: missing ones, unknown ones, wrong shapes, control characters, too long ones.
    pub fn read(template: &Template, fields: &Object) -> Result<Self, PaperError> {
        let mut faults = Vec::new();
        let mut values = BTreeMap::new();
        for field in &template.fields {
            let given = fields.get(&field.name).filter(|value| !is_empty(value));
            let Some(given) = given else {
                if field.required {
                    faults.push(fault(field, "", "missing; give it"));
                }
                continue;
            };
            let mut reader = Reader {
                field,
                faults: &mut faults,
            };
            if let Some(filled) = reader.read(given) {
                values.insert(field.name.clone(), filled);
            }
        }
        for name in fields.keys() {
            if template.field(name).is_none() {
                faults.push(FieldFault {
                    field: name.clone(),
                    label: "—".into(),
                    fault: "this template has no such field; leave it out".into(),
                });
            }
        }
        if faults.is_empty() {
            Ok(Self { values })
        } else {
            Err(PaperError::Fields(faults))
        }
    }

    /// The text that stands for `{name:form}` in a paragraph; empty for a field that was left out.
    pub fn text(&self, name: &str, form: &str) -> Option<String> {
        let Some(value) = self.get(name) else {
            return Some(String::new());
        };
        Some(match (value, form) {
            (Filled::Text(text) | Filled::Words(text), "") => text.clone(),
            (Filled::Date(day), "") => words::date(*day),
            (Filled::Date(day), "chinese") => words::date_in_chinese(*day),
            (Filled::Moment(at), "") => words::moment(*at),
            (Filled::Moment(at), "date") => words::date(at.date()),
            (Filled::Moment(at), "chinese") => words::date_in_chinese(at.date()),
            (Filled::Money(fen), "") => format!("{}元", words::yuan(*fen)),
            (Filled::Money(fen), "capital") => words::yuan_in_capitals(*fen),
            (Filled::Money(fen), "both") => {
                format!(
                    "{}（¥{}）",
                    words::yuan_in_capitals(*fen),
                    words::yuan(*fen)
                )
            }
            (Filled::Number(number), "") => number.to_string(),
            (Filled::Flag, "") => "是".into(),
            (Filled::People(people), "") => join(people, |person| person.name.clone(), "、"),
            (Filled::People(people), "full") => join(people, Person::full, "；"),
            (Filled::People(people), "post") => join(people, named_post, "、"),
            (Filled::List(items), "") => {
                let items: Vec<_> = items
                    .iter()
                    .map(|item| item.trim_end_matches(['。', '；']))
                    .collect();
                items.join("；")
            }
            (Filled::Rows(rows), "count") => rows.len().to_string(),
            (Filled::Photos(photos), "count") => photos.len().to_string(),
            _ => return None,
        })
    }
}

/// 张三（法官，证件号 A1）.
fn named_post(person: &Person) -> String {
    let post = person.details.get("post").map(String::as_str);
    let badge = person
        .details
        .get("badge")
        .map(|badge| format!("证件号{badge}"));
    let relation = person.details.get("relation").map(String::as_str);
    let known: Vec<&str> = [post, relation, badge.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    if known.is_empty() {
        person.name.clone()
    } else {
        format!("{}（{}）", person.name, known.join("，"))
    }
}

fn join(people: &[Person], form: impl Fn(&Person) -> String, between: &str) -> String {
    people.iter().map(form).collect::<Vec<_>>().join(between)
}

/// Whether a value says nothing: null, blank text, an empty list or object, `false`.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Text(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn fault(field: &Field, place: &str, what: impl Into<String>) -> FieldFault {
    FieldFault {
        field: format!("{}{place}", field.name),
        label: field.label.clone(),
        fault: what.into(),
    }
}

struct Reader<'a> {
    field: &'a Field,
    faults: &'a mut Vec<FieldFault>,
}

impl Reader<'_> {
    fn refuse<T>(&mut self, place: &str, what: impl Into<String>) -> Option<T> {
        self.faults.push(fault(self.field, place, what));
        None
    }

    fn read(&mut self, value: &Value) -> Option<Filled> {
        match self.field.kind {
            FieldKind::Text => self.line("", value).map(Filled::Text),
            FieldKind::Words => self.words("", value).map(Filled::Words),
            FieldKind::Date => self.date("", value).map(Filled::Date),
            FieldKind::Moment => self.moment("", value).map(Filled::Moment),
            FieldKind::Money => self.money("", value).map(Filled::Money),
            FieldKind::Number => self.number("", value).map(Filled::Number),
            FieldKind::Flag => match value {
                Value::Bool(true) => Some(Filled::Flag),
                _ => self.refuse("", "expected true or false"),
            },
            FieldKind::Person => {
                let person = self.person("", value)?;
                Some(Filled::People(vec![person]))
            }
            FieldKind::People => {
                let people = self.each(value, Self::person)?;
                Some(Filled::People(people))
            }
            FieldKind::List => self.each(value, Self::words).map(Filled::List),
            FieldKind::Rows => {
                let columns = self.field.columns.clone();
                let rows =
                    self.each(value, |reader, place, row| reader.row(place, row, &columns))?;
                Some(Filled::Rows(rows))
            }
            FieldKind::Dialogue => self.each(value, Self::turn).map(Filled::Dialogue),
            FieldKind::Photos => self.each(value, Self::photo).map(Filled::Photos),
            FieldKind::Signatures => self.each(value, Self::signature).map(Filled::Signatures),
        }
    }

    /// Reads every item of a list; all faults are kept, and then there is no list.
    fn each<T>(
        &mut self,
        value: &Value,
        mut item: impl FnMut(&mut Self, &str, &Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = value else {
            return self.refuse("", "expected a list");
        };
        if items.len() > MAX_ROWS {
            return self.refuse(
                "",
                format!(
                    "{} entries; at most {MAX_ROWS}, make several papers",
                    items.len()
                ),
            );
        }
        let mut all = Some(Vec::new());
        for (index, value) in items.iter().enumerate() {
            match (item(self, &format!("[{index}]"), value), &mut all) {
                (Some(read), Some(list)) => list.push(read),
                (None, _) => all = None,
                _ => {}
            }
        }
        all
    }

    fn line(&mut self, place: &str, value: &Value) -> Option<String> {
        let text = self.words(place, value)?;
        if text.contains('\n') {
            return self.refuse(place, "one line only; take the line breaks out");
        }
        let length = text.chars().count();
        if length > MAX_TEXT_CHARS {
            return self.refuse(
                place,
                format!("{length} characters; at most {MAX_TEXT_CHARS}, shorten it"),
            );
        }
        Some(text)
    }

    fn words(&mut self, place: &str, value: &Value) -> Option<String> {
        let Value::Text(text) = value else {
            return self.refuse(place, "expected a text in quotes");
        };
        let text = nfc(text).replace("\r\n", "\n");
        let odd = text
            .chars()
            .find(|&c| c.is_control() && c != '\n' && c != '\t');
        if let Some(odd) = odd {
            return self.refuse(
                place,
                format!(
                    "holds the control character U+{:04X}; take it out",
                    u32::from(odd)
                ),
            );
        }
        if let Some(odd) = text.chars().find(|&c| is_invisible(c)) {
            return self.refuse(place, format!("holds the invisible character U+{:04X}, which can turn the order of what is read; take it out", u32::from(odd)));
        }
        let length = text.chars().count();
        if length > MAX_WORDS_CHARS {
            return self.refuse(
                place,
                format!("{length} characters; at most {MAX_WORDS_CHARS}, split it"),
            );
        }
        Some(text.trim().replace('\t', " "))
    }

    fn date(&mut self, place: &str, value: &Value) -> Option<Date> {
        match value.as_text().map(str::parse) {
            Some(Ok(date)) => Some(date),
            _ => self.refuse(place, "expected a date such as \"2020-03-10\""),
        }
    }

    fn moment(&mut self, place: &str, value: &Value) -> Option<Moment> {
        match value.as_text().map(str::parse) {
            Some(Ok(moment)) => Some(moment),
            _ => self.refuse(place, "expected a time such as \"2020-03-10T09:30\""),
        }
    }

    fn money(&mut self, place: &str, value: &Value) -> Option<i64> {
        match value.as_integer() {
            Some(fen) => Some(fen),
            None => self.refuse(
                place,
                "expected an amount in fen, a whole number such as 2000000 for 20,000 yuan",
            ),
        }
    }

    fn number(&mut self, place: &str, value: &Value) -> Option<i64> {
        match value.as_integer() {
            Some(number) => Some(number),
            None => self.refuse(place, "expected a whole number"),
        }
    }

    fn person(&mut self, place: &str, value: &Value) -> Option<Person> {
        let members = match value {
            Value::Text(_) => {
                return Some(Person {
                    name: self.line(place, value)?,
                    details: BTreeMap::new(),
                });
            }
            Value::Object(members) => members,
            _ => return self.refuse(place, "expected a name or an object with `name`"),
        };
        let mut person = Person::default();
        for (member, value) in members {
            let at = format!("{place}.{member}");
            if is_empty(value) {
                continue;
            }
            if member == "name" {
                person.name = self.line(&at, value)?;
            } else if DETAILS.iter().any(|(known, _)| known == member) {
                let text = self.line(&at, value)?;
                person.details.insert(member.clone(), text);
            } else {
                return self.refuse(&at, "a person has no such member; leave it out");
            }
        }
        if person.name.is_empty() {
            return self.refuse(place, "the person has no name; give `name`");
        }
        Some(person)
    }

    fn row(&mut self, place: &str, value: &Value, columns: &[Column]) -> Option<Vec<String>> {
        let Value::Object(members) = value else {
            return self.refuse(place, "expected an object, one for each row");
        };
        let known = |name: &String| columns.iter().any(|column| column.name == *name);
        if let Some(name) = members.keys().find(|name| !known(name)) {
            let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
            return self.refuse(
                &format!("{place}.{name}"),
                format!("no such column; there are {}", names.join(", ")),
            );
        }
        let mut cells = Vec::with_capacity(columns.len());
        let mut whole = true;
        for column in columns {
            let at = format!("{place}.{}", column.name);
            let value = members.get(&column.name).filter(|value| !is_empty(value));
            let cell = match (value, column.kind) {
                (None, _) if column.required => {
                    self.refuse::<()>(&at, format!("missing ({}); give it", column.label));
                    whole = false;
                    continue;
                }
                (None, _) => Some(String::new()),
                (Some(value), FieldKind::Money) => self.money(&at, value).map(words::yuan),
                (Some(value), FieldKind::Number) => self.number(&at, value).map(|n| n.to_string()),
                (Some(value), FieldKind::Date) => self.date(&at, value).map(|day| day.to_string()),
                (Some(value), FieldKind::Moment) => {
                    self.moment(&at, value).map(words::short_moment)
                }
                (Some(value), _) => self.words(&at, value),
            };
            match cell {
                Some(cell) => cells.push(cell),
                None => whole = false,
            }
        }
        whole.then_some(cells)
    }

    fn turn(&mut self, place: &str, value: &Value) -> Option<Turn> {
        let Value::Object(members) = value else {
            return self.refuse(place, "expected an object with `ask` and `answer`");
        };
        if let Some(name) = members
            .keys()
            .find(|name| *name != "ask" && *name != "answer")
        {
            return self.refuse(
                &format!("{place}.{name}"),
                "only `ask` and `answer` are known here",
            );
        }
        let mut part = |name: &str| match members.get(name).filter(|value| !is_empty(value)) {
            Some(value) => self.words(&format!("{place}.{name}"), value),
            None => Some(String::new()),
        };
        Some(Turn {
            ask: part("ask")?,
            answer: part("answer")?,
        })
    }

    fn photo(&mut self, place: &str, value: &Value) -> Option<Photo> {
        let id = match value.get("id") {
            Some(id) => self.line(&format!("{place}.id"), id)?,
            None => return self.refuse(place, "expected an object with `id` and `caption`"),
        };
        let caption = match value.get("caption").filter(|value| !is_empty(value)) {
            Some(caption) => self.line(&format!("{place}.caption"), caption)?,
            None => String::new(),
        };
        Some(Photo { id, caption })
    }

    fn signature(&mut self, place: &str, value: &Value) -> Option<Signature> {
        match Signature::read(value) {
            Ok(signature) => Some(signature),
            Err(what) => self.refuse(place, what),
        }
    }
}

/// Characters that are not seen and change how what stands beside them is read.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}
