//! Lines: Chinese text broken by the rules of Chinese typesetting.
//!
//! No line begins with a closing mark or ends with an opening one (避头尾); dashes and dots of two stay together; numbers and Latin words are not
//! broken; two marks side by side take one and a half squares; a closing mark at the end of a line needs half a square. What is then left over is
//! given to the spaces between characters, so that both edges are straight.
//!
//! *Source*: GB/T 15834-2011 (punctuation), W3C Requirements for Chinese Text Layout.

use core::ops::Range;

use crate::font::{Sort, Sorts};

/// Opening marks: never the last of a line.
const OPENING: &str = "（《〈「『【〔〖［｛“‘([{¥￥$№";
/// Closing marks and what belongs to what stands before: never the first of a line.
const CLOSING: &str = "）》〉」』】〕〗］｝”’。，、；：？！％‰℃°′″…—～·々)]},.;:?!%";
/// Largest gap between two characters that is still given to straight edges, in em.
const MOST_STRETCH_EM: f32 = 0.3;
/// Differences below are rounding.
const NEARLY: f32 = 0.05;

/// How text is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    /// Size in points.
    pub size: f32,
    /// From line to line in points.
    pub pitch: f32,
    /// Heavier, for titles and labels.
    pub bold: bool,
    /// Space between characters in em.
    pub tracking: f32,
}

/// A character in a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed {
    pub sort: Sort,
    /// Its bytes in the line's text.
    pub range: Range<usize>,
    /// To the next character, in points.
    pub advance: f32,
    /// To the left, in points: an opening mark behind another mark.
    pub shift: f32,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub text: String,
    pub placed: Vec<Placed>,
    pub width: f32,
}

/// A character before it has its place.
struct Piece {
    character: char,
    text: Range<usize>,
    sort: Sort,
}

impl Piece {
    fn is_opening(&self) -> bool {
        OPENING.contains(self.character)
    }

    fn is_closing(&self) -> bool {
        CLOSING.contains(self.character)
    }

    /// A full square with a mark in one half of it.
    fn is_half_empty(&self) -> bool {
        self.sort.width > 0.9
            && (self.is_opening() || self.is_closing())
            && !"…—～·％‰℃¥￥々".contains(self.character)
    }

    fn is_wide(&self) -> bool {
        self.sort.width > 0.9
    }

    /// Part of a number or a Latin word.
    fn is_narrow_word(&self) -> bool {
        !self.is_wide() && !self.character.is_whitespace()
    }
}

/// Breaks `text` into lines not wider than `width`, the first by `indent` narrower. A line break in the text ends a line.
pub(crate) fn break_lines(
    sorts: &mut Sorts<'_>,
    text: &str,
    style: Style,
    width: f32,
    indent: f32,
) -> Vec<Line> {
    let pieces = pieces(sorts, text);
    let mut lines = Vec::new();
    let mut start = 0;
    while start < pieces.len() {
        let room = if lines.is_empty() {
            width - indent
        } else {
            width
        };
        let (end, next) = one_line(&pieces, start, style, room);
        let last =
            next >= pieces.len() || pieces.get(end).is_some_and(|piece| piece.character == '\n');
        let slice = pieces.get(start..end).unwrap_or_default();
        let mut line = place(text, slice, style);
        if !last {
            justify(&mut line, slice, style, room);
        }
        lines.push(line);
        start = next;
    }
    if lines.is_empty() {
        lines.push(place(text, &[], style));
    }
    lines
}

/// One line that is not broken, however wide.
pub(crate) fn single(sorts: &mut Sorts<'_>, text: &str, style: Style) -> Line {
    let pieces = pieces(sorts, text);
    place(text, &pieces, style)
}

fn pieces(sorts: &mut Sorts<'_>, text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::with_capacity(text.len() / 3);
    for (at, character) in text.char_indices() {
        let end = at + character.len_utf8();
        if is_selector(character)
            && let Some(base) = pieces.last_mut()
        {
            base.sort = sorts.of(base.character, Some(character));
            base.text.end = end;
            continue;
        }
        let sort = if character == '\n' {
            Sort {
                face: 0,
                glyph: 0,
                width: 0.0,
            }
        } else {
            sorts.of(character, None)
        };
        pieces.push(Piece {
            character,
            text: at..end,
            sort,
        });
    }
    pieces
}

