//! A paper of the court: a record, a list, a ruling. What is signed is what it is made of; its pages are derived from that.

use serde::{Deserialize, Serialize};

use super::law::is_code;
use crate::hash::{Sha256Digest, StatementHash};
use crate::ids::DocumentId;
use crate::time::Date;

/// Most photos of one paper.
pub const MAX_PAPER_PHOTOS: usize = 500;
/// Most fonts that one paper is set in.
pub const MAX_PAPER_FONTS: usize = 8;

/// One version (版) of a paper. Hidden: `fields` (an object, the values of the template's fields), `title`.
///
/// The PDF is made from it whenever it is wanted, with the same bytes: so it can carry this statement's hash, and need not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperMade {
    /// The paper through all its versions.
    pub document: DocumentId,
    /// SHA-256 of each font file, in the order in which they are asked for a character.
    pub fonts: Vec<Sha256Digest>,
    /// Legal date.
    pub occurred_on: Date,
    /// Statements that sealed the photos on it.
    pub photos: Vec<StatementHash>,
    /// 第几版: 1, then without a gap.
    pub revision: u32,
    /// Version of what set the pages.
    pub setter: u32,
    /// Id of the template, such as `record.inquiry`.
    pub template: String,
    /// Version of the template.
    pub template_version: u32,
    /// `main` (正卷) or `internal` (副卷, never shown to a party).
    pub volume: String,
}

impl PaperMade {
    /// Whether the open part holds codes only, and not too many.
    pub fn is_well_formed(&self) -> bool {
        is_code(&self.template)
            && ["main", "internal"].contains(&self.volume.as_str())
            && self.revision > 0
            && (1..=MAX_PAPER_FONTS).contains(&self.fonts.len())
            && self.photos.len() <= MAX_PAPER_PHOTOS
    }
}

/// `paper.make/1`: hidden members as for the fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperMake {
    /// The fact.
    pub fact: PaperMade,
}
