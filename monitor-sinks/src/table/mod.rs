//! Samples as a table, one row a sample: what `csv`, `excel`, `json` and `parquet` write and read.
//!
//! Metrics and attributes are columns of codes into dictionaries, so a row takes some fifty bytes, whatever it says.

mod cell;
mod columns;
#[cfg(any(feature = "csv", feature = "excel"))]
#[cfg_attr(not(all(feature = "csv", feature = "excel")), expect(dead_code, reason = "each has its own part of it"))]
mod names;
mod part;
mod reading;
mod rolling;
#[cfg(any(feature = "csv", feature = "json"))]
#[cfg_attr(not(all(feature = "csv", feature = "json")), expect(dead_code, reason = "each has its own part of it"))]
mod stamps;
mod write;

pub use crate::new_file::{Exists, NewFile};
pub use cell::{Cell, ColumnType};
pub(crate) use columns::{attribute_name, column_name};
#[cfg(any(feature = "csv", feature = "excel"))]
pub(crate) use names::Names;
pub use part::{By, Part};
pub use reading::{ReaderConfig, Reading};
pub use rolling::{RollingConfig, TableFormat};
#[cfg(any(feature = "csv", feature = "json"))]
pub(crate) use stamps::Stamps;
pub(crate) use write::Files;
pub use write::{Format, Options, Written};

use std::collections::hash_map::Entry;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use monitor_core::component::Item;
use monitor_core::event::{Body, Event, MetricKey};
use monitor_core::sample::{Sample, SeriesKey};
use monitor_core::store::{Store, Window};
use monitor_core::{Kind, Metadata, Metric, Text, Timestamp};

/// Samples in columns.
#[derive(Debug, Default)]
pub struct Table {
    metrics: Dictionary<Text>,
    metric: Vec<u32>,
    times: Vec<Timestamp>,
    values: Vec<f64>,
    columns: Vec<Column>,
    column_of: HashMap<Text, usize>,
    /// The cells of samples of a series; the series is kept, so that no other one gets its address.
    series: HashMap<usize, (Arc<SeriesKey>, u32, Cells)>,
    /// The same for recorded metrics.
    keys: HashMap<usize, (Arc<MetricKey>, u32, Cells)>,
    /// The cells of the row that is being added.
    row: Vec<(usize, u32)>,
}

/// Columns and what stands in them.
type Cells = Box<[(usize, u32)]>;

/// More of them are not kept.
const KEYS: usize = 65_536;

/// An attribute.
#[derive(Debug)]
pub struct Column {
    name: Text,
    cells: Dictionary<Cell>,
    /// One a row, as far as it goes: 0 is nothing, everything else one more than the place in the dictionary.
    codes: Vec<u32>,
}

/// Values, each once, in the order in which they came.
#[derive(Debug)]
struct Dictionary<T> {
    values: Vec<T>,
    place: HashMap<T, u32>,
}

