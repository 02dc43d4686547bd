//! What must never make drawing panic: odd data, odd words, odd sizes.

use super::*;

#[test]
fn nothing_to_show_is_an_error_of_its_own() {
    let empty = Figure::default();
    let gaps = figure(vec![(START, f64::NAN), (START + 5, f64::NEG_INFINITY)]);
    for figure in [empty, figure(Vec::new()), gaps] {
        assert_eq!(svg(&figure, &Style::default()), Err(DrawError::NoData));
        assert_eq!(png(&figure, &Style::default()), Err(DrawError::NoData));
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let sound = figure(vec![(START, 1.0)]);
    for (width, height) in [(0, 0), (100, 600), (1200, 20), (u32::MAX, 600)] {
        let style = Style { width, height, ..Style::default() };
        assert_eq!(png(&sound, &style), Err(DrawError::Size { width, height }));
    }
    assert_eq!(png(&sound, &Style { scale: 0.0, ..Style::default() }), Err(DrawError::Scale(0.0)));
    for range in [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (f64::MIN, f64::MAX)] {
        let figure = ranged(vec![(START, 1.0)], Some(range));
        assert!(matches!(svg(&figure, &Style::default()), Err(DrawError::Range { .. })), "{range:?}");
    }
}

#[test]
fn hard_data_never_panics() {
    let year = 31_557_600_000_000_i64;
    let points: Vec<Vec<(i64, f64)>> = vec![
        vec![(START, 5.0)],
        vec![(START, 5.0); 100],
        vec![(START, 0.0), (START + 1, 0.0)],
        vec![(START, 1.0), (START + 1_000, 2.0)],
        vec![(START, 1.0), (START + 10 * year, 2.0)],
        vec![(i64::MIN, 1.0), (i64::MAX, 2.0)],
        vec![(i64::MAX, 1.0)],
        vec![(START, f64::MAX), (START + 1, f64::MIN)],
        vec![(START, f64::MIN_POSITIVE), (START + 1, 5e-324)],
        vec![(START, 1e15), (START + 1, 1e15 + 0.25)],
        vec![(START + 500, 1.0), (START, 2.0), (START + 200, 0.0)],
    ];
    for points in points {
        for y_range in [None, Some((0.0, 1.0)), Some((1e-300, 2e-300)), Some((-1e300, 1e300))] {
            let band = points.iter().map(|(at, value)| (*at, *value, value / 2.0)).collect();
            let line = Line { raw: points.clone(), band, ..line("rate", "#123456", points.clone()) };
            let figure = of(Plot::Lines(Lines { lines: vec![line], y_range, ..Lines::default() }));
            let text = svg(&figure, &Style::default()).expect("it can be drawn");
            assert!(!text.contains("NaN"), "{points:?}");
            let small = Style { width: 240, height: 160, theme: Theme::Dark, ..Style::default() };
            png(&figure, &small).expect("it can be drawn");
        }
    }
}

#[test]
fn hard_words_never_panic_and_stay_inside() {
    let words =
        ["x".repeat(300), "成功率 وقت שגיאה 🙂 \u{301}".repeat(20), "W ".repeat(40_000), "\u{301}".repeat(5_000)];
    for word in words {
        let points = vec![(START, 1.0), (START + 60_000_000, 2.0)];
        let lines =
            (0..30).map(|i| Line { color: Color::palette(i), ..line(&word, "black", points.clone()) }).collect();
        let mut figure = of(Plot::Lines(Lines { lines, ..Lines::default() }));
        for text in [&mut figure.title, &mut figure.x_label, &mut figure.y_label, &mut figure.caption] {
            text.clone_from(&word);
        }
        for style in [Style::default(), Style { width: 240, height: 160, ..Style::default() }] {
            png(&figure, &style).expect("it can be drawn");
            svg(&figure, &style).expect("it can be drawn");
        }
    }
}

/// Every kind of plot of the same numbers, of which there may be none.
fn kinds_of(numbers: &[f64], word: &str) -> Vec<Plot> {
    let count = numbers.len();
    let label = word.to_owned();
    let series = vec![Values { label: label.clone(), values: numbers.to_vec(), ..Values::default() }; 2];
    let mut edges: Vec<f64> = numbers.iter().copied().filter(|number| number.is_finite()).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    let times: Vec<i64> = (0..=count as i64).map(|at| START + at).collect();
    let counts = vec![u64::MAX; edges.len().saturating_sub(1)];
    let pick = |share: usize| numbers.get(count * share / 5).copied().unwrap_or(f64::NAN);
    let points = numbers.iter().map(|number| (*number, *number)).collect();
    let mut plots = Vec::new();
    for flag in [false, true] {
        let (label, series, edges) = (label.clone(), series.clone(), edges.clone());
        let categories = vec![label.clone(); count];
        plots.push(Plot::Bars(Bars { categories, series: series.clone(), stacked: flag }));
        plots.push(Plot::Stacked(Stacked { edges: times.clone(), series }));
        let marks = vec![(label.clone(), pick(1)); 4];
        let color = Color::default();
        plots.push(Plot::Histogram(Histogram {
            edges: edges.clone(),
            counts: counts.clone(),
            color,
            log: flag,
            marks,
        }));
        let cells = vec![u64::MAX; count * counts.len()];
        plots.push(Plot::Heatmap(Heatmap { times: times.clone(), values: edges, counts: cells, log: flag }));
        let five = [0, 1, 2, 3, 4].map(pick);
        let summary = Summary { label: label.clone(), five, outliers: numbers.to_vec(), ..Summary::default() };
        plots.push(Plot::Boxes(Boxes { boxes: vec![summary; 3] }));
        let points = Vec::clone(&points);
        plots.push(Plot::Curves(Curves { curves: vec![Curve { label, color, points }], log: flag, y_range: None }));
    }
    plots
}

#[test]
fn no_kind_of_plot_panics_over_odd_numbers_and_words() {
    let runs: [&[f64]; 11] = [
        &[],
        &[5.0],
        &[0.0],
        &[f64::NAN],
        &[1.0; 500],
        &[f64::MAX, f64::MIN, 0.0],
        &[f64::MIN_POSITIVE, 5e-324, 1e-300],
        &[f64::INFINITY, 1.0, f64::NEG_INFINITY, f64::NAN],
        &[-1.0, -2.0, -3e9],
        &[1e15, 1e15 + 0.125],
        &[1e-9, 1e150],
    ];
    for numbers in runs {
        tried(numbers, "name");
    }
    let long = "W".repeat(300);
    for word in ["", "成功率 وقت שגיאה 🙂", "\u{202e}<script>&\"'\n", long.as_str()] {
        tried(&[1.0, 2.0, 4.0, 8.0], word);
    }
}

fn tried(numbers: &[f64], word: &str) {
    let small = Style { width: 240, height: 160, theme: Theme::Dark, ..Style::default() };
    for figure in kinds_of(numbers, word).into_iter().map(of) {
        match (svg(&figure, &Style::default()), png(&figure, &small)) {
            (Ok(text), Ok(_)) => {
                assert!(!text.contains("NaN") && !text.contains("inf"), "{figure:?}");
                assert!(!text.contains("<script>"), "words stay words");
            }
            (Err(DrawError::NoData | DrawError::Range { .. }), Err(_)) => {}
            other => panic!("{figure:?}: {other:?}"),
        }
    }
}
