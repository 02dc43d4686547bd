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
        let share = color.alpha as f32 * cover;
        if share <= 0.0 || x >= self.size.0 || y >= self.size.1 {
            return;
        }
        let start = (y * self.size.0 + x) * 3;
        let (red, green, blue) = color.rgb;
        for (byte, ink) in self.pixels[start..start + 3].iter_mut().zip([red, green, blue]) {
            let old = f32::from(*byte);
            *byte = (old + (f32::from(ink) - old) * share).round() as u8;
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
        for y in top.round().max(0.0) as usize..(bottom.round().max(0.0) as usize).min(self.size.1) {
            for x in columns.clone() {
                self.blend(x, y, style.color(), 1.0);
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
