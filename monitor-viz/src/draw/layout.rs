//! Where everything lies: heading, legend, axes and plot, from the sizes of the words in them.

use super::error::DrawError;
use super::figure::Figure;
use super::legend::{self, Entry};
use super::plots::{Draw, MARK_ROW};
use super::scale::{Frame, Scale};
use super::style::Style;
use super::text::{self, clean};
use super::time_ticks::{TimeTick, time_ticks};
use super::value_ticks::{ValueTick, log_ticks, value_ticks};

/// Sizes of type in design pixels.
pub(super) const HEADING: f64 = 18.0;
pub(super) const AXIS_NAME: f64 = 12.5;
pub(super) const NUMBERS: f64 = 11.5;
pub(super) const ROW_NAME: f64 = 12.0;
pub(super) const CAPTION: f64 = 11.0;

/// The free edge around everything.
const EDGE: f64 = 24.0;
/// The share of the width that names of rows take at most.
const NAMES: f64 = 0.34;

/// A word and the middle of its line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) text: String,
}

/// The marks of an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ticks {
    Numbers(Vec<ValueTick>),
    Times(Vec<TimeTick>),
    /// Names, shortened to their room; empty where there is no room for them.
    Rows(Vec<String>),
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
    pub(super) upwards: Ticks,
    pub(super) across: Ticks,
    /// The dates under a time axis.
    pub(super) dates: Vec<Placed>,
    /// Right-aligned, at the end of the axis.
    pub(super) x_name: Placed,
    pub(super) caption: Placed,
}

/// Measures a figure.
pub(super) fn layout(figure: &Figure, style: &Style) -> Result<Layout, DrawError> {
    let (width, height) = style.design_size()?;
    let plot = figure.plot.inner();
    let (across, upwards) = plot.axes()?;
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
    let legend = legend::legend(&plot.keys(style.theme), room, most_rows);
    let legend_at = (EDGE, y + 2.0);
    let rows = legend::rows(&legend) as f64;
    y += if rows > 0.0 { rows * legend::ROW + 4.0 } else { 0.0 };
    let y_name_text = text::fit(&clean(&figure.y_label), AXIS_NAME, room);
    let y_name = Placed { x: EDGE, y: y + 11.0, text: y_name_text };
    y += if y_name.text.is_empty() { 14.0 } else { 32.0 };
    y += plot.headroom() as f64 * MARK_ROW;

    let mut foot = height - 14.0;
    // A thumbnail needs the height for its data more than it needs the words under it.
    let (x_label, caption) = if height < 240.0 { ("", "") } else { (figure.x_label.as_str(), figure.caption.as_str()) };
    let x_name_text = text::fit(&clean(x_label), AXIS_NAME, room * 0.4);
    let caption_room = room - text::width(&x_name_text, AXIS_NAME) - 24.0;
    let caption_text = text::fit(&clean(caption), CAPTION, caption_room);
    let foot_middle = foot - 8.0;
    foot -= if x_name_text.is_empty() && caption_text.is_empty() { 2.0 } else { 20.0 };

    // Below a time axis stand dates as well.
    let below = if matches!(across, Scale::Time(..)) { 44.0 } else { 32.0 };
    let (top, bottom) = (y.round(), (foot - below).max(y + 24.0).round());
    let upward_ticks = upward_ticks(plot, &upwards, bottom - top, width);
    let widest = match &upward_ticks {
        Ticks::Numbers(ticks) => ticks.iter().map(|tick| text::width(&tick.label, NUMBERS)).fold(0.0, f64::max),
        Ticks::Rows(names) => names.iter().map(|name| text::width(name, ROW_NAME)).fold(0.0, f64::max),
        Ticks::Times(_) => 0.0,
    };
    let left = (EDGE + widest + 10.0).min(width / 2.0).round();
    let right = (width - EDGE - 4.0).round();
    let across_ticks = across_ticks(&across, figure, right - left);
    let frame = Frame { left, top, right, bottom, across, upwards };
    let dates = match &across_ticks {
        Ticks::Times(times) => dates(times, &frame, bottom + 33.0),
        _ => Vec::new(),
    };
    Ok(Layout {
        size: (width, height),
        heading,
        legend_at,
        legend,
        y_name,
        upwards: upward_ticks,
        across: across_ticks,
        dates,
        x_name: Placed { x: frame.right, y: foot_middle, text: x_name_text },
        caption: Placed { x: EDGE, y: foot_middle, text: caption_text },
        frame,
    })
}

fn upward_ticks(plot: &dyn Draw, scale: &Scale, height: f64, width: f64) -> Ticks {
    let most = ((height / 40.0) as usize).clamp(2, 10);
    match *scale {
        Scale::Number(low, high) => Ticks::Numbers(value_ticks((low, high), most)),
        Scale::Log(low, high) => Ticks::Numbers(log_ticks((low, high), most)),
        Scale::Rows(count) => {
            // Where rows are lower than a line, every second, third … has its name.
            let every = ((ROW_NAME + 2.0) * count as f64 / height).ceil().max(1.0) as usize;
            let name = |(row, name): (usize, &str)| {
                if row.is_multiple_of(every) { text::fit(&clean(name), ROW_NAME, width * NAMES) } else { String::new() }
            };
            Ticks::Rows(plot.rows().into_iter().enumerate().map(name).collect())
        }
        Scale::Time(..) => Ticks::Rows(Vec::new()),
    }
}

fn across_ticks(scale: &Scale, figure: &Figure, room: f64) -> Ticks {
    match *scale {
        Scale::Time(from, to) => {
            let room_for_marks = |label: &str| (room / (text::width(label, NUMBERS) + 44.0)) as usize;
            Ticks::Times(time_ticks((from, to), &figure.zone, room_for_marks))
        }
        Scale::Number(low, high) => Ticks::Numbers(fitting(room, |most| value_ticks((low, high), most))),
        Scale::Log(low, high) => Ticks::Numbers(fitting(room, |most| log_ticks((low, high), most))),
        Scale::Rows(_) => Ticks::Rows(Vec::new()),
    }
}

/// As many marks as have room beside each other.
fn fitting(room: f64, ticks: impl Fn(usize) -> Vec<ValueTick>) -> Vec<ValueTick> {
    let needed = |ticks: &[ValueTick]| ticks.iter().map(|tick| text::width(&tick.label, NUMBERS) + 28.0).sum::<f64>();
    (2..=14).rev().map(ticks).find(|ticks| needed(ticks) <= room).unwrap_or_default()
}

/// The dates under the marks. Where two would touch, the later one stays, for it stands at the change.
fn dates(times: &[TimeTick], frame: &Frame, y: f64) -> Vec<Placed> {
    let mut dates: Vec<Placed> = Vec::new();
    for tick in times {
        let Some(text) = tick.context.clone() else {
            continue;
        };
        let half = text::width(&text, NUMBERS) / 2.0;
        let x = frame.x_of_time(tick.at);
        dates.pop_if(|last| last.x + text::width(&last.text, NUMBERS) / 2.0 + half + 10.0 > x);
        dates.push(Placed { x, y, text });
    }
    dates
}
