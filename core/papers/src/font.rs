//! Fonts: bytes that the caller hands in; the first face that has a character sets it.

use std::collections::BTreeMap;
use std::sync::Arc;

use krilla::text::Font;
use skrifa::charmap::{Charmap, MapVariant};
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::string::StringId;
use skrifa::{FontRef, MetadataProvider as _};
use zhixing_protocol::hash::Sha256Digest;

use crate::PaperError;

/// Stands for a character that no font has, as typesetters used it for a missing sort.
const GETA: char = '〓';

/// The fonts of a paper, in the order in which they are asked for a character.
#[derive(Clone)]
pub struct Fonts {
    faces: Vec<Face>,
}

#[derive(Clone)]
struct Face {
    data: Arc<Vec<u8>>,
    index: u32,
    font: Font,
}

impl Fonts {
    /// Reads font files (OpenType, TrueType or collections of them). Of a collection the face for simplified Chinese is taken.
    ///
    /// The first is the paper's face; the others stand in for characters that it lacks.
    ///
    /// *Errors*: [`PaperError::Font`] naming the file by its place.
    pub fn read(files: Vec<Vec<u8>>) -> Result<Self, PaperError> {
        if files.is_empty() {
            return Err(PaperError::Font(
                "none was given; name a Chinese font file".into(),
            ));
        }
        let mut faces = Vec::with_capacity(files.len());
        for (place, bytes) in files.into_iter().enumerate() {
            let fault = || {
                PaperError::Font(format!(
                    "file {} is no OpenType or TrueType font, or it is damaged; install it again",
                    place + 1
                ))
            };
            let data = Arc::new(bytes);
            let index = simplified_chinese(&data);
            // The library trusts what it opens: look first whether the parts it needs are there.
            let face = FontRef::from_index(&data, index).map_err(|_| fault())?;
            if face.charmap().map('中').is_none() && place == 0 {
                return Err(PaperError::Font(
                    "it has no Chinese characters; name a Chinese font file".into(),
                ));
            }
            let font = Font::new(data.clone().into(), index).ok_or_else(fault)?;
            faces.push(Face { data, index, font });
        }
        Ok(Self { faces })
    }

    /// SHA-256 of each file: a paper made with other fonts has other bytes.
    pub fn sha256(&self) -> Vec<Sha256Digest> {
        self.faces
            .iter()
            .map(|face| Sha256Digest::of(&face.data))
            .collect()
    }

    pub(crate) fn font(&self, face: usize) -> Option<Font> {
        self.faces.get(face).map(|face| face.font.clone())
    }

    pub(crate) fn sorts(&self) -> Result<Sorts<'_>, PaperError> {
        let faces = self
            .faces
            .iter()
            .map(|face| {
                let font = FontRef::from_index(&face.data, face.index)
                    .map_err(|error| PaperError::Font(error.to_string()))?;
                let metrics = font.glyph_metrics(Size::unscaled(), LocationRef::default());
                Ok((font.charmap(), metrics, face.font.units_per_em()))
            })
            .collect::<Result<Vec<_>, PaperError>>()?;
        Ok(Sorts {
            faces,
            known: BTreeMap::new(),
            missing: BTreeMap::new(),
        })
    }
}

/// The face for simplified Chinese in a collection; the first if none says so.
fn simplified_chinese(data: &[u8]) -> u32 {
    let Ok(skrifa::raw::FileRef::Collection(collection)) = skrifa::raw::FileRef::new(data) else {
        return 0;
    };
    (0..collection.len())
        .find(|&index| {
            FontRef::from_index(data, index).is_ok_and(|font| {
                font.localized_strings(StringId::FAMILY_NAME)
                    .any(|name| name.chars().collect::<String>().ends_with(" SC"))
            })
        })
        .unwrap_or(0)
}

/// A character as it is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sort {
    /// Which face.
    pub face: usize,
    /// Glyph.
    pub glyph: u32,
    /// Width in em.
    pub width: f32,
}

/// A character that no font has. On the paper 〓 stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingGlyph {
    /// The character, with a variation selector where that is what is missing.
    pub character: String,
    /// Its code, such as `U+2A6D6`.
    pub code: String,
    /// How often it stands on the paper.
    pub times: u32,
}

/// Looks characters up, once each, and keeps which were missing.
pub(crate) struct Sorts<'a> {
    faces: Vec<(Charmap<'a>, GlyphMetrics<'a>, f32)>,
    known: BTreeMap<(char, Option<char>), Option<Sort>>,
    missing: BTreeMap<(char, Option<char>), u32>,
}

impl Sorts<'_> {
    /// How `character` is set, with the variant that `selector` asks for.
    pub fn of(&mut self, character: char, selector: Option<char>) -> Sort {
        let key = (character, selector);
        let found = match self.known.get(&key) {
            Some(found) => *found,
            None => {
                let found = self.find(character, selector);
                self.known.insert(key, found);
                found
            }
        };
        found.unwrap_or_else(|| {
            let times = self.missing.entry(key).or_default();
            *times = times.saturating_add(1);
            let base = selector.and_then(|_| self.find(character, None));
            base.or_else(|| self.find(GETA, None)).unwrap_or(Sort {
                face: 0,
                glyph: 0,
                width: 1.0,
            })
        })
    }

    fn find(&self, character: char, selector: Option<char>) -> Option<Sort> {
        self.faces
            .iter()
            .enumerate()
            .find_map(|(face, (charmap, metrics, units_per_em))| {
                let glyph = match selector {
                    None => charmap.map(character)?,
                    Some(selector) => match charmap.map_variant(character, selector)? {
                        MapVariant::Variant(glyph) => glyph,
                        MapVariant::UseDefault => charmap.map(character)?,
                    },
                };
                let width = metrics.advance_width(glyph)? / units_per_em;
                // A glyph number of 0 is the box for what is not there.
                (glyph.to_u32() != 0).then_some(Sort {
                    face,
                    glyph: glyph.to_u32(),
                    width,
                })
            })
    }

    /// What was missing so far.
    pub fn missing(&self) -> Vec<MissingGlyph> {
        self.missing
            .iter()
            .map(|((character, selector), times)| MissingGlyph {
                character: [Some(*character), *selector]
                    .into_iter()
                    .flatten()
                    .collect(),
                code: match selector {
                    None => format!("U+{:04X}", u32::from(*character)),
                    Some(selector) => {
                        format!(
                            "U+{:04X} U+{:04X}",
                            u32::from(*character),
                            u32::from(*selector)
                        )
                    }
                },
                times: *times,
            })
            .collect()
    }
}
