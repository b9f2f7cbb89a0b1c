//! A paper out of its signed statement: made again, byte for byte, or not at all.

use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::case::Entry;
use zhixing_protocol::statement::PaperMade;

use crate::{Assets, Fonts, Imprint, PaperError, Pdf, Photos, render, template};

/// Version of what sets pages; rises when the same fields would give other bytes.
pub const SETTER_VERSION: u32 = 1;

/// Makes the PDF of a version of a paper from its event.
///
/// *Errors*: [`PaperError::Gone`] if its fields were withheld from this copy or erased; [`PaperError::OtherVersion`] if it was made with a template, a
/// setter or fonts that are not here: the bytes would differ, so none are given out.
pub fn derive(
    entry: &Entry<PaperMade>,
    fonts: &Fonts,
    photos: &dyn Photos,
) -> Result<Pdf, PaperError> {
    let made = &entry.body;
    let template = template(&made.template)?;
    let other = |what: &str| Err(PaperError::OtherVersion(what.to_owned()));
    if template.version != made.template_version {
        return other(&format!(
            "version {} of the template {}",
            made.template_version, made.template
        ));
    }
    if made.setter != SETTER_VERSION {
        return other(&format!("version {} of the typesetter", made.setter));
    }
    let own = fonts.sha256();
    if let Some(missing) = made.fonts.iter().find(|font| !own.contains(font)) {
        return other(&format!("the font file with SHA-256 {missing}"));
    }
    if own != made.fonts {
        return other("the same fonts in another order");
    }
    let Some(Value::Object(fields)) = entry.hidden.get("fields") else {
        return Err(PaperError::Gone);
    };
    let assets = Assets {
        fonts,
        photos,
        imprint: Imprint {
            statement: Some(entry.cause),
            revision: made.revision,
            on: entry.occurred_on,
        },
    };
    render(template, fields, &assets)
}

/// What two versions of a paper differ in: the names of fields, in order.
pub fn changed_fields(before: &Object, after: &Object) -> Vec<String> {
    let mut names: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| before.get(name) != after.get(name));
    names
}
