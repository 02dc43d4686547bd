//! Whole pictures, with what the tests share: a plain figure, one of each kind, and a reader of SVG.

mod hard_cases;
mod kinds;
mod pictures;
mod reading;

use super::*;

const START: i64 = 1_777_903_200_000_000;

fn line(label: &str, color: &str, points: Vec<(i64, f64)>) -> Line {
    let color = color.parse().expect("a colour in a test");
    Line { label: label.to_owned(), color, points, ..Line::default() }
}

fn of(plot: Plot) -> Figure {
    Figure {
        title: "Rate & <time>".to_owned(),
        x_label: "Time".to_owned(),
        y_label: "Rate".to_owned(),
        caption: "two samples".to_owned(),
        plot,
        ..Figure::default()
    }
}

fn figure(points: Vec<(i64, f64)>) -> Figure {
    ranged(points, None)
}

fn ranged(points: Vec<(i64, f64)>, y_range: Option<(f64, f64)>) -> Figure {
    of(Plot::Lines(Lines { lines: vec![line("rate", "#123456", points)], y_range, ..Lines::default() }))
}

/// A figure of each kind.
fn every_kind() -> Vec<Figure> {
    let minute = 60_000_000;
    let at = |minutes: i64| START + minutes * minute;
    let mut wave = line("wave", "blue", (0..200).map(|i| (START + i * 3_000_000, (i as f64 / 9.0).sin())).collect());
    wave.raw = wave.points.iter().map(|(at, value)| (*at, value + 0.1)).collect();
    wave.band = wave.points.iter().map(|(at, value)| (*at, value - 0.2, value + 0.2)).collect();
    let shades = vec![Shade { label: "too low".into(), color: Color::alarm(), from: at(2), to: at(4) }];
    let values = |label: &str, index: usize, values: &[f64]| Values {
        label: label.into(),
        color: Color::palette(index),
        values: values.to_vec(),
    };
    let series = vec![values("stop", 0, &[3.0, 0.0, 5.0]), values("length", 1, &[1.0, 2.0, f64::NAN])];
    let curve = Curve { label: "a".into(), points: vec![(0.5, 0.0), (2.0, 0.5), (90.0, 1.0)], ..Curve::default() };
    let summary = |label: &str, index: usize, five: [f64; 5], outliers: &[f64]| Summary {
        label: label.into(),
        color: Color::palette(index),
        five,
        outliers: outliers.to_vec(),
        count: 40,
    };
    vec![
        of(Plot::Lines(Lines { lines: vec![wave], shades, y_range: None })),
        of(Plot::Curves(Curves { curves: vec![curve], log: true, y_range: Some((0.0, 1.0)) })),
        of(Plot::Histogram(Histogram {
            edges: vec![0.0, 1.0, 2.0, 4.0],
            counts: vec![4, 9, 1],
            marks: vec![("p50 1.2".into(), 1.2), ("p99 3.4".into(), 3.4)],
            ..Histogram::default()
        })),
        of(Plot::Bars(Bars {
            categories: vec!["gpt-4o".into(), "a model with a longer name".into(), "c".into()],
            series: series.clone(),
            stacked: false,
        })),
        of(Plot::Stacked(Stacked { edges: vec![at(0), at(1), at(2), at(3)], series })),
        of(Plot::Heatmap(Heatmap {
            times: vec![at(0), at(1), at(2)],
            values: vec![0.1, 1.0, 10.0, 100.0],
            counts: vec![1, 0, 20, 3, 400, 0],
            log: true,
        })),
        of(Plot::Boxes(Boxes {
            boxes: vec![
                summary("a", 0, [0.1, 0.3, 0.5, 0.6, 0.9], &[0.01]),
                summary("b", 1, [0.4, 0.5, 0.55, 0.7, 0.8], &[]),
            ],
        })),
    ]
}
