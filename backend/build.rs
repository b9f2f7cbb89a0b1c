//! Lists the built console pages for embedding. Without a web build the list is empty and a plain page says so.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const DIST: &str = "web/apps/console/dist";

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[allow(clippy::print_stdout)] // how a build script speaks to cargo
fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = root.join(DIST);
    let mut files = Vec::new();
    collect(&dist, &mut files);
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        if let Ok(name) = file.strip_prefix(&dist) {
            let name = name.to_string_lossy().replace('\\', "/");
            let _ = writeln!(list, "    ({name:?}, include_bytes!({file:?})),");
        }
    }
    list.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    std::fs::write(out.join("pages.rs"), list).expect("the build folder takes a file");
    // A path that does not exist would make cargo build anew each time.
    let watched = dist.ancestors().find(|path| path.exists()).unwrap_or(&root);
    println!("cargo::rerun-if-changed={}", watched.display());
    println!("cargo::rerun-if-changed=build.rs");
}
