//! Papers of the court: made on the device, signed as statements, printed from them whenever they are wanted.

use zhixing_papers::{
    Assets, Fonts, Imprint, PaperError, Pdf, Photos, SETTER_VERSION, Template, derive, from_act,
    from_case, is_of_act, photo_ids, render, template,
};
use zhixing_protocol::act::Standing;
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::event::{Effect, preview_paper};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::ids::{ActId, CaseId, DocumentId};
use zhixing_protocol::statement::{PaperMade, PaperMake};
use zhixing_protocol::time::Date;

use crate::capture::{decrypt, open_age};
use crate::engine::{Engine, require_granted};
use crate::error::{EngineError, ErrorKind, Result};

/// Largest photo that is taken into memory for print.
const MAX_PHOTO_BYTES: usize = 64 << 20;

/// One version of a paper, as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperLine {
    /// The paper through all its versions.
    pub document: DocumentId,
    /// 第几版.
    pub revision: u32,
    /// Whether a later version is there.
    pub replaced: bool,
    /// Id of the template.
    pub template: String,
    /// Title, if this copy holds it.
    pub title: Option<String>,
    /// `main` or `internal`.
    pub volume: String,
    /// Legal date.
    pub occurred_on: Date,
    /// The statement that made it.
    pub statement: StatementHash,
    /// It is on the way to the court.
    pub pending: bool,
}

/// A paper that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadePaper {
    /// The paper through all its versions.
    pub document: DocumentId,
    /// 第几版.
    pub revision: u32,
    /// The statement that made it.
    pub statement: StatementHash,
    /// Its pages.
    pub pdf: Pdf,
}

/// What is wanted of a new version of a paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperOrder {
    /// Id or title of the template.
    pub template: String,
    /// Fields; those that the case and the act give may be left out, or replaced.
    pub fields: Object,
    /// The act on site whose record, list or receipt it is.
    pub act: Option<ActId>,
    /// The paper of which this is the next version; none for a new one.
    pub revises: Option<DocumentId>,
    /// Legal date; today if missing.
    pub occurred_on: Option<Date>,
    /// The court's name in words, if no earlier paper of the case has it.
    pub court: Option<String>,
}

impl From<PaperError> for EngineError {
    fn from(error: PaperError) -> Self {
        let kind = match error {
            PaperError::UnknownTemplate(_) | PaperError::Gone => ErrorKind::NotFound,
            PaperError::Template { .. } | PaperError::Pdf(_) => ErrorKind::Internal,
            _ => ErrorKind::InvalidInput,
        };
        Self::new(kind, error.to_string())
    }
}

impl Engine {
    /// All papers of a case, newest version first within each. *Errors*: `Locked`; `NotFound`.
    pub fn papers(&self, case: CaseId) -> Result<Vec<PaperLine>> {
        let view = self.case_view(case)?;
        let mut lines = Vec::new();
        for (document, versions) in view.state.papers() {
            for (at, version) in versions.iter().enumerate().rev() {
                lines.push(PaperLine {
                    document,
                    revision: version.body.revision,
                    replaced: at + 1 < versions.len(),
                    template: version.body.template.clone(),
                    title: version.hidden_text("title").map(str::to_owned),
                    volume: version.body.volume.clone(),
                    occurred_on: version.occurred_on,
                    statement: version.cause,
                    pending: version.seq > view.newest_seq,
                });
            }
        }
        Ok(lines)
    }

