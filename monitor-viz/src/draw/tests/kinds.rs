//! Every kind of plot, read back from its SVG.

use super::reading::Read;
use super::*;

fn drawn(figure: &Figure) -> String {
    svg(figure, &Style::default()).expect("it can be drawn")
}

fn near(read: f64, given: f64, grain: f64) {
    assert!((read - given).abs() <= grain.abs() * 1.01, "{given} was read as {read}");
}

#[test]
fn bars_are_as_long_as_their_values() {
    let values =
        |label: &str, values: &[f64]| Values { label: label.into(), values: values.to_vec(), ..Values::default() };
    for stacked in [false, true] {
        let bars = Bars {
            categories: vec!["x".into(), "y".into()],
            series: vec![values("a", &[3.0, 5.0]), values("b", &[10.0, f64::NAN])],
            stacked,
        };
        let text = drawn(&of(Plot::Bars(bars)));
        let read = Read::new(&text);
        let plot = read.root("data-plot");
        let per = read.across(plot[0] + 1.0) - read.across(plot[0]);
        let (a, b) = (read.rects("a"), read.rects("b"));
        assert_eq!((a.len(), b.len()), (2, 1), "what is not a number is no bar");
        near(read.across(a[0][2]) - read.across(a[0][0]), 3.0, 2.0 * per);
        near(read.across(a[1][2]) - read.across(a[1][0]), 5.0, 2.0 * per);
        near(read.across(b[0][2]) - read.across(b[0][0]), 10.0, 2.0 * per);
        near(read.across(b[0][0]), if stacked { 3.0 } else { 0.0 }, per);
        let rows = read.root("data-rows")[0];
        assert!((rows - 2.0).abs() < 1e-9);
        let middle = f64::midpoint(plot[1], plot[3]);
        assert!(a[0][3] <= middle && a[1][1] >= middle, "a row a name, from the top");
        assert_eq!(read.hints(), ["x, a: 3", "x, b: 10", "y, a: 5"]);
    }
}

#[test]
fn bars_below_zero_go_to_the_left() {
    let series = vec![Values { label: "a".into(), values: vec![-2.0, 1.0], ..Values::default() }];
    let text = drawn(&of(Plot::Bars(Bars { categories: vec!["x".into(), "y".into()], series, stacked: false })));
    let read = Read::new(&text);
    let per = read.across(1.0) - read.across(0.0);
    let rects = read.rects("a");
    near(read.across(rects[0][0]), -2.0, per);
    near(read.across(rects[0][2]), 0.0, per);
    near(read.across(rects[1][2]), 1.0, per);
}

#[test]
fn bins_of_a_histogram_stand_where_their_edges_are_and_are_as_high_as_their_counts() {
    for log in [false, true] {
        let edges = vec![1.0, 2.0, 8.0, 100.0];
        let counts = vec![7, 0, 20];
        let histogram = Histogram { edges, counts, log, ..Histogram::default() };
        let text = drawn(&of(Plot::Histogram(histogram)));
        let read = Read::new(&text);
        let rects = read.rects("count");
        assert_eq!(rects.len(), 2, "an empty bin is not drawn");
        let per = read.grain().1;
        for (rect, (low, high, count)) in rects.iter().zip([(1.0, 2.0, 7.0), (8.0, 100.0, 20.0)]) {
            near(read.across(rect[0]).ln(), f64::ln(low), 0.02);
            // A pixel is left free between bins.
            near(read.across(rect[2] + 10.0).ln(), f64::ln(high), 0.02);
            near(read.upwards(rect[1]), count, per);
            near(read.upwards(rect[3]), 0.0, per);
        }
        assert_eq!(read.hints(), ["1 to 2: 7", "8 to 100: 20"]);
    }
}

#[test]
fn marks_of_a_histogram_stand_at_their_values_with_their_names() {
    let marks = (0..5).map(|at| (format!("p{at}"), 4.0 + f64::from(at) / 100.0)).collect();
    let histogram = Histogram { edges: vec![0.0, 5.0, 10.0], counts: vec![1, 2], marks, ..Histogram::default() };
    let text = drawn(&of(Plot::Histogram(histogram)));
    for (name, is_shown) in [("p0", true), ("p1", true), ("p2", true), ("p4", false)] {
        assert_eq!(text.lines().any(|line| line.trim() == name), is_shown, "{name}: three rows have room for three");
    }
}

#[test]
fn columns_lie_on_top_of_each_other() {
    let edges: Vec<i64> = (0..4).map(|minute| START + minute * 60_000_000).collect();
    let series = ["a", "b"].map(|label| Values {
        label: label.into(),
        values: if label == "a" { vec![2.0, 0.0, 1.0] } else { vec![3.0, 4.0, f64::NAN] },
        ..Values::default()
    });
    let text = drawn(&of(Plot::Stacked(Stacked { edges: edges.clone(), series: series.to_vec() })));
    let read = Read::new(&text);
    let (per_x, per_y) = read.grain();
    let (a, b) = (read.rects("a"), read.rects("b"));
    assert_eq!((a.len(), b.len()), (2, 2));
    for (rect, (stretch, low, high)) in
        a.iter().chain(&b).zip([(0, 0.0, 2.0), (2, 0.0, 1.0), (0, 2.0, 5.0), (1, 0.0, 4.0)])
    {
        near(read.across(rect[0]), edges[stretch] as f64, per_x);
        near(read.across(rect[2] + 10.0), edges[stretch + 1] as f64, per_x);
        near(read.upwards(rect[3]), low, per_y);
        near(read.upwards(rect[1]), high, per_y);
    }
    assert_eq!(read.hints()[0], "2026-05-04 14:00:00 to 14:01:00\na: 2\nb: 3");
}

