//! The picture as SVG: plotters' text with a head of our own, for a reader who cannot see it and
//! for a program that reads it back.

use std::fmt::Write as _;

use plotters::backend::SVGBackend;

use super::UNITS_PER_PIXEL;
use super::error::DrawError;
use super::figure::Figure;
use super::layout::{Layout, layout};
use super::paint::paint;
use super::style::Style;
use super::text::clean;

/// Draws a figure as SVG text. The same figure gives the same text.
///
/// One `polyline` of `stroke-width="20"` is a stretch of a curve. To read values back: the root's
/// `data-plot` holds the left, upper, right and lower edge of the plot in the coordinates of the
/// `points`; `data-time` the microseconds at the left and the right edge; `data-value` the values
/// at the lower and the upper edge. The scales are linear, the coordinates rounded to whole
/// numbers.
///
/// # Errors
///
/// [`DrawError::NoData`] if there is nothing to show; otherwise a size, scale or range that cannot be drawn.
pub fn svg(figure: &Figure, style: &Style) -> Result<String, DrawError> {
    let layout = layout(figure, style)?;
    let (width, height) = (layout.size.0 * UNITS_PER_PIXEL, layout.size.1 * UNITS_PER_PIXEL);
    let mut drawn = String::new();
    paint(
        SVGBackend::with_string(&mut drawn, (width.round() as u32, height.round() as u32)),
        figure,
        &layout,
        style.theme,
    )?;
    let body = drawn.split_once('\n').map_or("", |(_, body)| body);
    let mut whole = head(figure, style, &layout);
    whole.push_str(body);
    Ok(whole)
}

fn head(figure: &Figure, style: &Style, layout: &Layout) -> String {
    let frame = &layout.frame;
    let unit = |pixels: f64| (pixels * UNITS_PER_PIXEL).round();
    let mut head = String::new();
    let title = [&figure.title, &figure.y_label].map(|text| clean(text)).into_iter().find(|text| !text.is_empty());
    let names = layout.legend.iter().map(|entry| entry.label.as_str()).collect::<Vec<_>>().join(", ");
    let parts = [clean(&figure.caption), names];
    let about = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ");
    let written = write!(
        head,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" \
         data-plot=\"{} {} {} {}\" data-time=\"{} {}\" data-value=\"{:?} {:?}\">\n\
         <title>{}</title>\n<desc>{}</desc>\n<style>polyline{{stroke-linejoin:round;stroke-linecap:round}}</style>\n",
        style.width,
        style.height,
        unit(layout.size.0),
        unit(layout.size.1),
        unit(frame.left),
        unit(frame.top),
        unit(frame.right),
        unit(frame.bottom),
        frame.time.0,
        frame.time.1,
        frame.value.0,
        frame.value.1,
        escape(title.as_deref().unwrap_or("Chart")),
        escape(&about),
    );
    debug_assert!(written.is_ok(), "writing into a String cannot fail");
    head
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
