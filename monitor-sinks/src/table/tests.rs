//! What is written is read back, sample by sample, in every format; and files are what their names say.

use std::collections::BTreeMap;
use std::path::Path;

use monitor_core::sample::{Deriver, Samples, SeriesKey};
use monitor_core::{Event, Metadata, Metric, Timestamp, Zone};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A sample as it can be compared: its series in the store, its time, its value, all that came with it.
type Known = (String, i64, u64, BTreeMap<String, Value>);

/// All samples in the order of time. `exact`: with the attributes that are no labels.
fn known(table: &Table, exact: bool) -> Vec<Known> {
    let mut deriver = Deriver::new(&[]);
    let mut keys = Keys::default();
    let mut all: Vec<Known> = (0..table.len())
        .map(|row| {
            let event = table.event(row, &mut keys);
            let mut samples = Samples::default();
            deriver.derive(&event, &mut samples);
            let sample = samples.iter().next().expect("a metric is a sample");
            let key: &SeriesKey = sample.series;
            let attributes = table.attributes(row).map(|(name, cell)| (name.to_string(), cell.value())).collect();
            let series = format!("{}{}", key.full_name(), key.labels());
            (series, sample.time.as_micros(), sample.value.to_bits(), if exact { attributes } else { BTreeMap::new() })
        })
        .collect();
    all.sort_by(|a, b| (a.1, &a.0, a.2).cmp(&(b.1, &b.0, b.2)));
    all
}

fn options(by: &[By]) -> Options {
    Options {
        by: by.to_vec(),
        exists: Exists::Kept,
        zone: "Europe/Berlin".parse().expect("a zone"),
        stop: Arc::default(),
    }
}

fn read(format: Format, path: &Path) -> Reading {
    let zone = options(&[]).zone;
    match format {
        Format::Csv => crate::csv::Csv::read(path, &zone),
        Format::Excel => crate::excel::Excel::read(path, &zone),
        Format::Json => crate::json::Json::read(path, &zone),
        Format::Parquet => crate::parquet::Parquet::read(path, &zone),
    }
    .expect("we have written it")
}

/// Writes the table, reads all files, and gives back what they hold.
fn through(table: &Table, format: Format, by: &[By]) -> Table {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("metrics").with_extension(format.extension());
    let written = table.write(format, &path, &options(by)).expect("a folder of our own");
    assert_eq!(written.iter().map(|file| file.rows).sum::<u64>(), table.len() as u64);
    let mut all = Table::default();
    for file in written {
        let Reading { table, refused } = read(format, &file.path);
        assert!(refused.is_empty(), "{format:?}: {refused:?}");
        assert_eq!(table.len() as u64, file.rows);
        let mut keys = Keys::default();
        (0..table.len()).for_each(|row| all.push_event(&table.event(row, &mut keys)));
    }
    all
}

fn attribute() -> impl Strategy<Value = Value> {
    prop_oneof![
        text().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-1_000_000_000_000_000_i64..1_000_000_000_000_000).prop_map(Value::from),
        (-1e9..1e9).prop_map(|number: f64| json!(number + 0.5)),
        Just(json!({"nested": [1, "two"]})),
        Just(Value::Null),
    ]
}

/// What names, labels and attributes are made of: formulas, quotes, control characters, other scripts.
fn text() -> impl Strategy<Value = String> {
    static ODD: [&str; 16] = [
        "=1+1",
        "+1",
        "-x",
        "@a",
        "'=1",
        "\t",
        "a,b",
        "\"q\"",
        "line\nbreak",
        "../..",
        "a/b:c",
        "ü",
        "日本",
        "<b>",
        "1",
        "007",
    ];
    prop_oneof![4 => prop::sample::select(&ODD[..]).prop_map(str::to_owned), 1 => "[ -~]{1,40}"]
}

