//! Papers: a record of ten pages with twenty photos, in a process of its own so that its memory is its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use zhixing_papers::{Assets, Fonts, Imprint, Photos, render, specimen, template};
use zhixing_protocol::canonical::{Object, Value};
use zhixing_protocol::hash::StatementHash;

use crate::report::{Report, ms};
use crate::{Setup, machine};

/// Debian's fonts-noto-cjk.
const FONT: &str = "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc";
/// Photos of the record.
const PHOTOS: usize = 20;
/// Size of each: 12 million points.
const SIDES: (u32, u32) = (4000, 3000);
/// Questions and answers that, with the photos, fill ten pages.
const TURNS: usize = 13;

/// Photos as files of a folder, read one at a time.
struct Folder(PathBuf);

impl Photos for Folder {
    fn read(&self, id: &str) -> Result<Vec<u8>, String> {
        std::fs::read(self.0.join(id)).map_err(|error| error.to_string())
    }
}

/// A picture with smooth parts, edges and some grain, as a camera sees a wall; different for each number.
fn photo(number: usize) -> Vec<u8> {
    let mut grain = u32::try_from(number).expect("few") * 2_654_435_761 + 1;
    let picture = image::RgbImage::from_fn(SIDES.0, SIDES.1, |x, y| {
        grain ^= grain << 13;
        grain ^= grain >> 17;
        grain ^= grain << 5;
        let edge = if (x / 37 + y / 53) % 3 == 0 { 60 } else { 0 };
        let shade = |base: u32| {
            let value = base + edge + grain % 17 + (x + y) / 70;
            u8::try_from(value.min(255)).expect("at most 255")
        };
        image::Rgb([shade(40), shade(60), shade(30)])
    });
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 92);
    picture.write_with_encoder(encoder).expect("a JPEG");
    bytes
}

fn fields() -> Object {
    let template = template("record.execution").expect("a kind of paper");
    let mut fields = specimen(template);
    let object = |members: [(&str, String); 2]| {
        let members = members.map(|(name, text)| (name.to_owned(), Value::Text(text)));
        Value::Object(Object::from(members))
    };
    let turns = (1..=TURNS).map(|number| {
        object([
            ("ask", format!("第{number}问：你名下的房屋、车辆、银行存款和其他财产情况如何？有没有转移、隐匿财产的行为？")),
            ("answer", "房屋是父母留下的，土木结构，多年没有人住；车子去年卖了，钱用来看病。存款只有农商行一个账户，工资也打在里面，没有别的财产。".to_owned()),
        ])
    });
    fields.insert("dialogue".into(), Value::Array(turns.collect()));
    let photos = (0..PHOTOS).map(|number| {
        object([
            ("id", format!("{number}.jpg")),
            ("caption", format!("现场第{number}处")),
        ])
    });
    fields.insert("photos".into(), Value::Array(photos.collect()));
    fields
}

/// Makes the record once from the photos of a folder: milliseconds, pages, bytes and the most memory in MiB, on one line.
pub fn once(folder: &Path) -> String {
    let start = Instant::now();
    let fonts = std::fs::read(FONT).map(|bytes| Fonts::read(vec![bytes]));
    let fonts = fonts.expect("fonts-noto-cjk").expect("a font");
    let paper = render(
        template("record.execution").expect("a kind of paper"),
        &fields(),
        &Assets {
            fonts: &fonts,
            photos: &Folder(folder.to_owned()),
            imprint: Imprint {
                statement: Some(StatementHash([7; 32])),
                revision: 1,
                on: "2020-03-20".parse().expect("a date"),
            },
        },
    );
    let paper = paper.expect("it can be printed");
    let took = ms(start.elapsed());
    let peak = machine::own_peak_mib();
    format!("{took} {} {} {peak}", paper.pages, paper.bytes.len())
}

/// Halves the colours both ways, as cameras do. Without ffmpeg the photo stays as it is, with twice as much to decode.
fn as_camera(folder: &Path, name: &str) -> bool {
    let made = Command::new("ffmpeg")
        .current_dir(folder)
        .args(["-loglevel", "error", "-y", "-i", name])
        .args(["-pix_fmt", "yuvj420p", "-q:v", "3", "camera.jpg"])
        .status();
    made.is_ok_and(|status| status.success())
        && std::fs::rename(folder.join("camera.jpg"), folder.join(name)).is_ok()
}

/// The record in each round.
pub fn record(setup: &Setup, report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut photo_bytes = 0;
    let mut sampling = "4:2:0";
    for number in 0..PHOTOS {
        let name = format!("{number}.jpg");
        let path = folder.path().join(&name);
        std::fs::write(&path, photo(number)).expect("room");
        if !as_camera(folder.path(), &name) {
            sampling = "4:4:4";
        }
        photo_bytes += std::fs::metadata(&path).expect("it is there").len();
    }
    let own = std::env::current_exe().expect("this program");
    let (mut times, mut peaks, mut how) = (Vec::new(), Vec::new(), String::new());
    for _ in 0..setup.rounds {
        let output = Command::new(&own)
            .arg("--paper-once")
            .arg(folder.path())
            .output()
            .expect("it starts");
        let line = String::from_utf8_lossy(&output.stdout).into_owned();
        let numbers: Vec<f64> = line
            .split_whitespace()
            .filter_map(|number| number.parse().ok())
            .collect();
        let [took, pages, bytes, peak] = numbers[..] else {
            report.missing(&format!("a record of 10 pages with 20 photos: {line}"));
            return;
        };
        times.push(took);
        peaks.push(peak);
        #[expect(clippy::cast_precision_loss, reason = "a few hundred MB")]
        let photo_mb = photo_bytes as f64 / 1e6;
        how = format!(
            "{pages} pages, {PHOTOS} JPEG ({sampling}) of 12 million points ({photo_mb:.0} MB) read from disk, PDF of {:.1} MB, font read each time",
            bytes / 1e6
        );
    }
    report.rounds(
        "Record of 10 pages with 20 photos to PDF",
        "≤ 1500 ms",
        "ms",
        times,
        &how,
    );
    report.rounds(
        "Most memory of that",
        "≤ 64 MiB",
        "MiB",
        peaks,
        "VmHWM of a process that does nothing else",
    );
}
