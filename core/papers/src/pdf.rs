//! From pages to the bytes of a PDF/A-2u file: fonts embedded as subsets, every character readable by machines.

use krilla::Document;
use krilla::color::luma;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::image::Image;
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, LineCap, LineJoin, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::text::{GlyphId, KrillaGlyph};
use krilla::{SerializeSettings, error::KrillaError};
use qrcode::{Color, EcLevel, QrCode};
use zhixing_protocol::time::Date;

use crate::error::PhotoFault;
use crate::font::Fonts;
use crate::line::{Line, Placed, Style};
use crate::sheet::{HEIGHT, Item, WIDTH};
use crate::signature::Strokes;
use crate::{PaperError, Photos, photo};

/// How much heavier bold text is drawn, in em: a song face so grows into one for titles.
const BOLD_EM: f32 = 0.035;
/// Width of a pen.
const PEN: f32 = 1.4;
/// Grey of notes, of 255.
const GREY: u8 = 110;

/// What is said of the file as a whole.
pub(crate) struct About<'a> {
    pub title: &'a str,
    pub court: &'a str,
    /// Names the paper; the same for the same paper.
    pub id: String,
    /// The day of the paper.
    pub on: Date,
}

/// A QR code as squares on a page.
pub(crate) struct Code {
    pub x: f32,
    pub y: f32,
    pub side: f32,
    pub text: String,
}

/// Writes the pages. *Errors*: [`PaperError::Photos`] with all photos that cannot be printed, [`PaperError::Pdf`].
pub(crate) fn write(
    pages: &[Vec<Item>],
    codes: &[Option<Code>],
    fonts: &Fonts,
    photos: &dyn Photos,
    about: &About<'_>,
) -> Result<Vec<u8>, PaperError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_U)
        .finish()
        .map_err(|error| PaperError::Pdf(format!("{error:?}")))?;
    let mut document = Document::new_with(SerializeSettings {
        configuration,
        ..SerializeSettings::default()
    });
    let mut faults = Vec::new();
    for (at, items) in pages.iter().enumerate() {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT)
            .ok_or_else(|| PaperError::Pdf("no such page size".into()))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for item in items {
            draw(&mut surface, item, fonts, photos, &mut faults);
        }
        if let Some(Some(code)) = codes.get(at) {
            draw_code(&mut surface, code)?;
        }
        surface.finish();
        page.finish();
    }
    if !faults.is_empty() {
        return Err(PaperError::Photos(faults));
    }
    document.set_metadata(metadata(about));
    document.finish().map_err(|error| match error {
        KrillaError::Font(_, what) => PaperError::Font(what),
        other => PaperError::Pdf(format!("{other:?}")),
    })
}

fn metadata(about: &About<'_>) -> Metadata {
    let mut metadata = Metadata::new()
        .title(about.title.to_owned())
        .authors(vec![about.court.to_owned()])
        .creator("Zhixing".to_owned())
        .producer("krilla".to_owned())
        .language("zh-CN".to_owned())
        .document_id(about.id.clone());
    let text = about.on.to_string();
    let mut parts = text.split('-');
    let mut next = || parts.next().and_then(|part| part.parse::<u16>().ok());
    if let (Some(year), Some(month), Some(day)) = (next(), next(), next()) {
        let small = |value: u16| u8::try_from(value).unwrap_or(1);
        // A time is asked for by the format; a paper has a day.
        metadata = metadata.creation_date(
            DateTime::new(year)
                .month(small(month))
                .day(small(day))
                .hour(0)
                .minute(0)
                .second(0)
                .utc_offset_hour(8)
                .utc_offset_minute(0),
        );
    }
    metadata
}

fn fill(grey: bool) -> Fill {
    let color = if grey {
        luma::Color::new(GREY)
    } else {
        luma::Color::black()
    };
    Fill {
        paint: color.into(),
        opacity: NormalizedF32::ONE,
        rule: krilla::paint::FillRule::NonZero,
    }
}

fn stroke(width: f32, dash: Option<StrokeDash>) -> Stroke {
    Stroke {
        paint: luma::Color::black().into(),
        width,
        line_cap: LineCap::Round,
        line_join: LineJoin::Round,
        dash,
        ..Stroke::default()
    }
}

fn draw(
    surface: &mut Surface<'_>,
    item: &Item,
    fonts: &Fonts,
    photos: &dyn Photos,
    faults: &mut Vec<PhotoFault>,
) {
    match item {
        Item::Text {
            x,
            y,
            style,
            line,
            grey,
        } => draw_line(surface, (*x, *y), *style, line, *grey, fonts),
        Item::Rule { from, to, width } => {
            let mut path = PathBuilder::new();
            path.move_to(from.0, from.1);
            path.line_to(to.0, to.1);
            draw_path(surface, path, stroke(*width, None));
        }
        Item::Strokes {
            x,
            y,
            width,
            height,
            strokes,
        } => draw_strokes(surface, (*x, *y, *width, *height), strokes),
        Item::Photo {
            x,
            y,
            width,
            height,
            id,
        } => match photos.read(id).and_then(|bytes| photo::for_print(&bytes)) {
            // After the first fault the paper is not given out; the others are still looked at, so that all are named.
            Ok(_) if !faults.is_empty() => {}
            Ok(jpeg) => match Image::from_jpeg(jpeg.into(), false) {
                Ok(image) => draw_image(surface, image, (*x, *y, *width, *height)),
                Err(fault) => faults.push(PhotoFault {
                    id: id.clone(),
                    fault,
                }),
            },
            Err(fault) => faults.push(PhotoFault {
                id: id.clone(),
                fault,
            }),
        },
        Item::SealPlace { x, y, radius } => {
            let mut path = PathBuilder::new();
            circle(&mut path, *x, *y, *radius);
            let dash = StrokeDash {
                array: vec![2.0, 4.0],
                offset: 0.0,
            };
            let mut dashed = stroke(0.5, Some(dash));
            dashed.paint = luma::Color::new(190).into();
            draw_path(surface, path, dashed);
        }
    }
}

