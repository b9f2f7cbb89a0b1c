//! From template and values to pages.

use crate::fields::{Filled, Person, Values};
use crate::line::{Style, break_lines, single};
use crate::sheet::{
    Align, BODY, BODY_PITCH, BOTTOM, CELL, Item, LEFT, MEASURE, SMALL, Sheet, TITLE, TOP,
};
use crate::signature::{Mark, Signature};
use crate::template::{Block, Content, Layout, Template};
use crate::{PaperError, words};

/// Width of the lines of tables.
const HAIR: f32 = 0.5;
/// Between text and the lines of a cell.
const PAD: f32 = 4.0;
/// Between photos.
const GAP: f32 = 9.0;
/// Diameter of a court's seal is 42 mm. *Source*: State Council notice on seals (国发〔1999〕25号), as remembered; only the mark of its place depends on it.
const SEAL_RADIUS: f32 = 21.0 * 72.0 / 25.4;
/// Box of a drawn signature.
const SIGN_WIDTH: f32 = 130.0;
const SIGN_HEIGHT: f32 = 40.0;

/// Sets the whole paper.
pub(crate) fn set(
    sheet: &mut Sheet<'_>,
    template: &Template,
    values: &Values,
) -> Result<(), PaperError> {
    let text = match template.layout {
        Layout::Ruling | Layout::Record => BODY,
        Layout::Form => SMALL,
    };
    let setter = Setter {
        template,
        values,
        text,
    };
    setter.head(sheet)?;
    let shown: Vec<&Block> = template
        .body
        .iter()
        .filter(|block| setter.is_shown(block))
        .collect();
    for (at, block) in shown.iter().enumerate() {
        let reserve = match shown.get(at + 1).map(|next| &next.content) {
            Some(Content::Closing { by, seal, .. }) => setter.closing_height(by, *seal),
            _ => 0.0,
        };
        setter.block(sheet, &block.content, reserve)?;
    }
    Ok(())
}

struct Setter<'a> {
    template: &'a Template,
    values: &'a Values,
    text: Style,
}

