//! The papers of a case, set by the same code as the court's own.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use zhixing_papers::{Assets, Fonts, Imprint, NoPhotos, Photos, Template, render, template};
use zhixing_protocol::canonical;
use zhixing_protocol::time::Date;

use super::cases::{Case, Paper};
use super::{people, pictures};

/// Papers that come to a court from elsewhere have no template of the court's.
const JUDGMENT: &str = include_str!("templates/judgment.json");
const MEDIATION: &str = include_str!("templates/mediation.json");
const APPLICATION: &str = include_str!("templates/application.json");
const IDENTITY: &str = include_str!("templates/identity.json");
const MEMO: &str = include_str!("templates/memo.json");

/// Writes the documents of a case into the batch folder. *Errors*: which paper, and what is wrong with it.
pub(super) fn write(case: &Case, folder: &Path, fonts: &Fonts) -> Result<(), String> {
    for paper in case.papers() {
        let path = folder.join(case.file_of(paper));
        let bytes = match paper {
            Paper::Clue if case.clue_is_vehicle() => pictures::vehicle(case.place),
            Paper::Clue => pictures::house(case.place),
            _ => set(case, paper, fonts),
        };
        let bytes = bytes.map_err(|error| format!("{}: {error}", path.display()))?;
        std::fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn set(case: &Case, paper: Paper, fonts: &Fonts) -> Result<Vec<u8>, String> {
    let own = |json| Template::read(json).map_err(|error| error.to_string());
    let courts = |id| template(id).cloned().map_err(|error| error.to_string());
    let mut portrait = BTreeMap::new();
    let (template, mut fields) = match paper {
        Paper::Title if case.mediated => (own(MEDIATION)?, title(case)),
        Paper::Title => (own(JUDGMENT)?, title(case)),
        Paper::Application => (own(APPLICATION)?, application(case)),
        Paper::Identity => {
            portrait.insert("portrait".to_owned(), pictures::portrait(case.place)?);
            (own(IDENTITY)?, identity(case))
        }
        Paper::Inquiry => (courts("record.inquiry")?, inquiry(case)),
        Paper::Visit => (courts("record.visit")?, visit(case)),
        Paper::Settlement => (courts("record.settlement")?, settlement(case)),
        Paper::Memo | Paper::Clue => (own(MEMO)?, memo(case)),
    };
    let number = match paper {
        Paper::Title => case.title_number(),
        _ => case.number.clone(),
    };
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("case_number".to_owned(), json!(number));
        fields.insert("court".to_owned(), json!(people::court_name(case.court)));
    }
    let fields = canonical::to_value(&fields).map_err(|error| error.to_string())?;
    let canonical::Value::Object(fields) = fields else {
        return Err("fields are an object".to_owned());
    };
    let photos: &dyn Photos = if portrait.is_empty() {
        &NoPhotos
    } else {
        &portrait
    };
    let assets = Assets {
        fonts,
        photos,
        imprint: Imprint::draft(case.filed_on),
    };
    let paper = render(&template, &fields, &assets).map_err(|error| error.to_string())?;
    if let Some(missing) = paper.missing.first() {
        return Err(format!(
            "the font has no {missing:?}; name another with --font"
        ));
    }
    Ok(paper.bytes)
}

/// A day so many days away.
fn day(from: Date, days: i64) -> String {
    from.plus_days(days).to_string()
}

/// The same as a sentence says it.
fn told_day(from: Date, days: i64) -> String {
    let day = day(from, days);
    let mut parts = day.split('-').map(|part| part.trim_start_matches('0'));
    let mut next = || parts.next().unwrap_or("");
    format!("{}年{}月{}日", next(), next(), next())
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}元", fen / 100, fen % 100)
}

fn handler(case: &Case) -> Value {
    let (name, badge) = people::officer(case.handler);
    json!({"name": name, "post": "执行法官", "badge": badge})
}

fn clerk() -> Value {
    let (name, badge) = people::officer("clerk");
    json!({"name": name, "post": "书记员", "badge": badge})
}

