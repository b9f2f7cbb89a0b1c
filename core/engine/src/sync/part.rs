//! The part file of a download: what of it is here, and where an answer's content goes on.
//!
//! Beside `x.part` lies `x.tag` with the court's tag of exactly these bytes. Without it a part is worth nothing, so it is
//! written before the first byte and removed before the last copy's bytes are.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::{HttpRequest, HttpResponse};

fn tag_path(part: &Path) -> PathBuf {
    part.with_extension("tag")
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Asks for what is missing only, if some of it is here under a tag.
pub(super) fn resume(request: HttpRequest, part: &Path) -> HttpRequest {
    let held = std::fs::metadata(part).map_or(0, |metadata| metadata.len());
    match std::fs::read_to_string(tag_path(part)) {
        Ok(tag) if held > 0 && !tag.is_empty() => request
            .with("range", format!("bytes={held}-"))
            .with("if-range", tag),
        _ => request,
    }
}

/// First byte and whole length of an answer that is a part.
fn content_range(answer: &HttpResponse) -> Option<(u64, u64)> {
    let range = answer.header("content-range")?.strip_prefix("bytes ")?;
    let (bounds, total) = range.split_once('/')?;
    let (from, _) = bounds.split_once('-')?;
    Some((from.parse().ok()?, total.parse().ok()?))
}

/// The file where the content of a successful answer goes, at the right place: behind what is here for status 206, else
/// from the beginning, whatever was here before.
///
/// *Errors*: those of the disk; `InvalidData` for a part that does not follow what is here, which is then dropped.
pub fn begin(part: &Path, answer: &HttpResponse) -> std::io::Result<File> {
    if answer.status == 206 {
        let held = std::fs::metadata(part).map_or(0, |metadata| metadata.len());
        let tag = std::fs::read_to_string(tag_path(part)).unwrap_or_default();
        let fits = content_range(answer).is_some_and(|(from, _)| from == held)
            && answer.header("etag").is_none_or(|etag| etag == tag);
        if !fits {
            discard(part)?;
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let mut file = std::fs::OpenOptions::new().write(true).open(part)?;
        file.seek(SeekFrom::End(0))?;
        return Ok(file);
    }
    discard(part)?;
    let file = File::create(part)?;
    if let Some(tag) = answer.header("etag") {
        std::fs::write(tag_path(part), tag)?;
    }
    Ok(file)
}

/// Whether everything is here after a successful answer.
pub(super) fn is_whole(part: &Path, answer: &HttpResponse) -> std::io::Result<bool> {
    let held = std::fs::metadata(part)?.len();
    Ok(answer.status != 206 || content_range(answer).is_some_and(|(_, total)| total == held))
}

/// Gives the finished part its name.
pub(super) fn publish(part: &Path, path: &Path) -> std::io::Result<()> {
    File::open(part)?.sync_all()?;
    std::fs::rename(part, path)?;
    remove(&tag_path(part))
}

/// Drops what is here.
pub(super) fn discard(part: &Path) -> std::io::Result<()> {
    remove(&tag_path(part))?;
    remove(part)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> HttpResponse {
        HttpResponse {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: Vec::new(),
        }
    }

    fn asked(part: &Path) -> Vec<(String, String)> {
        let request = HttpRequest::json("/", &1).expect("serialises");
        resume(request, part).headers.split_off(1)
    }

    fn receive(part: &Path, answer: &HttpResponse, bytes: &[u8]) {
        let mut file = begin(part, answer).expect("begins");
        file.write_all(bytes).expect("writes");
    }

    #[test]
    fn a_part_goes_on_where_it_ended_and_a_whole_answer_replaces_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (part, path) = (folder.path().join("x.part"), folder.path().join("x.age"));
        assert_eq!(asked(&part), []);
        receive(&part, &answer(200, &[("etag", "\"a\"")]), b"0123");
        let range = |from: u64, tag: &str| {
            [
                ("range", format!("bytes={from}-")),
                ("if-range", tag.to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value))
        };
        assert_eq!(asked(&part), range(4, "\"a\""));
        let rest = answer(206, &[("etag", "\"a\""), ("content-range", "bytes 4-7/9")]);
        receive(&part, &rest, b"4567");
        assert!(!is_whole(&part, &rest).expect("reads"));
        let last = answer(206, &[("etag", "\"a\""), ("content-range", "bytes 8-8/9")]);
        receive(&part, &last, b"8");
        assert!(is_whole(&part, &last).expect("reads"));
        assert_eq!(std::fs::read(&part).expect("reads"), b"012345678");
        // The court has another copy now.
        receive(&part, &answer(200, &[("etag", "\"b\"")]), b"ab");
        assert_eq!(asked(&part), range(2, "\"b\""));
        publish(&part, &path).expect("renames");
        assert_eq!(std::fs::read(&path).expect("reads"), b"ab");
        assert_eq!(std::fs::read_dir(folder.path()).expect("reads").count(), 1);
    }

    #[test]
    fn a_part_that_does_not_follow_or_has_no_tag_is_thrown_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let part = folder.path().join("x.part");
        for headers in [
            [("etag", "\"b\""), ("content-range", "bytes 4-7/8")],
            [("etag", "\"a\""), ("content-range", "bytes 5-7/8")],
            [("etag", "\"a\""), ("content-range", "nonsense")],
        ] {
            receive(&part, &answer(200, &[("etag", "\"a\"")]), b"0123");
            let error = begin(&part, &answer(206, &headers)).expect_err("does not fit");
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
            assert_eq!(asked(&part), []);
            assert!(!part.exists());
        }
        // A court without tags: nothing says that the rest would be of the same copy.
        receive(&part, &answer(200, &[]), b"0123");
        assert_eq!(asked(&part), []);
    }
}