impl Setter<'_> {
    fn is_shown(&self, block: &Block) -> bool {
        let has = |name: &String| self.values.get(name).is_some();
        block.when.as_ref().is_none_or(has) && !block.unless.as_ref().is_some_and(has)
    }

    fn fault(&self, fault: impl Into<String>) -> PaperError {
        PaperError::Template {
            template: self.template.id.clone(),
            fault: fault.into(),
        }
    }

    /// Court, title and number of the case.
    fn head(&self, sheet: &mut Sheet<'_>) -> Result<(), PaperError> {
        let court = self.values.text("court", "").unwrap_or_default();
        let number = self.values.text("case_number", "").unwrap_or_default();
        sheet.aligned(&court, TITLE, Align::Center, 0.0)?;
        // Short titles stand wide, as on the courts' own forms.
        let letters = self.template.title.chars().count();
        let tracking = match letters {
            0..=6 => 0.5,
            7..=10 => 0.2,
            _ => 0.0,
        };
        let style = Style { tracking, ..TITLE };
        sheet.aligned(&self.template.title, style, Align::Center, 0.0)?;
        sheet.y += BODY_PITCH / 2.0;
        match self.template.layout {
            Layout::Ruling => {
                sheet.aligned(&number, BODY, Align::Right, 0.0)?;
                sheet.y += BODY_PITCH / 2.0;
            }
            Layout::Record | Layout::Form => {
                sheet.aligned(&format!("案号：{number}"), self.text, Align::Left, 0.0)?;
            }
        }
        Ok(())
    }

    fn block(
        &self,
        sheet: &mut Sheet<'_>,
        content: &Content,
        reserve: f32,
    ) -> Result<(), PaperError> {
        let indent = 2.0 * self.text.size;
        match content {
            Content::Text(text) => sheet.paragraph(&self.fill(text)?, self.text, indent, reserve),
            Content::Plain(text) => sheet.paragraph(&self.fill(text)?, self.text, 0.0, reserve),
            Content::Heading(text) => {
                let style = Style {
                    bold: true,
                    ..self.text
                };
                sheet.need(3.0 * style.pitch)?;
                sheet.paragraph(&self.fill(text)?, style, 0.0, 0.0)
            }
            Content::Parties(parties) => {
                for (label, field) in parties {
                    for person in self.people(field) {
                        let text = format!("{label}：{}。", person.full());
                        sheet.paragraph(&text, self.text, indent, 0.0)?;
                    }
                }
                Ok(())
            }
            Content::Lines(names) => self.lines(sheet, names),
            Content::Dialogue(name) => self.dialogue(sheet, name),
            Content::List(name) => {
                let Some(Filled::List(items)) = self.values.get(name) else {
                    return Ok(());
                };
                for (at, item) in items.iter().enumerate() {
                    let last = if at + 1 == items.len() { reserve } else { 0.0 };
                    let text = format!("{}、{item}", words::counted(at + 1));
                    sheet.paragraph(&text, self.text, indent, last)?;
                }
                Ok(())
            }
            Content::Table(name) => self.table(sheet, name),
            Content::Card(names) => self.card(sheet, names),
            Content::Photos { field, across } => self.photos(sheet, field, *across),
            Content::Signatures(name) => self.signatures(sheet, name),
            Content::Closing { by, on, seal } => self.closing(sheet, by, on, *seal),
            Content::Page(_) if sheet.is_fresh() => Ok(()),
            Content::Page(_) => sheet.turn(),
        }
    }

    /// A text with its fields put in.
    fn fill(&self, text: &str) -> Result<String, PaperError> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let (inside, after) = after
                .split_once('}')
                .ok_or_else(|| self.fault(format!("a brace is not closed in {text:?}")))?;
            let (name, form) = inside.split_once(':').unwrap_or((inside, ""));
            if self.template.field(name).is_none() {
                return Err(self.fault(format!("{{{name}}} is no field")));
            }
            let value = self
                .values
                .text(name, form)
                .ok_or_else(|| self.fault(format!("{{{inside}}} has no such form")))?;
            out.push_str(&value);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn label(&self, name: &str) -> Result<&str, PaperError> {
        self.template
            .field(name)
            .map(|field| field.label.as_str())
            .ok_or_else(|| self.fault(format!("{name} is no field")))
    }

    /// A field as one text, in the form that fits a labelled line.
    fn plain_value(&self, name: &str) -> Result<String, PaperError> {
        let form = match self.values.get(name) {
            Some(Filled::Money(_)) => "both",
            Some(Filled::People(_)) => "post",
            _ => "",
        };
        self.values
            .text(name, form)
            .ok_or_else(|| self.fault(format!("{name} cannot stand on a line")))
    }

    fn people(&self, name: &str) -> &[Person] {
        match self.values.get(name) {
            Some(Filled::People(people)) => people,
            _ => &[],
        }
    }

    fn lines(&self, sheet: &mut Sheet<'_>, names: &[String]) -> Result<(), PaperError> {
        for name in names {
            if self.values.get(name).is_none() {
                continue;
            }
            let label = format!("{}：", self.label(name)?);
            let wide = single(&mut sheet.sorts, &label, self.text).width;
            // Under a long label the lines would be short.
            let hang = if wide > 7.5 * self.text.size {
                2.0 * self.text.size
            } else {
                wide
            };
            let text = format!("{label}{}", self.plain_value(name)?);
            sheet.hanging(&text, self.text, 0.0, hang, 0.0)?;
        }
        Ok(())
    }

    fn dialogue(&self, sheet: &mut Sheet<'_>, name: &str) -> Result<(), PaperError> {
        let Some(Filled::Dialogue(turns)) = self.values.get(name) else {
            return Ok(());
        };
        let hang = 2.0 * self.text.size;
        for turn in turns {
            for (mark, text) in [("问：", &turn.ask), ("答：", &turn.answer)] {
                if !text.is_empty() {
                    sheet.hanging(&format!("{mark}{text}"), self.text, 0.0, hang, 0.0)?;
                }
            }
        }
        Ok(())
    }

    fn table(&self, sheet: &mut Sheet<'_>, name: &str) -> Result<(), PaperError> {
        let field = self
            .template
            .field(name)
            .ok_or_else(|| self.fault(format!("{name} is no field")))?;
        let Some(Filled::Rows(rows)) = self.values.get(name) else {
            return Ok(());
        };
        let parts: u16 = field.columns.iter().map(|column| column.parts).sum::<u16>() + 2;
        let unit = MEASURE / f32::from(parts.max(1));
        let mut widths = vec![2.0 * unit];
        widths.extend(
            field
                .columns
                .iter()
                .map(|column| f32::from(column.parts) * unit),
        );
        let mut aligns = vec![Align::Center];
        let mut heads = vec!["序号".to_owned()];
        for column in &field.columns {
            heads.push(column.label.clone());
            aligns.push(match column.kind {
                crate::template::FieldKind::Money | crate::template::FieldKind::Number => {
                    Align::Right
                }
                _ => Align::Left,
            });
        }
        let head_aligns = vec![Align::Center; heads.len()];
        let bold = Style { bold: true, ..CELL };
        let head = Row {
            cells: &heads,
            widths: &widths,
            aligns: &head_aligns,
            style: bold,
        };
        sheet.y += PAD;
        // A head without a row below it would be lost.
        sheet.need(4.0 * CELL.pitch)?;
        head.set(sheet, None)?;
        for (at, row) in rows.iter().enumerate() {
            let mut cells = vec![(at + 1).to_string()];
            cells.extend(row.iter().cloned());
            let row = Row {
                cells: &cells,
                widths: &widths,
                aligns: &aligns,
                style: CELL,
            };
            row.set(sheet, Some(&head))?;
        }
        sheet.y += PAD;
        Ok(())
    }

    /// Labels left, values right.
    fn card(&self, sheet: &mut Sheet<'_>, names: &[String]) -> Result<(), PaperError> {
        let widths = [0.24 * MEASURE, 0.76 * MEASURE];
        let aligns = [Align::Center, Align::Left];
        let style = Style {
            pitch: 19.0,
            ..CELL
        };
        sheet.y += PAD;
        for name in names {
            let cells = [self.label(name)?.to_owned(), self.plain_value(name)?];
            let row = Row {
                cells: &cells,
                widths: &widths,
                aligns: &aligns,
                style,
            };
            row.set(sheet, None)?;
        }
        sheet.y += PAD;
        Ok(())
    }

    fn photos(&self, sheet: &mut Sheet<'_>, name: &str, across: u8) -> Result<(), PaperError> {
        let Some(Filled::Photos(photos)) = self.values.get(name) else {
            return Ok(());
        };
        let across = f32::from(across.clamp(1, 3));
        let width = (MEASURE - GAP * (across - 1.0)) / across;
        // One across: two to a page. More: three quarters of the width, as cameras see.
        let height = (width * 0.75).min((BOTTOM - TOP) / 2.0 - 2.0 * CELL.pitch - GAP);
        let mut column = 0.0;
        let mut tallest = 0.0_f32;
        for (at, photo) in photos.iter().enumerate() {
            let caption = if photo.caption.is_empty() {
                format!("照片{}", at + 1)
            } else {
                format!("照片{}　{}", at + 1, photo.caption)
            };
            let lines = break_lines(&mut sheet.sorts, &caption, CELL, width, 0.0);
            #[expect(
                clippy::cast_precision_loss,
                reason = "a caption has at most 400 lines"
            )]
            let below = lines.len() as f32 * CELL.pitch;
            if column == 0.0 {
                sheet.need(height + 2.0 * CELL.pitch)?;
                tallest = 0.0;
            }
            let x = LEFT + column * (width + GAP);
            let y = sheet.y;
            sheet.put(Item::Photo {
                x,
                y,
                width,
                height,
                id: photo.id.clone(),
            });
            let mut line_y = y + height + 2.0;
            for line in lines {
                sheet.put_line(x, line_y, width, Align::Center, CELL, line);
                line_y += CELL.pitch;
            }
            tallest = tallest.max(height + 2.0 + below);
            column += 1.0;
            if column >= across || at + 1 == photos.len() {
                sheet.y += tallest + GAP;
                column = 0.0;
            }
        }
        Ok(())
    }

    fn signatures(&self, sheet: &mut Sheet<'_>, name: &str) -> Result<(), PaperError> {
        let Some(Filled::Signatures(signatures)) = self.values.get(name) else {
            return Ok(());
        };
        sheet.y += PAD;
        for signature in signatures {
            self.signature(sheet, signature)?;
        }
        Ok(())
    }

    fn signature(&self, sheet: &mut Sheet<'_>, signature: &Signature) -> Result<(), PaperError> {
        let style = self.text;
        let label = if signature.name.is_empty() {
            format!("{}：", signature.role)
        } else {
            format!("{}（{}）：", signature.role, signature.name)
        };
        if let Mark::Refused(reason) = &signature.mark {
            let text = format!("{label}未签名。{reason}");
            return sheet.hanging(&text, style, 0.0, 2.0 * style.size, 0.0);
        }
        let height = SIGN_HEIGHT + CELL.pitch;
        let line = single(&mut sheet.sorts, &label, style);
        // A long label stands on lines of its own above.
        let above = line.width > MEASURE - SIGN_WIDTH - 8.0 * CELL.size;
        if above {
            sheet.paragraph(&label, style, 0.0, height)?;
        }
        sheet.need(height)?;
        let y = sheet.y;
        let mut x = LEFT;
        if !above {
            x += line.width;
            sheet.put_line(
                LEFT,
                y + SIGN_HEIGHT - style.pitch,
                MEASURE,
                Align::Left,
                style,
                line,
            );
        }
        sheet.rule(
            (x, y + SIGN_HEIGHT),
            (x + SIGN_WIDTH, y + SIGN_HEIGHT),
            HAIR,
        );
        if let Mark::Drawn(strokes) = &signature.mark {
            sheet.put(Item::Strokes {
                x: x + 4.0,
                y: y + 2.0,
                width: SIGN_WIDTH - 8.0,
                height: SIGN_HEIGHT - 4.0,
                strokes: strokes.clone(),
            });
            let note = crate::sheet::NOTE;
            sheet.mark(
                x,
                y + SIGN_HEIGHT + 1.0,
                SIGN_WIDTH,
                Align::Center,
                note,
                "屏幕手写",
            );
        }
        let day = signature
            .on
            .map_or_else(|| "　　年　月　日".into(), words::date);
        sheet.mark(
            LEFT,
            y + SIGN_HEIGHT - CELL.pitch - 3.0,
            MEASURE,
            Align::Right,
            CELL,
            &day,
        );
        sheet.y += height;
        Ok(())
    }

    fn closing_height(&self, by: &[(String, String)], seal: bool) -> f32 {
        let people: usize = by
            .iter()
            .map(|(_, field)| self.people(field).len().max(1))
            .sum();
        #[expect(clippy::cast_precision_loss, reason = "a handful of people")]
        let lines = (people + 2) as f32;
        let height = lines * self.text.pitch;
        if seal {
            height.max(SEAL_RADIUS * 2.0 + self.text.pitch)
        } else {
            height
        }
    }

    fn closing(
        &self,
        sheet: &mut Sheet<'_>,
        by: &[(String, String)],
        on: &str,
        seal: bool,
    ) -> Result<(), PaperError> {
        let style = self.text;
        sheet.need(self.closing_height(by, seal))?;
        let top = sheet.y;
        sheet.y += style.pitch;
        for (label, field) in by {
            let people = self.people(field);
            if people.is_empty() {
                let text = format!("{label}　　　　　　");
                sheet.aligned(&text, style, Align::Right, 2.0 * style.size)?;
            }
            for person in people {
                let text = format!("{label}　{}", three_wide(&person.name));
                sheet.aligned(&text, style, Align::Right, 2.0 * style.size)?;
            }
        }
        let day = self
            .values
            .text(on, "chinese")
            .filter(|day| !day.is_empty())
            .unwrap_or_else(|| "　　　　年　月　日".into());
        let line = single(&mut sheet.sorts, &day, style);
        let center = LEFT + MEASURE - 2.0 * style.size - line.width / 2.0;
        let y = sheet.y;
        sheet.put_line(
            LEFT,
            y,
            MEASURE - 2.0 * style.size,
            Align::Right,
            style,
            line,
        );
        sheet.y += style.pitch;
        if seal {
            // The seal's lower half covers the day.
            let middle = (y + style.pitch / 2.0 - SEAL_RADIUS / 2.0).min(BOTTOM - SEAL_RADIUS);
            sheet.put(Item::SealPlace {
                x: center,
                y: middle.max(top + SEAL_RADIUS),
                radius: SEAL_RADIUS,
            });
            sheet.y = sheet.y.max(middle + SEAL_RADIUS).min(BOTTOM);
        }
        Ok(())
    }
}

