//! Papers read back by other programs: poppler for text, fonts and pages, a QR reader for the code.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::{NOTO, Rendered, fields, fonts, jpeg, object, text};
use zhixing_papers::{
    Assets, FieldKind, Imprint, NoPhotos, PaperError, Template, render, specimen, statement_of_qr,
    template, templates,
};
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::hash::StatementHash;
use zhixing_protocol::rules::pack::RulePack;
use zhixing_protocol::time::Date;

const STATEMENT: StatementHash = StatementHash([0xA7; 32]);

fn day() -> Date {
    "2020-03-20".parse().expect("a date")
}

fn signed() -> Imprint {
    Imprint {
        statement: Some(STATEMENT),
        revision: 2,
        on: day(),
    }
}

fn specimen_photos() -> BTreeMap<String, Vec<u8>> {
    [("specimen-1", 400), ("specimen-2", 300)]
        .map(|(id, side)| (id.to_owned(), jpeg(side, 300)))
        .into()
}

fn make(template: &Template, fields: &Object, imprint: Imprint) -> Result<Rendered, PaperError> {
    let photos = specimen_photos();
    let assets = Assets {
        fonts: fonts(),
        photos: &photos,
        imprint,
    };
    render(template, fields, &assets).map(Rendered::new)
}

/// Every string that was given and must be on the paper.
fn given(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Text(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| given(item, found)),
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| !["id", "strokes", "on", "born"].contains(&name.as_str()))
            .for_each(|(_, value)| given(value, found)),
        _ => {}
    }
}

#[test]
fn every_kind_of_paper_holds_what_was_given() {
    for template in templates().expect("all templates can be read") {
        let fields = specimen(template);
        let paper = make(template, &fields, signed())
            .unwrap_or_else(|error| panic!("{}: {error}", template.id));
        assert!(
            paper.pdf.missing.is_empty(),
            "{}: {:?}",
            template.id,
            paper.pdf.missing
        );
        let read = paper.text();
        for field in &template.fields {
            let mut texts = Vec::new();
            match field.kind {
                FieldKind::Date | FieldKind::Moment => texts.push("2020年3月".to_owned()),
                FieldKind::Rows => {
                    let columns = field
                        .columns
                        .iter()
                        .filter(|column| column.kind == FieldKind::Text);
                    texts.extend(columns.map(|column| format!("{}3", column.label)));
                }
                FieldKind::Person | FieldKind::People => {
                    let mut all = Vec::new();
                    given(
                        fields.get(&field.name).expect("a specimen has all"),
                        &mut all,
                    );
                    // Where a list of persons is only named, the name is there.
                    texts.extend(all.into_iter().filter(|text| {
                        text.chars().count() <= 3 && text.chars().count() >= 2 && text != "汉族"
                    }));
                }
                _ => given(
                    fields.get(&field.name).expect("a specimen has all"),
                    &mut texts,
                ),
            }
            for text in texts {
                // Where a list stands in one cell its items are joined, and their full stops go.
                let text = text.trim_end_matches('。').to_owned();
                let found = read.contains(&support::squeezed(&text))
                    || (text == "2020年3月" && read.contains("二〇二〇年三月"));
                assert!(
                    found,
                    "{}: {} {text:?} is not on the paper:\n{read}",
                    template.id, field.name
                );
            }
        }
    }
}

