//! Pages: what stands where, before anything is written as PDF. Lengths are points, from the left upper corner.

use crate::PaperError;
use crate::font::Sorts;
use crate::line::{Line, Style, break_lines, single};
use crate::signature::Strokes;

/// Points of a millimetre.
const MM: f32 = 72.0 / 25.4;
/// A4.
pub(crate) const WIDTH: f32 = 210.0 * MM;
/// A4.
pub(crate) const HEIGHT: f32 = 297.0 * MM;
/// Margins of official documents: 37 mm above, 35 below, 28 left, 26 right. *Source*: GB/T 9704-2012, 5.2.
pub(crate) const TOP: f32 = 37.0 * MM;
pub(crate) const BOTTOM: f32 = HEIGHT - 35.0 * MM;
pub(crate) const LEFT: f32 = 28.0 * MM;
/// 三号 of the Chinese point system: three halves of 五号 (10.5 pt). 28 of them are 441 pt; the measure of 156 mm is 442.
pub(crate) const BODY_SIZE: f32 = 15.75;
/// 28 characters.
pub(crate) const MEASURE: f32 = 28.0 * BODY_SIZE;
/// 22 lines on 225 mm.
pub(crate) const BODY_PITCH: f32 = (BOTTOM - TOP) / 22.0;
/// Most pages of a paper.
pub(crate) const MAX_PAGES: usize = 1000;

/// Text of rulings and records: 三号.
pub(crate) const BODY: Style = Style {
    size: BODY_SIZE,
    pitch: BODY_PITCH,
    bold: false,
    tracking: 0.0,
};
/// Text of forms: 小四.
pub(crate) const SMALL: Style = Style {
    size: 12.0,
    pitch: 20.0,
    bold: false,
    tracking: 0.0,
};
/// Cells of tables and captions: 五号.
pub(crate) const CELL: Style = Style {
    size: 10.5,
    pitch: 16.0,
    bold: false,
    tracking: 0.0,
};
/// Title and court: 二号.
pub(crate) const TITLE: Style = Style {
    size: 21.0,
    pitch: 38.0,
    bold: true,
    tracking: 0.0,
};
/// Notes in the margin.
pub(crate) const NOTE: Style = Style {
    size: 7.5,
    pitch: 10.0,
    bold: false,
    tracking: 0.0,
};

/// What is on a page.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// A line of text; `y` is its baseline.
    Text {
        x: f32,
        y: f32,
        style: Style,
        line: Line,
        grey: bool,
    },
    /// A straight line.
    Rule {
        from: (f32, f32),
        to: (f32, f32),
        width: f32,
    },
    /// A drawn signature within a box.
    Strokes {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        strokes: Strokes,
    },
    /// A photo within a box, whole and in its proportions.
    Photo {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        id: String,
    },
    /// A dashed circle where the seal goes.
    SealPlace { x: f32, y: f32, radius: f32 },
}

/// Where a text stands in its line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
}

/// Pages as they fill from above to below.
pub(crate) struct Sheet<'a> {
    pub sorts: Sorts<'a>,
    pub pages: Vec<Vec<Item>>,
    pub y: f32,
}

impl<'a> Sheet<'a> {
    pub fn new(sorts: Sorts<'a>) -> Self {
        Self {
            sorts,
            pages: vec![Vec::new()],
            y: TOP,
        }
    }

    /// Begins a new page. *Errors*: [`PaperError::TooLong`].
    pub fn turn(&mut self) -> Result<(), PaperError> {
        if self.pages.len() >= MAX_PAGES {
            return Err(PaperError::TooLong(MAX_PAGES));
        }
        self.pages.push(Vec::new());
        self.y = TOP;
        Ok(())
    }

    /// What is left of the page.
    pub fn room(&self) -> f32 {
        BOTTOM - self.y
    }

    /// Whether nothing stands on the page yet.
    pub fn is_fresh(&self) -> bool {
        self.pages.last().is_none_or(Vec::is_empty)
    }

    /// Turns the page if less than `height` is left. Half a point is rounding.
    pub fn need(&mut self, height: f32) -> Result<(), PaperError> {
        if self.room() + 0.5 < height && !self.is_fresh() {
            self.turn()?;
        }
        Ok(())
    }

    pub fn put(&mut self, item: Item) {
        if let Some(page) = self.pages.last_mut() {
            page.push(item);
        }
    }

    /// A line whose upper edge is at `y`, within `width` from `x`.
    pub fn put_line(&mut self, x: f32, y: f32, width: f32, align: Align, style: Style, line: Line) {
        let x = match align {
            Align::Left => x,
            Align::Center => x + (width - line.width) / 2.0,
            Align::Right => x + width - line.width,
        };
        self.put(Item::Text {
            x,
            y: baseline(y, style),
            style,
            line,
            grey: false,
        });
    }

    /// A straight line.
    pub fn rule(&mut self, from: (f32, f32), to: (f32, f32), width: f32) {
        self.put(Item::Rule { from, to, width });
    }

    /// A paragraph over the measure. `reserve` is what must stand on the same page as its last two lines.
    pub fn paragraph(
        &mut self,
        text: &str,
        style: Style,
        indent: f32,
        reserve: f32,
    ) -> Result<(), PaperError> {
        self.hanging(text, style, indent, 0.0, reserve)
    }

    /// A paragraph whose first line is indented by `indent` and whose other lines by `hang`.
    pub fn hanging(
        &mut self,
        text: &str,
        style: Style,
        indent: f32,
        hang: f32,
        reserve: f32,
    ) -> Result<(), PaperError> {
        for (number, part) in text.split('\n').enumerate() {
            let indent = if number == 0 || hang == 0.0 {
                indent
            } else {
                hang
            };
            let lines = break_lines(&mut self.sorts, part, style, MEASURE - hang, indent - hang);
            let count = lines.len();
            for (at, line) in lines.into_iter().enumerate() {
                // A first line alone at the foot, or a closing without any text above it, would look lost.
                let mut height = style.pitch;
                if (at == 0 && count > 1) || at + 2 == count {
                    height += style.pitch;
                }
                if at == 0 && count == 3 {
                    height += style.pitch;
                }
                if at + 2 >= count && (at + 2 == count || count == 1) {
                    height += reserve;
                }
                self.need(height)?;
                let x = LEFT + if at == 0 { indent } else { hang };
                let y = self.y;
                self.put_line(x, y, MEASURE, Align::Left, style, line);
                self.y += style.pitch;
            }
        }
        Ok(())
    }

    /// Text over the measure, each line placed by `align`.
    pub fn aligned(
        &mut self,
        text: &str,
        style: Style,
        align: Align,
        right_indent: f32,
    ) -> Result<(), PaperError> {
        let lines = break_lines(&mut self.sorts, text, style, MEASURE - right_indent, 0.0);
        for line in lines {
            self.need(style.pitch)?;
            let y = self.y;
            self.put_line(LEFT, y, MEASURE - right_indent, align, style, line);
            self.y += style.pitch;
        }
        Ok(())
    }

    /// One line at a place, not broken.
    pub fn mark(&mut self, x: f32, y: f32, width: f32, align: Align, style: Style, text: &str) {
        let line = single(&mut self.sorts, text, style);
        self.put_line(x, y, width, align, style, line);
    }
}

/// The baseline of a line whose upper edge is at `y`: the square of a character (0.88 above the baseline, 0.12 below) stands in its middle.
pub(crate) fn baseline(y: f32, style: Style) -> f32 {
    y + style.pitch / 2.0 + style.size * 0.38
}
