//! Papers of a case: which there are, and their pages.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use http::{HeaderValue, Response, header};
use serde::Deserialize;
use serde_json::{Value, json};
use zhixing_protocol::ids::DocumentId;

use super::cases::look;
use super::refusal::Reply;
use super::session::Person;
use crate::court::Court;
use crate::problem::Failure;
use crate::{cases, papers};

/// `GET cases/{case}/papers`
pub async fn list(
    State(court): State<Arc<Court>>,
    person: Person,
    Path(case): Path<String>,
) -> Reply<Json<Value>> {
    let row = look(&court, &person, &case, "console.papers").await?;
    let mut tx = court.db.begin_read().await?;
    let state = cases::opened_state(&mut tx, row.case).await?;
    let mut shown = Vec::new();
    for (document, versions) in state.papers() {
        let versions: Vec<Value> = versions
            .iter()
            .map(|version| {
                json!({
                    "revision": version.body.revision,
                    "template": version.body.template,
                    "template_version": version.body.template_version,
                    "title": version.hidden_text("title"),
                    "volume": version.body.volume,
                    "on": version.occurred_on.to_string(),
                    "made_at_ms": version.at_ms.0,
                    "statement": version.cause.to_string(),
                })
            })
            .collect();
        shown.push(json!({"paper": document.to_string(), "versions": versions}));
    }
    Ok(Json(json!({"papers": shown})))
}

#[derive(Deserialize)]
pub struct PrintQuery {
    /// An earlier version than the newest.
    revision: Option<u32>,
}

/// `GET cases/{case}/papers/{paper}`: the PDF, made again from the event.
pub async fn print(
    State(court): State<Arc<Court>>,
    person: Person,
    Path((case, paper)): Path<(String, String)>,
    Query(asked): Query<PrintQuery>,
) -> Reply<Response<Body>> {
    let row = look(&court, &person, &case, "console.paper").await?;
    let paper: DocumentId = paper.parse().map_err(|_| Failure::not_found())?;
    let mut tx = court.db.begin_read().await?;
    let state = cases::opened_state(&mut tx, row.case).await?;
    drop(tx);
    let entry = state
        .papers()
        .filter(|(id, _)| *id == paper)
        .flat_map(|(_, versions)| versions)
        .filter(|version| {
            asked
                .revision
                .is_none_or(|wanted| version.body.revision == wanted)
        })
        .last()
        .ok_or_else(Failure::not_found)?;
    let pdf = papers::print(&court, &state, entry).await?;
    let mut response = Response::new(Body::from(pdf.bytes));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/pdf"),
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("inline"),
    );
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    // For whom the paper is: 〓 stands in it for these.
    let missing: Vec<&str> = pdf
        .missing
        .iter()
        .map(|glyph| glyph.code.as_str())
        .collect();
    if !missing.is_empty()
        && let Ok(missing) = HeaderValue::from_str(&missing.join(", "))
    {
        headers.insert("zhixing-missing-glyphs", missing);
    }
    Ok(response)
}
