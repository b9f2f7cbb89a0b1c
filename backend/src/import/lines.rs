//! Lines of a file one after the other, in bounded memory.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use zhixing_protocol::hash::Sha256Digest;

/// Longest line: a statement has at most 64 KiB, so a record of more than 1 MiB can never be taken.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// A line and its number, from 1.
#[derive(Debug, Clone)]
pub(crate) struct NumberedLine {
    pub number: usize,
    /// None: longer than may be, or not UTF-8.
    pub text: Option<String>,
}

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0}: {1}")]
pub(crate) struct ReadError(PathBuf, std::io::Error);

/// The lines of a file that are not empty.
pub(crate) struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    number: usize,
    after: usize,
}

impl Lines {
    /// The lines after line `after`.
    pub(crate) fn open(path: &Path, after: usize) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|error| ReadError(path.to_owned(), error))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufReader::new(file),
            number: 0,
            after,
        })
    }

    /// At most `most` further lines; none at the end.
    pub(crate) fn chunk(&mut self, most: usize) -> Result<Option<Vec<NumberedLine>>, ReadError> {
        let mut chunk = Vec::new();
        while chunk.len() < most {
            let Some(bytes) = self
                .next_bytes()
                .map_err(|error| ReadError(self.path.clone(), error))?
            else {
                break;
            };
            self.number += 1;
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            let empty = text.as_ref().is_some_and(|text| text.trim().is_empty());
            if self.number > self.after && !empty {
                chunk.push(NumberedLine {
                    number: self.number,
                    text,
                });
            }
        }
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    /// The next line without its end; `Some(None)` for one that is too long, which is skipped.
    fn next_bytes(&mut self) -> std::io::Result<Option<Option<Vec<u8>>>> {
        let mut line = Vec::new();
        let read = (&mut self.file)
            .take(MAX_LINE_BYTES)
            .read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            return Ok(Some(Some(line)));
        }
        if (line.len() as u64) < MAX_LINE_BYTES {
            return Ok(Some(Some(line)));
        }
        loop {
            line.clear();
            let read = (&mut self.file)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line)?;
            if read == 0 || line.last() == Some(&b'\n') {
                return Ok(Some(None));
            }
        }
    }
}

/// SHA-256 and length of a file.
pub(crate) fn digest(path: &Path) -> Result<(Sha256Digest, u64), ReadError> {
    let failed = |error| ReadError(path.to_owned(), error);
    let mut file = File::open(path).map_err(failed)?;
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; 1 << 16];
    let mut length = 0;
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        length += read as u64;
        context.update(buffer.get(..read).unwrap_or_default());
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    Ok((Sha256Digest(out), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_counted_and_skipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.jsonl");
        let long = "x".repeat(3 << 20);
        std::fs::write(&path, format!("one\n\n{long}\nfour\n\u{6848}")).expect("writes");
        let mut lines = Lines::open(&path, 0).expect("opens");
        let all = lines.chunk(10).expect("reads").expect("lines");
        let seen: Vec<_> = all
            .iter()
            .map(|line| (line.number, line.text.as_deref()))
            .collect();
        assert_eq!(
            seen,
            [
                (1, Some("one")),
                (3, None),
                (4, Some("four")),
                (5, Some("\u{6848}"))
            ]
        );
        let mut rest = Lines::open(&path, 4).expect("opens");
        let rest = rest.chunk(10).expect("reads").expect("lines");
        assert_eq!(rest.len(), 1);
        assert_eq!(rest.first().map(|line| line.number), Some(5));
    }
}
