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
        let figure = Figure { y_range: Some(range), ..sound.clone() };
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
            let mut figure = Figure { y_range, ..figure(points.clone()) };
            figure.series[0].raw = points.clone();
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
        let mut figure = figure(vec![(START, 1.0), (START + 60_000_000, 2.0)]);
        figure.series = (0..30)
            .map(|i| Line { label: word.clone(), color: Color::palette(i), ..figure.series[0].clone() })
            .collect();
        for text in [&mut figure.title, &mut figure.x_label, &mut figure.y_label, &mut figure.caption] {
            text.clone_from(&word);
        }
        for style in [Style::default(), Style { width: 240, height: 160, ..Style::default() }] {
            png(&figure, &style).expect("it can be drawn");
            svg(&figure, &style).expect("it can be drawn");
        }
    }
}
