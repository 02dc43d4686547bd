//! Where everything lies: heading, legend, axes and plot, from the sizes of the words in them.

use super::error::DrawError;
use super::figure::Figure;
use super::frame::{Frame, time_range, value_range};
use super::legend::{self, Entry};
use super::style::Style;
use super::text::{self, clean};
use super::time_ticks::{TimeTick, time_ticks};
use super::value_ticks::{ValueTick, value_ticks};

/// Sizes of type in design pixels.
pub(super) const HEADING: f64 = 18.0;
pub(super) const AXIS_NAME: f64 = 12.5;
pub(super) const NUMBERS: f64 = 11.5;
pub(super) const CAPTION: f64 = 11.0;

/// The free edge around everything.
const EDGE: f64 = 24.0;

/// A word and the middle of its line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) text: String,
}

/// The whole picture, measured, in design pixels.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) size: (f64, f64),
    pub(super) frame: Frame,
    pub(super) heading: Placed,
    /// Where the legend's rows begin, and what is in them.
    pub(super) legend_at: (f64, f64),
    pub(super) legend: Vec<Entry>,
    pub(super) y_name: Placed,
    pub(super) values: Vec<ValueTick>,
    pub(super) times: Vec<TimeTick>,
    /// The dates under the time axis.
    pub(super) dates: Vec<Placed>,
    /// Right-aligned, at the end of the axis.
    pub(super) x_name: Placed,
    pub(super) caption: Placed,
}

/// Measures a figure.
pub(super) fn layout(figure: &Figure, style: &Style) -> Result<Layout, DrawError> {
    let (width, height) = style.design_size()?;
    let (time, value) = (time_range(figure)?, value_range(figure)?);
    let room = width - 2.0 * EDGE;

    let mut y = EDGE - 6.0;
    let mut line = |text: &str, size: f64, room: f64, line_height: f64| {
        let text = text::fit(&clean(text), size, room);
        let middle = y + line_height / 2.0;
        y += if text.is_empty() { 0.0 } else { line_height };
        Placed { x: EDGE, y: middle, text }
    };
    let heading = line(&figure.title, HEADING, room, 30.0);
    let most_rows = ((height * 0.2 / legend::ROW) as usize).max(1);
    let legend = legend::legend(figure, room, most_rows);
    let legend_at = (EDGE, y + 2.0);
    let rows = legend::rows(&legend) as f64;
    y += if rows > 0.0 { rows * legend::ROW + 4.0 } else { 0.0 };
    let y_name_text = text::fit(&clean(&figure.y_label), AXIS_NAME, room);
    let y_name = Placed { x: EDGE, y: y + 11.0, text: y_name_text };
    y += if y_name.text.is_empty() { 14.0 } else { 32.0 };

    let mut foot = height - 14.0;
    // A thumbnail needs the height for its curve more than it needs the words under it.
    let (x_label, caption) = if height < 240.0 { ("", "") } else { (figure.x_label.as_str(), figure.caption.as_str()) };
    let x_name_text = text::fit(&clean(x_label), AXIS_NAME, room * 0.4);
    let caption_room = room - text::width(&x_name_text, AXIS_NAME) - 24.0;
    let caption_text = text::fit(&clean(caption), CAPTION, caption_room);
    let foot_middle = foot - 8.0;
    foot -= if x_name_text.is_empty() && caption_text.is_empty() { 2.0 } else { 20.0 };

    let (top, bottom) = (y, (foot - 44.0).max(y + 24.0));
    let values = value_ticks(value, (((bottom - top) / 48.0) as usize).clamp(2, 10));
    let widest = values.iter().map(|tick| text::width(&tick.label, NUMBERS)).fold(0.0, f64::max);
    let left = (EDGE + widest + 10.0).min(width / 2.0);
    let right = width - EDGE - 4.0;
    let room_for_marks = |label: &str| ((right - left) / (text::width(label, NUMBERS) + 44.0)) as usize;
    let times = time_ticks(time, &figure.zone, room_for_marks);
    let frame = Frame { left, top: top.round(), right: right.round(), bottom: bottom.round(), time, value };
    let frame = Frame { left: left.round(), ..frame };
    let dates = dates(&times, &frame, bottom.round() + 33.0);

    Ok(Layout {
        size: (width, height),
        heading,
        legend_at,
        legend,
        y_name,
        values,
        dates,
        x_name: Placed { x: frame.right, y: foot_middle, text: x_name_text },
        caption: Placed { x: EDGE, y: foot_middle, text: caption_text },
        times,
        frame,
    })
}

/// The dates under the marks. Where two would touch, the later one stays, for it stands at the change.
fn dates(times: &[TimeTick], frame: &Frame, y: f64) -> Vec<Placed> {
    let mut dates: Vec<Placed> = Vec::new();
    for tick in times {
        let Some(text) = tick.context.clone() else {
            continue;
        };
        let half = text::width(&text, NUMBERS) / 2.0;
        let x = frame.x(tick.at);
        dates.pop_if(|last| last.x + text::width(&last.text, NUMBERS) / 2.0 + half + 10.0 > x);
        dates.push(Placed { x, y, text });
    }
    dates
}
