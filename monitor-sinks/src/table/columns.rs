//! What columns are called in files: the names of attributes, but for those that would be taken for what every sample has.

use std::borrow::Cow;

use monitor_core::Text;

use super::{Column, Table};

/// What every sample has.
const OWN: [&str; 4] = ["timestamp", "value", "metric", "metric_name"];
/// The Python class puts it before the names of all attributes in its tables; here it is needed only where they clash.
const PREFIX: &str = "metadata_";

/// The column of an attribute.
pub(crate) fn column_name(attribute: &Text) -> Cow<'_, str> {
    if is_own(attribute) { Cow::Owned(format!("{PREFIX}{attribute}")) } else { Cow::Borrowed(attribute) }
}

/// The attribute of a column.
pub(crate) fn attribute_name(column: &str) -> &str {
    column.strip_prefix(PREFIX).filter(|attribute| is_own(attribute)).unwrap_or(column)
}

/// Whether it is one of the own, behind however many prefixes.
fn is_own(name: &str) -> bool {
    let mut name = name;
    while let Some(rest) = name.strip_prefix(PREFIX) {
        name = rest;
    }
    OWN.contains(&name)
}

impl Table {
    /// The columns in which any of the rows has something.
    pub(crate) fn columns_of(&self, rows: &[u32]) -> Vec<&Column> {
        self.columns.iter().filter(|column| rows.iter().any(|row| column.code(*row as usize) != 0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_clash_is_told_apart_and_read_back() {
        for (attribute, column) in [
            ("model_name", "model_name"),
            ("metadata_version", "metadata_version"),
            ("value", "metadata_value"),
            ("metadata_value", "metadata_metadata_value"),
        ] {
            assert_eq!(column_name(&attribute.into()), column);
            assert_eq!(attribute_name(column), attribute);
        }
        assert_eq!(attribute_name("value"), "value");
    }
}