    /// The fields of a paper as far as case, earlier version and order give them. *Errors*: `Locked`; `NotFound`.
    pub fn paper_fields(&self, case: CaseId, order: &PaperOrder) -> Result<Object> {
        let template = template(&order.template)?;
        let view = self.case_view(case)?;
        let today = match order.occurred_on {
            Some(day) => day,
            None => self.legal_today()?,
        };
        let mut fields = from_case(template, &view.state, order.court.as_deref(), today);
        if let Some(act) = order.act {
            let state = view
                .state
                .acts()
                .get(act)
                .ok_or_else(|| EngineError::not_found("there is no such act in this case"))?;
            let standing = Standing::of(act, state);
            if let Some(kind) = standing.kind.filter(|kind| !is_of_act(template, *kind)) {
                return Err(EngineError::invalid(format!(
                    "{} is no paper of this act ({kind:?}); see `doc list`",
                    template.title
                )));
            }
            fields.extend(from_act(
                template,
                &standing,
                &view.state,
                self.law_time(None)?,
            ));
        }
        if let Some(document) = order.revises {
            let newest = view
                .state
                .paper(document)
                .ok_or_else(|| EngineError::not_found("there is no such paper in this case"))?;
            if let Some(Value::Object(earlier)) = newest.hidden.get("fields") {
                fields.extend(earlier.clone());
            }
        }
        for (name, value) in &order.fields {
            // `null` takes away what the case or the earlier version gives.
            if *value == Value::Null {
                fields.remove(name);
            } else {
                fields.insert(name.clone(), value.clone());
            }
        }
        Ok(fields)
    }

    /// The pages of a paper that is not signed: it says so on every page. *Errors*: as [`Self::make_paper`].
    pub fn draft_paper(&self, case: CaseId, order: &PaperOrder, fonts: &Fonts) -> Result<Pdf> {
        let (template, fields, on) = self.prepare(case, order)?;
        self.set(case, template, &fields, fonts, Imprint::draft(on))
    }

    /// Makes a paper or its next version, signs it, and gives its pages. Nothing is signed that could not be printed.
    ///
    /// *Errors*: `InvalidInput` naming every field and photo at fault; `Rejected` if the case has a later version; `Locked`; `NotFound`.
    pub fn make_paper(&self, case: CaseId, order: &PaperOrder, fonts: &Fonts) -> Result<MadePaper> {
        let (template, fields, on) = self.prepare(case, order)?;
        self.set(case, template, &fields, fonts, Imprint::draft(on))?;
        let photos = photo_ids(template, &fields)?
            .iter()
            .map(|id| photo_statement(id).map_err(EngineError::invalid))
            .collect::<Result<Vec<_>>>()?;
        let state = self.case_view(case)?.state;
        let (document, revision) = match order.revises {
            Some(document) => {
                let newest = state
                    .paper(document)
                    .ok_or_else(|| EngineError::not_found("there is no such paper in this case"))?;
                (document, newest.body.revision.saturating_add(1))
            }
            None => {
                let now = self.holdings.ports.clock.wall_ms();
                (DocumentId::make(now, self.holdings.ports.random()?), 1)
            }
        };
        let fact = PaperMade {
            document,
            fonts: fonts.sha256(),
            occurred_on: on,
            photos,
            revision,
            setter: SETTER_VERSION,
            template: template.id.clone(),
            template_version: template.version,
            volume: template.volume.code().to_owned(),
        };
        match preview_paper(&fact, &state) {
            Effect::Applied => {}
            Effect::Conflict { current } => {
                return Err(EngineError::new(
                    ErrorKind::Rejected,
                    format!(
                        "{current}: the case has another version of this paper; look at it and revise that one"
                    ),
                ));
            }
            Effect::Rejected { reason } => {
                return Err(EngineError::new(
                    ErrorKind::Rejected,
                    format!(
                        "{reason}: a version keeps the template of the one before; make a new paper"
                    ),
                ));
            }
            Effect::Duplicate | Effect::Held { .. } => {
                return Err(EngineError::invalid(
                    "the paper has too many photos or fonts; split it",
                ));
            }
        }
        let hidden = Object::from([
            ("fields".to_owned(), Value::Object(fields.clone())),
            ("title".to_owned(), Value::Text(template.title.clone())),
        ]);
        let body = PaperMake { fact };
        let mut queue = self.holdings.queue();
        require_granted(&queue, case)?;
        let statement = queue
            .make_statement(&body, Some(case), hidden, |_, _| Ok(()))?
            .0
            .hash;
        drop(queue);
        // Printed from what was signed, as everybody else will.
        let pdf = self.print_paper(case, document, Some(revision), fonts)?;
        Ok(MadePaper {
            document,
            revision,
            statement,
            pdf,
        })
    }

