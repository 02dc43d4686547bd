//! Bars over bins of values, with values marked by name.

use super::super::error::DrawError;
use super::super::figure::Histogram;
use super::super::layout::NUMBERS;
use super::super::scale::Scale;
use super::super::scene::{Anchor, Drawing, Hint, Layer, Shape, sharp};
use super::super::style::Theme;
use super::super::text;
use super::super::value_ticks::in_words;
use super::{Draw, Key, Page};

/// The height of a row of names above the plot.
pub(in super::super) const MARK_ROW: f64 = 15.0;
const DASH: f64 = 4.0;
const MOST_ROWS: usize = 3;

impl Draw for Histogram {
    fn axes(&self) -> Result<(Scale, Scale), DrawError> {
        let (Some(first), Some(last)) = (self.edges.first(), self.edges.last()) else {
            return Err(DrawError::NoData);
        };
        let most = self.counts.iter().copied().max().filter(|most| *most > 0).ok_or(DrawError::NoData)?;
        Ok((Scale::exact(*first, *last, self.log)?, Scale::Number(0.0, most as f64 * 1.06)))
    }

    fn keys(&self, _: Theme) -> Vec<Key> {
        Vec::new()
    }

    fn headroom(&self) -> usize {
        // The first row of names stands beside the name of the axis.
        self.marks.len().min(MOST_ROWS).saturating_sub(1)
    }

    fn draw(&self, page: &Page<'_>) -> Drawing {
        let frame = page.frame;
        let color = page.theme.visible(self.color);
        let (mut bars, mut hints) = (Vec::new(), Vec::new());
        for (edges, count) in self.edges.windows(2).zip(&self.counts).filter(|(_, count)| **count > 0) {
            let (left, right) = (frame.x(edges[0]), frame.x(edges[1]));
            // A little paper between bars, if they are wide enough to have some.
            let gap = if right - left >= 4.0 { 1.0 } else { 0.0 };
            let (from, to) = ((left, frame.y(*count as f64)), (right - gap, frame.bottom));
            bars.push(Shape::rect(from, to, color));
            let text = format!("{} to {}: {}", in_words(edges[0]), in_words(edges[1]), in_words(*count as f64));
            hints.push(Hint { from: (left, frame.top), to: (right, frame.bottom), text });
        }
        let layers = vec![Layer::of("count", bars), Layer::plain(self.marks(page))];
        Drawing { layers, hints }
    }
}

impl Histogram {
    /// Dashed lines, and their names above the plot, in as many rows as they need.
    fn marks(&self, page: &Page<'_>) -> Vec<Shape> {
        let frame = page.frame;
        let mut shapes = Vec::new();
        // Where the last name of each row ends.
        let mut ends = [f64::NEG_INFINITY; MOST_ROWS];
        let mut marks: Vec<_> = self.marks.iter().filter(|(_, value)| frame.across.holds(*value)).collect();
        marks.sort_by(|a, b| a.1.total_cmp(&b.1));
        for (name, value) in marks {
            let x = sharp(frame.x(*value));
            let mut top = frame.top - 2.0;
            let width = text::width(name, NUMBERS);
            let left = (x - width / 2.0).clamp(8.0, (frame.right + 20.0 - width).max(8.0));
            if let Some(row) = ends.iter().position(|end| *end + 10.0 <= left) {
                ends[row] = left + width;
                let y = frame.top - 8.0 - row as f64 * MARK_ROW;
                shapes.push(Shape::word((left, y), name.clone(), NUMBERS, page.theme.ink(), Anchor::Left));
                top = y + 8.0;
            }
            while top < frame.bottom {
                let end = (top + DASH).min(frame.bottom);
                shapes.push(Shape::path([(x, top), (x, end)], 1.2, page.theme.ink()));
                top += 2.0 * DASH;
            }
        }
        shapes
    }
}