fn draw_path(surface: &mut Surface<'_>, path: PathBuilder, stroke: Stroke) {
    if let Some(path) = path.finish() {
        surface.set_fill(None);
        surface.set_stroke(Some(stroke));
        surface.draw_path(&path);
        surface.set_stroke(None);
    }
}

/// Four curves are a circle to a thousandth. *Source*: the usual constant 4/3·(√2 − 1).
fn circle(path: &mut PathBuilder, x: f32, y: f32, radius: f32) {
    let c = radius * 0.552_285;
    path.move_to(x + radius, y);
    path.cubic_to(x + radius, y + c, x + c, y + radius, x, y + radius);
    path.cubic_to(x - c, y + radius, x - radius, y + c, x - radius, y);
    path.cubic_to(x - radius, y - c, x - c, y - radius, x, y - radius);
    path.cubic_to(x + c, y - radius, x + radius, y - c, x + radius, y);
    path.close();
}

/// A line of text, one piece for each run of the same face.
fn draw_line(
    surface: &mut Surface<'_>,
    at: (f32, f32),
    style: Style,
    line: &Line,
    grey: bool,
    fonts: &Fonts,
) {
    surface.set_fill(Some(fill(grey)));
    surface.set_stroke(style.bold.then(|| stroke(style.size * BOLD_EM, None)));
    let mut x = at.0;
    let same = |a: &Placed, b: &Placed| a.sort.face == b.sort.face;
    for run in line.placed.chunk_by(same) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        let Some(font) = fonts.font(first.sort.face) else {
            continue;
        };
        let start = first.range.start;
        let text = line.text.get(start..last.range.end).unwrap_or_default();
        let glyphs: Vec<KrillaGlyph> = run
            .iter()
            .map(|placed| {
                KrillaGlyph::new(
                    GlyphId::new(placed.sort.glyph),
                    placed.advance / style.size,
                    -placed.shift / style.size,
                    0.0,
                    0.0,
                    placed.range.start - start..placed.range.end - start,
                    None,
                )
            })
            .collect();
        surface.draw_glyphs(
            Point::from_xy(x, at.1),
            &glyphs,
            font,
            text,
            style.size,
            false,
        );
        x += run.iter().map(|placed| placed.advance).sum::<f32>();
    }
    surface.set_stroke(None);
}

/// A signature as lines, whole and in its proportions.
fn draw_strokes(
    surface: &mut Surface<'_>,
    (x, y, width, height): (f32, f32, f32, f32),
    strokes: &Strokes,
) {
    #[expect(clippy::cast_precision_loss, reason = "sides are at most 1,000,000")]
    let side = |value: i64| value as f32;
    let scale = (width / side(strokes.width)).min(height / side(strokes.height));
    let place = |(px, py): (i64, i64)| (x + side(px) * scale, y + side(py) * scale);
    for line in &strokes.lines {
        let mut path = PathBuilder::new();
        for (at, point) in line.iter().enumerate() {
            let (px, py) = place(*point);
            if at == 0 {
                path.move_to(px, py);
                // A dot is a line too.
                path.line_to(px + 0.1, py);
            } else {
                path.line_to(px, py);
            }
        }
        draw_path(surface, path, stroke(PEN, None));
    }
}

fn draw_image(
    surface: &mut Surface<'_>,
    image: Image,
    (x, y, width, height): (f32, f32, f32, f32),
) {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a print's picture has at most 1280 points a side"
    )]
    let (own_width, own_height) = (image.size().0 as f32, image.size().1 as f32);
    let scale = (width / own_width).min(height / own_height);
    let (shown_width, shown_height) = (own_width * scale, own_height * scale);
    let Some(size) = Size::from_wh(shown_width, shown_height) else {
        return;
    };
    let to = Transform::from_translate(
        x + (width - shown_width) / 2.0,
        y + (height - shown_height) / 2.0,
    );
    surface.push_transform(&to);
    surface.draw_image(image, size);
    surface.pop();
}

fn draw_code(surface: &mut Surface<'_>, code: &Code) -> Result<(), PaperError> {
    let qr = QrCode::with_error_correction_level(&code.text, EcLevel::M)
        .map_err(|error| PaperError::Pdf(format!("QR code: {error}")))?;
    let modules = qr.width();
    #[expect(clippy::cast_precision_loss, reason = "at most 177 modules")]
    let unit = code.side / modules as f32;
    let mut path = PathBuilder::new();
    for (at, color) in qr.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            #[expect(clippy::cast_precision_loss, reason = "at most 177 modules")]
            let (column, row) = ((at % modules) as f32, (at / modules) as f32);
            if let Some(square) =
                Rect::from_xywh(code.x + column * unit, code.y + row * unit, unit, unit)
            {
                path.push_rect(square);
            }
        }
    }
    if let Some(path) = path.finish() {
        surface.set_stroke(None);
        surface.set_fill(Some(fill(false)));
        surface.draw_path(&path);
    }
    Ok(())
}