/// Names of two characters are set as wide as those of three.
fn three_wide(name: &str) -> String {
    let mut characters = name.chars();
    match (characters.next(), characters.next(), characters.next()) {
        (Some(first), Some(second), None) if !first.is_ascii() => format!("{first}　{second}"),
        _ => name.to_owned(),
    }
}

/// A row of a table.
struct Row<'a> {
    cells: &'a [String],
    widths: &'a [f32],
    aligns: &'a [Align],
    style: Style,
}

impl Row<'_> {
    /// Sets the row; over the end of a page it goes on below `head` on the next.
    fn set(&self, sheet: &mut Sheet<'_>, head: Option<&Row<'_>>) -> Result<(), PaperError> {
        let mut cells: Vec<std::vec::IntoIter<crate::line::Line>> = Vec::new();
        for (cell, width) in self.cells.iter().zip(self.widths) {
            let lines = cell
                .split('\n')
                .flat_map(|part| {
                    break_lines(&mut sheet.sorts, part, self.style, width - 2.0 * PAD, 0.0)
                })
                .collect::<Vec<_>>();
            cells.push(lines.into_iter());
        }
        let mut turned = false;
        loop {
            let left = cells
                .iter()
                .map(ExactSizeIterator::len)
                .max()
                .unwrap_or(0)
                .max(1);
            let height = |lines: usize| {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "a page has far less than 2^23 lines"
                )]
                let text = lines as f32 * self.style.pitch;
                text + 2.0 * PAD
            };
            let fits = (1..=left)
                .rev()
                .find(|lines| height(*lines) <= sheet.room() + 0.5)
                .unwrap_or(0);
            let whole_page = height(left) <= BOTTOM - TOP - 4.0 * self.style.pitch;
            if !turned && fits < left && (fits < 2 || whole_page) && !sheet.is_fresh() {
                sheet.turn()?;
                turned = true;
                if let Some(head) = head {
                    head.set(sheet, None)?;
                }
                if whole_page {
                    continue;
                }
            }
            let fits = (1..=left)
                .rev()
                .find(|lines| height(*lines) <= sheet.room() + 0.5)
                .unwrap_or(1);
            self.part(sheet, &mut cells, fits, height(fits));
            if fits >= left {
                return Ok(());
            }
            sheet.turn()?;
            if let Some(head) = head {
                head.set(sheet, None)?;
            }
        }
    }

    fn part(
        &self,
        sheet: &mut Sheet<'_>,
        cells: &mut [std::vec::IntoIter<crate::line::Line>],
        lines: usize,
        height: f32,
    ) {
        let top = sheet.y;
        let mut x = LEFT;
        for ((cell, width), align) in cells.iter_mut().zip(self.widths).zip(self.aligns) {
            sheet.rule((x, top), (x, top + height), HAIR);
            // Short cells stand in the middle of a row.
            #[expect(
                clippy::cast_precision_loss,
                reason = "a page has far less than 2^23 lines"
            )]
            let spare = lines.saturating_sub(cell.len()) as f32 * self.style.pitch;
            let mut y = top + PAD + spare / 2.0;
            for line in cell.by_ref().take(lines) {
                sheet.put_line(x + PAD, y, width - 2.0 * PAD, *align, self.style, line);
                y += self.style.pitch;
            }
            x += width;
        }
        sheet.rule((x, top), (x, top + height), HAIR);
        sheet.rule((LEFT, top), (x, top), HAIR);
        sheet.rule((LEFT, top + height), (x, top + height), HAIR);
        sheet.y += height;
    }
}
