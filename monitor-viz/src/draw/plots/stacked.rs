//! Columns over stretches of time, the series on top of each other.

use super::super::error::DrawError;
use super::super::figure::Stacked;
use super::super::scale::Scale;
use super::super::scene::{Drawing, Hint, Layer, Shape};
use super::super::style::Theme;
use super::super::value_ticks::in_words;
use super::{Draw, Key, Mark, Page};

impl Stacked {
    fn value(&self, series: usize, bin: usize) -> f64 {
        let value = self.series[series].values.get(bin).copied();
        value.filter(|value| value.is_finite() && *value > 0.0).unwrap_or(0.0)
    }
}

impl Draw for Stacked {
    fn axes(&self) -> Result<(Scale, Scale), DrawError> {
        let (Some(first), Some(last)) = (self.edges.first(), self.edges.last()) else {
            return Err(DrawError::NoData);
        };
        let bins = self.edges.len() - 1;
        let total = |bin: usize| (0..self.series.len()).map(|series| self.value(series, bin)).sum::<f64>();
        let most = (0..bins).map(total).fold(0.0, f64::max).min(1e300);
        if most <= 0.0 || first >= last {
            return Err(DrawError::NoData);
        }
        Ok((Scale::Time(*first, *last), Scale::Number(0.0, most * 1.06)))
    }

    fn keys(&self, _: Theme) -> Vec<Key> {
        self.series.iter().map(|series| Key { label: series.label.clone(), mark: Mark::Field(series.color) }).collect()
    }

    fn draw(&self, page: &Page<'_>) -> Drawing {
        let frame = page.frame;
        let mut layers: Vec<Layer> = self.series.iter().map(|series| Layer::of(&series.label, Vec::new())).collect();
        let mut hints = Vec::new();
        for (bin, edges) in self.edges.windows(2).enumerate() {
            let (left, right) = (frame.x_of_time(edges[0]), frame.x_of_time(edges[1]));
            let gap = if right - left >= 4.0 { 1.0 } else { 0.0 };
            let mut below = 0.0;
            let mut text = page.times(edges[0], edges[1]);
            for (series, values) in self.series.iter().enumerate() {
                let value = self.value(series, bin);
                if value <= 0.0 {
                    continue;
                }
                let (from, to) = ((left, frame.y(below + value)), (right - gap, frame.y(below)));
                layers[series].shapes.push(Shape::rect(from, to, page.theme.visible(values.color)));
                below += value;
                text.push_str(&format!("\n{}: {}", values.label, in_words(value)));
            }
            if below > 0.0 {
                hints.push(Hint { from: (left, frame.top), to: (right, frame.bottom), text });
            }
        }
        Drawing { layers, hints }
    }
}
