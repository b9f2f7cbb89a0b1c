//! Drawn pictures in the place of photos: a house, a lorry, a face. Grain makes the files as large as a camera's.

use image::{ImageFormat, Rgb, RgbImage};

/// Of a clue's photo: wide and high.
const PHOTO: (u32, u32) = (1024, 768);
/// Of a portrait.
const PORTRAIT: (u32, u32) = (360, 480);

type Colour = [u8; 3];

/// A picture being drawn, in thousandths of its width and height.
struct Canvas {
    picture: RgbImage,
}

impl Canvas {
    fn new((width, height): (u32, u32), colour: impl Fn(u32) -> Colour) -> Self {
        let picture = RgbImage::from_fn(width, height, |_, y| Rgb(colour(y * 1000 / height)));
        Self { picture }
    }

    /// Fills where `inside` says so, between two corners.
    fn fill(
        &mut self,
        colour: Colour,
        (left, top): (i64, i64),
        (right, bottom): (i64, i64),
        inside: impl Fn(i64, i64) -> bool,
    ) {
        let (width, height) = self.picture.dimensions();
        let at =
            |part: i64, whole: u32| u32::try_from(part.clamp(0, 1000)).unwrap_or(0) * whole / 1000;
        for y in at(top, height)..at(bottom, height) {
            for x in at(left, width)..at(right, width) {
                if inside(i64::from(x * 1000 / width), i64::from(y * 1000 / height)) {
                    self.picture.put_pixel(x, y, Rgb(colour));
                }
            }
        }
    }

    fn rectangle(&mut self, colour: Colour, from: (i64, i64), to: (i64, i64)) {
        self.fill(colour, from, to, |_, _| true);
    }

    /// An ellipse by its middle and its half axes.
    fn ellipse(&mut self, colour: Colour, (x0, y0): (i64, i64), (a, b): (i64, i64)) {
        self.fill(
            colour,
            (x0 - a, y0 - b),
            (x0 + a + 1, y0 + b + 1),
            |x, y| {
                let (dx, dy) = (x - x0, y - y0);
                dx * dx * b * b + dy * dy * a * a <= a * a * b * b
            },
        );
    }

    /// Grain, and the file.
    fn finish(mut self, seed: usize) -> Result<Vec<u8>, String> {
        let mut state = u32::try_from(seed).unwrap_or(1).wrapping_mul(747_796_405) | 1;
        for pixel in self.picture.pixels_mut() {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let [grain, ..] = state.to_le_bytes();
            for value in &mut pixel.0 {
                *value = value.saturating_add(grain % 16).saturating_sub(8);
            }
        }
        let mut bytes = std::io::Cursor::new(Vec::new());
        self.picture
            .write_to(&mut bytes, ImageFormat::Jpeg)
            .map_err(|error| error.to_string())?;
        Ok(bytes.into_inner())
    }
}

/// Sky, hills and a yard.
fn village(number: usize) -> Canvas {
    let shift = i64::try_from(number % 7).unwrap_or(0) * 60;
    let mut canvas = Canvas::new(PHOTO, |y| {
        let shade = u8::try_from(y * 90 / 1000).unwrap_or(0);
        [130 + shade, 170 + shade / 2, 215]
    });
    canvas.ellipse([96, 128, 96], (200 + shift, 640), (420, 260));
    canvas.ellipse([78, 112, 80], (800 - shift, 660), (460, 220));
    canvas.rectangle([150, 140, 118], (0, 640), (1000, 1000));
    canvas
}

/// A house of two storeys.
pub(super) fn house(number: usize) -> Result<Vec<u8>, String> {
    let walls: [Colour; 4] = [
        [214, 204, 184],
        [196, 178, 160],
        [222, 222, 214],
        [186, 160, 140],
    ];
    let wall = walls
        .get(number / 2 % walls.len())
        .copied()
        .unwrap_or_default();
    let mut canvas = village(number);
    let left = 180 + i64::try_from(number % 5).unwrap_or(0) * 40;
    let right = left + 480;
    canvas.rectangle(wall, (left, 330), (right, 760));
    // The roof: narrower the higher.
    canvas.fill([92, 62, 58], (left - 30, 200), (right + 30, 330), |x, y| {
        let inset = (330 - y) * 3 / 2;
        x > left - 30 + inset && x < right + 30 - inset
    });
    for floor in [380, 570] {
        for window in 0..3 {
            let x = left + 40 + window * 150;
            canvas.rectangle([60, 78, 92], (x, floor), (x + 90, floor + 100));
            canvas.rectangle([226, 226, 222], (x + 42, floor), (x + 48, floor + 100));
        }
    }
    canvas.rectangle([88, 54, 40], (left + 200, 590), (left + 280, 760));
    canvas.finish(number)
}

/// A lorry in a yard.
pub(super) fn vehicle(number: usize) -> Result<Vec<u8>, String> {
    let cabs: [Colour; 3] = [[176, 44, 40], [40, 84, 150], [228, 228, 224]];
    let cab = cabs
        .get(number / 2 % cabs.len())
        .copied()
        .unwrap_or_default();
    let mut canvas = village(number);
    canvas.rectangle([86, 104, 92], (180, 470), (620, 720));
    canvas.rectangle([70, 84, 74], (180, 590), (620, 604));
    canvas.rectangle(cab, (630, 500), (820, 740));
    canvas.rectangle([58, 74, 86], (680, 530), (800, 620));
    canvas.rectangle([40, 40, 42], (170, 720), (830, 750));
    for wheel in [270, 420, 720] {
        canvas.ellipse([26, 26, 28], (wheel, 760), (52, 70));
        canvas.ellipse([150, 150, 152], (wheel, 760), (20, 27));
    }
    canvas.finish(number)
}

/// A face that is nobody's.
pub(super) fn portrait(number: usize) -> Result<Vec<u8>, String> {
    let mut canvas = Canvas::new(PORTRAIT, |_| [206, 218, 230]);
    let skin = [226, 186, 156];
    canvas.ellipse([58, 66, 84], (500, 1010), (400, 270));
    canvas.rectangle(skin, (440, 600), (560, 800));
    canvas.ellipse([36, 32, 32], (500, 390), (220, 250));
    canvas.ellipse(skin, (500, 450), (190, 240));
    for eye in [425, 575] {
        canvas.ellipse([40, 34, 32], (eye, 430), (24, 14));
    }
    canvas.ellipse([176, 96, 92], (500, 575), (60, 16));
    canvas.finish(number)
}
