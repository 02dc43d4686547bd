//! Whole pictures, with what the tests share: a plain figure.

mod hard_cases;
mod pictures;

use super::*;

const START: i64 = 1_777_903_200_000_000;

fn line(label: &str, color: &str, points: Vec<(i64, f64)>) -> Line {
    Line { label: label.to_owned(), color: color.parse().expect("a colour in a test"), points, raw: Vec::new() }
}

fn figure(points: Vec<(i64, f64)>) -> Figure {
    Figure {
        title: "Rate & <time>".to_owned(),
        x_label: "Time".to_owned(),
        y_label: "Rate".to_owned(),
        caption: "two samples".to_owned(),
        series: vec![line("rate", "#123456", points)],
        ..Figure::default()
    }
}
