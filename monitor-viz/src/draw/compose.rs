//! A measured figure as one scene: paper, axes, data, words.

use super::error::DrawError;
use super::figure::Figure;
use super::layout::{AXIS_NAME, CAPTION, HEADING, Layout, NUMBERS, Placed, ROW_NAME, Ticks, layout};
use super::legend;
use super::plots::{Mark, Page};
use super::scene::{Anchor, Hint, Layer, Shape, sharp};
use super::style::{Style, Theme};
use super::text;

/// All shapes of a picture, from the back to the front.
pub(super) struct Scene {
    pub(super) layout: Layout,
    pub(super) layers: Vec<Layer>,
    pub(super) hints: Vec<Hint>,
}

/// Lays a figure out and draws it.
pub(super) fn scene(figure: &Figure, style: &Style) -> Result<Scene, DrawError> {
    let (layout, theme) = (layout(figure, style)?, style.theme);
    let page = Page { frame: &layout.frame, theme, zone: &figure.zone };
    let drawn = figure.plot.inner().draw(&page);
    let paper = Shape::rect((0.0, 0.0), layout.size, theme.background());
    let mut behind = vec![paper];
    grid(&layout, theme, &mut behind);
    let mut layers = vec![Layer::plain(behind)];
    layers.extend(drawn.layers);
    let mut front = Vec::new();
    axes(&layout, theme, &mut front);
    words(&layout, theme, &mut front);
    layers.push(Layer::plain(front));
    Ok(Scene { layout, layers, hints: drawn.hints })
}

/// The lines behind the data: level ones at numbers upwards, upright ones where the rows have names.
fn grid(layout: &Layout, theme: Theme, shapes: &mut Vec<Shape>) {
    let frame = &layout.frame;
    let ink = |at: f64, scale: &super::scale::Scale| {
        let zero_is_inside = at == 0.0 && scale.share(0.0) > 0.0;
        if zero_is_inside { theme.axis() } else { theme.grid() }
    };
    match (&layout.upwards, &layout.across) {
        (Ticks::Numbers(ticks), _) => {
            for tick in ticks {
                let y = sharp(frame.y(tick.at));
                shapes.push(Shape::path([(frame.left, y), (frame.right, y)], 1.0, ink(tick.at, &frame.upwards)));
                let at = (frame.left - 10.0, y);
                shapes.push(Shape::word(at, tick.label.clone(), NUMBERS, theme.faint_ink(), Anchor::Right));
            }
        }
        (Ticks::Rows(names), across) => {
            if let Ticks::Numbers(ticks) = across {
                for tick in ticks {
                    let x = sharp(frame.x(tick.at));
                    shapes.push(Shape::path([(x, frame.top), (x, frame.bottom)], 1.0, ink(tick.at, &frame.across)));
                }
            }
            for (row, name) in names.iter().enumerate() {
                let (top, bottom) = frame.row(row);
                let at = (frame.left - 10.0, f64::midpoint(top, bottom));
                shapes.push(Shape::word(at, name.clone(), ROW_NAME, theme.ink(), Anchor::Right));
            }
        }
        (Ticks::Times(_), _) => {}
    }
}

/// The lines at the edge of the data, with the marks below.
fn axes(layout: &Layout, theme: Theme, shapes: &mut Vec<Shape>) {
    let frame = &layout.frame;
    let base = sharp(frame.bottom);
    if matches!(layout.upwards, Ticks::Rows(_)) {
        let x = sharp(frame.left);
        if frame.across.share(0.0) <= 0.0 {
            shapes.push(Shape::path([(x, frame.top), (x, base)], 1.0, theme.axis()));
        }
    } else {
        shapes.push(Shape::path([(frame.left, base), (frame.right, base)], 1.0, theme.axis()));
    }
    let marks: Vec<(f64, &str)> = match &layout.across {
        Ticks::Times(ticks) => ticks.iter().map(|tick| (frame.x_of_time(tick.at), tick.label.as_str())).collect(),
        Ticks::Numbers(ticks) => ticks.iter().map(|tick| (frame.x(tick.at), tick.label.as_str())).collect(),
        Ticks::Rows(_) => Vec::new(),
    };
    for (x, label) in marks {
        let x = sharp(x);
        shapes.push(Shape::path([(x, base), (x, base + 5.0)], 1.0, theme.axis()));
        shapes.push(centred(&Placed { x, y: base + 16.0, text: label.to_owned() }, layout, theme));
    }
    shapes.extend(layout.dates.iter().map(|date| centred(date, layout, theme)));
}

/// A label under the axis, moved inwards where it would leave the picture.
fn centred(place: &Placed, layout: &Layout, theme: Theme) -> Shape {
    let half = text::width(&place.text, NUMBERS) / 2.0;
    let x = place.x.min(layout.size.0 - half - 8.0).max(half + 8.0);
    Shape::word((x, place.y), place.text.clone(), NUMBERS, theme.faint_ink(), Anchor::Middle)
}

fn words(layout: &Layout, theme: Theme, shapes: &mut Vec<Shape>) {
    let mut write = |place: &Placed, size, ink, anchor| {
        shapes.push(Shape::word((place.x, place.y), place.text.clone(), size, ink, anchor));
    };
    write(&layout.heading, HEADING, theme.heading(), Anchor::Left);
    write(&layout.y_name, AXIS_NAME, theme.ink(), Anchor::Left);
    write(&layout.x_name, AXIS_NAME, theme.ink(), Anchor::Right);
    write(&layout.caption, CAPTION, theme.faint_ink(), Anchor::Left);
    let (left, top) = layout.legend_at;
    for entry in &layout.legend {
        let y = top + (entry.row as f64 + 0.5) * legend::ROW;
        let from = left + entry.x;
        match entry.mark {
            Mark::None => {}
            Mark::Stroke(color) => {
                let stroke = [(from + 1.5, y), (from + legend::STROKE - 1.5, y)];
                shapes.push(Shape::path(stroke, 3.0, theme.visible(color)));
            }
            Mark::Field(color) => {
                let half = legend::FIELD / 2.0;
                let (upper, lower) = ((from, y - half), (from + legend::FIELD, y + half));
                shapes.push(Shape::rect(upper, lower, color));
            }
        }
        let at = (left + entry.text_x(), y);
        shapes.push(Shape::word(at, entry.label.clone(), legend::TYPE, theme.ink(), Anchor::Left));
    }
}
