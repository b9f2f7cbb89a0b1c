//! Writes a specimen of every kind of paper into a folder, for lawyers who review the words: `specimens FONT FOLDER [ID…]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use zhixing_papers::{Assets, Fonts, Imprint, render, specimen, templates};
use zhixing_protocol::hash::StatementHash;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program speaks on its terminal"
)]
fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(font), Some(folder)) = (arguments.next(), arguments.next().map(PathBuf::from)) else {
        eprintln!("usage: specimens FONT FOLDER [ID…]");
        return ExitCode::FAILURE;
    };
    let wanted: Vec<_> = arguments.filter_map(|id| id.into_string().ok()).collect();
    match write(font.into(), &folder, &wanted) {
        Ok(count) => {
            println!("{count} specimens in {}", folder.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write(
    font: PathBuf,
    folder: &std::path::Path,
    wanted: &[String],
) -> Result<usize, Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    let fonts = Fonts::read(vec![std::fs::read(font)?])?;
    let mut photos = BTreeMap::new();
    for number in 1..=2 {
        photos.insert(format!("specimen-{number}"), photo(number)?);
    }
    let mut count = 0;
    for template in templates()? {
        if !wanted.is_empty() && !wanted.contains(&template.id) {
            continue;
        }
        let assets = Assets {
            fonts: &fonts,
            photos: &photos,
            imprint: Imprint {
                statement: Some(StatementHash([0x3F; 32])),
                revision: 1,
                on: "2020-03-20".parse()?,
            },
        };
        let paper = render(template, &specimen(template), &assets)?;
        std::fs::write(folder.join(format!("{}.pdf", template.id)), paper.bytes)?;
        count += 1;
    }
    Ok(count)
}

/// A picture with edges that a bad scaling would show.
fn photo(number: u8) -> Result<Vec<u8>, image::ImageError> {
    let picture = image::RgbImage::from_fn(1600, 1200, |x, y| {
        let square = (x / 100 + y / 100) % 2 == 0;
        let shade = u8::try_from((x + y) / 12).unwrap_or(u8::MAX);
        image::Rgb(if square {
            [shade, 90 * number, 120]
        } else {
            [230, 225, 210]
        })
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg)?;
    Ok(bytes.into_inner())
}