#[test]
fn templates_are_whole_and_their_files_are_all_in_the_catalogue() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the folder of templates")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("ASCII")
        })
        .collect();
    let all = templates().expect("all can be read");
    let named: BTreeSet<String> = all
        .iter()
        .map(|template| format!("{}.json", template.id))
        .collect();
    assert_eq!(
        files, named,
        "a file is not in src/catalogue.rs, or its id is not its name"
    );
    let mut titles = BTreeSet::new();
    for template in all {
        assert!(
            titles.insert(&template.title),
            "two templates are called {}",
            template.title
        );
        let text = std::fs::read_to_string(format!(
            "{}/templates/{}.json",
            env!("CARGO_MANIFEST_DIR"),
            template.id
        ))
        .expect("its file");
        let raw: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let read = serde_json::to_value(template).expect("JSON");
        for (name, block) in raw["body"].as_array().expect("a body").iter().enumerate() {
            assert_eq!(
                *block, read["body"][name],
                "{}: a block has a member that nobody reads",
                template.id
            );
        }
        let used = raw["body"].to_string();
        for field in &template.fields {
            let shown = ["court", "case_number"].contains(&field.name.as_str())
                || used.contains(&format!("{{{}}}", field.name))
                || used.contains(&format!("{{{}:", field.name))
                || used.contains(&format!("\"{}\"", field.name));
            assert!(
                shown,
                "{}: the field {} is nowhere on the paper",
                template.id, field.name
            );
        }
    }
}

#[test]
fn templates_answer_what_the_rule_pack_asks_and_rest_on_its_laws() {
    let pack = RulePack::bundled();
    let all = templates().expect("all can be read");
    assert!(all.len() >= 40, "{} kinds", all.len());
    for template in all {
        for action in &template.actions {
            let known = pack.rules.iter().any(|rule| rule.action == *action);
            assert!(known, "{}: no rule opens {action}", template.id);
        }
        for node in &template.nodes {
            let known = pack.nodes.contains_key(node) || node.starts_with("measure.");
            assert!(known, "{}: there is no node {node}", template.id);
        }
        assert!(
            !template.basis.is_empty(),
            "{} rests on no law",
            template.id
        );
        for basis in &template.basis {
            let known = basis.law == "LOCAL" || pack.laws.contains_key(&basis.law);
            assert!(known, "{}: the pack has no law {}", template.id, basis.law);
            assert!(["high", "medium", "low"].contains(&basis.confidence.as_str()));
        }
        assert_eq!(
            template.approved, None,
            "{}: nobody approved it yet",
            template.id
        );
    }
}

#[test]
fn the_same_paper_has_the_same_bytes_and_another_has_others() {
    let template = template("record.inquiry").expect("a template");
    let one = make(template, &specimen(template), signed()).expect("a paper");
    let two = make(template, &specimen(template), signed()).expect("a paper");
    assert_eq!(one.pdf.bytes, two.pdf.bytes);
    let later = Imprint {
        revision: 3,
        ..signed()
    };
    let other = make(template, &specimen(template), later).expect("a paper");
    assert_ne!(one.pdf.bytes, other.pdf.bytes);
}

#[test]
fn fonts_are_embedded_as_subsets_and_the_code_leads_to_the_statement() {
    let template = template("record.inquiry").expect("a template");
    let paper = make(template, &specimen(template), signed()).expect("a paper");
    for line in paper.fonts().lines().skip(2) {
        // Columns: embedded, subset, readable.
        assert!(line.contains("yes yes yes"), "{line}");
    }
    assert!(
        paper.pdf.bytes.len() < 400_000,
        "a whole font is embedded: {} bytes",
        paper.pdf.bytes.len()
    );
    for page in 1..=paper.pdf.pages {
        assert_eq!(
            paper.qr(page).and_then(|text| statement_of_qr(&text)),
            Some(STATEMENT),
            "page {page}"
        );
    }
    let read = paper.text();
    for text in ["A7A7A7A7A7A7A7A7", "第2版", "文书样式未经审定", "第1页共"] {
        assert!(read.contains(text), "{text} is not in {read}");
    }
    let draft = make(template, &specimen(template), Imprint::draft(day())).expect("a draft");
    assert!(draft.text().contains("草稿：未经签署，不具效力"));
    assert_eq!(draft.qr(1), None, "a draft has no code");
}

