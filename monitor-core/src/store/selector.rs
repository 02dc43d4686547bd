//! What is asked about: a metric, and the labels that its series must have.

use std::fmt;
use std::str::FromStr;

use crate::Text;
use crate::sample::{Labels, family};

/// A metric and the label values that its series must have.
///
/// `model_usage:x` and `finish_reason:x` are names like any other.
///
/// ```
/// use monitor_core::store::Selector;
///
/// let slow: Selector = "generation_time{operation=answer_generation}".parse()?;
/// assert_eq!(slow, Selector::metric("generation_time").with("operation", "answer_generation"));
/// # Ok::<_, monitor_core::store::ParseSelectorError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    name: Text,
    metric: Text,
    labels: Vec<(Text, Text)>,
}

impl Selector {
    /// Every series of a metric.
    pub fn metric(name: impl Into<Text>) -> Self {
        let name = name.into();
        match family(&name) {
            Some((metric, label, value)) => {
                let labels = vec![(Text::new_static(label), Text::new(value))];
                Self { metric: Text::new_static(metric), labels, name }
            }
            None => Self { metric: name.clone(), labels: Vec::new(), name },
        }
    }

    /// Only the series whose label `name` is `value`.
    pub fn with(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }

    /// The name as it was asked for.
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// The metric in the store.
    pub fn stored_metric(&self) -> &Text {
        &self.metric
    }

    /// Whether a series with these labels is meant.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.labels.iter().all(|(name, value)| labels.get(name) == Some(value))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = usize::from(self.name != self.metric);
        let labels: Labels = self.labels[own..].iter().cloned().collect();
        write!(f, "{}{labels}", self.name)
    }
}

/// A selector that could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a metric: write a name, or a name with labels as in \"generation_time{{model_name=gpt-4o}}\"")]
pub struct ParseSelectorError(pub String);

impl FromStr for Selector {
    type Err = ParseSelectorError;

    fn from_str(text: &str) -> Result<Self, ParseSelectorError> {
        let wrong = || ParseSelectorError(text.to_owned());
        let (name, labels) = match text.split_once('{') {
            Some((name, rest)) => (name, rest.strip_suffix('}').ok_or_else(wrong)?),
            None => (text, ""),
        };
        if name.trim().is_empty() {
            return Err(wrong());
        }
        labels.split(',').filter(|pair| !pair.trim().is_empty()).try_fold(
            Self::metric(name.trim()),
            |selector, pair| {
                let (label, value) = pair.split_once('=').ok_or_else(wrong)?;
                Ok(selector.with(label.trim(), value.trim().trim_matches('"')))
            },
        )
    }
}