impl<T> Default for Dictionary<T> {
    fn default() -> Self {
        Self { values: Vec::new(), place: HashMap::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Dictionary<T> {
    fn code(&mut self, value: &T) -> u32 {
        if let Some(code) = self.place.get(value) {
            return *code;
        }
        let code = u32::try_from(self.values.len()).expect("memory is full before there are so many");
        self.values.push(value.clone());
        self.place.insert(value.clone(), code);
        code
    }
}

impl Table {
    /// How many samples.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The names of the metrics, as [`metric`](Self::metric) counts them.
    pub fn metrics(&self) -> &[Text] {
        &self.metrics.values
    }

    /// Which metric the sample of a row is of.
    pub fn metric(&self, row: usize) -> usize {
        self.metric[row] as usize
    }

    /// When the sample of a row was taken.
    pub fn time(&self, row: usize) -> Timestamp {
        self.times[row]
    }

    /// The value of a row.
    pub fn value(&self, row: usize) -> f64 {
        self.values[row]
    }

    /// The attributes that any sample has, in the order in which they came.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of an attribute.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.column_of.get(name).map(|at| &self.columns[*at])
    }

    /// The attributes of a row.
    pub fn attributes(&self, row: usize) -> impl Iterator<Item = (&Text, &Cell)> {
        self.columns.iter().filter_map(move |column| Some((&column.name, column.cell(row)?)))
    }

    /// Adds the samples of an event, with all that is known of each: what a recorded metric came with, or the labels, and
    /// what was said of a score.
    pub fn push_item(&mut self, item: Item<'_>) {
        if item.kind() == Kind::Metric && !item.has_only_labels() {
            return self.push_event(item.event());
        }
        for sample in item.samples().iter() {
            self.push_sample(sample);
        }
    }

    /// Adds a recorded metric; any other event is none.
    pub fn push_event(&mut self, event: &Event) {
        let Body::Metric(metric) = &event.body else { return };
        if Arc::strong_count(&metric.key) == 1 {
            // Nobody else will come with the same.
            let key = &*metric.key;
            let attributes = key.metadata.attributes().filter_map(|(name, value)| Some((name, Cell::of(value)?)));
            return self.push(&key.name, event.time, metric.value, attributes);
        }
        let address = Arc::as_ptr(&metric.key).addr();
        if !self.keys.contains_key(&address) {
            if self.keys.len() >= KEYS {
                self.keys.clear();
            }
            let name = self.metrics.code(&metric.key.name);
            let attributes = metric.key.metadata.attributes();
            let cells = self.cells(attributes.filter_map(|(name, value)| Some((name, Cell::of(value)?))));
            self.keys.insert(address, (Arc::clone(&metric.key), name, cells));
        }
        let (_, name, cells) = &self.keys[&address];
        push_row(&mut self.columns, self.times.len(), cells);
        self.metric.push(*name);
        self.times.push(event.time);
        self.values.push(metric.value);
    }

    fn push_sample(&mut self, sample: Sample<'_>) {
        let address = Arc::as_ptr(sample.series).addr();
        if !self.series.contains_key(&address) {
            let row = self.row_of(sample.series);
            self.series.insert(address, (Arc::clone(sample.series), row.0, row.1));
        }
        let row = self.times.len();
        let (_, name, cells) = &self.series[&address];
        push_row(&mut self.columns, row, cells);
        self.metric.push(*name);
        self.times.push(sample.time);
        self.values.push(sample.value);
        if let Some(feedback) = sample.feedback {
            self.find([("feedback", Cell::Text(feedback.clone()))]);
            push_row(&mut self.columns, row, &self.row);
        }
    }

    /// The name of a series, and its labels.
    fn row_of(&mut self, series: &SeriesKey) -> (u32, Cells) {
        let name = self.metrics.code(&Text::new(series.full_name()));
        let cells =
            self.cells(series.labels().iter().map(|(name, value)| (name.as_str(), Cell::of_label(name, value))));
        (name, cells)
    }

    fn cells<'a>(&mut self, cells: impl IntoIterator<Item = (&'a str, Cell)>) -> Cells {
        self.find(cells);
        self.row.as_slice().into()
    }

