//! What the tests of papers share: the font of this machine, and other people's programs that read papers back.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use zhixing_papers::{Fonts, Pdf};
use zhixing_protocol::canonical::{Object, Value};

/// Debian's fonts-noto-cjk.
pub const NOTO: &str = "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc";

/// The font, read once.
pub fn fonts() -> &'static Fonts {
    static FONTS: LazyLock<Fonts> = LazyLock::new(|| {
        let bytes =
            std::fs::read(NOTO).expect("the package fonts-noto-cjk; scripts/setup installs it");
        Fonts::read(vec![bytes]).expect("a font")
    });
    &FONTS
}

/// A text value.
pub fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// An object value.
pub fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(fields(members))
}

/// Fields by name.
pub fn fields<const N: usize>(members: [(&str, Value); N]) -> Object {
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A small photo.
pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        let shade = |value: u32| u8::try_from(value % 256).unwrap_or(0);
        image::Rgb([shade(x), shade(y), shade(x + y)])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .expect("a JPEG");
    bytes.into_inner()
}

/// The head of a PNG that claims a size; its checksum is right.
pub fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let checksum = chunk.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 {
                (sum >> 1) ^ 0xEDB8_8320
            } else {
                sum >> 1
            }
        })
    });
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0D".to_vec();
    png.extend(&chunk);
    png.extend((!checksum).to_be_bytes());
    png
}

/// Text without spaces and line breaks: where lines break says nothing of what was given.
pub fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// A paper as other programs read it.
pub struct Rendered {
    /// What the crate gave.
    pub pdf: Pdf,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Rendered {
    /// Puts it into a file of its own.
    pub fn new(pdf: Pdf) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("paper.pdf");
        std::fs::write(&file, &pdf.bytes).expect("a file");
        Self {
            pdf,
            file,
            _folder: folder,
        }
    }

    fn poppler(&self, program: &str, before: &[&str], after: &[&str]) -> Vec<u8> {
        let output = Command::new(program)
            .args(before)
            .arg(&self.file)
            .args(after)
            .stdin(Stdio::null())
            .output()
            .expect("the package poppler-utils; scripts/setup installs it");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success() && told.is_empty(),
            "{program}: {told}"
        );
        output.stdout
    }

    /// Text without spaces, and without what stands below each page, which comes between two halves of a paragraph.
    pub fn text(&self) -> String {
        let text = |bottom: &str, top: &str| {
            let area = [
                "-enc", "UTF-8", "-raw", "-x", "0", "-W", "700", "-y", top, "-H", bottom,
            ];
            squeezed(&String::from_utf8(self.poppler("pdftotext", &area, &["-"])).expect("UTF-8"))
        };
        // 37 mm to 262 mm of 297, in points; then the foot of each page.
        format!("{}{}", text("742", "0"), text("100", "742"))
    }

    /// The lines of the text above the foot of each page, without spaces.
    pub fn lines(&self) -> Vec<String> {
        let area = [
            "-enc", "UTF-8", "-layout", "-x", "0", "-W", "700", "-y", "0", "-H", "742",
        ];
        let text = String::from_utf8(self.poppler("pdftotext", &area, &["-"])).expect("UTF-8");
        text.lines()
            .map(squeezed)
            .filter(|line| !line.is_empty())
            .collect()
    }

    /// What `pdffonts` says.
    pub fn fonts(&self) -> String {
        String::from_utf8(self.poppler("pdffonts", &[], &[])).expect("UTF-8")
    }

    /// How many times pictures are placed.
    pub fn images(&self) -> usize {
        let list = String::from_utf8(self.poppler("pdfimages", &["-list"], &[])).expect("UTF-8");
        list.lines().count() - 2
    }

    /// What the QR code of a page says.
    pub fn qr(&self, page: usize) -> Option<String> {
        let page = page.to_string();
        let grey = self.poppler(
            "pdftoppm",
            &["-png", "-gray", "-r", "150", "-f", &page, "-l", &page],
            &[],
        );
        let picture =
            image::load_from_memory_with_format(&grey, image::ImageFormat::Png).expect("a picture");
        let picture = picture.to_luma8();
        let side = |value: u32| usize::try_from(value).expect("small");
        let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(
            side(picture.width()),
            side(picture.height()),
            |x, y| {
                let at = |value: usize| u32::try_from(value).expect("small");
                picture
                    .get_pixel(at(x), at(y))
                    .0
                    .first()
                    .copied()
                    .expect("grey")
            },
        );
        let grids = prepared.detect_grids();
        grids
            .first()
            .map(|grid| grid.decode().expect("a whole code").1)
    }
}
