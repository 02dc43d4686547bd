//! Rules for a program that has no configuration file: the text of one, without the file.

use std::path::PathBuf;

use monitor_core::MonitorBuilder;
use monitor_core::component::{BoxError, Registry};
use monitor_core::config::Config;

/// Adds rules to a monitor by the text that stands for them in a configuration.
pub trait WithRules: Sized {
    /// Adds rules as `monitor.toml` has them: presets, and tables under `[alerts]`.
    ///
    /// ```
    /// use monitor_alerts::WithRules;
    /// use monitor_core::Monitor;
    ///
    /// let monitor = Monitor::builder()
    ///     .rules(r#"presets = ["reference"]"#)?
    ///     .on_alert(|time, alert| eprintln!("{time} {}", alert.message))
    ///     .start()?;
    /// monitor.shutdown();
    /// # Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    ///
    /// # Errors
    /// All that is wrong with the text.
    fn rules(self, toml: &str) -> Result<Self, BoxError>;
}

impl WithRules for MonitorBuilder {
    fn rules(self, toml: &str) -> Result<Self, BoxError> {
        let mut registry = Registry::new();
        crate::register(&mut registry)?;
        let config = Config::parse(toml, "rules", PathBuf::new(), &registry)?;
        Ok(self.rules_of(config)?)
    }
}
