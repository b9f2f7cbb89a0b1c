//! Templates: kinds of paper as data. Each is one JSON file in `templates/`, read once and checked by a test.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::PaperError;

/// How the head of a paper is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// 裁定、决定、通知、令: court, title and number above, place of the seal below.
    Ruling,
    /// 笔录: court and title above, a head of labelled lines, signatures below.
    Record,
    /// 清单、审批表、计算书: as a record, set smaller.
    Form,
}

/// Volume of the case file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Volume {
    /// 正卷
    Main,
    /// 副卷: never shown to a party.
    Internal,
}

impl Volume {
    /// As it stands in events.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Internal => "internal",
        }
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line: a string without line breaks.
    Text,
    /// Any words: a string, a line break begins a paragraph.
    Words,
    /// A date, such as `"2020-03-10"`.
    Date,
    /// A date or a time of day in China, such as `"2020-03-10T09:30"`.
    Moment,
    /// Fen, an integer.
    Money,
    /// An integer.
    Number,
    /// `true` or `false`.
    Flag,
    /// A person or organisation: a name, or an object with `name` and what is known of `sex`, `born`, `nation`, `id_number`, `address`, `phone`,
    /// `post`, `badge`, `represented_by`.
    Person,
    /// A list of persons.
    People,
    /// A list of strings, numbered on the paper.
    List,
    /// A list of objects, one a row of a table; the block that prints it names the columns.
    Rows,
    /// A list of objects with `ask` and `answer`.
    Dialogue,
    /// A list of objects with `id` (what [`crate::Photos`] is asked for) and `caption`.
    Photos,
    /// A list of objects with `role`, `name`, and `strokes` or `refused`, and perhaps `on`.
    Signatures,
}

/// A column of a field of rows, as data and on paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Member of each row; `#` for the number of the row.
    pub name: String,
    /// Head of the column.
    pub label: String,
    /// What the cells hold: `text`, `money`, `number`, `date` or `moment`.
    #[serde(default = "text")]
    pub kind: FieldKind,
    /// Share of the width, in parts.
    pub parts: u16,
    /// Whether every row must have it.
    #[serde(default)]
    pub required: bool,
}

const fn text() -> FieldKind {
    FieldKind::Text
}

/// A named field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Name.
    pub name: String,
    /// Label, in Chinese.
    pub label: String,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether the paper cannot be made without it.
    #[serde(default)]
    pub required: bool,
    /// Where the case itself gives it, such as `case.number`; see the crate's `from_case`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Columns, of rows only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
}

/// A part of the paper, from above to below.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    #[serde(flatten)]
    pub content: Content,
    /// Only if this field has a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Only if this field has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
}

/// What a block is. In texts `{name}` stands for a field, `{name:form}` for one of its forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A paragraph, its first line indented by two characters.
    Text(String),
    /// A paragraph without indent.
    Plain(String),
    /// A heading in the title's weight.
    Heading(String),
    /// Parties with all that is known of them, one paragraph each: label and field of persons.
    Parties(Vec<(String, String)>),
    /// Labelled lines of the fields named.
    Lines(Vec<String>),
    /// Questions and answers of the field named.
    Dialogue(String),
    /// A numbered list (一、二、) of the field named.
    List(String),
    /// A table of the field of rows named.
    Table(String),
    /// A table of two columns, label and value, of the fields named.
    Card(Vec<String>),
    /// Photos of the field named, so many side by side.
    Photos {
        /// Field.
        field: String,
        /// 1 to 3.
        across: u8,
    },
    /// Lines to sign on, for the field of signatures named.
    Signatures(String),
    /// Who decides, the day in Chinese figures and the place of the seal: label and field of the persons, then the field of the day.
    Closing {
        /// Label and field.
        by: Vec<(String, String)>,
        /// Field of the day.
        on: String,
        /// Whether the court's seal is put on it.
        seal: bool,
    },
    /// A new page, if this one is not empty.
    Page(bool),
}

/// An article that a template rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// Short name of the law as in the rule pack.
    pub law: String,
    /// Article.
    pub article: String,
    /// How sure we are: `high`, `medium`, `low`.
    pub confidence: String,
}

/// A kind of paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Id, such as `record.inquiry`; never changes its meaning.
    pub id: String,
    /// Rises with every change that changes bytes of a paper.
    pub version: u32,
    /// Title on the paper.
    pub title: String,
    /// Layout.
    pub layout: Layout,
    /// Volume of the case file.
    pub volume: Volume,
    /// Actions of the rule pack that it answers, such as `form:执行通知书`.
    #[serde(default)]
    pub actions: Vec<String>,
    /// Nodes of the rule pack that can be recorded once it is made.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// Acts on site that end in it.
    #[serde(default)]
    pub acts: Vec<String>,
    /// Law.
    #[serde(default)]
    pub basis: Vec<Basis>,
    /// What must still be on the paper: `seal`, `president`, `two_officers`, `party_signature`, `witness`, `receipt`.
    #[serde(default)]
    pub marks: Vec<String>,
    /// The lawyer who approved the words and the day; none: a draft, and the paper says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<String>,
    /// Fields.
    pub fields: Vec<Field>,
    /// The paper from above to below.
    pub body: Vec<Block>,
}

impl Template {
    /// Reads a template. *Errors*: [`PaperError::Template`].
    pub fn read(json: &str) -> Result<Self, PaperError> {
        let mut template: Self =
            serde_json::from_str(json).map_err(|error| PaperError::Template {
                template: json.chars().take(40).collect(),
                fault: error.to_string(),
            })?;
        // What every paper's head needs is not repeated in each file.
        for (name, label, from) in [
            ("case_number", "案号", "case.number"),
            ("court", "法院", "case.court"),
        ] {
            if template.field(name).is_none() {
                template.fields.insert(
                    0,
                    Field {
                        name: name.into(),
                        label: label.into(),
                        kind: FieldKind::Text,
                        required: true,
                        from: Some(from.into()),
                        columns: Vec::new(),
                    },
                );
            }
        }
        Ok(template)
    }

    /// A field by name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

include!("catalogue.rs");

/// All templates of this program in the order of their ids. *Errors*: [`PaperError::Template`], which a test keeps away.
pub fn templates() -> Result<&'static [Template], PaperError> {
    static ALL: OnceLock<Result<Vec<Template>, PaperError>> = OnceLock::new();
    ALL.get_or_init(|| SOURCES.iter().map(|json| Template::read(json)).collect())
        .as_deref()
        .map_err(Clone::clone)
}

/// A template by id or by title. *Errors*: [`PaperError::UnknownTemplate`].
pub fn template(name: &str) -> Result<&'static Template, PaperError> {
    templates()?
        .iter()
        .find(|template| template.id == name || template.title == name)
        .ok_or_else(|| PaperError::UnknownTemplate(name.to_owned()))
}
