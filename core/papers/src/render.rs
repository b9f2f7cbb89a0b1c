//! Making a paper: values checked, pages set, the imprint put on, PDF written.

use zhixing_protocol::canonical::{self, Object, Value};
use zhixing_protocol::hash::{Sha256Digest, StatementHash};
use zhixing_protocol::time::Date;

use crate::fields::{Filled, Values};
use crate::font::{Fonts, MissingGlyph};
use crate::line::{Style, single};
use crate::pdf::{self, About, Code};
use crate::sheet::{Align, BOTTOM, CELL, HEIGHT, Item, LEFT, MEASURE, NOTE, Sheet, baseline};
use crate::template::{Layout, Template};
use crate::{PaperError, Photos};

/// What a scanner reads: this, then the statement's hash in capital hexadecimal digits, all of the alphanumeric kind that makes small codes.
pub const QR_PREFIX: &str = "ZXS1:";
/// Side of the code on paper: 18 mm, so a module is half a millimetre.
const QR_SIDE: f32 = 18.0 * 72.0 / 25.4;

/// What a paper is made with besides its fields.
pub struct Assets<'a> {
    /// Fonts; embedded as subsets.
    pub fonts: &'a Fonts,
    /// Photos, asked for one at a time.
    pub photos: &'a dyn Photos,
    /// What says where the paper comes from.
    pub imprint: Imprint,
}

/// Where a paper comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imprint {
    /// The signed statement that made it; none for a draft, and the paper says so.
    pub statement: Option<StatementHash>,
    /// 第几版; 1 for the first.
    pub revision: u32,
    /// The legal day of the statement; of a draft the day of its making. It goes into what the file says of itself.
    pub on: Date,
}

impl Imprint {
    /// Of a draft.
    pub const fn draft(on: Date) -> Self {
        Self {
            statement: None,
            revision: 1,
            on,
        }
    }
}

/// A finished paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdf {
    /// PDF/A-2u.
    pub bytes: Vec<u8>,
    /// Number of pages.
    pub pages: usize,
    /// Characters that no font has; 〓 stands in their places. Empty is the rule: show this to whoever made the paper.
    pub missing: Vec<MissingGlyph>,
}

/// Makes a paper. The same template, fields, fonts, photos and imprint give the same bytes, on a phone and in the court.
///
/// *Errors*: [`PaperError`]; of fields and of photos all that is wrong at once.
pub fn render(
    template: &Template,
    fields: &Object,
    assets: &Assets<'_>,
) -> Result<Pdf, PaperError> {
    let values = Values::read(template, fields)?;
    let mut sheet = Sheet::new(assets.fonts.sorts()?);
    crate::set::set(&mut sheet, template, &values)?;
    imprint(&mut sheet, template, assets.imprint);
    let code = |_| {
        assets.imprint.statement.map(|statement| Code {
            x: LEFT,
            y: HEIGHT - 26.5 * 72.0 / 25.4,
            side: QR_SIDE,
            text: qr_text(statement),
        })
    };
    let codes: Vec<_> = (0..sheet.pages.len()).map(code).collect();
    let court = values.text("court", "").unwrap_or_default();
    let about = About {
        title: &template.title,
        court: &court,
        id: id(template, fields, assets.imprint),
        on: assets.imprint.on,
    };
    let bytes = pdf::write(&sheet.pages, &codes, assets.fonts, assets.photos, &about)?;
    Ok(Pdf {
        bytes,
        pages: sheet.pages.len(),
        missing: sheet.sorts.missing(),
    })
}

/// Looks whether a paper could be made of these fields, without fonts and photos. *Errors*: [`PaperError::Fields`] with all faults.
pub fn check(template: &Template, fields: &Object) -> Result<(), PaperError> {
    Values::read(template, fields).map(|_| ())
}

