//! What a reader finds in a picture: the values in the SVG, the smooth edges in the PNG, the same
//! bytes every time.

use super::reading::Read;
use super::*;

/// The lines of the series `rate`, and how much one whole coordinate is of each axis.
fn read_back(svg: &str) -> (Vec<Vec<(f64, f64)>>, f64, f64) {
    let read = Read::new(svg);
    let (per_x, per_y) = read.grain();
    (read.lines("rate"), per_x, per_y)
}

#[test]
fn the_coordinates_of_the_svg_map_back_to_the_values() {
    let points: Vec<_> = (0..400).map(|i| (START + i * 5_000_000, (i as f64 / 20.0).sin() * 3.0)).collect();
    let text = svg(&figure(points.clone()), &Style::default()).expect("it can be drawn");
    let (curves, per_x, per_y) = read_back(&text);
    assert_eq!(curves.len(), 1);
    assert_eq!(curves[0].len(), points.len());
    for ((at, value), (read_at, read_value)) in points.iter().zip(&curves[0]) {
        assert!((*at as f64 - read_at).abs() <= per_x, "{at} was read as {read_at}");
        assert!((value - read_value).abs() <= per_y, "{value} was read as {read_value}");
    }
}

#[test]
fn a_value_that_is_no_number_is_a_gap() {
    let values = [1.0, 2.0, f64::NAN, 3.0, 4.0, f64::INFINITY, f64::NAN, 5.0];
    let points = values.iter().zip(0..).map(|(value, i)| (START + i * 1_000_000, *value)).collect();
    let text = svg(&figure(points), &Style::default()).expect("it can be drawn");
    assert_eq!(read_back(&text).0.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(text.matches("<circle").count(), 1, "the lone point at the end is a dot");
    assert!(!text.contains("NaN") && !text.contains("inf"));
}

#[test]
fn a_curve_stays_inside_a_fixed_range() {
    let points = vec![(START, 0.0), (START + 1_000_000, 100.0), (START + 2_000_000, 0.0)];
    let figure = ranged(points, Some((0.0, 1.0)));
    let text = svg(&figure, &Style::default()).expect("it can be drawn");
    let (curves, _, per_y) = read_back(&text);
    assert_eq!(curves.len(), 2);
    assert!(curves.iter().flatten().all(|(_, value)| (-per_y..=1.0 + per_y).contains(value)));
}

#[test]
fn the_svg_is_stable_escaped_and_titled() {
    let figure = figure(vec![(START, 1.0), (START + 1, 2.0)]);
    let text = svg(&figure, &Style::default()).expect("it can be drawn");
    assert_eq!(text, svg(&figure.clone(), &Style::default()).expect("it can be drawn"));
    assert!(text.contains("<title>Rate &amp; &lt;time&gt;</title>"));
    assert!(text.contains("<desc>two samples: rate</desc>"));
    assert!(text.starts_with(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1200\" height=\"600\" viewBox=\"0 0 12000 6000\""
    ));
    assert!(text.trim_end().ends_with("</svg>"));
    let stray = text.split('"').find(|value| value.len() > 8 && value.parse::<f64>().is_ok());
    assert_eq!(stray, None, "type sizes have no stray digits");
}

#[test]
fn control_characters_never_reach_the_svg() {
    let figure = Figure { title: "a\u{0}b\u{1b}[31m\u{202e}c\nd\u{ffff}".to_owned(), ..figure(vec![(START, 1.0)]) };
    let text = svg(&figure, &Style::default()).expect("it can be drawn");
    assert!(text.contains("<title>a b [31mc d</title>"));
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
}

#[test]
fn every_kind_of_figure_gives_the_same_bytes_twice() {
    for figure in every_kind() {
        for theme in [Theme::Light, Theme::Dark] {
            let style = Style { width: 480, height: 240, scale: 1.0, theme };
            assert_eq!(png(&figure, &style), png(&figure.clone(), &style));
            assert_eq!(svg(&figure, &style), svg(&figure.clone(), &style));
        }
    }
}

#[test]
fn the_same_figure_gives_the_same_png() {
    let figure = figure((0..1_000).map(|i| (START + i, (i as f64).sqrt())).collect());
    for (style, size) in [(Style::default(), [1200, 600]), (Style::inches(6.0, 3.0, 200.0, Theme::Dark), [1200, 600])] {
        let bytes = png(&figure, &style).expect("it can be drawn");
        assert_eq!(bytes, png(&figure.clone(), &style).expect("it can be drawn"));
        let header =
            [&bytes[16..20], &bytes[20..24]].map(|part| part.iter().fold(0, |sum, byte| sum * 256 + u32::from(*byte)));
        assert_eq!(header, size);
    }
}

/// The pixels of a PNG, three bytes each.
fn pixels(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = ::png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(::png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("its size is known")];
    reader.next_frame(&mut pixels).expect("an image");
    pixels
}

#[test]
fn the_png_is_smooth_and_shows_the_series_color() {
    let slope = figure(vec![(START, 0.0), (START + 1_000_000, 1.0)]);
    let pixels = pixels(&png(&slope, &Style::default()).expect("it can be drawn"));
    let mut shades = std::collections::BTreeSet::new();
    for pixel in pixels.chunks_exact(3).skip(1200 * 200).take(1200 * 200) {
        shades.insert([pixel[0], pixel[1], pixel[2]]);
    }
    assert!(shades.contains(&[0x12, 0x34, 0x56]), "the full colour");
    assert!(shades.len() > 12, "only {} shades: the edges are stairs", shades.len());
}

#[test]
fn a_million_points_make_a_small_svg() {
    let points: Vec<_> = (0..1_000_000).map(|i| (START + i, f64::from(i as i32 % 977))).collect();
    let line = Line { raw: points.clone(), ..line("rate", "#123456", points) };
    let figure = of(Plot::Lines(Lines { lines: vec![line], ..Lines::default() }));
    let text = svg(&figure, &Style::default()).expect("it can be drawn");
    assert!(text.len() < 1_000_000, "{} bytes", text.len());
}
