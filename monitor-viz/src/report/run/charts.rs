//! The charts of a report, drawn as SVG that stands in the page.

use monitor_core::event::Level;
use monitor_core::store::{Aggregate, Distribution, Percentiles, Query, Selector, WindowStats};
use monitor_core::time::format_duration;
use monitor_core::{Text, Timestamp};

use super::look::{Look, OverTime, label};
use super::{alerts, spread};
use crate::draw::{
    self, Boxes, Color, Curve, Curves, Figure, Histogram, Line, Lines, Plot, Shade, Stacked, Style, Summary, Theme,
    Values,
};
use crate::report::page::{Block, Chart};
use crate::report::{ReportError, words};

/// The size of a chart. Two stand beside each other on a wide page, and text is still read on a narrow one.
const SIZE: (u32, u32) = (500, 310);
/// So many series are told apart in a chart.
pub(super) const SERIES: usize = 6;
/// Incidents that are marked behind a line.
const SHADES: usize = 50;

type Drawn = Result<Option<Chart>, ReportError>;

/// The charts there are, as a block; none without any.
pub(in crate::report) fn beside(charts: impl IntoIterator<Item = Option<Chart>>) -> Vec<Block> {
    let charts: Vec<Chart> = charts.into_iter().flatten().collect();
    if charts.is_empty() { Vec::new() } else { vec![Block::Charts { charts }] }
}

/// The share of calls that succeeded, and when rules fired.
pub(super) fn success(look: &Look<'_>) -> Drawn {
    let groups = look.over_time(&query("success_rate", &[]));
    let line = |group: &OverTime| line("succeeded", named("green"), points(group, |stats| stats.mean * 100.0));
    let shades = alerts::incidents(look).into_iter().take(SHADES).map(|incident| Shade {
        label: incident.rule.to_string(),
        color: named(if incident.level >= Level::Error { "red" } else { "orange" }),
        from: incident.fired.max(look.window.start).as_micros(),
        to: incident.until.unwrap_or(look.window.end).min(look.window.end).as_micros(),
    });
    let lines = groups.iter().map(line).collect();
    let plot = Lines { lines, shades: shades.collect(), y_range: Some((0.0, 101.0)) };
    chart(look, "Success rate", &per_step(look, "% of calls"), plot.lines.iter().any(has_data), Plot::Lines(plot))
}

/// Calls, by how they ended.
pub(super) fn calls(look: &Look<'_>) -> Drawn {
    let groups = look.over_time(&query("success_rate", &[]));
    let Some(all) = groups.first() else { return Ok(None) };
    let series = vec![
        Values { label: "succeeded".to_owned(), color: named("blue"), values: values(all, |stats| stats.sum) },
        Values {
            label: "failed".to_owned(),
            color: named("vermillion"),
            values: values(all, |stats| stats.count as f64 - stats.sum),
        },
    ];
    stacked(look, "Calls", "calls", series)
}

/// Percentiles of a time.
pub(super) fn percentiles(look: &Look<'_>, metric: &str, title: &str) -> Drawn {
    let groups = look.over_time(&Query::new(Selector::metric(metric)));
    let kinds =
        [("p99", Aggregate::P99, "skyblue"), ("p95", Aggregate::P95, "orange"), ("p50", Aggregate::P50, "blue")];
    let lines = kinds.into_iter().flat_map(|(name, aggregate, color)| {
        groups.iter().map(move |group| line(name, named(color), points(group, |stats| stats.get(aggregate))))
    });
    lines_chart(look, title, &per_step(look, "seconds"), lines.collect())
}

/// How long calls took, each power of ten as wide as the next.
pub(super) fn histogram(look: &Look<'_>, metric: &str, title: &str) -> Drawn {
    let Some(all) = look.distributions(metric, &[]).into_iter().next() else { return Ok(None) };
    let Some((edges, counts)) = spread::log_bins(&all.values) else { return Ok(None) };
    let stats = look.metric(metric);
    let marks = stats.map(|stats| vec![("p50".to_owned(), stats.p50), ("p95".to_owned(), stats.p95)]);
    let plot = Histogram { edges, counts, color: named("blue"), log: true, marks: marks.unwrap_or_default() };
    let figure = Figure {
        x_label: "seconds".to_owned(),
        y_label: "calls".to_owned(),
        plot: Plot::Histogram(plot),
        ..figure(look)
    };
    drawn(title, &figure)
}

