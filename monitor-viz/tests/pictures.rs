//! Pictures of every chart type in both themes, compared with stored ones: PNG by pixels, SVG as text. A changed picture is looked
//! at before it takes the place of the stored one: `PICTURES=accept cargo test -p monitor-viz --test pictures` writes the former, and
//! `INSTA_UPDATE=always` the latter.
#![cfg(feature = "default")]

use std::path::{Path, PathBuf};

use monitor_core::component::{BoxError, Picture, Registry};
use monitor_core::config::{Config, PictureFormat, ThemeSetting};
use monitor_core::pipeline::Builder;
use monitor_core::sample::{Labels, Samples, SeriesKey, SeriesSet};
use monitor_core::store::{Limits, Store};
use monitor_core::{Timestamp, Zone};

/// 2026-05-04 14:00:00 UTC, in seconds.
const START: i64 = 1_777_903_200;

/// Numbers without a pattern, the same in every run (a linear congruential generator; Knuth's constants), from 0 to 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }
}

fn add(store: &Store, metric: &str, labels: &[(&str, &str)], points: &[(i64, f64)]) {
    let labels: Labels = labels.iter().map(|(name, value)| (*name, *value)).collect();
    let series = SeriesSet::new([SeriesKey::new(metric, labels).into()]);
    let mut samples = Samples::default();
    for (second, value) in points {
        samples.push(Timestamp::from_secs(START + second), &series, &[*value]);
    }
    store.insert(&samples, Timestamp::MAX);
}

/// Twenty minutes of three models, with a time without calls and a time of errors.
fn store() -> Store {
    let store = Store::new(Limits::whole_recording());
    let mut noise = Noise(42);
    for (at, model) in ["gpt-4o-mini", "gemini-2.5-flash", "meta-llama/llama-3.3-70b-instruct:free"].iter().enumerate()
    {
        let by_model = [("model_name", *model)];
        for second in (0..1_200).filter(|second| second % 4 == at as i64 && !(600..780).contains(second)) {
            let is_bad = (300..420).contains(&second) && noise.next() < 0.4;
            let latency = (0.3 + at as f64 * 0.4) * (1.0 / (1.0 - noise.next() * 0.995)).sqrt();
            add(&store, "generation_time", &by_model, &[(second, latency)]);
            add(&store, "error_rate", &[], &[(second, f64::from(u8::from(is_bad)))]);
            add(&store, "success_rate", &[], &[(second, f64::from(u8::from(!is_bad)))]);
            add(
                &store,
                "prompt_token_count",
                &by_model,
                &[(second, (200.0 + noise.next() * 900.0 * (at + 1) as f64).round())],
            );
            add(&store, "completion_token_count", &by_model, &[(second, (50.0 + noise.next() * 300.0).round())]);
            let reason = if is_bad {
                "content_filter"
            } else if noise.next() < 0.1 {
                "length"
            } else {
                "stop"
            };
            add(&store, "finish_reason", &[("finish_reason", reason)], &[(second, 1.0)]);
            if second % 3 == 0 {
                for (place, score) in
                    ["coherence", "tone", "truth", "safety", "depth", "style", "use", "focus", "wit"].iter().enumerate()
                {
                    let value = (0.95 - 0.06 * place as f64 - noise.next().powi(3) * 0.5).clamp(0.0, 1.0);
                    add(
                        &store,
                        &format!("evaluation_score_{score}"),
                        &[("evaluator_type", "Judge")],
                        &[(second, value)],
                    );
                }
            }
        }
    }
    add(&store, "alert_firing", &[("rule", "high_error_rate")], &[(330, 1.0), (450, 0.0)]);
    store
}

/// A chart of each type, and of what is hard about it.
const CHARTS: &str = r#"
[charts.line]
type = "line"
title = "Success and error rate"
y_label = "Share"
series = [{ metric = "error_rate", color = "red", label = "errors" }, { metric = "success_rate", color = "green", label = "successes" }]
rolling = 20
alerts = ["*"]

[charts.line_band]
type = "line"
title = "Generation time by model"
series = [{ metric = "generation_time" }]
by = "model_name"
rolling = "1m"
raw = true
band = true