#[test]
fn cells_of_a_heatmap_stand_at_their_time_and_value_the_darker_the_more() {
    let times: Vec<i64> = (0..3).map(|minute| START + minute * 60_000_000).collect();
    let heatmap =
        Heatmap { times: times.clone(), values: vec![0.1, 1.0, 10.0], counts: vec![1, 0, 50, 1_000], log: true };
    let text = drawn(&of(Plot::Heatmap(heatmap)));
    let read = Read::new(&text);
    let per_x = read.grain().0;
    let rects = read.rects("count");
    for (rect, (column, low, high)) in rects.iter().zip([(0, 0.1_f64, 1.0_f64), (1, 0.1, 1.0), (1, 1.0, 10.0)]) {
        near(read.across(rect[0]), times[column] as f64, per_x);
        near(read.across(rect[2]), times[column + 1] as f64, per_x);
        near(read.upwards(rect[3]).ln(), low.ln(), 0.01);
        near(read.upwards(rect[1]).ln(), high.ln(), 0.01);
    }
    let inks: Vec<Color> = read
        .shapes("count")
        .iter()
        .map(|shape| reading::attribute(shape, "fill").expect("a colour").parse().expect("a colour"))
        .collect();
    let paper = Theme::Light.background();
    assert!(inks.windows(2).all(|pair| pair[0].contrast(paper) < pair[1].contrast(paper)), "{inks:?}");
    assert_eq!(read.hints()[2], "2026-05-04 14:01:00 to 14:02:00\n1 to 10: 1,000");
}

#[test]
fn a_box_is_read_back_from_its_strokes() {
    let five = [0.1, 0.3, 0.5, 0.6, 0.9];
    let boxes = vec![Summary { label: "a".into(), five, outliers: vec![0.01, 0.99], count: 40, ..Summary::default() }];
    let text = drawn(&of(Plot::Boxes(Boxes { boxes })));
    let read = Read::new(&text);
    let per = read.across(1.0) - read.across(0.0);
    let rect = read.rects("a")[0];
    near(read.across(rect[0]), 0.3, per);
    near(read.across(rect[2]), 0.6, per);
    let strokes: Vec<f64> = read
        .shapes("a")
        .iter()
        .filter(|shape| shape.starts_with("<line") || shape.starts_with("<polyline"))
        .map(|shape| {
            let place = reading::attribute(shape, "x1").or_else(|| reading::attribute(shape, "points"));
            let x = place.and_then(|text| text.split([',', ' ']).next()).expect("a place");
            read.across(x.parse().expect("a number"))
        })
        .collect();
    // The lower quartile is where the box begins, which was read already.
    for value in [0.1, 0.5, 0.6, 0.9] {
        assert!(strokes.iter().any(|x| (x - value).abs() <= per), "{value} of {strokes:?}");
    }
    let dots: Vec<&str> = read.shapes("a").into_iter().filter(|shape| shape.starts_with("<circle")).collect();
    for (dot, value) in dots.iter().zip([0.01, 0.99]) {
        near(read.across(reading::attribute(dot, "cx").expect("a place").parse().expect("a number")), value, per);
    }
    assert_eq!(dots.len(), 2);
    assert_eq!(read.hints(), ["a: median 0.5, half of them 0.3 to 0.6, whiskers 0.1 to 0.9, 2 beyond, of 40"]);
}

#[test]
fn a_curve_over_powers_of_ten_is_read_back() {
    let points: Vec<(f64, f64)> = (0..50).map(|i| (1.2_f64.powi(i), f64::from(i) / 49.0)).collect();
    let with_zero = [vec![(0.0, 0.0), (-1.0, 0.0)], points.clone()].concat();
    let curves = vec![Curve { label: "a".into(), points: with_zero, ..Curve::default() }];
    let text = drawn(&of(Plot::Curves(Curves { curves, log: true, y_range: Some((0.0, 1.0)) })));
    let read = Read::new(&text);
    let lines = read.lines("a");
    assert_eq!((lines.len(), lines[0].len()), (1, points.len()), "what has no logarithm is not drawn");
    for ((x, y), (read_x, read_y)) in points.iter().zip(&lines[0]) {
        near(read_x.ln(), x.ln(), 0.002);
        near(*read_y, *y, 0.001);
    }
}

#[test]
fn bands_and_marked_times_lie_behind_the_lines() {
    let text = drawn(&every_kind()[0]);
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what} is there"));
    assert!(place("<polygon") < place("<circle") && place("<circle") < place("<g data-series=\"wave\">"));
    assert!(Read::new(&text).hints()[0].starts_with("too low: 2026-05-04 14:02:00 to 14:04:00"));
    let names = text.lines().filter(|line| line.trim() == "too low").count();
    assert_eq!(names, 2, "in the legend and at its place");
}

#[test]
fn a_million_values_in_a_band_make_a_small_svg() {
    let band = (0..1_000_000).map(|i| (START + i, f64::from(i as i32 % 977), 1_000.0)).collect();
    let line = Line { label: "a".into(), points: vec![(START, 1.0)], band, ..Line::default() };
    let text = drawn(&of(Plot::Lines(Lines { lines: vec![line], ..Lines::default() })));
    assert!(text.len() < 200_000, "{} bytes", text.len());
}
