#![doc = include_str!("../README.md")]

mod derive;
mod error;
mod fields;
mod font;
mod from_act;
mod from_case;
mod interest;
mod line;
mod pdf;
mod photo;
mod render;
mod set;
mod sheet;
mod signature;
mod specimen;
mod template;
mod words;

pub use derive::{SETTER_VERSION, changed_fields, derive};
pub use error::{FieldFault, PaperError, PhotoFault};
pub use fields::{MAX_ROWS, MAX_TEXT_CHARS, MAX_WORDS_CHARS};
pub use font::{Fonts, MissingGlyph};
pub use from_act::{from_act, is_of_act};
pub use from_case::from_case;
pub use interest::from_interest;
pub use photo::{NoPhotos, Photos};
pub use render::{
    Assets, Imprint, Pdf, QR_PREFIX, check, photo_ids, qr_text, render, statement_of_qr,
};
pub use specimen::specimen;
pub use template::{
    Basis, Block, Column, Content, Field, FieldKind, Layout, Template, Volume, template, templates,
};
