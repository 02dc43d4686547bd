//! The key of a series: metric and labels, hashed once.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::LazyLock;

use foldhash::fast::RandomState;

use super::Labels;
use crate::Text;

/// Metric and labels. Equal keys are one series.
#[derive(Debug)]
pub struct SeriesKey {
    metric: Text,
    labels: Labels,
    hash: u64,
}

/// One seed a process: keys made by different threads must hash alike.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

impl SeriesKey {
    /// A key. `model_usage:x` and `finish_reason:x` become the family's metric with `x` as a label.
    pub fn new(name: &str, labels: Labels) -> Self {
        match family(name) {
            Some((metric, label, value)) => {
                Self::plain(Text::new_static(metric), labels.merged(&[(label, value)].into_iter().collect()))
            }
            None => Self::plain(Text::new(name), labels),
        }
    }

    /// A key of a metric that is known to be no member of a family.
    pub(super) fn plain(metric: Text, labels: Labels) -> Self {
        let hash = HASHER.hash_one((&metric, &labels));
        Self { metric, labels, hash }
    }

    /// The metric.
    pub fn metric(&self) -> &Text {
        &self.metric
    }

    /// The labels.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The name as the reference writes it: `model_usage:gpt-4o`, not `model_usage`.
    pub fn full_name(&self) -> Cow<'_, str> {
        let label = FAMILIES.iter().find(|(metric, _)| *metric == self.metric).map(|(_, label)| *label);
        match label.and_then(|label| self.labels.get(label)) {
            Some(value) => Cow::Owned(format!("{}:{value}", self.metric)),
            None => Cow::Borrowed(&self.metric),
        }
    }
}

impl PartialEq for SeriesKey {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.metric == other.metric && self.labels == other.labels
    }
}

impl Eq for SeriesKey {}

impl Hash for SeriesKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Metrics of which the reference makes one name a label value.
const FAMILIES: [(&str, &str); 2] = [("model_usage", "model_name"), ("finish_reason", "finish_reason")];

/// Splits `model_usage:x` into the metric, the label, and the label's value; `None` for every other name.
pub fn family(name: &str) -> Option<(&'static str, &'static str, &str)> {
    let (prefix, value) = name.split_once(':')?;
    FAMILIES.iter().find(|(metric, _)| *metric == prefix).map(|(metric, label)| (*metric, *label, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_one_metric_with_a_label() {
        let key = SeriesKey::new("model_usage:meta-llama/llama-3.3-70b-instruct:free", Labels::NONE);
        assert_eq!(key.metric(), "model_usage");
        assert_eq!(key.labels().to_string(), "{model_name=meta-llama/llama-3.3-70b-instruct:free}");
        assert_eq!(key.full_name(), "model_usage:meta-llama/llama-3.3-70b-instruct:free");
        let other = SeriesKey::new("queue:depth", Labels::NONE);
        assert_eq!((other.metric().as_str(), other.full_name().as_ref()), ("queue:depth", "queue:depth"));
    }
}
