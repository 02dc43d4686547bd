//! All differences in one picture: how far B is from A, in parts of A, with the interval of each. What the interval of a difference
//! leaves out is the line in the middle, where the runs are the same.

use std::fmt::Write as _;

use super::Verdict;
use super::gather::{Compared, Outcome};
use crate::draw::Theme;
use crate::report::page::Chart;
use crate::report::words;

/// Half of the axis, in parts of A: what is beyond it ends in an arrow.
const WIDEST: f64 = 1.0;
const MOST: usize = 28;
const ROW: f64 = 26.0;
const WIDTH: f64 = 760.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 30.0;

/// The picture; none without a difference that can be drawn.
pub(super) fn chart(compared: &[Compared]) -> Option<Chart> {
    let drawable = |compared: &&Compared| compared.outcome.is_some() && compared.a.abs() > 0.0;
    let rows: Vec<&Compared> = compared.iter().filter(drawable).take(MOST).collect();
    if rows.is_empty() {
        return None;
    }
    // The smallest of some ranges that has all intervals, or the widest.
    let reach = rows
        .iter()
        .map(|row| interval(row))
        .fold(0.0_f64, |reach, (_, low, high)| reach.max(low.abs()).max(high.abs()));
    let ends = [0.02, 0.05, 0.1, 0.2, 0.5, WIDEST];
    let end = ends.into_iter().find(|end| *end >= reach).unwrap_or(WIDEST);
    let x = |share: f64| LEFT + (share.clamp(-end, end) + end) / (2.0 * end) * (WIDTH - LEFT - RIGHT);
    let height = TOP + rows.len() as f64 * ROW + 34.0;
    let (light, bottom) = (Theme::Light, TOP + rows.len() as f64 * ROW);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         data-kind=\"forest\" font-family=\"system-ui, sans-serif\" font-size=\"12.5\">\n<title>Differences with their intervals</title>\n\
         <desc>B against A, in percent of A; the table below has all numbers.</desc>\n"
    );
    for at in [-1.0, -0.5, 0.0, 0.5, 1.0] {
        let (share, place) = (at * end, x(at * end));
        let ink = if at == 0.0 { light.axis() } else { light.grid() };
        let text = if at == 0.0 { "same as A".to_owned() } else { words::signed(share, words::percent) };
        write!(
            svg,
            "<line x1=\"{place:.1}\" x2=\"{place:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"{ink}\" stroke-width=\"1\"/>\n\
             <text x=\"{place:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{}\">{text}</text>\n",
            bottom + 20.0,
            light.faint_ink(),
        )
        .expect("memory takes it");
    }
    for (place, row) in rows.iter().enumerate() {
        draw_row(row, TOP + (place as f64 + 0.5) * ROW, end, &x, &mut svg);
    }
    svg.push_str("</svg>\n");
    Some(Chart { title: "Differences from A, with intervals of 95%".to_owned(), svg, wide: true })
}

fn draw_row(row: &Compared, y: f64, end: f64, x: &impl Fn(f64) -> f64, svg: &mut String) {
    let (value, low, high) = interval(row);
    let verdict = Verdict::of(row);
    let class = match verdict {
        Verdict::Better => "good",
        Verdict::Worse => "bad",
        Verdict::Differs => "differs",
        Verdict::Noise | Verdict::TooFew => "quiet",
    };
    let name = escaped(&words::shortened(&row.name, 34));
    let said = format!("{}: {} to {}, {}", row.name, row.unit.text(row.a), row.unit.text(row.b), verdict.text());
    let ends: String = [(low, -1.0), (high, 1.0)]
        .iter()
        .filter(|(share, _)| share.abs() > end)
        .map(|(share, side)| {
            let tip = x(*share);
            format!("<path d=\"M{tip:.1} {y:.1}l{:.1} -4v8z\"/>", -side * 6.0)
        })
        .collect();
    write!(
        svg,
        "<g class=\"{class}\"><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{}\">{name}</text>\
         <line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke-width=\"2.5\"/>\
         <circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4.5\"/>{ends}\
         <rect class=\"hint\" x=\"0\" y=\"{:.1}\" width=\"{WIDTH}\" height=\"{ROW}\" fill=\"transparent\"><title>{}\n{} to {}</title></rect></g>\n",
        LEFT - 16.0,
        y + 4.0,
        Theme::Light.ink(),
        x(low),
        x(high),
        x(value),
        y - ROW / 2.0,
        escaped(&said),
        words::signed(low, words::percent),
        words::signed(high, words::percent),
    )
    .expect("memory takes it");
}

/// The difference and the ends of its interval, in parts of A.
fn interval(row: &Compared) -> (f64, f64, f64) {
    let Some(Outcome { difference, .. }) = row.outcome else { return (0.0, 0.0, 0.0) };
    let part = |value: f64| value / row.a.abs();
    (part(difference.value), part(difference.low), part(difference.high))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
