//! Folders that appear whole or not at all.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Names that the gate is still writing; nobody reads them.
const UNFINISHED: &str = ".part-";

/// Where a folder called `name` is made before it appears.
pub fn unfinished(place: &Path, name: &str) -> PathBuf {
    place.join(format!("{UNFINISHED}{name}"))
}

/// Folders of a place in the order of their names; what begins with a dot is still being written.
pub fn folders(place: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(place)? {
        let entry = entry?;
        let name = entry.file_name().into_string();
        if let Ok(name) = name
            && !name.starts_with('.')
            && entry.file_type()?.is_dir()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Makes a rename, or what was written, survive a power cut.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes a whole file and syncs it.
pub fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Moves a folder to another place of the same disk, under a name that is free there. Gives that name.
pub fn move_into(from: &Path, place: &Path, name: &str) -> io::Result<String> {
    let mut free = name.to_owned();
    let mut number = 2_u32;
    while place.join(&free).exists() {
        free = format!("{name}.{number}");
        number = number.saturating_add(1);
    }
    std::fs::rename(from, place.join(&free))?;
    sync_folder(place)?;
    Ok(free)
}

/// Copies a folder of files and folders so that it appears whole.
pub fn copy_whole(from: &Path, place: &Path, name: &str) -> io::Result<()> {
    let part = unfinished(place, name);
    if part.exists() {
        std::fs::remove_dir_all(&part)?;
    }
    copy_tree(from, &part)?;
    std::fs::rename(&part, place.join(name))?;
    sync_folder(place)
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
            File::open(&target)?.sync_all()?;
        }
    }
    sync_folder(to)
}
