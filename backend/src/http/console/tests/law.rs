//! What the law asks of cases as the console tells it: checklists, the day, how a case stands.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use zhixing_protocol::ids::MeasureId;
use zhixing_protocol::statement::{MeasureKind, MeasureTake, MeasureTaken, MeasureTarget};
use zhixing_protocol::time::Date;

use super::Desk;
use crate::store::testing::on_both_engines;
use crate::testing::TestDevice;

on_both_engines! {
    async fn a_checklist_names_the_event_behind_each_item_and_each_look_is_recorded(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        desk.login("judge").await;
        let id = desk.get("cases").await["cases"][0]["case"].as_str().expect("an id").to_owned();
        let looks = desk.looks().await.len();
        let item = |list: &Value, rule: &str| {
            let items = list["items"].as_array().expect("a list").iter();
            items.into_iter().find(|item| item["rule"] == rule).cloned().expect("asked for")
        };
        let early = desk.get(&format!("cases/{id}/checklists/termination?on=2020-03-11")).await;
        let waited = item(&early, "S17-01");
        assert_eq!((&waited["standing"], &waited["earliest"]), (&json!("open"), &json!("2020-06-11")));
        let late = desk.get(&format!("cases/{id}/checklists/termination?on=2020-06-12")).await;
        let waited = item(&late, "S17-01");
        assert_eq!((&waited["standing"], &waited["proofs"][0]["code"]), (&json!("met"), &json!("case.filed")));
        assert_eq!(waited["proofs"][0]["seq"], waited["by"][0]);
        assert_eq!((&item(&late, "S02-03")["standing"], &item(&late, "S02-03")["proofs"]), (&json!("open"), &json!([])));
        let done = desk.get(&format!("cases/{id}/checklists/completion")).await;
        assert_eq!((&done["name_zh"], &item(&done, "S06-16")["standing"]), (&json!("执行完毕"), &json!("not_needed")));
        let looked = desk.looks().await;
        assert_eq!((looked.len(), &looked[looks]["what"]), (looks + 3, &json!("console.checklist")));
        assert_eq!(desk.ask("GET", &format!("cases/{id}/checklists/other"), None).await.0, 404);
        desk.login("idle").await;
        assert_eq!(desk.ask("GET", &format!("cases/{id}/checklists/termination"), None).await.0, 404, "not his case");
    }

    async fn today_shows_what_is_due_in_the_cases_of_a_person_and_each_look_is_recorded(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        desk.login("judge").await;
        let looks = desk.looks().await.len();
        // Six months end on 10 September: eight days before it nothing of it is due within seven.
        let rules = |answer: &Value| -> Vec<String> {
            let cases = answer["cases"].as_array().expect("a list").iter();
            let prompts = cases.flat_map(|case| case["prompts"].as_array().expect("a list").clone());
            prompts.map(|prompt| prompt["rule"].as_str().expect("an id").to_owned()).collect()
        };
        let is_listed = |answer: &Value| rules(answer).contains(&"S02-09".to_owned());
        let near = desk.get("today?on=2020-09-05").await;
        assert!(is_listed(&near), "{near}");
        assert_eq!(near["cases"][0]["respondents"], json!(["被执行人"]));
        assert!(!is_listed(&desk.get("today?on=2020-03-12&within=3").await), "half a year away");
        assert!(!is_listed(&desk.get("today?on=2020-09-05&standing=overdue").await));
        assert!(is_listed(&desk.get("today?on=2020-09-11&standing=overdue").await), "the day after");
        assert!(!is_listed(&desk.get("today?on=2020-09-05&hard=false").await), "it is hard");
        assert_eq!(desk.get("today?on=2020-09-05&query=nobody").await["count"], 0);
        let looked = desk.looks().await;
        assert_eq!(looked[looks]["what"], "console.today");
        assert_eq!(desk.ask("GET", "today?court=%E5%B7%9D0812", None).await.0, 404, "not a court of this person");
        desk.login("idle").await;
        assert_eq!(desk.get("today?on=2020-09-05").await["count"], 0, "not his case");
        desk.login("chief").await;
        assert!(is_listed(&desk.get("today?on=2020-09-05&court=%E5%B7%9D0811").await));
    }

    async fn a_case_tells_its_people_stages_measures_and_property(scratch: Scratch) {
        let mut desk = Desk::new(&scratch).await;
        desk.login("judge").await;
        let id = desk.get("cases").await["cases"][0]["case"].as_str().expect("an id").to_owned();
        let standing = desk.get(&format!("cases/{id}")).await["standing"].clone();
        assert_eq!((&standing["staff"][0]["name"], &standing["measures"]), (&json!("甲"), &json!([])));
        assert_eq!(standing["staff"][0]["role"], "handler");
        assert!(standing["tracks"].as_array().is_some_and(|tracks| !tracks.is_empty()), "{standing}");
        let mut device = TestDevice::enrol(&desk.court, "judge").await;
        device.case = Some(id.parse().expect("an id"));
        let fact = MeasureTaken {
            at: "2020-03-20".parse().expect("a moment"),
            document: None,
            kind: MeasureKind::Freeze,
            measure: MeasureId([9; 16]),
            rank: 1,
            target: MeasureTarget::BankDeposit,
            until: "2021-03-19".parse().expect("a date"),
            values: BTreeMap::new(),
        };
        device.hand_in(&desk.court, &MeasureTake { corrects: None, fact }).await;
        let standing = desk.get(&format!("cases/{id}")).await["standing"].clone();
        let measure = &standing["measures"][0];
        assert_eq!((&measure["kind"], &measure["until"], &measure["rank"]), (&json!("freeze"), &json!("2021-03-19"), &json!(1)));
        let on: Date = standing["on"].as_str().expect("a day").parse().expect("a date");
        let until: Date = "2021-03-19".parse().expect("a date");
        let left = until.to_days() - on.to_days();
        assert_eq!(measure["days_left"], left);
        assert_eq!(measure["standing"], if left < 0 { "lapsed" } else { "in_force" });
    }
}
