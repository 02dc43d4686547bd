//! Numbers over numbers.

use super::super::decimate::m4;
use super::super::error::DrawError;
use super::super::figure::Curves;
use super::super::scale::{Scale, extent};
use super::super::scene::{Drawing, Layer};
use super::super::style::Theme;
use super::lines::stroke;
use super::{Draw, Key, Mark, Page};

impl Draw for Curves {
    fn axes(&self) -> Result<(Scale, Scale), DrawError> {
        let shown = |x: f64| x.is_finite() && (!self.log || x > 0.0);
        let points = || {
            let points = self.curves.iter().flat_map(|curve| &curve.points);
            points.copied().filter(|(x, y)| shown(*x) && y.is_finite())
        };
        let (low, high) = extent(points().map(|(x, _)| x)).ok_or(DrawError::NoData)?;
        let across =
            if self.log && high > low { Scale::exact(low, high, true)? } else { Scale::of_numbers([low, high])? };
        let upwards = match self.y_range {
            Some(range) => Scale::asked(range)?,
            None => Scale::of_numbers(points().map(|(_, y)| y))?,
        };
        Ok((across, upwards))
    }

    fn keys(&self, _: Theme) -> Vec<Key> {
        self.curves.iter().map(|curve| Key { label: curve.label.clone(), mark: Mark::Stroke(curve.color) }).collect()
    }

    fn draw(&self, page: &Page<'_>) -> Drawing {
        let frame = page.frame;
        let columns = frame.width() as usize;
        let column =
            |x: f64| ((frame.across.share(x) * columns as f64).max(0.0) as usize).min(columns.saturating_sub(1));
        let mut drawing = Drawing::default();
        for curve in &self.curves {
            let mut shapes = Vec::new();
            let shown = |point: &(f64, f64)| point.0.is_finite() && point.1.is_finite() && (!self.log || point.0 > 0.0);
            for run in curve.points.split(|point| !shown(point)).filter(|run| !run.is_empty()) {
                let path: Vec<_> = m4(run, columns, column).iter().map(|(x, y)| (frame.x(*x), frame.y(*y))).collect();
                stroke(&path, frame, page.theme.visible(curve.color).into(), &mut shapes);
            }
            drawing.layers.push(Layer::of(&curve.label, shapes));
        }
        drawing
    }
}