    /// Finds out where cells stand, for the row that is being added.
    fn find<'a>(&mut self, cells: impl IntoIterator<Item = (&'a str, Cell)>) {
        self.row.clear();
        for (name, cell) in cells {
            let at = self.column_of.get(name).copied().unwrap_or_else(|| {
                self.columns.push(Column { name: name.into(), cells: Dictionary::default(), codes: Vec::new() });
                self.column_of.insert(name.into(), self.columns.len() - 1);
                self.columns.len() - 1
            });
            self.row.push((at, self.columns[at].cells.code(&cell) + 1));
        }
    }

    /// The samples that a store holds one by one in a window: metric by metric, each in the order of time.
    pub fn of_store(store: &Store, window: Window) -> Self {
        let mut table = Self::default();
        // Series of one metric follow each other; together they are to be in the order of time, too.
        let mut metric: Vec<(Timestamp, f64, usize)> = Vec::new();
        let mut cells: Vec<Cells> = Vec::new();
        let mut name = None;
        store.each_series(window, |series, points| {
            if points.is_empty() {
                return;
            }
            let (of, row) = table.row_of(series);
            if name.is_some_and(|name| name != of) {
                table.push_all(name.expect("was just looked at"), &mut metric, &mut cells);
            }
            name = Some(of);
            metric.extend(points.iter().map(|(time, value)| (*time, *value, cells.len())));
            cells.push(row);
        });
        if let Some(name) = name {
            table.push_all(name, &mut metric, &mut cells);
        }
        table
    }

    fn push_all(&mut self, name: u32, metric: &mut Vec<(Timestamp, f64, usize)>, cells: &mut Vec<Cells>) {
        metric.sort_by_key(|(time, ..)| *time);
        for (time, value, series) in metric.drain(..) {
            push_row(&mut self.columns, self.times.len(), &cells[series]);
            self.times.push(time);
            self.values.push(value);
        }
        self.metric.resize(self.times.len(), name);
        cells.clear();
    }

    /// Adds a row: a metric's name, when, how much, and attributes.
    pub fn push<'a>(
        &mut self,
        metric: &Text,
        time: Timestamp,
        value: f64,
        attributes: impl IntoIterator<Item = (&'a str, Cell)>,
    ) {
        let name = self.metrics.code(metric);
        self.find(attributes);
        push_row(&mut self.columns, self.times.len(), &self.row);
        self.metric.push(name);
        self.times.push(time);
        self.values.push(value);
    }

    /// The sample of a row as an event, without which no source could emit it.
    pub fn event(&self, row: usize, keys: &mut Keys) -> Event {
        let codes = self.columns.iter().map(|column| column.code(row)).collect();
        let key = match keys.0.entry((self.metric[row], codes)) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => {
                let attributes = self.attributes(row).map(|(name, cell)| (name.as_str(), cell.value()));
                let metadata: Metadata = attributes.collect();
                let name = self.metrics.values[self.metric[row] as usize].clone();
                Arc::clone(new.insert(Arc::new(MetricKey { name, metadata })))
            }
        };
        Event::new(self.times[row], Metric { key, value: self.values[row] })
    }

    /// Takes all rows out; what is known of series stays.
    fn clear(&mut self) {
        self.metric.clear();
        self.times.clear();
        self.values.clear();
        self.columns.iter_mut().for_each(|column| column.codes.clear());
    }

    /// The rows in the order of time; those of one moment stay as they were.
    pub fn rows_by_time(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..self.len() as u32).collect();
        rows.sort_by_key(|row| self.times[*row as usize]);
        rows
    }

    /// The first and the last moment.
    pub fn extent(&self) -> Option<Window> {
        let (first, last) = (self.times.iter().min()?, self.times.iter().max()?);
        Some(Window { start: *first, end: *last })
    }
}

/// Keys of events made from rows: rows that say the same share one. For one table only.
#[derive(Debug, Default)]
pub struct Keys(HashMap<(u32, Box<[u32]>), Arc<MetricKey>>);

fn push_row(columns: &mut [Column], row: usize, cells: &[(usize, u32)]) {
    for (at, code) in cells {
        let codes = &mut columns[*at].codes;
        codes.resize(row + 1, 0);
        codes[row] = *code;
    }
}

impl Column {
    /// What the attribute is called.
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// What stands in a row.
    pub fn cell(&self, row: usize) -> Option<&Cell> {
        self.code(row).checked_sub(1).map(|place| &self.cells.values[place as usize])
    }

    /// 0 is nothing, everything else one more than the place in [`cells`](Self::cells).
    pub fn code(&self, row: usize) -> u32 {
        self.codes.get(row).copied().unwrap_or_default()
    }

    /// Everything that stands in any row, each once.
    pub fn cells(&self) -> &[Cell] {
        &self.cells.values
    }

    /// The narrowest type that all cells have.
    pub fn column_type(&self) -> ColumnType {
        self.cells.values.iter().map(Cell::column_type).reduce(ColumnType::with).unwrap_or(ColumnType::Text)
    }
}

#[cfg(all(test, feature = "csv", feature = "excel", feature = "json", feature = "parquet"))]
mod tests;