fn title(case: &Case) -> Value {
    let (applicant, respondent) = (&case.applicant, &case.respondent);
    let amount = yuan(case.amount_fen);
    let since = told_day(case.filed_on, -420);
    let facts = match case.cause.0 {
        "wages" => format!(
            "原告自{since}起为被告提供劳务，被告出具欠条，确认尚欠劳动报酬{amount}，经多次催要未付。"
        ),
        "sale" => format!(
            "原告于{since}向被告供应货物，被告收货后签字确认货款{amount}，约定三个月内付清，至今未付。"
        ),
        "traffic" => format!(
            "{since}，被告驾驶机动车与原告相撞，交通管理部门认定被告负全部责任，原告各项损失合计{amount}。"
        ),
        "lease" => {
            format!("被告于{since}租用原告房屋，合同期满后未付清租金，双方结算欠付{amount}。")
        }
        _ => format!(
            "被告于{since}因经营需要向原告借款{amount}，出具借条，约定一年内归还，到期后经原告多次催要未还。"
        ),
    };
    let orders = if case.mediated {
        vec![
            format!(
                "被告{}欠原告{}{amount}，分三期付清，每期间隔一个月；",
                respondent.name, applicant.name
            ),
            "任何一期逾期未付，原告有权就全部余额一并申请强制执行；".to_owned(),
            "案件受理费减半收取，由被告负担。".to_owned(),
        ]
    } else {
        vec![
            format!(
                "被告{}于本判决生效之日起十日内向原告{}支付{amount}；",
                respondent.name, applicant.name
            ),
            "驳回原告的其他诉讼请求；".to_owned(),
            "案件受理费由被告负担。".to_owned(),
        ]
    };
    json!({
        "plaintiff": applicant.on_paper(),
        "defendant": respondent.on_paper(),
        "cause": case.cause.1,
        "facts": facts,
        "orders": orders,
        "judge": "（虚构）审判员甲",
        "clerk": "（虚构）书记员乙",
        "on": day(case.filed_on, -90),
    })
}

fn application(case: &Case) -> Value {
    let clues = if case.clue_is_vehicle() {
        "被执行人名下有一辆轻型货车，常停放在村委会旁（附照片一张）；另有银行账户，开户行不详。"
    } else {
        "被执行人在住所地有自建砖混房屋一栋（附照片一张）；据邻居反映其在外务工，每月有工资收入。"
    };
    json!({
        "applicant": case.applicant.on_paper(),
        "respondent": case.respondent.on_paper(),
        "title_basis": case.title_basis(),
        "requests": [
            format!("强制被执行人支付{}；", yuan(case.amount_fen)),
            "强制被执行人加倍支付迟延履行期间的债务利息；",
            "本案执行费用由被执行人负担。",
        ],
        "reasons": format!(
            "申请执行人与被执行人{}一案，{}已发生法律效力。履行期限届满后，被执行人至今未履行，申请执行人多次联系，被执行人以无力偿还为由推脱，现依法申请强制执行。",
            case.cause.1, case.title_basis()
        ),
        "clues": clues,
        "to": people::court_name(case.court),
        "on": day(case.filed_on, -3),
    })
}

fn identity(case: &Case) -> Value {
    let applicant = &case.applicant;
    json!({
        "name": applicant.name,
        "address": applicant.address,
        "id_number": applicant.id_number,
        "phone": applicant.phone,
        "on": case.filed_on.to_string(),
        "portrait": [{"id": "portrait", "caption": "本人照片（绘制）"}],
    })
}

/// What all records of acts on site begin and end with.
fn record(case: &Case, days: i64, place: &str, signs: &[(&str, &str)]) -> Value {
    let on = day(case.filed_on, days);
    let mut signatures: Vec<Value> = signs
        .iter()
        .map(|(role, name)| json!({"role": role, "name": name, "on": on}))
        .collect();
    signatures.push(json!({"role": "执行人员", "name": people::officer(case.handler).0, "on": on}));
    json!({
        "began": format!("{on}T09:30"),
        "ended": format!("{on}T10:45"),
        "place": place,
        "officers": [handler(case)],
        "recorder": clerk(),
        "identity_shown": true,
        "read_back": "经宣读，当事人核对无误",
        "signatures": signatures,
    })
}