/// The share of calls that took no longer, by the values of a label.
pub(super) fn cumulated(look: &Look<'_>, metric: &str, by: &str, title: &str) -> Drawn {
    let mut groups = look.distributions(metric, &[by]);
    let count = |group: &Distribution| group.values.iter().map(|(_, count)| count).sum::<u64>();
    groups.sort_by(|one, other| count(other).cmp(&count(one)).then_with(|| one.labels.cmp(&other.labels)));
    let curves = groups.iter().take(SERIES).enumerate().map(|(place, group)| Curve {
        label: label(&group.labels, by),
        color: Color::palette(place),
        points: spread::cumulated(&group.values).into_iter().map(|(value, share)| (value, share * 100.0)).collect(),
    });
    cumulated_of(look, title, curves.collect())
}

/// Curves of shares of calls over seconds.
pub(in crate::report) fn cumulated_of(look: &Look<'_>, title: &str, curves: Vec<Curve>) -> Drawn {
    if curves.iter().all(|curve| curve.points.len() < 2) {
        return Ok(None);
    }
    let plot = Plot::Curves(Curves { curves, log: true, y_range: Some((0.0, 101.0)) });
    drawn(
        title,
        &Figure {
            x_label: "seconds".to_owned(),
            y_label: "% of calls took no longer".to_owned(),
            plot,
            ..figure(look)
        },
    )
}

/// A sum by the largest values of a label, on top of each other.
pub(super) fn sums(look: &Look<'_>, metric: &str, by: &str, title: &str, unit: &str) -> Drawn {
    let largest = look.over_time(&query(metric, &[by]).top(SERIES, Aggregate::Sum));
    let all = look.over_time(&query(metric, &[]));
    let Some(all) = all.first() else { return Ok(None) };
    let mut series: Vec<Values> = largest
        .iter()
        .enumerate()
        .map(|(place, group)| Values {
            label: label(&group.labels, by),
            color: Color::palette(place),
            values: values(group, |stats| stats.sum),
        })
        .collect();
    series.retain(|series| series.values.iter().any(|value| *value > 0.0));
    // What is left is what the others have; of sums of parts a hair may remain.
    let rest = values(all, |stats| stats.sum);
    let rest =
        rest.iter().enumerate().map(|(at, value)| value - series.iter().map(|series| series.values[at]).sum::<f64>());
    let rest: Vec<f64> = rest.map(|rest| if rest > 1e-6 { rest } else { 0.0 }).collect();
    if rest.iter().any(|rest| *rest > 0.0) {
        series.push(Values { label: "other".to_owned(), color: named("gray"), values: rest });
    }
    stacked(look, title, unit, series)
}

/// What has been spent up to a moment.
pub(super) fn spent(look: &Look<'_>) -> Drawn {
    let groups = look.over_time(&query("cost_usd", &[]));
    let lines = groups.iter().map(|group| {
        let mut spent = 0.0;
        let mut points = points(group, |stats| stats.sum);
        for (_, value) in &mut points {
            spent += if value.is_finite() { *value } else { 0.0 };
            *value = spent;
        }
        line("spent", named("green"), points)
    });
    lines_chart(look, "Cost so far", "USD", lines.collect())
}

/// The mean of each of some metrics.
pub(super) fn means(look: &Look<'_>, metrics: &[Text], title: &str, unit: &str) -> Drawn {
    let lines = metrics.iter().take(SERIES).enumerate().flat_map(|(place, metric)| {
        let groups = look.over_time(&query(metric, &[]));
        let line =
            |group: &OverTime| line(&words::score(metric), Color::palette(place), points(group, |stats| stats.mean));
        groups.iter().map(line).collect::<Vec<_>>()
    });
    lines_chart(look, title, &per_step(look, unit), lines.collect())
}

