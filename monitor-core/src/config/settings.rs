//! The keys that are not a component's own: of the file as a whole, of the store, and of every component of a kind.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use glob::Pattern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DurationText, KindText, PriceSettings, SizeText, ZoneText};
use crate::alerting::QuietHours;
use crate::bus::Durability;
use crate::component::{Content, Invalid, Validate};
use crate::event::{KindSet, Level};
use crate::pipeline::{Filter, PIPELINE_LABELS};
use crate::sample::BUILTIN_LABELS;
use crate::store::{Limits, ParseSelectorError, Selector};
use crate::{Text, Zone};

/// Keys at the top of the file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Folder of all outputs. `{start}` in it becomes the time of the start, as in 2026-05-04-14-00-00.
    pub data_dir: PathBuf,
    /// How often rules are evaluated, at whole multiples of it.
    pub metrics_interval: DurationText,
    /// How long a shutdown may take; what is left then is counted and said.
    pub shutdown_timeout: DurationText,
    /// Zone of timestamps that carry none, and of times shown to people.
    pub timezone: ZoneText,
    /// Whose time it is. Without it: the events' if every source is a file that is not followed, else the system's; a recording
    /// that comes through standard input wants "event".
    pub clock: Option<ClockSetting>,
    /// Presets to take rules and charts from; a table of the same name overrides their keys.
    pub presets: Vec<String>,
    /// The windowed store, a table of its own.
    #[serde(skip)]
    pub store: StoreSettings,
    /// What outlives the process, a table of its own.
    #[serde(skip)]
    pub durability: DurabilitySettings,
    /// What tokens cost, a table of its own.
    #[serde(skip)]
    pub prices: PriceSettings,
    /// When people are told of alerts, a table of its own.
    #[serde(skip)]
    pub notify: NotifySettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: "monitoring".into(),
            metrics_interval: DurationText(Duration::from_secs(60)),
            shutdown_timeout: DurationText(Duration::from_secs(5)),
            timezone: ZoneText(Zone::Local),
            clock: None,
            presets: Vec::new(),
            store: StoreSettings::default(),
            durability: DurabilitySettings::default(),
            prices: PriceSettings::default(),
            notify: NotifySettings::default(),
        }
    }
}

impl Settings {
    /// The labels that series can have: the built-in ones, those of the pipeline's own metrics, and those of `[store]`.
    pub fn labels(&self) -> Vec<&str> {
        let own = self.store.labels.iter().map(Text::as_str);
        BUILTIN_LABELS.into_iter().chain(PIPELINE_LABELS).chain(own).collect()
    }
}

impl Validate for Settings {
    fn validate(&self) -> Result<(), Invalid> {
        if self.metrics_interval.0 < Duration::from_millis(1) {
            return Err(Invalid::key("metrics_interval", "must be at least 1ms"));
        }
        Ok(())
    }
}

/// Whose time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClockSetting {
    /// The time of the events: a recording is replayed as fast as it can be read.
    Event,
    /// The machine's.
    System,
}

/// `[store]`: what the windowed store keeps at most.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// How long every sample is kept, seen from the newest; older ones are summed up in buckets of a minute, after two
    /// days more of an hour, where that saves room.
    pub raw_retention: DurationText,
    /// How long the buckets are kept.
    pub bucket_retention: DurationText,
    /// Samples that come this much later than the newest are not taken; as long as raw_retention if it is not given.
    pub lateness: Option<DurationText>,
    /// How many series are kept apart; the rest is counted under `overflow=other`.
    pub max_series: usize,
    /// The same, for the series of one metric.
    pub max_series_per_metric: usize,
    /// How many bytes the store may take.
    pub max_bytes: SizeText,
    /// The relative error of percentiles over more than 2,048 samples, at least 0.001.
    pub percentile_error: f64,
    /// Whether the store and the states of the rules are written to the data folder at the end and taken up at the next
    /// start. Not for a file that is read once, which begins anew at each start: what is read again would count twice.
    pub snapshot: bool,
    /// Attributes that become labels, beside model_name, operation, evaluator_type, success, finish_reason, error_type.
    pub labels: Vec<Text>,
}

impl Default for StoreSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            raw_retention: DurationText(limits.raw_retention),
            bucket_retention: DurationText(limits.bucket_retention),
            lateness: None,
            max_series: limits.max_series,
            max_series_per_metric: limits.max_series_per_metric,
            max_bytes: SizeText(limits.max_bytes),
            percentile_error: limits.percentile_error,
            snapshot: false,
            labels: Vec::new(),
        }
    }
}

