//! A bitmap for plotters to draw on, with smooth lines and well-set type (see [`super::mask`] and
//! [`super::text`] for what plotters' own lacks).
//!
//! It implements what the painter uses: paths, rectangles, circles and level text. The coordinates
//! are tenths of a design pixel.

use std::convert::Infallible;

use plotters_backend::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind};

use super::mask::Mask;
use super::text::{self, X_HEIGHT};
use super::{UNITS_PER_PIXEL, paint::SVG_FONT_FACTOR};

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// How finely a pixel is covered in part.
const STEPS: f32 = 15.0;

/// RGB pixels, three bytes each, row after row.
pub(super) struct Canvas<'a> {
    pixels: &'a mut [u8],
    size: (usize, usize),
    pixels_per_unit: f64,
}

impl<'a> Canvas<'a> {
    /// A canvas over `pixels`, which are `width × height × 3` bytes.
    pub(super) fn new(pixels: &'a mut [u8], (width, height): (u32, u32), scale: f64) -> Self {
        Self { pixels, size: (width as usize, height as usize), pixels_per_unit: scale / UNITS_PER_PIXEL }
    }

    fn pixel(&self, (x, y): BackendCoord) -> (f64, f64) {
        (f64::from(x) * self.pixels_per_unit, f64::from(y) * self.pixels_per_unit)
    }

    fn blend(&mut self, x: usize, y: usize, color: BackendColor, cover: f32) {
        // In sixteen steps: nobody sees more, and a picture of few colours is a small file that is made quickly. Rounded by a
        // conversion: without the instructions of later processors `round` is a call.
        let steps = (cover * STEPS + 0.5) as u8;
        if steps == 0 || color.alpha <= 0.0 || x >= self.size.0 || y >= self.size.1 {
            return;
        }
        let share = color.alpha as f32 * f32::from(steps) / STEPS;
        let start = (y * self.size.0 + x) * 3;
        let (red, green, blue) = color.rgb;
        for (byte, ink) in self.pixels[start..start + 3].iter_mut().zip([red, green, blue]) {
            let old = f32::from(*byte);
            *byte = (old + (f32::from(ink) - old) * share + 0.5) as u8;
        }
    }

    fn stroke(&mut self, path: &[(f32, f32)], radius: f32, color: BackendColor) {
        if path.is_empty() || color.alpha <= 0.0 {
            return;
        }
        let Some(mask) = Mask::stroke(path, radius, self.size) else {
            return;
        };
        for (left, y, cover) in mask.rows() {
            for (column, cover) in cover.iter().enumerate().filter(|(_, cover)| **cover > 0) {
                self.blend(left + column, y, color, f32::from(*cover) / 255.0);
            }
        }
    }
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        let units = |pixels: usize| (pixels as f64 / self.pixels_per_unit).round() as u32;
        (units(self.size.0), units(self.size.1))
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Drawn {
        let (x, y) = self.pixel(point);
        self.blend(x as usize, y as usize, color, 1.0);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let path: Vec<(f32, f32)> =
            path.into_iter().map(|point| self.pixel(point)).map(|(x, y)| (x as f32, y as f32)).collect();
        let radius = f64::from(style.stroke_width()) * self.pixels_per_unit / 2.0;
        self.stroke(&path, radius as f32, style.color());
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        if !fill {
            return self.draw_path([from, (to.0, from.1), to, (from.0, to.1), from], style);
        }
        let (left, top) = self.pixel(from);
        let (right, bottom) = self.pixel(to);
        let columns = left.round().max(0.0) as usize..(right.round().max(0.0) as usize).min(self.size.0);
        let rows = top.round().max(0.0) as usize..(bottom.round().max(0.0) as usize).min(self.size.1);
        let color = style.color();
        for y in rows.filter(|_| !columns.is_empty()) {
            if color.alpha < 1.0 {
                columns.clone().for_each(|x| self.blend(x, y, color, 1.0));
                continue;
            }
            let row = y * self.size.0;
            let pixels = &mut self.pixels[(row + columns.start) * 3..(row + columns.end) * 3];
            let (red, green, blue) = color.rgb;
            pixels.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&[red, green, blue]));
        }
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, outline: I, style: &S) -> Drawn {
        let outline: Vec<(f64, f64)> = outline.into_iter().map(|point| self.pixel(point)).collect();
        let top = outline.iter().map(|point| point.1).fold(f64::INFINITY, f64::min).max(0.0);
        let bottom = outline.iter().map(|point| point.1).fold(0.0, f64::max).min(self.size.1 as f64);
        let mut cover = vec![0.0_f32; self.size.0];
        for y in top.floor() as usize..bottom.ceil().max(top.floor()) as usize {
            cover.fill(0.0);
            for line in 0..FINE {
                let at = y as f64 + (f64::from(line) + 0.5) / f64::from(FINE);
                crossings(&outline, at).chunks_exact(2).for_each(|pair| covered(&mut cover, pair[0], pair[1]));
            }
            for (x, cover) in cover.iter().enumerate().filter(|(_, cover)| **cover > 0.0) {
                self.blend(x, y, style.color(), cover / FINE as f32);
            }
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, center: BackendCoord, radius: u32, style: &S, _fill: bool) -> Drawn {
        let (x, y) = self.pixel(center);
        let radius = f64::from(radius) * self.pixels_per_unit;
        self.stroke(&[(x as f32, y as f32)], radius as f32, style.color());
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, words: &str, style: &S, at: BackendCoord) -> Drawn {
        let size = style.size() / SVG_FONT_FACTOR * self.pixels_per_unit;
        let (x, middle) = self.pixel(at);
        let shift = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => text::width(words, size) / 2.0,
            HPos::Right => text::width(words, size),
        };
        // A baseline on a whole pixel keeps the feet of the letters sharp.
        let baseline = (middle + size * X_HEIGHT / 2.0).round();
        let color = style.color();
        text::draw(words, size, (x - shift, baseline), |x, y, cover| {
            if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) {
                self.blend(x, y, color, cover);
            }
        });
        Ok(())
    }
}

/// Lines in a row of pixels by which the cover of an area is found.
const FINE: i32 = 4;

/// Where a level line crosses an outline, from the left.
fn crossings(outline: &[(f64, f64)], y: f64) -> Vec<f64> {
    let next = outline.iter().cycle().skip(1);
    let mut places: Vec<f64> = outline
        .iter()
        .zip(next)
        .filter(|(a, b)| (a.1 <= y) != (b.1 <= y))
        .map(|(a, b)| a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0))
        .collect();
    places.sort_by(f64::total_cmp);
    places
}

/// Adds the share of each pixel that lies between two places of its row.
fn covered(row: &mut [f32], from: f64, to: f64) {
    let (from, to) = (from.clamp(0.0, row.len() as f64), to.clamp(0.0, row.len() as f64));
    for (x, cover) in row.iter_mut().enumerate().take(to.ceil() as usize).skip(from as usize) {
        *cover += ((to.min((x + 1) as f64)) - from.max(x as f64)).max(0.0) as f32;
    }
}
