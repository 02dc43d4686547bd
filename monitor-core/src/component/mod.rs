//! Components: what a definition is, the four kinds, and the registry that maps `type = "…"` to a definition.
//!
//! A component comes in two phases. **Parse** turns its table into a config, purely: no file, network, clock or thread.
//! **Open** touches the world and gives the running thing. What parsed can only fail for the world's reasons.

mod chart;
mod context;
mod definition;
mod registry;
mod rule;
mod sink;
mod source;

pub use chart::{Chart, ChartConfig, ChartDefinition, Picture};
pub use context::{Context, Dirs, Resource};
pub(crate) use definition::parse_own;
pub use definition::{ComponentKind, Definition, Invalid, Validate};
pub use registry::{DuplicateType, Preset, Registry};
pub use rule::{Bound, Reading, Rule, RuleConfig, RuleDefinition, Verdict};
pub use sink::{
    Answer, Content, Delivery, Item, Resume, Resumed, Sink, SinkConfig, SinkDefinition, WritesInDoubt, alert_fn,
    sink_fn,
};
pub use source::{Source, SourceConfig, SourceDefinition};

/// Whatever went wrong inside of a component. It reads after "failed to open sink `x`: ".
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