impl StoreSettings {
    /// As the store's limits.
    pub fn limits(&self) -> Limits {
        Limits {
            raw_retention: self.raw_retention.0,
            bucket_retention: self.bucket_retention.0,
            lateness: self.lateness.as_ref().unwrap_or(&self.raw_retention).0,
            max_series: self.max_series,
            max_series_per_metric: self.max_series_per_metric,
            max_bytes: self.max_bytes.0,
            percentile_error: self.percentile_error,
        }
    }
}

/// `[durability]`: what outlives the process.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DurabilitySettings {
    /// How safe events are once they are accepted: "L0" in memory, "L1" from the end of the process, "L2" from a loss of
    /// power. A run that only reads recordings is "L0": it can be run again.
    pub level: Durability,
    /// How large the spool may become; then its oldest events are lost to sinks that have not got them, counted.
    pub quota: SizeText,
}

impl Default for DurabilitySettings {
    fn default() -> Self {
        Self { level: Durability::L1, quota: SizeText(1 << 30) }
    }
}

impl Validate for DurabilitySettings {
    fn validate(&self) -> Result<(), Invalid> {
        if self.level == Durability::L3 {
            return Err(Invalid::key("level", "must be \"L0\", \"L1\" or \"L2\": L3 is what a caller waits for"));
        }
        if self.quota.0 < 1 << 20 {
            return Err(Invalid::key("quota", "must be at least 1 MiB"));
        }
        Ok(())
    }
}

/// `[notify]`: when people are told of alerts. What is held back is told once nothing holds it back, if it is so still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NotifySettings {
    /// Hours in which nobody is told, in the zone of `timezone`: "22:00-07:00", "Sat-Sun", "Mon-Fri 18:00-08:00".
    pub quiet: Vec<String>,
    /// What is as grave as this is told in any case: in quiet hours, and beyond `at_most`.
    pub urgent: Level,
    /// No more messages than this within `per`; as many as there are without it.
    pub at_most: Option<usize>,
    /// See `at_most`.
    pub per: DurationText,
}

impl Default for NotifySettings {
    fn default() -> Self {
        let per = DurationText(Duration::from_secs(3_600));
        Self { quiet: Vec::new(), urgent: Level::Critical, at_most: None, per }
    }
}

impl Validate for NotifySettings {
    fn validate(&self) -> Result<(), Invalid> {
        for hours in &self.quiet {
            hours.parse::<QuietHours>().map_err(|error| Invalid::key("quiet", error.to_string()))?;
        }
        if self.at_most == Some(0) {
            return Err(Invalid::key("at_most", "must be at least 1; silence the rules of which nobody is to be told"));
        }
        if self.per.0.is_zero() {
            return Err(Invalid::key("per", "must be longer than nothing"));
        }
        Ok(())
    }
}

/// Keys of every source.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceSettings {}

/// Keys of every sink.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SinkSettings {
    /// The kinds of events that it gets; all of them without it.
    pub accept: Option<Vec<KindText>>,
    /// What the labels of its events must be, each a text as "model_name=gpt-4o" or "operation=~answer.*": `=`, `!=`, and `=~`,
    /// `!~` with a regular expression for the whole value. One that an event does not have is empty. Of a log its attributes
    /// count.
    #[serde(rename = "where")]
    pub labels: Vec<String>,
    /// The metrics of which it gets samples, as "generation_time" or "evaluation_score_*"; events that yield none of them it
    /// does not get. All of them without it.
    pub metrics: Vec<String>,
    /// It gets one event in so many, alerts apart, of which it gets all. The others are counted as filtered.
    pub sample: u64,
    /// Of the attributes, and of the texts error, feedback and message, it gets only those of these names.
    pub fields: Option<Vec<Text>>,
    /// Attributes of these names, also inside of others, and the texts error, feedback and message if they are named, it gets
    /// as "***".
    pub redact: Vec<Text>,
    /// Whether it gets whole events or the samples that they yield; each type has its own default.
    pub content: Option<Content>,
    /// Whether the run has failed if this sink has. What a required sink cannot write is tried until it can.
    pub required: bool,
    /// What happens when it falls behind: it gets the oldest events from the disk, whoever feeds the bus waits for it, or it
    /// loses the oldest events, or the newest.
    pub overflow: OverflowSetting,
    /// How many events it gets at once, at most.
    pub batch: usize,
    /// How long events may wait for a batch to fill.
    pub linger: DurationText,
    /// How long a write may take before the sink counts as stalled: that is said, and nobody waits for it any more.
    pub timeout: DurationText,
}