    /// The pages of a paper, made again from its statement: of the newest version, or of an earlier one.
    ///
    /// *Errors*: `NotFound`; `InvalidInput` if it was set in another font; `Locked`.
    pub fn print_paper(
        &self,
        case: CaseId,
        document: DocumentId,
        revision: Option<u32>,
        fonts: &Fonts,
    ) -> Result<Pdf> {
        let state = self.case_view(case)?.state;
        let entry = state
            .papers()
            .filter(|(id, _)| *id == document)
            .flat_map(|(_, versions)| versions)
            .filter(|version| revision.is_none_or(|wanted| version.body.revision == wanted))
            .last()
            .ok_or_else(|| {
                EngineError::not_found("there is no such paper, or no such version of it")
            })?;
        Ok(derive(entry, fonts, &DevicePhotos { engine: self, case })?)
    }

    fn prepare(
        &self,
        case: CaseId,
        order: &PaperOrder,
    ) -> Result<(&'static Template, Object, Date)> {
        let template = template(&order.template)?;
        let fields =
            match zhixing_protocol::text::nfc_value(Value::Object(self.paper_fields(case, order)?))
            {
                Value::Object(fields) => fields,
                _ => Object::new(),
            };
        let on = match order.occurred_on {
            Some(day) => day,
            None => self.legal_today()?,
        };
        Ok((template, fields, on))
    }

    fn set(
        &self,
        case: CaseId,
        template: &Template,
        fields: &Object,
        fonts: &Fonts,
        imprint: Imprint,
    ) -> Result<Pdf> {
        let assets = Assets {
            fonts,
            photos: &DevicePhotos { engine: self, case },
            imprint,
        };
        Ok(render(template, fields, &assets)?)
    }

    fn legal_today(&self) -> Result<Date> {
        let now = self.holdings.queue().clock_reading()?;
        Ok(now.estimate().unwrap_or(now.wall_ms).shanghai_date())
    }
}

fn photo_statement(id: &str) -> core::result::Result<StatementHash, String> {
    id.parse().map_err(|_| {
        format!(
            "{id} names no photo; give the hash of the statement that sealed it, as `show` lists it"
        )
    })
}

/// Photos of this device by the statement that sealed them.
struct DevicePhotos<'a> {
    engine: &'a Engine,
    case: CaseId,
}

impl Photos for DevicePhotos<'_> {
    fn read(&self, id: &str) -> core::result::Result<Vec<u8>, String> {
        let statement = photo_statement(id)?;
        let holdings = &self.engine.holdings;
        let item = holdings
            .queue()
            .item_of(statement)
            .map_err(|error| error.detail)?
            .filter(|item| item.case == Some(self.case))
            .ok_or("this device did not take it for this case; print the paper where it was taken, or at the court")?;
        let keys = self
            .engine
            .shelf
            .original_keys(Some(self.case))
            .map_err(|error| error.detail)?;
        let keys: Vec<_> = keys.iter().collect();
        let opened = open_age(&holdings.vault.path(&item.file), &keys)
            .map_err(|_| "its original is no longer on this device; the court holds it and can print the paper")?;
        let mut plain = Vec::new();
        let mut too_large = false;
        decrypt(opened, |piece| {
            too_large = too_large || plain.len() + piece.len() > MAX_PHOTO_BYTES;
            if !too_large {
                plain.extend_from_slice(piece);
            }
            Ok(())
        })
        .map_err(|error| error.detail)?;
        if too_large {
            return Err("it is larger than 64 MiB; make a smaller copy and import that".into());
        }
        Ok(plain)
    }
}
