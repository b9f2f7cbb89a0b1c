//! Papers of the court: which there are, what they need, making and printing them.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use zhixing_engine::error::Result;
use zhixing_engine::papers::PaperOrder;
use zhixing_engine::{Engine, EngineError};
use zhixing_papers::{
    Assets, Field, FieldKind, Fonts, Imprint, MissingGlyph, PaperError, Pdf, Photos, Template,
    check, from_interest, render, specimen, template, templates,
};
use zhixing_protocol::canonical::{self, Object, Value};
use zhixing_protocol::ids::{ActId, CaseId};
use zhixing_protocol::rules::delay_interest::Claim;
use zhixing_protocol::time::Date;

use crate::arguments::{DocAct, DocFields, DocFonts};
use crate::commands::find_case;
use crate::exit;
use crate::output::{Output, short, size};

/// Where systems keep the font of which papers are set if none is named. The first that is there is taken.
const USUAL_FONTS: &[&str] = &[
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-serif-cjk-fonts/NotoSerifCJK-Regular.ttc",
    "/system/fonts/NotoSerifCJK-Regular.ttc",
];

/// Runs one of the commands that need a device.
pub fn run(engine: &Engine, act: &DocAct, output: &Output) -> Result<u8> {
    match act {
        DocAct::Fields {
            template,
            case: Some(case),
            act,
        } => fields_of_case(
            engine,
            template,
            find_case(engine, case)?,
            act.as_deref(),
            output,
        ),
        DocAct::Make {
            case,
            template,
            fields,
            output: to,
            revises,
            on,
            draft,
            fonts,
        } => {
            let case = find_case(engine, case)?;
            let order = PaperOrder {
                template: template.clone(),
                fields: given(engine, case, template, fields)?,
                act: named_act(engine, case, fields.act.as_deref())?,
                revises: revises.as_deref().map(paper_id).transpose()?,
                occurred_on: *on,
                court: fields.court.clone(),
            };
            make(
                engine,
                case,
                &order,
                &read_fonts(fonts)?,
                to,
                *draft,
                output,
            )
        }
        DocAct::Papers { case } => papers(engine, find_case(engine, case)?, output),
        DocAct::Print {
            case,
            paper,
            revision,
            output: to,
            fonts,
        } => {
            let case = find_case(engine, case)?;
            let pdf = engine.print_paper(case, paper_id(paper)?, *revision, &read_fonts(fonts)?)?;
            write_whole(to, &pdf.bytes)?;
            show_pdf(json!({"paper": paper}), &pdf, to, output);
            Ok(exit::DONE)
        }
        DocAct::List { word } => list(word.as_deref(), output),
        DocAct::Fields {
            template,
            case: None,
            ..
        } => fields(template, output),
        DocAct::Specimens { folder, fonts } => specimens(folder, fonts, output),
    }
}

fn named_act(engine: &Engine, case: CaseId, end: Option<&str>) -> Result<Option<ActId>> {
    end.map(|end| crate::act::named(engine, case, end))
        .transpose()
}

fn paper_id(text: &str) -> Result<zhixing_protocol::ids::DocumentId> {
    text.parse()
        .map_err(|error| EngineError::invalid(format!("paper {text}: {error}")))
}

/// `doc list`
pub fn list(word: Option<&str>, output: &Output) -> Result<u8> {
    let wanted: Vec<&Template> = templates()?
        .iter()
        .filter(|template| {
            word.is_none_or(|word| {
                template.id.contains(word)
                    || template.title.contains(word)
                    || template.actions.iter().any(|action| action == word)
            })
        })
        .collect();
    let values: Vec<Json> = wanted
        .iter()
        .map(|template| {
            json!({
                "id": template.id, "title": template.title, "version": template.version, "volume": template.volume.code(),
                "actions": template.actions, "nodes": template.nodes, "acts": template.acts, "basis": template.basis,
                "marks": template.marks, "approved": template.approved,
            })
        })
        .collect();
    output.show(&json!({"templates": values}), || {
        let mut lines: Vec<String> = wanted
            .iter()
            .map(|template| {
                let basis: Vec<String> = template
                    .basis
                    .iter()
                    .map(|basis| format!("{} {}", basis.law, basis.article))
                    .collect();
                format!(
                    "{:32} {}  ({}; {})",
                    template.id,
                    template.title,
                    template.volume.code(),
                    basis.join(", ")
                )
            })
            .collect();
        lines.push(format!(
            "{} kinds. Their words are drafts until a court's lawyer approves them.",
            wanted.len()
        ));
        lines
    });
    Ok(exit::DONE)
}