#[test]
fn rare_characters_are_printed_or_named() {
    let template = template("record.inquiry").expect("a template");
    // In GB18030's plane 2 and in the font; then one of extension H, which it lacks.
    let mut fields = specimen(template);
    fields.insert("person".into(), text("𬭎𫖯㛃䶮"));
    let paper = make(template, &fields, signed()).expect("a paper");
    assert!(paper.pdf.missing.is_empty(), "{:?}", paper.pdf.missing);
    assert!(paper.text().contains("𬭎𫖯㛃䶮"));
    fields.insert("person".into(), text("张\u{31350}"));
    let paper = make(template, &fields, signed()).expect("a paper");
    let missing = paper.pdf.missing.first().expect("it is named");
    assert_eq!(
        (
            missing.character.as_str(),
            missing.code.as_str(),
            missing.times
        ),
        ("\u{31350}", "U+31350", 1)
    );
    // The mark stands for it, and what is read by machines is still the name.
    assert!(paper.text().contains("张\u{31350}"), "{}", paper.text());
    fields.insert("person".into(), text("葛\u{E0100}某"));
    let paper = make(template, &fields, signed()).expect("a paper");
    assert!(paper.text().contains('葛'));
}

#[test]
fn lines_hold_twenty_eight_characters_and_break_where_chinese_may() {
    let template = template("record.inquiry").expect("a template");
    let mut fields = specimen(template);
    // Marks come at every place of a line in turn; numbers and words must stay whole.
    let mut words = String::new();
    for number in 0..120 {
        words.push_str(&"字".repeat(number % 9 + 1));
        words.push_str(
            [
                "，（2020）川",
                "；“丙”、",
                "。《法》",
                "金额123456.78元",
                "——丁……",
                "ABC-17型",
            ][number % 6],
        );
    }
    words.push('\n');
    words.push_str(&"国".repeat(28 * 6));
    fields.insert("rights_told".into(), text(&words));
    let paper = make(template, &fields, signed()).expect("a paper");
    assert!(
        paper.text().contains(&support::squeezed(&words)),
        "nothing is lost"
    );
    let lines = paper.lines();
    for line in &lines {
        let (first, last) = (line.chars().next(), line.chars().next_back());
        let begins = first.is_some_and(|c| "，。；、：）》”’…—".contains(c));
        let ends = last.is_some_and(|c| "（《“".contains(c));
        assert!(!begins && !ends, "{line}");
        for cut in ["123456.7", "12345", "ABC-1", "ABC"] {
            assert!(!line.ends_with(cut), "{line}");
        }
    }
    let full = lines
        .iter()
        .filter(|line| **line == "国".repeat(28))
        .count();
    assert!(full >= 4, "{full} lines of 28 characters in {lines:#?}");
}

#[test]
fn long_tables_go_on_over_pages_with_their_heads() {
    let template = template("record.seal").expect("a template");
    let mut fields = specimen(template);
    let rows = (1..=120).map(|number| {
        object([
            ("name", text(&format!("木质家具第{number}件"))),
            ("quantity", text("1")),
            ("condition", text("一般")),
        ])
    });
    fields.insert("items".into(), Value::Array(rows.collect()));
    let paper = make(template, &fields, signed()).expect("a paper");
    let read = paper.text();
    for number in 1..=120 {
        assert!(read.contains(&format!("木质家具第{number}件")), "{number}");
    }
    assert!(
        read.matches("品牌、规格、型号").count() >= 3,
        "each page of the table has its head"
    );
    // One cell longer than a page is broken, not lost.
    let long: String = (0..3000).map(|number| format!("第{number}。")).collect();
    let row = object([
        ("name", text("杂物")),
        ("quantity", text("一批")),
        ("condition", text(&long)),
    ]);
    fields.insert("items".into(), Value::Array(vec![row]));
    let paper = make(template, &fields, signed()).expect("a paper");
    assert!(paper.text().contains("第2999。"));
}

