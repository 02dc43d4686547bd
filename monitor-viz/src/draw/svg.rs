//! The picture as SVG: plotters' text with a head of our own, for a reader who cannot see it and
//! for a program that reads it back.

use std::fmt::Write as _;

use plotters::backend::SVGBackend;

use super::UNITS_PER_PIXEL;
use super::compose::{Scene, scene};
use super::error::DrawError;
use super::figure::Figure;
use super::paint::paint;
use super::scale::Scale;
use super::scene::Hint;
use super::style::Style;
use super::text::clean;

/// Draws a figure as SVG text. The same figure gives the same text.
///
/// What shows a series stands in a `<g data-series="its name">`: a line or a curve as one `polyline` a stretch without gaps (a
/// `circle` where that is a lone point), bars, columns and bins as a `rect` each, a box as a `rect` with strokes. The bins of a
/// histogram and the cells of a heatmap are the series `count`.
///
/// To read values back, the root has `data-kind` (`lines`, `curves`, `histogram`, `bars`, `stacked`, `heatmap`, `boxes`),
/// `data-plot`, the left, upper, right and lower edge of the plot in the coordinates of the shapes, and what these edges stand
/// for:
///
/// | attribute | the ends of | of the kinds |
/// |---|---|---|
/// | `data-time` | the axis across, in microseconds since the epoch | lines, stacked, heatmap |
/// | `data-across` | the axis across, in numbers | curves, histogram, bars, boxes |
/// | `data-value` | the axis upwards, in numbers | lines, curves, histogram, stacked, heatmap |
/// | `data-rows` | the axis upwards: so many rows of one height | bars, boxes |
///
/// Scales are linear, but for the axis that `data-log` names (`across` or `value`): along it the logarithm is. Coordinates are
/// rounded to whole numbers, ten to the pixel. At the end stands what bars, bins, cells, boxes and marked times mean in words: a
/// transparent `<rect class="hint">` with a `<title>`, which a browser shows where the mouse is.
///
/// # Errors
///
/// [`DrawError::NoData`] if there is nothing to show; otherwise a size, scale or range that cannot be drawn.
pub fn svg(figure: &Figure, style: &Style) -> Result<String, DrawError> {
    let scene = scene(figure, style)?;
    let (width, height) = (scene.layout.size.0 * UNITS_PER_PIXEL, scene.layout.size.1 * UNITS_PER_PIXEL);
    let mut whole = head(figure, style, &scene);
    for layer in &scene.layers {
        let mut drawn = String::new();
        let size = (width.round() as u32, height.round() as u32);
        paint(SVGBackend::with_string(&mut drawn, size), &layer.shapes)?;
        // plotters' own head and foot go.
        let body = drawn.split_once('\n').map_or("", |(_, body)| body).trim_end();
        let body = body.strip_suffix("</svg>").unwrap_or(body).trim_end();
        match &layer.series {
            _ if body.is_empty() => {}
            Some(series) => whole.push_str(&format!("<g data-series=\"{}\">\n{body}\n</g>\n", escape(&clean(series)))),
            None => whole.push_str(&format!("{body}\n")),
        }
    }
    hints(&scene.hints, &mut whole);
    whole.push_str("</svg>\n");
    Ok(whole)
}

fn head(figure: &Figure, style: &Style, scene: &Scene) -> String {
    let (layout, frame) = (&scene.layout, &scene.layout.frame);
    let mut head = String::new();
    let title = [&figure.title, &figure.y_label].map(|text| clean(text)).into_iter().find(|text| !text.is_empty());
    let names = layout.legend.iter().map(|entry| entry.label.as_str()).collect::<Vec<_>>().join(", ");
    let parts = [clean(&figure.caption), names];
    let about = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    let mut axes = String::new();
    for (scale, numbers, log) in [(&frame.across, "across", "across"), (&frame.upwards, "value", "value")] {
        let written = match scale {
            Scale::Time(from, to) => write!(axes, " data-time=\"{from} {to}\""),
            Scale::Number(low, high) => write!(axes, " data-{numbers}=\"{low:?} {high:?}\""),
            Scale::Log(low, high) => write!(axes, " data-{numbers}=\"{low:?} {high:?}\" data-log=\"{log}\""),
            Scale::Rows(rows) => write!(axes, " data-rows=\"{rows}\""),
        };
        debug_assert!(written.is_ok(), "writing into a String cannot fail");
    }
    let written = write!(
        head,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" \
         data-kind=\"{}\" data-plot=\"{} {} {} {}\"{axes}>\n\
         <title>{}</title>\n<desc>{}</desc>\n<style>polyline{{stroke-linejoin:round;stroke-linecap:round}}\
         .hint{{fill:transparent}}.hint:hover{{fill:#888;fill-opacity:.18}}</style>\n",
        style.width,
        style.height,
        unit(layout.size.0),
        unit(layout.size.1),
        figure.plot.kind(),
        unit(frame.left),
        unit(frame.top),
        unit(frame.right),
        unit(frame.bottom),
        escape(title.as_deref().unwrap_or("Chart")),
        escape(&about),
    );
    debug_assert!(written.is_ok(), "writing into a String cannot fail");
    head
}

/// What is said where the mouse is.
fn hints(hints: &[Hint], whole: &mut String) {
    if hints.is_empty() {
        return;
    }
    whole.push_str("<g>\n");
    for Hint { from, to, text } in hints {
        let (left, top) = (unit(from.0), unit(from.1));
        let lines: Vec<String> = text.lines().map(|line| escape(&clean(line))).collect();
        whole.push_str(&format!(
            "<rect class=\"hint\" x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"transparent\"><title>{}</title></rect>\n",
            unit(to.0) - left,
            unit(to.1) - top,
            lines.join("\n"),
        ));
    }
    whole.push_str("</g>\n");
}

fn unit(pixels: f64) -> f64 {
    (pixels * UNITS_PER_PIXEL).round()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