fn table() -> impl Strategy<Value = Table> {
    let label = prop::option::of(text());
    // Around the hour that the clocks of Berlin show twice.
    let time = prop_oneof![
        Just(1_792_888_200_000_000_i64),
        1_792_880_000_000_000..1_792_900_000_000_000_i64,
        1_i64..4e15 as i64
    ];
    let metric =
        prop_oneof![3 => Just("generation_time".to_owned()), 1 => text(), 1 => Just("model_usage:a/b".to_owned())];
    let value = prop_oneof![any::<i32>().prop_map(f64::from), -1e150..1e150_f64, Just(0.1), Just(-0.0), Just(5e-324)];
    let extra =
        prop::option::of((prop::sample::select(&["value", "temperature", "metadata_metric", "=x"][..]), attribute()));
    let row = (metric, time, value, label, extra);
    prop::collection::vec(row, 0..40).prop_map(|rows| {
        let mut table = Table::default();
        for (metric, time, value, model, extra) in rows {
            let mut metadata = Metadata::new();
            if let Some(model) = model {
                metadata.insert("model_name", model);
            }
            if let Some((name, value)) = extra {
                metadata.insert(name, value);
            }
            let metric = Metric::with_metadata(metric, value, metadata);
            table.push_event(&Event::new(Timestamp::from_micros(time), metric));
        }
        table
    })
}

/// As it is in a workbook.
fn to_the_millisecond(table: &Table) -> Table {
    let mut rounded = Table::default();
    let mut keys = Keys::default();
    for row in 0..table.len() {
        let mut event = table.event(row, &mut keys);
        event.time = Timestamp::from_micros((event.time.as_micros() as f64 / 1_000.0).round() as i64 * 1_000);
        rounded.push_event(&event);
    }
    rounded
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn parquet_and_json_give_back_every_sample_with_all_that_came_with_it(table in table()) {
        let parts = [vec![], vec![By::Date], vec![By::Metric, By::of(&"model_name".into())]];
        for by in &parts {
            let back = through(&table, Format::Parquet, by);
            prop_assert_eq!(known(&back, false), known(&table, false));
        }
        prop_assert_eq!(known(&through(&table, Format::Json, &[]), true), known(&table, true));
    }

    #[test]
    fn csv_gives_back_every_sample(table in table()) {
        for by in [&[][..], &[By::Metric], &[By::of(&"model_name".into()), By::Date]] {
            prop_assert_eq!(known(&through(&table, Format::Csv, by), false), known(&table, false));
        }
    }

    #[test]
    fn a_workbook_gives_back_every_sample_to_the_millisecond(table in table()) {
        for by in [&[][..], &[By::Metric]] {
            prop_assert_eq!(known(&through(&table, Format::Excel, by), false), known(&to_the_millisecond(&table), false));
        }
    }
}

