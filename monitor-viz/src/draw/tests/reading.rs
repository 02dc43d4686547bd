//! Reads an SVG back: the axes of the root, the shapes of each series.

/// A picture that is read back.
pub(super) struct Read<'a> {
    root: &'a str,
    text: &'a str,
}

/// A rectangle: left, upper, right and lower edge, in what the axes measure.
pub(super) type Edges = [f64; 4];

pub(super) fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let start = element.find(&format!(" {name}=\""))? + name.len() + 3;
    element[start..].split('"').next()
}

fn numbers(text: &str) -> Vec<f64> {
    text.split([' ', ',']).filter_map(|word| word.parse().ok()).collect()
}

impl<'a> Read<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { root: text.lines().next().expect("a root element"), text }
    }

    pub(super) fn root(&self, name: &str) -> Vec<f64> {
        numbers(attribute(self.root, name).unwrap_or_else(|| panic!("the root has {name}")))
    }

    /// What a place across stands for; rows are not across.
    pub(super) fn across(&self, x: f64) -> f64 {
        let plot = self.root("data-plot");
        let share = (x - plot[0]) / (plot[2] - plot[0]);
        let ends = if attribute(self.root, "data-time").is_some() { "data-time" } else { "data-across" };
        self.unscale("across", &self.root(ends), share)
    }

    /// What a place upwards stands for.
    pub(super) fn upwards(&self, y: f64) -> f64 {
        let plot = self.root("data-plot");
        let share = (plot[3] - y) / (plot[3] - plot[1]);
        self.unscale("value", &self.root("data-value"), share)
    }

    fn unscale(&self, axis: &str, ends: &[f64], share: f64) -> f64 {
        if attribute(self.root, "data-log") == Some(axis) {
            return ends[0] * (ends[1] / ends[0]).powf(share);
        }
        ends[0] + share * (ends[1] - ends[0])
    }

    /// How much one whole coordinate is of each axis.
    pub(super) fn grain(&self) -> (f64, f64) {
        let plot = self.root("data-plot");
        (self.across(plot[0] + 1.0) - self.across(plot[0]), self.upwards(plot[3] - 1.0) - self.upwards(plot[3]))
    }

    /// The shapes of a series, as they are written.
    pub(super) fn shapes(&self, series: &str) -> Vec<&'a str> {
        let begin = format!("<g data-series=\"{series}\">");
        let Some(start) = self.text.find(&begin) else { return Vec::new() };
        let group = &self.text[start + begin.len()..];
        let end = group.find("</g>").expect("a group ends");
        group[..end].lines().filter(|line| line.starts_with('<')).collect()
    }

    /// The lines of a series, as what the axes measure.
    pub(super) fn lines(&self, series: &str) -> Vec<Vec<(f64, f64)>> {
        let lines = self.shapes(series).into_iter().filter(|shape| shape.starts_with("<polyline"));
        lines
            .map(|shape| {
                let points = numbers(attribute(shape, "points").expect("a polyline has points"));
                points.chunks_exact(2).map(|point| (self.across(point[0]), self.upwards(point[1]))).collect()
            })
            .collect()
    }

    /// The rectangles of a series, in coordinates.
    pub(super) fn rects(&self, series: &str) -> Vec<Edges> {
        let rects = self.shapes(series).into_iter().filter(|shape| shape.starts_with("<rect"));
        let edge = |shape: &str, name: &str| {
            attribute(shape, name).and_then(|value| value.parse::<f64>().ok()).expect("a number")
        };
        rects
            .map(|shape| {
                let (left, top) = (edge(shape, "x"), edge(shape, "y"));
                [left, top, left + edge(shape, "width"), top + edge(shape, "height")]
            })
            .collect()
    }

    /// What is said where the mouse is.
    pub(super) fn hints(&self) -> Vec<&'a str> {
        let hints = self.text.split("<rect class=\"hint\"").skip(1);
        let title = |hint: &'a str| hint.split("<title>").nth(1)?.split("</title>").next();
        hints.filter_map(title).collect()
    }
}