impl Default for SinkSettings {
    fn default() -> Self {
        Self {
            accept: None,
            labels: Vec::new(),
            metrics: Vec::new(),
            sample: 1,
            fields: None,
            redact: Vec::new(),
            content: None,
            required: true,
            overflow: OverflowSetting::Spill,
            batch: 1_024,
            linger: DurationText(Duration::from_millis(100)),
            timeout: DurationText(Duration::from_secs(30)),
        }
    }
}

impl Validate for SinkSettings {
    fn validate(&self) -> Result<(), Invalid> {
        if self.batch == 0 {
            return Err(Invalid::key("batch", "must be at least 1"));
        }
        if self.accept.as_ref().is_some_and(Vec::is_empty) {
            return Err(Invalid::key("accept", "must name at least one kind; leave the key out to accept all"));
        }
        if self.sample == 0 {
            return Err(Invalid::key("sample", "must be at least 1: one event in so many"));
        }
        self.selector().map_err(|error| Invalid::key("where", error.to_string()))?;
        for metric in &self.metrics {
            Pattern::new(metric)
                .map_err(|error| Invalid::key("metrics", format!("`{metric}` is no pattern: {error}")))?;
        }
        Ok(())
    }
}

impl SinkSettings {
    fn selector(&self) -> Result<Option<Selector>, ParseSelectorError> {
        let all = self.labels.iter().try_fold(Selector::metric("*"), |all, condition| all.and_text(condition))?;
        Ok((!self.labels.is_empty()).then_some(all))
    }

    /// Which events it gets, and what of them.
    pub(crate) fn filter(&self) -> Filter {
        let valid = "settings are validated when they are read";
        Filter {
            accept: self.accept.as_ref().map_or(KindSet::ALL, |kinds| kinds.iter().map(|kind| kind.0).collect()),
            labels: self.selector().expect(valid),
            metrics: self.metrics.iter().map(|metric| Pattern::new(metric).expect(valid)).collect(),
            sample: self.sample,
            fields: self.fields.clone(),
            redact: self.redact.clone(),
        }
    }
}

/// What happens to a sink that falls behind when the bus is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverflowSetting {
    /// It gets the oldest events from the spool on disk, and loses none. With `level = "L0"` there is no spool: then as block.
    #[default]
    Spill,
    /// The sources wait for it, up to its `timeout`; after that it counts as stalled and loses the oldest events.
    Block,
    /// It loses the oldest events, counted; nobody waits.
    DropOldest,
    /// It keeps the oldest events and loses what comes until it has written them, counted; nobody waits.
    DropNewest,
}

/// Keys of every rule.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSettings {
    /// How grave it is.
    pub level: Level,
    /// How long the condition must hold before the rule fires.
    #[serde(rename = "for")]
    pub hold: DurationText,
    /// How long a rule that fires goes on firing after the condition has ceased to hold.
    pub keep_firing_for: DurationText,
    /// Once it fires, it ceases only when the value is above this.
    pub recover_above: Option<f64>,
    /// Once it fires, it ceases only when the value is below this.
    pub recover_below: Option<f64>,
    /// With fewer samples than this there is no data.
    pub min_samples: u64,
    /// What no data means: all is well, what was so before, or something to tell people of.
    pub no_data: NoData,
    /// Labels to group by: the rule holds for each group apart.
    pub by: Vec<Text>,
    /// What to tell people. `{{ mean | percent }}` and the other aggregates, `value`, `limit`, `name`, `level` and `labels` can be
    /// used, with the filters percent, number (`number(1)` has one decimal, else there are two), duration, tokens, usd, abs and json.
    /// What may be missing needs another text in its place: `{{ labels.model_name | default("any model") }}`. A place has at most
    /// 500 bytes, all of them together 3,000.
    pub message: Option<String>,
    /// Labels that its alerts carry.
    pub labels: BTreeMap<Text, Text>,
    /// What its alerts say beside the message, each a template as the message is: the address of a runbook.
    pub annotations: BTreeMap<Text, String>,
    /// While it fires, people are reminded so often; never without it.
    pub repeat_every: Option<DurationText>,
    /// Rules of which nobody is told while this one fires: for the same groups, where both are grouped by the same labels.
    pub mutes: Vec<Text>,
    /// What is done when it fires, also while a silence holds back its alerts: "stop" ends the run. The program after `--` is
    /// told to end, and killed if it does not; without one, the sources end. In a Rust program it sets the stop signal.
    pub action: Option<ActionSetting>,
    /// A chart of the configuration, which is drawn when it fires; its alerts name the file.
    pub chart: Option<Text>,
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self {
            level: Level::Warning,
            hold: DurationText(Duration::ZERO),
            keep_firing_for: DurationText(Duration::ZERO),
            recover_above: None,
            recover_below: None,
            min_samples: 1,
            no_data: NoData::Ok,
            by: Vec::new(),
            message: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            repeat_every: None,
            mutes: Vec::new(),
            action: None,
            chart: None,
        }
    }
}