/// The quartiles of scores by evaluator.
pub(super) fn boxes(look: &Look<'_>, scores: &[Text]) -> Drawn {
    let mut boxes = Vec::new();
    for score in scores.iter().take(2 * SERIES) {
        let groups = look.distributions(score, &["evaluator_type"]);
        let alone = groups.len() < 2;
        for group in groups {
            let Some((five, outliers)) = spread::five(&group.values) else { continue };
            let name = words::score(score);
            let evaluator = label(&group.labels, "evaluator_type");
            boxes.push(Summary {
                label: if alone { name } else { format!("{name}, {evaluator}") },
                color: Color::palette(0),
                five,
                outliers,
                count: group.values.iter().map(|(_, count)| count).sum(),
            });
        }
    }
    boxes.truncate(2 * SERIES);
    if boxes.is_empty() {
        return Ok(None);
    }
    drawn(
        "How scores are spread",
        &Figure { x_label: "score".to_owned(), plot: Plot::Boxes(Boxes { boxes }), ..figure(look) },
    )
}

fn query(metric: &str, by: &[&str]) -> Query {
    let labels: Vec<Text> = by.iter().map(Text::new).collect();
    Query::new(Selector::metric(metric)).by(&labels).percentiles(Percentiles::Off)
}

fn line(label: &str, color: Color, points: Vec<(i64, f64)>) -> Line {
    Line { label: label.to_owned(), color, points, ..Line::default() }
}

fn points(group: &OverTime, value: impl Fn(&WindowStats) -> f64) -> Vec<(i64, f64)> {
    let value =
        |(time, stats): &(Timestamp, Option<WindowStats>)| (time.as_micros(), stats.as_ref().map_or(f64::NAN, &value));
    group.steps.iter().map(value).collect()
}

fn values(group: &OverTime, value: impl Fn(&WindowStats) -> f64) -> Vec<f64> {
    group.steps.iter().map(|(_, stats)| stats.as_ref().map_or(0.0, &value)).collect()
}

fn has_data(line: &Line) -> bool {
    line.points.iter().any(|(_, value)| value.is_finite())
}

fn named(name: &str) -> Color {
    name.parse().unwrap_or_default()
}

fn per_step(look: &Look<'_>, unit: &str) -> String {
    format!("{unit}, every {}", format_duration(look.step()))
}

fn lines_chart(look: &Look<'_>, title: &str, unit: &str, lines: Vec<Line>) -> Drawn {
    let has_data = lines.iter().any(has_data);
    chart(look, title, unit, has_data, Plot::Lines(Lines { lines, ..Lines::default() }))
}

fn stacked(look: &Look<'_>, title: &str, unit: &str, series: Vec<Values>) -> Drawn {
    let has_data = series.iter().any(|series| series.values.iter().any(|value| *value > 0.0));
    let plot = Plot::Stacked(Stacked { edges: look.edges(), series });
    chart(look, title, &format!("{unit} per {}", format_duration(look.step())), has_data, plot)
}

fn chart(look: &Look<'_>, title: &str, unit: &str, has_data: bool, plot: Plot) -> Drawn {
    if !has_data {
        return Ok(None);
    }
    drawn(title, &Figure { y_label: unit.to_owned(), plot, ..figure(look) })
}

fn figure(look: &Look<'_>) -> Figure {
    let zone = look.zone.clone();
    let zone = draw::Zone::new(move |at| zone.offset_seconds(Timestamp::from_micros(at).to_utc()));
    Figure { zone, ..Figure::default() }
}

/// The page says what it is called; for readers who cannot see it the picture says so, too.
fn drawn(title: &str, figure: &Figure) -> Drawn {
    let style = Style { width: SIZE.0, height: SIZE.1, theme: Theme::Light, ..Style::default() };
    let svg = draw::svg(figure, &style);
    let svg = svg.map_err(|error| ReportError::Chart { chart: title.to_owned(), error: error.into() })?;
    Ok(Some(Chart { title: title.to_owned(), svg, wide: false }))
}
