//! Boxes from quartile to quartile, with the median, whiskers and what lies beyond them.

use super::super::decimate::thin;
use super::super::error::DrawError;
use super::super::figure::{Boxes, Summary};
use super::super::scale::Scale;
use super::super::scene::{Drawing, Hint, Ink, Layer, Shape};
use super::super::style::Theme;
use super::super::value_ticks::in_words;
use super::{Draw, Key, Page};

const SHARE: f64 = 0.6;
const THICKEST: f64 = 44.0;
const OUTLIER: f64 = 2.2;
/// More dots than this in a row make it heavy and no clearer.
const MOST_DOTS: usize = 400;

impl Draw for Boxes {
    fn axes(&self) -> Result<(Scale, Scale), DrawError> {
        let numbers = self.boxes.iter().flat_map(|of| of.five.iter().chain(&of.outliers)).copied();
        Ok((Scale::of_numbers(numbers)?, Scale::Rows(self.boxes.len())))
    }

    fn keys(&self, _: Theme) -> Vec<Key> {
        // The rows have names.
        Vec::new()
    }

    fn rows(&self) -> Vec<&str> {
        self.boxes.iter().map(|of| of.label.as_str()).collect()
    }

    fn draw(&self, page: &Page<'_>) -> Drawing {
        let mut drawing = Drawing::default();
        for (row, of) in self.boxes.iter().enumerate().filter(|(_, of)| of.five.iter().all(|end| end.is_finite())) {
            let (top, bottom) = page.frame.row(row);
            let middle = f64::midpoint(top, bottom);
            let half = ((bottom - top) * SHARE).min(THICKEST) / 2.0;
            drawing.layers.push(Layer::of(&of.label, one(of, (middle, half), page)));
            let [low, lower, median, upper, high] = of.five.map(in_words);
            let text = format!(
                "{}: median {median}, half of them {lower} to {upper}, whiskers {low} to {high}, {} beyond, of {}",
                of.label,
                of.outliers.len(),
                of.count,
            );
            let (from, to) = ((page.frame.left, middle - half), (page.frame.right, middle + half));
            drawing.hints.push(Hint { from, to, text });
        }
        drawing
    }
}

fn one(of: &Summary, (middle, half): (f64, f64), page: &Page<'_>) -> Vec<Shape> {
    let frame = page.frame;
    let color = page.theme.visible(of.color);
    let [low, lower, median, upper, high] = of.five.map(|value| frame.x(value));
    let faint = Ink { color, opacity: page.theme.dot_opacity() };
    let mut shapes = vec![
        Shape::path([(low, middle), (lower, middle)], 1.5, color),
        Shape::path([(upper, middle), (high, middle)], 1.5, color),
        Shape::path([(low, middle - half / 2.0), (low, middle + half / 2.0)], 1.5, color),
        Shape::path([(high, middle - half / 2.0), (high, middle + half / 2.0)], 1.5, color),
        // A box that is a line is still to be seen.
        Shape::rect((lower, middle - half), (upper.max(lower + 1.0), middle + half), faint),
        Shape::path([(median, middle - half), (median, middle + half)], 3.0, color),
    ];
    let places: Vec<_> = of.outliers.iter().map(|value| (frame.x(*value) - frame.left, middle - frame.top)).collect();
    let kept = thin(&places, (frame.width(), frame.height()), MOST_DOTS);
    let faint = Ink { color, opacity: 0.6 };
    shapes.extend(kept.into_iter().map(|(x, y)| Shape::dot((x + frame.left, y + frame.top), OUTLIER, faint)));
    shapes
}
