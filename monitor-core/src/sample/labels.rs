//! Labels: the few attributes that tell one series of a metric from another.

use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::Text;

/// Names and values, sorted by name, each name once. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Option<Arc<[(Text, Text)]>>);

impl Labels {
    /// No labels.
    pub const NONE: Self = Self(None);

    /// From pairs in any order; of two of one name the last wins.
    pub fn new(mut pairs: Vec<(Text, Text)>) -> Self {
        if pairs.is_empty() {
            return Self::NONE;
        }
        pairs.reverse();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, earlier| later.0 == earlier.0);
        Self(Some(pairs.into()))
    }

    /// The value of a label.
    pub fn get(&self, name: &str) -> Option<&Text> {
        let pairs = self.0.as_deref()?;
        let at = pairs.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        Some(&pairs[at].1)
    }

    /// Names and values, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.0.as_deref().unwrap_or_default().iter().map(|(name, value)| (name, value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Only the labels of these names.
    pub fn only(&self, names: &[Text]) -> Self {
        Self::new(names.iter().filter_map(|name| Some((name.clone(), self.get(name)?.clone()))).collect())
    }

    /// These labels and the others; of two of one name the other's wins.
    pub fn merged(&self, other: &Self) -> Self {
        Self::new(self.iter().chain(other.iter()).map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

impl<N: Into<Text>, V: Into<Text>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self::new(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// `{model_name=gpt-4o, operation=answer_generation}`; nothing for no labels.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return Ok(());
        }
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={value}", if at == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_and_unique_and_the_last_wins() {
        let labels: Labels = [("b", "1"), ("a", "2"), ("b", "3")].into_iter().collect();
        assert_eq!(labels.to_string(), "{a=2, b=3}");
        assert_eq!(labels.get("b").map(Text::as_str), Some("3"));
        assert_eq!(labels.get("c"), None);
        assert_eq!(labels.only(&["b".into(), "c".into()]).to_string(), "{b=3}");
        assert_eq!(labels.merged(&[("a", "4")].into_iter().collect()).to_string(), "{a=4, b=3}");
    }
}