[charts.line_nine]
type = "line"
title = "Nine scores"
series = [{ metric = "evaluation_score_*" }]
rolling = 15

[charts.histogram]
type = "histogram"
title = "Generation time"
metric = "generation_time"

[charts.histogram_log]
type = "histogram"
title = "Generation time"
metric = "generation_time"
log = true

[charts.bar]
type = "bar"
title = "Tokens by model"
by = "model_name"
series = [{ metric = "prompt_token_count", label = "prompt" }, { metric = "completion_token_count", label = "completion" }]
stacked = true

[charts.bar_beside]
type = "bar"
title = "Mean tokens by model"
by = "model_name"
series = [{ metric = "prompt_token_count", label = "prompt" }, { metric = "completion_token_count", label = "completion" }]
aggregate = "mean"

[charts.stacked]
type = "stacked"
title = "Finish reasons"
metric = "finish_reason"
by = "finish_reason"

[charts.heatmap]
type = "heatmap"
title = "Generation time"
metric = "generation_time"

[charts.box]
type = "box"
title = "Scores"
series = [{ metric = "evaluation_score_*" }]

[charts.cdf]
type = "cdf"
title = "Generation time by model"
series = [{ metric = "generation_time" }]
by = "model_name"
log = true

[charts.sparkline]
type = "sparkline"
series = [{ metric = "success_rate" }, { metric = "generation_time" }]
"#;

fn pictures(store: &Store, theme: ThemeSetting) -> Result<Vec<(String, Vec<Picture>)>, BoxError> {
    let mut registry = Registry::new();
    monitor_viz::register(&mut registry)?;
    let config = Config::parse(CHARTS, "charts", PathBuf::new(), &registry)?;
    let builder = Builder::new().zone(Zone::UTC);
    let mut all = Vec::new();
    for mut entry in config.charts {
        entry.settings.theme = theme;
        entry.settings.size = (480, 320);
        entry.settings.formats = vec![PictureFormat::Png, PictureFormat::Svg];
        let mut chart = entry.config.open(&builder.context(&entry.name), &entry.settings)?;
        all.push((entry.name.to_string(), chart.draw(store, Timestamp::MAX)?));
    }
    Ok(all)
}

#[test]
fn every_chart_in_both_themes_is_as_it_was_looked_at() {
    let (store, mut failures) = (store(), Vec::new());
    for (theme, suffix) in [(ThemeSetting::Light, "light"), (ThemeSetting::Dark, "dark")] {
        for (name, pictures) in pictures(&store, theme).expect("draws") {
            assert!(!pictures.is_empty(), "{name} has data");
            for picture in pictures {
                let name = format!("{name}_{suffix}");
                if picture.extension == "png" {
                    failures.extend(compared(&name, &picture.bytes).err());
                } else {
                    let text = String::from_utf8(picture.bytes).expect("text");
                    insta::assert_snapshot!(name, text);
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// A channel may be off by so much, in so many pixels: where a rounding falls to the other side.
const OFF: u8 = 24;
const MOST_OFF: usize = 60;

fn compared(name: &str, drawn: &[u8]) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(name).with_extension("png");
    if std::env::var_os("PICTURES").is_some_and(|value| value == "accept") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes a folder");
        return std::fs::write(&path, drawn).map_err(|error| error.to_string());
    }
    let stored = std::fs::read(&path).map_err(|error| format!("{name}: {error}: look at it, then PICTURES=accept"))?;
    let (drawn, stored) = (pixels(drawn), pixels(&stored));
    if drawn.len() != stored.len() {
        return Err(format!("{name}: another size"));
    }
    let off =
        drawn.chunks(3).zip(stored.chunks(3)).filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > OFF));
    match off.count() {
        off if off > MOST_OFF => Err(format!("{name}: {off} pixels differ")),
        _ => Ok(()),
    }
}

/// Three bytes a pixel.
fn pixels(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().expect("a PNG");
    let mut pixels = vec![0; reader.output_buffer_size().expect("its size is known")];
    reader.next_frame(&mut pixels).expect("an image");
    pixels
}