fn field_value(field: &Field) -> Json {
    json!({"name": field.name, "label": field.label, "kind": field.kind, "required": field.required, "from": field.from, "columns": field.columns})
}

fn field_line(field: &Field, mark: &str) -> String {
    let kind = serde_json::to_value(field.kind).unwrap_or_default();
    let columns: Vec<&str> = field
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let columns = if columns.is_empty() {
        String::new()
    } else {
        format!(" [{}]", columns.join(", "))
    };
    format!(
        "{mark:8} {:22} {:11} {}{columns}",
        field.name,
        kind.as_str().unwrap_or_default(),
        field.label
    )
}

/// `doc fields` without a case.
pub fn fields(name: &str, output: &Output) -> Result<u8> {
    let template = template(name)?;
    let values: Vec<Json> = template.fields.iter().map(field_value).collect();
    output.show(&json!({"template": template.id, "fields": values}), || {
        let mark = |field: &Field| if field.required { "required" } else { "" };
        template
            .fields
            .iter()
            .map(|field| field_line(field, mark(field)))
            .collect()
    });
    Ok(exit::DONE)
}

fn fields_of_case(
    engine: &Engine,
    name: &str,
    case: CaseId,
    act: Option<&str>,
    output: &Output,
) -> Result<u8> {
    let template = template(name)?;
    let order = PaperOrder {
        template: name.to_owned(),
        fields: Object::new(),
        act: named_act(engine, case, act)?,
        revises: None,
        occurred_on: None,
        court: None,
    };
    let known = engine.paper_fields(case, &order)?;
    let missing: Vec<String> = match check(template, &known) {
        Ok(()) => Vec::new(),
        Err(PaperError::Fields(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
        Err(error) => return Err(error.into()),
    };
    let values: Vec<Json> = template.fields.iter().map(field_value).collect();
    let value = json!({"template": template.id, "fields": values, "known": Value::Object(known.clone()), "missing": missing});
    output.show(&value, || {
        template
            .fields
            .iter()
            .map(|field| {
                let mark = if missing.contains(&field.name) {
                    "missing"
                } else if known.contains_key(&field.name) {
                    "known"
                } else {
                    ""
                };
                field_line(field, mark)
            })
            .collect()
    });
    Ok(exit::DONE)
}

fn make(
    engine: &Engine,
    case: CaseId,
    order: &PaperOrder,
    fonts: &Fonts,
    to: &Path,
    draft: bool,
    output: &Output,
) -> Result<u8> {
    if draft {
        let pdf = engine.draft_paper(case, order, fonts)?;
        write_whole(to, &pdf.bytes)?;
        show_pdf(json!({"draft": true}), &pdf, to, output);
        return Ok(exit::DONE);
    }
    let made = engine.make_paper(case, order, fonts)?;
    write_whole(to, &made.pdf.bytes)?;
    let value = json!({
        "paper": made.document.to_string(),
        "revision": made.revision,
        "statement": made.statement.to_string(),
    });
    show_pdf(value, &made.pdf, to, output);
    Ok(exit::DONE)
}

fn show_pdf(mut value: Json, pdf: &Pdf, to: &Path, output: &Output) {
    let missing: Vec<Json> = pdf
        .missing
        .iter()
        .map(|missing| json!({"character": missing.character, "code": missing.code, "times": missing.times}))
        .collect();
    if let Some(members) = value.as_object_mut() {
        members.insert("file".into(), json!(to.display().to_string()));
        members.insert("pages".into(), json!(pdf.pages));
        members.insert("size_bytes".into(), json!(pdf.bytes.len()));
        members.insert("missing_glyphs".into(), json!(missing));
    }
    output.show(&value, || {
        let mut lines = Vec::new();
        if let Some(paper) = value.get("paper").and_then(Json::as_str) {
            let revision = value.get("revision").and_then(Json::as_u64);
            let revision = revision.map_or(String::new(), |number| format!(", version {number}"));
            lines.push(format!("Paper     {paper}{revision}"));
        }
        if let Some(statement) = value.get("statement").and_then(Json::as_str) {
            lines.push(format!(
                "Signed    {}; it goes to the court with the next sync",
                short(statement)
            ));
        }
        lines.push(format!(
            "Written   {}  {} pages, {}",
            to.display(),
            pdf.pages,
            size(u64::try_from(pdf.bytes.len()).unwrap_or(u64::MAX))
        ));
        lines.extend(pdf.missing.iter().map(no_glyph));
        lines
    });
}

fn no_glyph(missing: &MissingGlyph) -> String {
    format!(
        "Look at   {} ({}) is in none of the fonts, {} times; 〓 stands for it. Name a further font that has it with --font",
        missing.character, missing.code, missing.times
    )
}

fn papers(engine: &Engine, case: CaseId, output: &Output) -> Result<u8> {
    let papers = engine.papers(case)?;
    let values: Vec<Json> = papers
        .iter()
        .map(|line| {
            json!({
                "paper": line.document.to_string(), "revision": line.revision, "replaced": line.replaced, "template": line.template,
                "title": line.title, "volume": line.volume, "on": line.occurred_on.to_string(),
                "statement": line.statement.to_string(), "pending": line.pending,
            })
        })
        .collect();
    output.show(&json!({"papers": values}), || {
        let mut lines: Vec<String> = papers
            .iter()
            .map(|line| {
                format!(
                    "{}  {}  version {}{}  {}{}",
                    line.document,
                    line.occurred_on,
                    line.revision,
                    if line.replaced { " (replaced)" } else { "" },
                    line.title.as_deref().unwrap_or(&line.template),
                    if line.pending { "  (on the way)" } else { "" },
                )
            })
            .collect();
        lines.push(format!("{} versions", papers.len()));
        lines
    });
    Ok(exit::DONE)
}

/// `doc specimens`
pub fn specimens(folder: &Path, fonts: &DocFonts, output: &Output) -> Result<u8> {
    struct Grey;
    impl Photos for Grey {
        fn read(&self, _: &str) -> core::result::Result<Vec<u8>, String> {
            Ok(SPECIMEN_PHOTO.to_vec())
        }
    }
    let fonts = read_fonts(fonts)?;
    std::fs::create_dir_all(folder)?;
    let on: Date = "2020-03-20"
        .parse()
        .map_err(|_| EngineError::internal("a date"))?;
    let all = templates()?;
    for template in all {
        let assets = Assets {
            fonts: &fonts,
            photos: &Grey,
            imprint: Imprint::draft(on),
        };
        let pdf = render(template, &specimen(template), &assets)?;
        write_whole(&folder.join(format!("{}.pdf", template.id)), &pdf.bytes)?;
    }
    output.show(
        &json!({"folder": folder.display().to_string(), "papers": all.len()}),
        || {
            vec![format!(
                "{} kinds of paper in {}, filled with invented values. What a lawyer changes goes into core/papers/templates.",
                all.len(),
                folder.display()
            )]
        },
    );
    Ok(exit::DONE)
}

/// The smallest picture: one grey point, as PNG.
const SPECIMEN_PHOTO: &[u8] = b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00\x3a\x7e\x9b\x55\x00\x00\x00\x0a\x49\x44\x41\x54\x78\x9c\x63\x68\x00\x00\x00\x82\x00\x81\x77\xcd\x72\xb6\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

/// Whole or not at all: a name never stands for half a paper.
fn write_whole(to: &Path, bytes: &[u8]) -> Result<()> {
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    std::fs::write(&part, bytes)?;
    Ok(std::fs::rename(&part, to)?)
}

fn read_fonts(fonts: &DocFonts) -> Result<Fonts> {
    let files: Vec<PathBuf> = if fonts.files.is_empty() {
        let usual = USUAL_FONTS
            .iter()
            .map(PathBuf::from)
            .find(|path| path.exists());
        vec![usual.ok_or_else(|| {
            EngineError::not_found("no Chinese font was found; install Debian's fonts-noto-cjk, or name a font file with --font")
        })?]
    } else {
        fonts.files.clone()
    };
    let bytes = files
        .iter()
        .map(|path| {
            std::fs::read(path).map_err(|error| {
                EngineError::not_found(format!(
                    "the font {} cannot be read: {error}",
                    path.display()
                ))
            })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Fonts::read(bytes)?)
}

/// The fields that the command line gives: a claim's steps, then a file, then single ones, then photos.
fn given(engine: &Engine, case: CaseId, name: &str, from: &DocFields) -> Result<Object> {
    let template = template(name)?;
    let mut fields = Object::new();
    if let Some(path) = &from.claim {
        let fault = |error: String| EngineError::invalid(format!("{}: {error}", path.display()));
        let claim: Claim = serde_json::from_slice(&std::fs::read(path)?)
            .map_err(|error| fault(error.to_string()))?;
        let owed = claim.reckon().map_err(|error| fault(error.to_string()))?;
        fields.extend(from_interest(&claim, &owed));
    }
    if let Some(path) = &from.fields {
        let bytes = if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes)?;
            bytes
        } else {
            std::fs::read(path)?
        };
        let fault = |error: String| {
            EngineError::invalid(format!(
                "{}: {error}; give one JSON object with a member for each field",
                path.display()
            ))
        };
        let read: BTreeMap<String, Json> =
            serde_json::from_slice(&bytes).map_err(|error| fault(error.to_string()))?;
        for (name, value) in read {
            let value = canonical::to_value(&value).map_err(|error| fault(error.to_string()))?;
            fields.insert(name, value);
        }
    }
    let mut lists: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for set in &from.set {
        let (name, text) = set
            .split_once('=')
            .ok_or_else(|| EngineError::invalid(format!("--set {set}: write NAME=VALUE")))?;
        let field = template.field(name).ok_or_else(|| {
            EngineError::invalid(format!(
                "{} has no field {name}; see `doc fields {}`",
                template.title, template.id
            ))
        })?;
        let value = one_value(field, text)?;
        if matches!(field.kind, FieldKind::List | FieldKind::People)
            && !matches!(value, Value::Array(_))
        {
            lists.entry(name.to_owned()).or_default().push(value);
        } else {
            fields.insert(name.to_owned(), value);
        }
    }
    fields.extend(
        lists
            .into_iter()
            .map(|(name, list)| (name, Value::Array(list))),
    );
    if !from.photos.is_empty() {
        let field = template
            .fields
            .iter()
            .find(|field| field.kind == FieldKind::Photos)
            .ok_or_else(|| {
                EngineError::invalid(format!("{} has no place for photos", template.title))
            })?;
        let photos = from
            .photos
            .iter()
            .map(|photo| photo_value(engine, case, photo))
            .collect::<Result<Vec<_>>>()?;
        fields.insert(field.name.clone(), Value::Array(photos));
    }
    Ok(fields)
}

fn one_value(field: &Field, text: &str) -> Result<Value> {
    if let Ok(json) = serde_json::from_str::<Json>(text)
        && (json.is_array() || json.is_object() || json.is_null())
    {
        return canonical::to_value(&json)
            .map_err(|error| EngineError::invalid(format!("--set {}: {error}", field.name)));
    }
    let number = || {
        text.parse().map_err(|_| {
            EngineError::invalid(format!("--set {}: {text} is no whole number", field.name))
        })
    };
    Ok(match field.kind {
        FieldKind::Money => Value::Integer(crate::law::fen(text)?),
        FieldKind::Number => Value::Integer(number()?),
        FieldKind::Flag => Value::Bool(text == "true"),
        _ => Value::Text(text.to_owned()),
    })
}

fn photo_value(engine: &Engine, case: CaseId, photo: &str) -> Result<Value> {
    let (start, caption) = photo.split_once('=').unwrap_or((photo, ""));
    let view = engine.case_view(case)?;
    let mut found = view
        .state
        .all_evidence()
        .keys()
        .map(ToString::to_string)
        .filter(|hash| start.len() >= 6 && hash.starts_with(start));
    let hash = found.next().ok_or_else(|| {
        EngineError::not_found(format!("--photo {start}: no evidence of this case begins so; take six characters or more from `show`"))
    })?;
    if found.next().is_some() {
        return Err(EngineError::invalid(format!(
            "--photo {start}: several begin so; give more of the hash"
        )));
    }
    Ok(Value::Object(Object::from([
        ("id".to_owned(), Value::Text(hash)),
        ("caption".to_owned(), Value::Text(caption.to_owned())),
    ])))
}