#[test]
fn all_that_is_missing_or_wrong_is_named_at_once() {
    let template = template("record.inquiry").expect("a template");
    let Err(PaperError::Fields(faults)) = make(template, &fields([]), signed()) else {
        panic!("an empty paper was made");
    };
    let required: BTreeSet<_> = template
        .fields
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name.clone())
        .collect();
    let named: BTreeSet<_> = faults.iter().map(|fault| fault.field.clone()).collect();
    assert_eq!(required, named);

    let mut fields = specimen(template);
    for (name, value) in [
        ("place", text("王家镇\u{7}")),
        ("read_back", text("两\n行")),
        ("began", text("9点半")),
        ("person", text(&"长".repeat(401))),
        ("remarks", text("左\u{202E}右")),
        (
            "dialogue",
            Value::Array(vec![object([("ask", text("？")), ("reply", text("？"))])]),
        ),
        (
            "signatures",
            Value::Array(vec![object([
                ("role", text("本人")),
                ("strokes", object([])),
            ])]),
        ),
        ("nonsense", text("x")),
    ] {
        fields.insert(name.into(), value);
    }
    let Err(error @ PaperError::Fields(_)) = make(template, &fields, signed()) else {
        panic!("a wrong paper was made");
    };
    let told = error.to_string();
    for part in [
        "place",
        "U+0007",
        "read_back",
        "one line only",
        "began",
        "401 characters",
        "U+202E",
        "dialogue[0].reply",
        "signatures[0]",
        "nonsense",
        "no such field",
    ] {
        assert!(told.contains(part), "{part} is not in: {told}");
    }
}

#[test]
fn broken_photos_are_refused_all_by_name_and_whole_ones_printed() {
    let template = template("record.inquiry").expect("a template");
    let whole = jpeg(900, 600);
    let mut photos: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    photos.insert("whole".into(), whole.clone());
    photos.insert(
        "cut".into(),
        whole.get(..whole.len() / 2).expect("half of it").to_vec(),
    );
    photos.insert("text".into(), b"no photo".to_vec());
    photos.insert("empty".into(), Vec::new());
    photos.insert("huge".into(), support::png_header(100_000, 100_000));
    let list = |ids: &[&str]| {
        let photo = |id: &&str| object([("id", text(id)), ("caption", text("门口"))]);
        Value::Array(ids.iter().map(photo).collect())
    };
    let mut fields = specimen(template);
    fields.insert(
        "photos".into(),
        list(&["whole", "cut", "text", "empty", "huge", "gone"]),
    );
    let assets = |photos| Assets {
        fonts: fonts(),
        photos,
        imprint: signed(),
    };
    let Err(PaperError::Photos(faults)) = render(template, &fields, &assets(&photos)) else {
        panic!("broken photos were printed");
    };
    let named: Vec<_> = faults.iter().map(|fault| fault.id.as_str()).collect();
    assert_eq!(named, ["cut", "text", "empty", "huge", "gone"]);
    fields.insert("photos".into(), list(&["whole"; 20]));
    let paper =
        Rendered::new(render(template, &fields, &assets(&photos)).expect("twenty whole photos"));
    assert_eq!(paper.images(), 20);
    assert!(paper.text().contains("照片20门口"));
    assert!(
        render(
            template,
            &fields,
            &Assets {
                fonts: fonts(),
                photos: &NoPhotos,
                imprint: signed()
            }
        )
        .is_err()
    );
}

#[test]
fn a_font_that_is_none_is_refused() {
    let noto = std::fs::read(NOTO).expect("the font");
    for (file, what) in [
        (Vec::new(), "no OpenType"),
        (b"no font".to_vec(), "no OpenType"),
        (
            noto.get(..5000).expect("its beginning").to_vec(),
            "no Chinese characters",
        ),
    ] {
        let Err(PaperError::Font(told)) = zhixing_papers::Fonts::read(vec![file]) else {
            panic!("no error: {what}");
        };
        assert!(told.contains(what), "{told}");
    }
}
