//! `/console/…`: the pages of the court's own people and the API behind them.

mod acts;
mod cases;
mod devices;
mod evidence;
mod funds;
mod gate;
mod glance;
mod law;
mod pages;
mod papers;
mod refusal;
mod rules;
mod session;
mod set_aside;
mod signing;
mod standing;
mod system;
#[cfg(test)]
mod tests;
mod today;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::court::Court;

pub(super) fn routes() -> Router<Arc<Court>> {
    let api = Router::new()
        .route("/login", post(session::login))
        .route("/logout", post(session::logout))
        .route("/me", get(session::me))
        .route("/courts", get(system::courts))
        .route("/cases", get(cases::list))
        .route("/cases/{case}", get(cases::one))
        .route("/cases/{case}/events", get(cases::events))
        .route("/cases/{case}/evidence", get(evidence::list))
        .route("/cases/{case}/prompts", get(law::prompts))
        .route("/cases/{case}/checklists/{step}", get(law::checklist))
        .route("/cases/{case}/acts", get(acts::list))
        .route("/cases/{case}/funds", get(funds::show))
        .route("/cases/{case}/papers", get(papers::list))
        .route("/cases/{case}/papers/{paper}", get(papers::print))
        .route("/today", get(today::list))
        .route("/rules", get(rules::list))
        .route("/rules/{rule}/cases", get(rules::prompted))
        .route("/nodes", get(law::nodes))
        .route("/documents/{document}", get(cases::document))
        .route("/evidence/{statement}", get(evidence::one))
        .route("/evidence/{statement}/thumbnail", get(evidence::thumbnail))
        .route("/evidence/{statement}/original", get(evidence::original))
        .route("/devices", get(devices::list))
        .route("/devices/{device}/revoke", post(devices::revoke))
        .route("/staff", get(devices::staff))
        .route("/enrol-tickets", post(devices::make_ticket))
        .route("/signing", get(signing::state))
        .route("/signing/tickets", post(signing::make_ticket))
        .route("/system", get(system::state))
        .route("/set-aside", get(set_aside::list))
        .route("/gate", get(gate::list))
        .route("/gate/{peer}/quarantine/{batch}/retry", post(gate::retry))
        .route(
            "/gate/{peer}/quarantine/{batch}/release",
            post(gate::release),
        )
        .layer(axum::Extension(Arc::new(glance::Glances::default())))
        .layer(axum::middleware::map_response(private));
    Router::new()
        .nest("/console/v1", api)
        .route("/console", get(pages::index))
        .route("/console/", get(pages::index))
        .route("/console/{*path}", get(pages::file))
}

/// Answers are for one person: no cache keeps them.
async fn private(mut response: axum::response::Response) -> axum::response::Response {
    let headers = response.headers_mut();
    headers.insert(
        http::header::CACHE_CONTROL,
        http::HeaderValue::from_static("no-store"),
    );
    headers.insert(
        http::header::X_CONTENT_TYPE_OPTIONS,
        http::HeaderValue::from_static("nosniff"),
    );
    response
}
