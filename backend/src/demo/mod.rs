//! `zhixing-server demo-data`: a court tree of Sichuan with fictional people and 44 cases, each with its papers.
//!
//! It is made as a batch (`docs/IMPORT.md`) and imported as any other, so that what is shown went the way of real data.
//! The same program makes the same batch each time; a second run changes nothing. All people and companies are invented:
//! identity numbers have a checksum that is wrong on purpose, and telephone numbers begin with 100, which no subscriber
//! has.

mod cases;
mod papers;
mod people;
mod pictures;

use std::path::{Path, PathBuf};

use serde_json::Value;
use zhixing_papers::Fonts;

use crate::court::Court;
use crate::import::{self, ImportReport};

/// Where Debian's package fonts-noto-cjk puts the font of the papers.
pub const FONT: &str = "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc";

/// Writes the batch into `folder`. *Errors*: a font that cannot be read, a folder that cannot be written; with what to do.
pub fn write_batch(folder: &Path, font: &Path) -> Result<(), String> {
    let bytes = std::fs::read(font).map_err(|error| {
        format!(
            "font {}: {error}; install the package fonts-noto-cjk, or name a Chinese font with --font",
            font.display()
        )
    })?;
    let fonts = Fonts::read(vec![bytes]).map_err(|error| error.to_string())?;
    let documents = folder.join("documents");
    let told = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    std::fs::create_dir_all(&documents).map_err(|error| told(&documents, error))?;
    let cases = cases::all();
    let width = std::thread::available_parallelism().map_or(1, usize::from);
    // Setting a paper keeps a core busy and papers do not wait for each other.
    std::thread::scope(|scope| {
        let workers: Vec<_> = cases
            .chunks(cases.len().div_ceil(width))
            .map(|share| {
                scope.spawn(|| {
                    share
                        .iter()
                        .try_for_each(|case| papers::write(case, folder, &fonts))
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err("a paper could not be set".to_owned()))
        })
    })?;
    for (name, records) in [
        ("courts.jsonl", people::courts()),
        ("staff.jsonl", people::staff()),
        (
            "cases.jsonl",
            cases.iter().map(|case| case.record()).collect(),
        ),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, lines(&records)).map_err(|error| told(&path, error))?;
    }
    Ok(())
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// Makes the batch and imports it. It is left in `keep`, if that is named.
///
/// *Errors*: those of [`write_batch`] and of the import; a court with people of its own, since everybody knows the
/// passwords of these.
pub async fn run(court: &Court, font: &Path, keep: Option<&Path>) -> Result<ImportReport, String> {
    only_the_demonstration(court).await?;
    let folder = keep.map_or_else(|| court.config.data.join("demo-batch"), Path::to_owned);
    let (made, font): (PathBuf, PathBuf) = (folder.clone(), font.to_owned());
    tokio::task::spawn_blocking(move || write_batch(&made, &font))
        .await
        .map_err(|error| error.to_string())??;
    let report = import::run(court, &folder).await?;
    if keep.is_none() {
        std::fs::remove_dir_all(&folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    Ok(report)
}

async fn only_the_demonstration(court: &Court) -> Result<(), String> {
    let told = |error: crate::store::StoreError| error.to_string();
    let mut tx = court.db.begin_read().await.map_err(told)?;
    let rows = tx
        .rows("SELECT login FROM staff", &[])
        .await
        .map_err(told)?;
    for row in &rows {
        let login = row.text(0).map_err(told)?;
        if !people::is_of_the_demonstration(&login) {
            return Err(format!(
                "this court has people of its own ({login}); the demonstration's passwords are known to everybody. Use another data folder"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
