//! The console's pages, embedded at build time; a plain page where there is no web build.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use super::refusal::no_such_call;

/// Path and bytes of every file of the web build.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Only the court's own files, no frames, nothing from elsewhere.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; \
     object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

const PLAIN: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>执行工作台</title>\
<p>服务正在运行，但这个程序没有带上网页。请在 backend/web 中运行 <code>npm ci</code> 和 <code>npm run build</code>，再重新编译。</p>\
<p lang=\"en\">The server runs, but was built without its pages. Run <code>npm ci</code> and <code>npm run build</code> in \
backend/web, then build the server again. The API under <code>/console/v1</code> works all the same.</p></html>";

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

fn found(name: &str) -> Option<&'static [u8]> {
    FILES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, bytes)| *bytes)
}

fn answer(bytes: &'static [u8], kind: &'static str, cache: &'static str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

/// The page. It is asked for anew each time, its parts bear their digest in their name.
pub async fn index() -> Response {
    match found("index.html") {
        Some(bytes) => answer(bytes, media_type("index.html"), "no-cache"),
        None => answer(PLAIN.as_bytes(), media_type("index.html"), "no-cache"),
    }
}

/// A file of the build; any other address is one of the page's own.
pub async fn file(Path(path): Path<String>) -> Response {
    if path.starts_with("v1/") {
        return no_such_call();
    }
    match found(&path) {
        Some(bytes) if path.starts_with("assets/") => answer(
            bytes,
            media_type(&path),
            "public, max-age=31536000, immutable",
        ),
        Some(bytes) => answer(bytes, media_type(&path), "no-cache"),
        None => index().await,
    }
}