/// Ids of the photos that these fields name, in their order.
///
/// *Errors*: [`PaperError::Fields`].
pub fn photo_ids(template: &Template, fields: &Object) -> Result<Vec<String>, PaperError> {
    let values = Values::read(template, fields)?;
    let photos = template
        .fields
        .iter()
        .filter_map(|field| match values.get(&field.name) {
            Some(Filled::Photos(photos)) => Some(photos),
            _ => None,
        });
    Ok(photos.flatten().map(|photo| photo.id.clone()).collect())
}

/// What the QR code says.
pub fn qr_text(statement: StatementHash) -> String {
    format!("{QR_PREFIX}{}", statement.to_string().to_uppercase())
}

/// The statement that a QR code names; none if it is no code of ours.
pub fn statement_of_qr(text: &str) -> Option<StatementHash> {
    text.strip_prefix(QR_PREFIX)?.to_lowercase().parse().ok()
}

/// The same for the same paper, whatever fonts it is set in.
fn id(template: &Template, fields: &Object, imprint: Imprint) -> String {
    let value = Value::Array(vec![
        Value::Text(template.id.clone()),
        Value::Integer(i64::from(template.version)),
        Value::Integer(i64::from(imprint.revision)),
        imprint
            .statement
            .map_or(Value::Null, |statement| Value::Text(statement.to_string())),
        Value::Object(fields.clone()),
    ]);
    Sha256Digest::of(&canonical::Value::to_bytes(&value)).to_string()
}

/// Number of the page, revision, short hash, and what a reader must know: below the text, within the margin.
fn imprint(sheet: &mut Sheet<'_>, template: &Template, imprint: Imprint) {
    let pages = sheet.pages.len();
    let revision = format!("第{}版", imprint.revision);
    let approval = if template.approved.is_some() {
        ""
    } else {
        "（文书样式未经审定）"
    };
    let mut notes = vec![format!("{}　{revision}{approval}", template.title)];
    match imprint.statement {
        Some(statement) => {
            let hash = statement.to_string().to_uppercase();
            let groups: Vec<String> = hash
                .as_bytes()
                .chunks(4)
                .take(4)
                .map(|group| String::from_utf8_lossy(group).into_owned())
                .collect();
            notes.push(format!("陈述摘要 {}…", groups.join(" ")));
            notes.push("扫码得完整摘要，可在法院核验本件".into());
        }
        None => notes.push("草稿：未经签署，不具效力".into()),
    }
    let number = Style { size: 14.0, ..CELL };
    for at in 0..pages {
        let mut put =
            |text: &str, x: f32, y: f32, width: f32, align: Align, style: Style, grey: bool| {
                let line = single(&mut sheet.sorts, text, style);
                let x = match align {
                    Align::Left => x,
                    Align::Center => x + (width - line.width) / 2.0,
                    Align::Right => x + width - line.width,
                };
                if let Some(page) = sheet.pages.get_mut(at) {
                    page.push(Item::Text {
                        x,
                        y: baseline(y, style),
                        style,
                        line,
                        grey,
                    });
                }
            };
        let page = match template.layout {
            Layout::Ruling => format!("— {} —", at + 1),
            Layout::Record | Layout::Form => format!("第{}页　共{pages}页", at + 1),
        };
        let page_style = if template.layout == Layout::Ruling {
            number
        } else {
            CELL
        };
        // 7 mm below the text. *Source*: GB/T 9704-2012, 7.5.
        put(
            &page,
            LEFT,
            BOTTOM + 7.0 * 72.0 / 25.4 - 6.0,
            MEASURE,
            Align::Center,
            page_style,
            false,
        );
        let mut y = HEIGHT - 23.5 * 72.0 / 25.4;
        for note in &notes {
            put(
                note,
                LEFT + QR_SIDE + 6.0,
                y,
                MEASURE,
                Align::Left,
                NOTE,
                true,
            );
            y += NOTE.pitch + 3.0;
        }
        if imprint.statement.is_none() {
            let style = Style { bold: true, ..CELL };
            put(
                "草　稿",
                LEFT,
                14.0 * 72.0 / 25.4,
                MEASURE,
                Align::Right,
                style,
                false,
            );
        }
    }
}