fn with(mut fields: Value, more: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    fields
}

fn inquiry(case: &Case) -> Value {
    let respondent = &case.respondent;
    let signs = [("被询问人", respondent.name.as_str())];
    let shared = record(case, 21, people::court_name(case.court), &signs);
    let more = json!({
        "person": {"name": respondent.name, "address": respondent.address},
        "recording_announced": true,
        "dialogue": [
            {"ask": format!("我们是{}的执行人员，现依法向你询问{}一案的履行情况，你应当如实陈述。听清楚了吗？", people::court_name(case.court), case.cause.1), "answer": "听清楚了。"},
            {"ask": format!("{}确定你支付{}，你是否收到？", case.title_basis(), yuan(case.amount_fen)), "answer": "收到了，金额没有意见。"},
            {"ask": "为什么没有履行？", "answer": "去年在外面包工，工程款没有收回来，手上没有钱，不是不想还。"},
            {"ask": "你现在有哪些财产和收入？", "answer": "村里有一处自建房，一辆旧货车，平时打零工，每月三四千元。"},
            {"ask": "你打算怎样履行？", "answer": "愿意从下个月起分期还，希望和申请人当面商量。"},
        ],
    });
    with(shared, more)
}

fn visit(case: &Case) -> Value {
    let respondent = &case.respondent;
    let signs = [("接待人", "（虚构）村主任丙")];
    let shared = record(case, 35, respondent.place(), &signs);
    let more = json!({
        "respondents": [{"name": respondent.name, "address": respondent.address}],
        "answered_by": "（虚构）村主任丙",
        "visit_purpose": "核实被执行人住所、财产和去向",
        "occupancy": "房屋为两层砖混结构，大门上锁，院内无人；二楼晾有衣物，近期有人居住。",
        "property_seen": "院内停放农用三轮车一辆；堂屋可见电视机、冰箱各一台，均为生活用品。",
        "neighbours": "邻居称被执行人在外务工，月底一般回村；其父母住在同组，身体尚可。",
        "next_step": "月底再次走访，并请网格员留意被执行人回村情况",
    });
    with(shared, more)
}

fn settlement(case: &Case) -> Value {
    let (applicant, respondent) = (&case.applicant, &case.respondent);
    let signs = [
        ("申请执行人", applicant.name.as_str()),
        ("被执行人", respondent.name.as_str()),
    ];
    let shared = record(case, 49, people::court_name(case.court), &signs);
    let more = json!({
        "applicants": [applicant.on_paper()],
        "respondents": [respondent.on_paper()],
        "title_basis": case.title_basis(),
        "amount": case.amount_fen,
        "terms": [
            format!("被执行人于{}前支付{}；", told_day(case.filed_on, 60), yuan(case.amount_fen / 2)),
            format!("余款于{}前付清；", told_day(case.filed_on, 150)),
            "申请执行人放弃迟延履行利息。",
        ],
        "default_clause": "一方不履行和解协议的，对方可以申请恢复执行原生效法律文书，或者就履行执行和解协议向执行法院提起诉讼。",
        "withdraws": "同意中止执行，暂不撤回执行申请",
    });
    with(shared, more)
}

fn memo(case: &Case) -> Value {
    json!({
        "handler": handler(case),
        "on": day(case.filed_on, 7),
        "known": format!(
            "申请执行人{}多次来电询问进度。网络查控反馈被执行人{}名下两个银行账户余额合计不足千元，车辆登记信息待核。",
            case.applicant.name, case.respondent.name
        ),
        "plan": [
            "联系被执行人户籍地村委会，了解其去向；",
            "核实申请人提供的财产线索，必要时现场拍照；",
            "一个月内约谈被执行人，促成分期履行。",
        ],
    })
}