/// Chooses a variant of the character before it.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Width of a piece between its neighbours, and how far it moves to the left; in em.
fn fitted(before: Option<&Piece>, piece: &Piece, after: Option<&Piece>) -> (f32, f32) {
    let width = piece.sort.width;
    if !piece.is_half_empty() {
        return (width, 0.0);
    }
    if piece.is_closing() && after.is_some_and(Piece::is_half_empty) {
        return (width - 0.5, 0.0);
    }
    if piece.is_opening()
        && before.is_some_and(|before| before.is_half_empty() && before.is_opening())
    {
        return (width - 0.5, 0.5);
    }
    (width, 0.0)
}

/// Where the line that begins at `start` ends, and where the next begins.
fn one_line(pieces: &[Piece], start: usize, style: Style, room: f32) -> (usize, usize) {
    let mut used = 0.0;
    let mut at = start;
    while let Some(piece) = pieces.get(at) {
        if piece.character == '\n' {
            return (at, at + 1);
        }
        let before = at
            .checked_sub(1)
            .filter(|&at| at >= start)
            .and_then(|at| pieces.get(at));
        let (width, _) = fitted(before, piece, pieces.get(at + 1));
        let advance = (width + style.tracking) * style.size;
        // The last mark of a line needs only the half that is printed.
        let needed = if piece.is_closing() && piece.is_half_empty() {
            advance.min((0.5 + style.tracking) * style.size)
        } else if piece.character.is_whitespace() {
            0.0
        } else {
            advance - style.tracking * style.size
        };
        if used + needed > room + NEARLY {
            break;
        }
        used += advance;
        at += 1;
    }
    if at >= pieces.len() {
        return (at, at);
    }
    // Back to the last place where a line may end.
    let mut end = at;
    while end > start && !may_break(pieces, end) {
        end -= 1;
    }
    if end == start {
        // A word longer than the line is broken where it must be; at least one character is set.
        end = at.max(start + 1);
    }
    let next = end;
    let next = match pieces.get(next) {
        Some(piece) if piece.character == ' ' => next + 1,
        _ => next,
    };
    (end, next)
}

/// Whether a line may end before the piece at `at`.
fn may_break(pieces: &[Piece], at: usize) -> bool {
    let (Some(before), Some(after)) = (
        at.checked_sub(1).and_then(|at| pieces.get(at)),
        pieces.get(at),
    ) else {
        return true;
    };
    if after.character == '\n' || before.character.is_whitespace() {
        return true;
    }
    if after.is_closing() || before.is_opening() {
        return false;
    }
    !(before.is_narrow_word() && after.is_narrow_word())
}

fn place(text: &str, pieces: &[Piece], style: Style) -> Line {
    let from = pieces.first().map_or(0, |piece| piece.text.start);
    let to = pieces.last().map_or(from, |piece| piece.text.end);
    let mut width = 0.0;
    let mut placed = Vec::with_capacity(pieces.len());
    for (at, piece) in pieces.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| pieces.get(at));
        let (own, shift) = fitted(before, piece, pieces.get(at + 1));
        let advance = (own + style.tracking) * style.size;
        width += advance;
        placed.push(Placed {
            sort: piece.sort,
            range: piece.text.start - from..piece.text.end - from,
            advance,
            shift: shift * style.size,
        });
    }
    if !placed.is_empty() {
        width -= style.tracking * style.size;
    }
    Line {
        text: text.get(from..to).unwrap_or_default().to_owned(),
        placed,
        width,
    }
}

/// Makes a line as wide as its room by spaces beside wide characters; or narrower by the empty half of its last mark.
fn justify(line: &mut Line, pieces: &[Piece], style: Style, room: f32) {
    let trailing = pieces
        .last()
        .is_some_and(|piece| piece.is_closing() && piece.is_half_empty());
    let mut rest = room - line.width;
    if trailing && rest < NEARLY {
        rest += 0.5 * style.size;
    }
    if rest.abs() < NEARLY {
        return;
    }
    let gaps: Vec<usize> = (1..pieces.len())
        .filter(|&at| {
            let wide = |at: usize| {
                pieces
                    .get(at)
                    .is_some_and(|piece| piece.is_wide() || piece.character == ' ')
            };
            wide(at) || wide(at - 1)
        })
        .collect();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a line has far less than 2^23 characters"
    )]
    let each = rest / gaps.len() as f32;
    if gaps.is_empty() || each > MOST_STRETCH_EM * style.size {
        return;
    }
    for at in gaps {
        if let Some(placed) = line.placed.get_mut(at - 1) {
            placed.advance += each;
        }
    }
    line.width = room;
}
