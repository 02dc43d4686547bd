//! Cells of time and value, the darker the more values they have.

use super::super::color::Color;
use super::super::error::DrawError;
use super::super::figure::Heatmap;
use super::super::scale::Scale;
use super::super::scene::{Drawing, Hint, Layer, Shape};
use super::super::style::Theme;
use super::super::value_ticks::in_words;
use super::{Draw, Key, Mark, Page};

impl Heatmap {
    fn most(&self) -> u64 {
        self.counts.iter().copied().max().unwrap_or(0)
    }

    /// The colour of a count: by its logarithm, so that few among many are still seen.
    fn color(theme: Theme, count: u64, most: u64) -> Color {
        let share = if most > 1 { (count as f64).ln() / (most as f64).ln() } else { 1.0 };
        theme.heat(share)
    }
}

impl Draw for Heatmap {
    fn axes(&self) -> Result<(Scale, Scale), DrawError> {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else {
            return Err(DrawError::NoData);
        };
        let (Some(low), Some(high)) = (self.values.first(), self.values.last()) else {
            return Err(DrawError::NoData);
        };
        if self.most() == 0 || first >= last {
            return Err(DrawError::NoData);
        }
        Ok((Scale::Time(*first, *last), Scale::exact(*low, *high, self.log)?))
    }

    /// What the colours stand for.
    fn keys(&self, theme: Theme) -> Vec<Key> {
        let most = self.most();
        let steps = (0..=4).map(|step| (most as f64).powf(f64::from(step) / 4.0).round() as u64);
        let mut steps: Vec<u64> = steps.collect();
        steps.dedup();
        let key =
            |count: u64| Key { label: in_words(count as f64), mark: Mark::Field(Self::color(theme, count, most)) };
        let remark = Key { label: "samples in a cell:".to_owned(), mark: Mark::None };
        std::iter::once(remark).chain(steps.into_iter().map(key)).collect()
    }

    fn draw(&self, page: &Page<'_>) -> Drawing {
        let frame = page.frame;
        let rows = self.values.len().saturating_sub(1);
        let most = self.most();
        let (mut cells, mut hints) = (Vec::new(), Vec::new());
        for (column, times) in self.times.windows(2).enumerate() {
            let (left, right) = (frame.x_of_time(times[0]), frame.x_of_time(times[1]));
            let span = page.times(times[0], times[1]);
            for (row, values) in self.values.windows(2).enumerate() {
                let count = self.counts.get(column * rows + row).copied().unwrap_or(0);
                if count == 0 {
                    continue;
                }
                let (from, to) = ((left, frame.y(values[1])), (right, frame.y(values[0])));
                cells.push(Shape::rect(from, to, Self::color(page.theme, count, most)));
                let [low, high] = [values[0], values[1]].map(in_words);
                let text = format!("{span}\n{low} to {high}: {}", in_words(count as f64));
                hints.push(Hint { from, to, text });
            }
        }
        Drawing { layers: vec![Layer::of("count", cells)], hints }
    }
}