#[test]
fn a_file_a_metric_has_a_name_that_is_safe_and_its_own() {
    let mut table = Table::default();
    for name in ["model_usage:a/b", "model_usage:a:b", "../../etc/passwd", "a\0b"] {
        table.push(&name.into(), Timestamp::from_secs(1), 1.0, []);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/er/out.csv");
    let written = table.write(Format::Csv, &path, &options(&[By::Metric])).expect("folders are made");
    let names: Vec<String> = written.iter().map(|file| file.path.display().to_string()).collect();
    let expected = ["model_usage_a_b", "model_usage_a_b-2", ".._.._etc_passwd", "a_b"]
        .map(|name| folder.path().join(format!("deep/er/out_{name}.csv")).display().to_string());
    assert_eq!(names, expected);
    let error = table.write(Format::Csv, &path, &options(&[By::Metric])).expect_err("they are there").to_string();
    assert!(error.ends_with("is there already"), "{error}");
}

#[test]
fn a_column_has_the_type_that_all_its_cells_have() {
    let mut table = Table::default();
    for (name, cell) in [
        ("flag", Cell::Bool(true)),
        ("count", Cell::Int(1)),
        ("share", Cell::Int(1)),
        ("share", Cell::float(0.5)),
        ("mixed", Cell::Int(1)),
        ("mixed", Cell::Text("one".into())),
    ] {
        table.push(&"m".into(), Timestamp::from_secs(1), 1.0, [(name, cell)]);
    }
    let types: Vec<(&str, ColumnType)> =
        table.columns().iter().map(|column| (column.name().as_str(), column.column_type())).collect();
    let expected = [
        ("flag", ColumnType::Bool),
        ("count", ColumnType::Int),
        ("share", ColumnType::Float),
        ("mixed", ColumnType::Text),
    ];
    assert_eq!(types, expected);
}

#[test]
fn what_no_format_is_gives_an_error_and_costs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("noise");
    std::fs::write(&path, [0, 159, 146, 150, b'\n', b'x']).expect("a file");
    assert!(crate::csv::Csv::read(&path, &Zone::UTC).is_err());
    assert!(crate::excel::Excel::read(&path, &Zone::UTC).is_err());
    assert!(crate::json::Json::read(&path, &Zone::UTC).is_err());
    assert!(crate::parquet::Parquet::read(&path, &Zone::UTC).is_err());
    std::fs::write(
        &path,
        "timestamp,value,metric\n2026-05-04,1,a\nx,1,a\n2026-05-04T00:00:00Z,nan,a\n2026-05-04T00:00:00Z,2,a\n",
    )
    .expect("a file");
    let Reading { table, refused } = crate::csv::Csv::read(&path, &Zone::UTC).expect("it has the columns");
    let reasons: Vec<(u64, &str)> = refused.iter().map(|(row, refusal, _)| (*row, refusal.reason.as_str())).collect();
    assert_eq!((table.len(), reasons), (1, vec![(2, "timestamp"), (3, "timestamp"), (4, "non_finite")]));
}

/// A line of a metric comes by its labels or as an event: the table is the same.
#[test]
fn a_metric_that_only_has_labels_is_taken_by_them() {
    let lines = [
        r#"{"metric": "a", "value": 1, "model_name": "x", "timestamp": "2026-05-04T14:00:02Z"}"#,
        r#"{"metric": "a", "value": 2, "model_name": "y", "success": true, "timestamp": "2026-05-04T14:00:03Z"}"#,
        r#"{"metric": "a", "value": 3, "model_name": "y", "success": "true", "timestamp": "2026-05-04T14:00:03Z"}"#,
        r#"{"metric": "a", "value": 4, "model_name": 7, "timestamp": "2026-05-04T14:00:03Z"}"#,
        r#"{"metric": "a", "value": 5, "model_name": "y", "extra": "z", "timestamp": "2026-05-04T14:00:03Z"}"#,
        r#"{"metric": "model_usage:q", "value": 6, "timestamp": "2026-05-04T14:00:03Z"}"#,
        r#"{"metric": "a", "value": 7, "model_name": null, "timestamp": "2026-05-04T14:00:03Z"}"#,
        r#"{"metric": "a", "value": 8, "timestamp": "2026-05-04T14:00:03Z"}"#,
        r#"{"metric": "a", "value": 9, "model_name": "", "timestamp": "2026-05-04T14:00:03Z"}"#,
    ];
    let mut draft = monitor_core::bus::Draft::default();
    let (mut parser, mut deriver) = (monitor_core::read::LineParser::new(Zone::UTC), Deriver::new(&[]));
    // A shape is learned from a line that was read the long way.
    for line in lines.iter().chain(&lines).chain(&lines) {
        assert!(draft.push_line(line.as_bytes(), Timestamp::MIN, &mut parser, &mut deriver).expect("a metric"));
    }
    let batch = draft.numbered(0);
    let items: Vec<Item<'_>> = (0..batch.len()).map(|at| Item::new(&batch, at)).collect();
    let (mut by_items, mut by_events) = (Table::default(), Table::default());
    for item in &items {
        by_items.push_item(*item);
        by_events.push_event(item.event());
    }
    assert_eq!(known(&by_items, true), known(&by_events, true));
    let by_labels: Vec<usize> = (18..27).filter(|at| items[*at].has_only_labels()).map(|at| at - 18).collect();
    assert_eq!(by_labels, [0, 1, 7, 8]);
}
