//! Parts of a table, each of which becomes a file, a sheet or a folder.

use foldhash::{HashMap, HashMapExt};
use monitor_core::{Text, Timestamp};

use super::Table;

/// What a table is parted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A part a metric.
    Metric,
    /// A part a day, UTC.
    Date,
    /// A part for each value of an attribute, and one for the samples without it.
    Attribute(Text),
}

impl By {
    /// The words of a configuration or a command line: `metric`, `date`, and everything else is an attribute.
    pub fn of(name: &Text) -> Self {
        match name.as_str() {
            "metric" => Self::Metric,
            "date" => Self::Date,
            _ => Self::Attribute(name.clone()),
        }
    }

    /// The name of what it is parted by.
    pub fn name(&self) -> &str {
        match self {
            Self::Metric => "metric",
            Self::Date => "date",
            Self::Attribute(name) => name,
        }
    }
}

/// Some rows of a table.
#[derive(Clone, Debug)]
pub struct Part {
    /// What they have in common, in the order in which it was asked for; nothing where they have nothing.
    pub values: Vec<Option<Text>>,
    /// The rows, in the order of time.
    pub rows: Vec<u32>,
}

impl Part {
    /// What its rows have in common, as a name for it.
    pub fn name(&self) -> String {
        let values = self.values.iter().map(|value| value.as_ref().map_or("none", Text::as_str));
        values.collect::<Vec<_>>().join("_")
    }
}

impl Table {
    /// The parts of a table, in the order in which they begin. By nothing there is one, also of an empty table.
    pub fn parts(&self, by: &[By]) -> Vec<Part> {
        let sorted = self.times.is_sorted();
        let rows = if sorted { (0..self.len() as u32).collect() } else { self.rows_by_time() };
        if by.is_empty() {
            return vec![Part { values: Vec::new(), rows }];
        }
        let columns: Vec<_> = by
            .iter()
            .map(|by| match by {
                By::Attribute(name) => self.column(name),
                By::Metric | By::Date => None,
            })
            .collect();
        let mut place: HashMap<Vec<i64>, usize> = HashMap::new();
        let mut parts: Vec<Part> = Vec::new();
        let mut key = Vec::with_capacity(by.len());
        let mut last: (Vec<i64>, usize) = (Vec::new(), 0);
        for row in rows {
            let at = row as usize;
            key.clear();
            key.extend(by.iter().zip(&columns).map(|(by, column)| match by {
                By::Metric => self.metric(at) as i64,
                By::Date => day(self.time(at)),
                By::Attribute(_) => column.map_or(0, |column| i64::from(column.code(at))),
            }));
            if last.0 != key {
                let part = *place.entry(key.clone()).or_insert_with(|| {
                    parts.push(Part { values: self.values_of(by, at), rows: Vec::new() });
                    parts.len() - 1
                });
                last = (key.clone(), part);
            }
            parts[last.1].rows.push(row);
        }
        parts
    }

    fn values_of(&self, by: &[By], row: usize) -> Vec<Option<Text>> {
        by.iter()
            .map(|by| match by {
                By::Metric => Some(self.metrics()[self.metric(row)].clone()),
                By::Date => Some(self.time(row).to_utc().format("%Y-%m-%d").to_string().into()),
                By::Attribute(name) => self.column(name)?.cell(row).map(super::Cell::text),
            })
            .collect()
    }
}

fn day(time: Timestamp) -> i64 {
    time.as_micros().div_euclid(86_400_000_000)
}