impl Validate for RuleSettings {
    fn validate(&self) -> Result<(), Invalid> {
        if self.recover_above.is_some() && self.recover_below.is_some() {
            return Err(Invalid::key("recover_below", "cannot stand beside `recover_above`: keep one of the two"));
        }
        if self.repeat_every.as_ref().is_some_and(|every| every.0.is_zero()) {
            return Err(Invalid::key(
                "repeat_every",
                "must be longer than nothing; leave the key out for no reminders",
            ));
        }
        // What its messages can name, the rule knows.
        Ok(())
    }
}

/// What no data means to a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NoData {
    /// All is well: a rule that fires resolves.
    #[default]
    Ok,
    /// What was so before still is.
    Keep,
    /// The rule holds: that nothing comes is what people must be told.
    Alert,
}

/// What is done when a rule fires, beside telling people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActionSetting {
    /// The run ends: the program that it watches is stopped, or whoever records is told to stop.
    Stop,
}

/// Keys of every chart.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChartSettings {
    /// Draws it every so often while the pipeline runs, beside once at the end. Each picture takes the place of the one before, so
    /// what reads a recording, with the time of its events, draws only the last.
    pub every: Option<DurationText>,
    /// The heading; the chart's own without it.
    pub title: Option<String>,
    /// The name of the axis across; the chart's own without it.
    pub x_label: Option<String>,
    /// The name of the axis upwards, which stands over it; the chart's own without it.
    pub y_label: Option<String>,
    /// Only the last so long is drawn; all that the store holds without it.
    pub window: Option<DurationText>,
    /// Width and height in pixels, at 100 dots an inch.
    pub size: (u32, u32),
    /// Dots an inch: 200 gives twice as many pixels, for dense screens and print.
    pub dpi: u32,
    /// Dark ink on white, or light ink on black.
    pub theme: ThemeSetting,
    /// The files to write, of charts that are pictures.
    pub formats: Vec<PictureFormat>,
}

/// A set of inks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThemeSetting {
    /// Dark ink on white.
    #[default]
    Light,
    /// Light ink on near-black.
    Dark,
}

/// A kind of picture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PictureFormat {
    /// Pixels.
    Png,
    /// Shapes.
    Svg,
}

/// Pixels of a side that a picture can have.
const SIDE: u32 = 16_384;

impl Default for ChartSettings {
    fn default() -> Self {
        Self {
            every: None,
            title: None,
            x_label: None,
            y_label: None,
            window: None,
            size: (1_200, 600),
            dpi: 100,
            theme: ThemeSetting::default(),
            formats: vec![PictureFormat::Png],
        }
    }
}

impl Validate for ChartSettings {
    fn validate(&self) -> Result<(), Invalid> {
        if self.every.as_ref().is_some_and(|every| every.0 < Duration::from_secs(1)) {
            return Err(Invalid::key("every", "must be at least 1s"));
        }
        if self.formats.is_empty() {
            return Err(Invalid::key("formats", "must name at least one of \"png\" and \"svg\""));
        }
        if !(10..=1_000).contains(&self.dpi) {
            return Err(Invalid::key("dpi", "must be from 10 to 1,000"));
        }
        let fits = |pixels: u32, least: u32| (least..=SIDE).contains(&pixels) && pixels * self.dpi / 100 <= SIDE;
        if !fits(self.size.0, 240) || !fits(self.size.1, 160) {
            let message = "must be at least 240 by 160, and at most 16,384 pixels each way at the `dpi`";
            return Err(Invalid::key("size", message));
        }
        if self.window.as_ref().is_some_and(|window| window.0.is_zero()) {
            return Err(Invalid::key("window", "must be longer than nothing"));
        }
        Ok(())
    }
}
