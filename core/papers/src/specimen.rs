//! Specimens: every field of a template filled with made-up values, so that a lawyer can read each kind of paper whole.

use zhixing_protocol::canonical::{Object, Value};

use crate::template::{Column, Field, FieldKind, Template};

/// Values for all fields of a template; people and numbers are invented.
pub fn specimen(template: &Template) -> Object {
    template
        .fields
        .iter()
        .map(|field| (field.name.clone(), value(field)))
        .collect()
}

fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn value(field: &Field) -> Value {
    match (field.name.as_str(), field.kind) {
        ("court", _) => text("广元市昭化区人民法院"),
        ("case_number", _) => text("（2020）川0811执123号"),
        ("place", FieldKind::Text) => text("四川省广元市昭化区王家镇方山村三组"),
        ("read_back", _) => text("经宣读，被执行人核对无误"),
        (_, FieldKind::Text) => text(format!("（{}）", field.label)),
        (_, FieldKind::Words) => text(format!(
            "此处为{}的样例文字。执行人员到达现场后，依法说明来意，向在场人员出示证件，并记录所见所闻；有关情况均由在场人员核对，没有遗漏和差错。",
            field.label
        )),
        ("began", _) => text("2020-03-20T09:30"),
        ("ended", _) => text("2020-03-20T11:05"),
        (_, FieldKind::Date) => text("2020-03-20"),
        (_, FieldKind::Moment) => text("2020-03-20T10:00"),
        (_, FieldKind::Money) => Value::Integer(2_000_050),
        (_, FieldKind::Number) => Value::Integer(15),
        (_, FieldKind::Flag) => Value::Bool(true),
        (_, FieldKind::Person) => person(&field.name),
        ("officers", FieldKind::People) => Value::Array(vec![
            object([
                ("name", text("何伟")),
                ("post", text("执行法官")),
                ("badge", text("川0811-017")),
            ]),
            object([
                ("name", text("罗小兵")),
                ("post", text("法官助理")),
                ("badge", text("川0811-032")),
            ]),
        ]),
        (name, FieldKind::People) => Value::Array(vec![person(name)]),
        (_, FieldKind::List) => Value::Array(
            (1..=3)
                .map(|number| {
                    text(format!(
                        "{}的第{number}项样例，写明内容、期限和方式。",
                        field.label
                    ))
                })
                .collect(),
        ),
        (_, FieldKind::Rows) => Value::Array((1..=4).map(|at| row(at, &field.columns)).collect()),
        (_, FieldKind::Dialogue) => Value::Array(vec![
            object([
                (
                    "ask",
                    text(
                        "我们是广元市昭化区人民法院的执行人员，现依法向你询问有关情况，你应当如实陈述。听清楚了吗？",
                    ),
                ),
                ("answer", text("听清楚了。")),
            ]),
            object([
                (
                    "ask",
                    text(
                        "（2019）川0811民初456号民事判决书确定你偿还借款20000元，你是否收到执行通知书和报告财产令？",
                    ),
                ),
                (
                    "answer",
                    text(
                        "收到了，是用微信发给我的。我在外地打工，工资每月4500元左右，卡里现在没有多少钱，我愿意从下个月起每月还3000元。",
                    ),
                ),
            ]),
        ]),
        (_, FieldKind::Photos) => Value::Array(
            (1..=2)
                .map(|number| {
                    object([
                        ("id", text(format!("specimen-{number}"))),
                        ("caption", text("房屋正面，朝南")),
                    ])
                })
                .collect(),
        ),
        (_, FieldKind::Signatures) => Value::Array(vec![
            object([
                ("role", text("被执行人")),
                ("name", text("彭某")),
                ("on", text("2020-03-20")),
                ("strokes", strokes()),
            ]),
            object([("role", text("执行人员")), ("name", text("何伟"))]),
            object([
                ("role", text("见证人")),
                ("name", text("赵某")),
                (
                    "refused",
                    text("以不识字为由拒绝签名，在场人员罗小兵见证。"),
                ),
            ]),
        ]),
    }
}

fn person(role: &str) -> Value {
    match role {
        "applicants" => object([
            ("name", text("梁某")),
            ("sex", text("女")),
            ("born", text("1978-05-06")),
            ("nation", text("汉族")),
            ("address", text("四川省广元市利州区")),
            ("id_number", text("510802197805060000")),
        ]),
        "recorder" => object([("name", text("罗小兵")), ("post", text("法官助理"))]),
        "respondents" | "person" | "payer" | "addressee" => object([
            ("name", text("彭某")),
            ("sex", text("男")),
            ("born", text("1985-11-02")),
            ("nation", text("汉族")),
            ("address", text("四川省广元市昭化区王家镇方山村三组")),
            ("id_number", text("510811198511020000")),
            ("phone", text("13900000000")),
        ]),
        "present" | "witnesses" => object([
            ("name", text("赵某")),
            ("post", text("方山村村民委员会委员")),
        ]),
        _ => object([("name", text("何伟")), ("post", text("执行法官"))]),
    }
}

fn row(at: i64, columns: &[Column]) -> Value {
    Value::Object(
        columns
            .iter()
            .map(|column| {
                let cell = match column.kind {
                    FieldKind::Money => Value::Integer(at * 123_456),
                    FieldKind::Number => Value::Integer(at),
                    FieldKind::Date => text(format!("2020-03-1{at}")),
                    FieldKind::Moment => text(format!("2020-03-1{at}T09:00")),
                    _ => text(format!("{}{at}", column.label)),
                };
                (column.name.clone(), cell)
            })
            .collect(),
    )
}

/// A flourish.
fn strokes() -> Value {
    let line = |points: &[i64]| Value::Array(points.iter().copied().map(Value::Integer).collect());
    object([
        ("width", Value::Integer(1000)),
        ("height", Value::Integer(400)),
        (
            "lines",
            Value::Array(vec![
                line(&[80, 120, 150, 90, 230, 80, 310, 95]),
                line(&[190, 40, 180, 140, 160, 240, 110, 330, 70, 360]),
                line(&[200, 180, 250, 240, 320, 330]),
                line(&[
                    420, 130, 500, 110, 560, 150, 530, 220, 450, 260, 520, 250, 600, 260, 580, 320,
                    500, 360,
                ]),
                line(&[700, 60, 690, 160, 680, 280, 720, 340, 800, 320, 880, 240]),
                line(&[640, 180, 760, 160, 900, 150]),
            ]),
        ),
    ])
}
