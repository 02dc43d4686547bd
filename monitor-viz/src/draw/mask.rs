//! Smooth strokes: how much of each pixel a thick line covers.
//!
//! plotters turns a thick line into one polygon and fills it by the even-odd rule, so a line that
//! crosses itself gets holes, and its edges are stairs. Here a pixel's cover is the greatest over
//! the line's pieces, each of which is a bar with round ends: no holes, round joins, one even tint
//! for a translucent line.

/// The cover of a rectangle of pixels, 0 to 255 each.
pub(super) struct Mask {
    left: usize,
    top: usize,
    width: usize,
    cover: Vec<u8>,
}

impl Mask {
    /// The mask of a stroke, cut to a picture of `size`; `None` if it lies wholly outside.
    pub(super) fn stroke(path: &[(f32, f32)], radius: f32, size: (usize, usize)) -> Option<Self> {
        let reach = radius + 1.0;
        let low = |pick: fn(&(f32, f32)) -> f32| path.iter().map(pick).fold(f32::INFINITY, f32::min) - reach;
        let high = |pick: fn(&(f32, f32)) -> f32| path.iter().map(pick).fold(f32::NEG_INFINITY, f32::max) + reach;
        let (left, right) = span(low(|p| p.0), high(|p| p.0), size.0)?;
        let (top, bottom) = span(low(|p| p.1), high(|p| p.1), size.1)?;
        let width = right - left;
        let mut mask = Self { left, top, width, cover: vec![0; width * (bottom - top)] };
        match path {
            [only] => mask.bar(*only, *only, radius),
            _ => path.windows(2).for_each(|pair| mask.bar(pair[0], pair[1], radius)),
        }
        Some(mask)
    }

    /// The rows of the mask: `(x of the first pixel, y, cover of each)`.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, usize, &[u8])> {
        self.cover.chunks_exact(self.width.max(1)).enumerate().map(|(row, cover)| (self.left, self.top + row, cover))
    }

    /// One straight piece with round ends.
    fn bar(&mut self, a: (f32, f32), b: (f32, f32), radius: f32) {
        let reach = radius + 0.5;
        let height = self.cover.len() / self.width.max(1);
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let length_squared = dx * dx + dy * dy;
        let per_length = if length_squared > 0.0 { 1.0 / length_squared } else { 0.0 };
        // Nearer than this a pixel is covered as a whole.
        let inner = (reach - 1.0).max(0.0);
        let (low, high) = (a.1.min(b.1) - reach, a.1.max(b.1) + reach);
        let Some((top, bottom)) = span(low - self.top as f32, high - self.top as f32, height) else {
            return;
        };
        let steep = dy.abs() > 1e-3;
        let (slope, half) = if steep { (dx / dy, reach * length_squared.sqrt() / dy.abs()) } else { (0.0, 0.0) };
        let (leftmost, rightmost) = (a.0.min(b.0) - reach, a.0.max(b.0) + reach);
        for row in top..bottom {
            let y = (self.top + row) as f32 + 0.5;
            // Where the row crosses the bar: all of the bar's width for a flat one, a short piece
            // of it for a steep one.
            let (mut from, mut to) = (leftmost, rightmost);
            if steep {
                let middle = a.0 + (y - a.1) * slope;
                (from, to) = (from.max(middle - half), to.min(middle + half));
            }
            let Some((from, to)) = span(from - self.left as f32, to - self.left as f32, self.width) else {
                continue;
            };
            let cells = &mut self.cover[row * self.width + from..row * self.width + to];
            for (column, cell) in (from..to).zip(cells) {
                if *cell == u8::MAX {
                    // Of a line that goes up and down within a column most pieces find their pixels covered.
                    continue;
                }
                let x = (self.left + column) as f32 + 0.5;
                let (px, py) = (x - a.0, y - a.1);
                let along = ((px * dx + py * dy) * per_length).clamp(0.0, 1.0);
                let (ex, ey) = (px - along * dx, py - along * dy);
                let apart = ex * ex + ey * ey;
                let cover = if apart <= inner * inner { 1.0 } else { (reach - apart.sqrt()).clamp(0.0, 1.0) };
                *cell = (*cell).max((cover * 255.0 + 0.5) as u8);
            }
        }
    }
}

/// The whole pixels from `low` to `high`, cut to `0..limit`; `None` if there are none.
fn span(low: f32, high: f32, limit: usize) -> Option<(usize, usize)> {
    // By conversions, as `floor` and `ceil` are calls on many processors.
    let (from, high) = (low.max(0.0) as usize, high.max(0.0));
    let to = (high as usize + usize::from(high > (high as usize) as f32)).min(limit);
    (from < to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cover_at(mask: &Mask, x: usize, y: usize) -> u8 {
        let row = mask.rows().find(|(_, top, _)| *top == y).expect("the row is in the mask");
        row.2[x - row.0]
    }

    #[test]
    fn a_flat_line_of_two_pixels_covers_two_rows_and_no_more() {
        let mask = Mask::stroke(&[(5.0, 10.0), (50.0, 10.0)], 1.0, (100, 100)).expect("inside");
        assert_eq!([8, 9, 10, 11].map(|y| cover_at(&mask, 20, y)), [0, 255, 255, 0]);
    }

    #[test]
    fn a_line_that_crosses_itself_has_no_hole() {
        let mask = Mask::stroke(&[(5.0, 5.0), (40.0, 40.0), (40.0, 5.0), (5.0, 40.0)], 2.0, (50, 50)).expect("inside");
        assert_eq!(cover_at(&mask, 22, 22), 255);
    }

    #[test]
    fn what_lies_outside_is_cut() {
        assert!(Mask::stroke(&[(-50.0, -50.0), (-20.0, -20.0)], 2.0, (50, 50)).is_none());
        let mask = Mask::stroke(&[(-50.0, 25.0), (200.0, 25.0)], 1.0, (50, 50)).expect("crosses");
        assert!(mask.rows().all(|(left, _, cover)| left == 0 && cover.len() == 50));
    }
}
