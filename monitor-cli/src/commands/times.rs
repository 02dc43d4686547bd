//! From flags to windows: the times that are asked for, once it is known from when to when there is data.

use std::time::Duration;

use monitor_core::store::{Steps, Window};
use monitor_core::time::parse_duration;
use monitor_core::{Timestamp, Zone};

use crate::exit::Failure;

/// What a command line says of times.
pub(crate) struct Flags<'a> {
    pub(crate) since: Option<&'a String>,
    pub(crate) until: Option<&'a String>,
    pub(crate) at: Option<&'a String>,
    pub(crate) window: Option<Duration>,
    pub(crate) step: Option<Duration>,
    pub(crate) zone: &'a Zone,
    /// Whether the command has `--at` and `--step`.
    pub(crate) at_and_step: bool,
}

/// The times of the command line, read but not yet related to the data.
pub(crate) struct Times {
    since: Option<Moment>,
    until: Option<Moment>,
    window: Option<Duration>,
    step: Option<Duration>,
}

#[derive(Clone, Copy)]
enum Moment {
    At(Timestamp),
    BeforeEnd(Duration),
}

/// The windows that are meant.
pub(crate) enum Asked {
    One(Window),
    Many(Steps),
}

impl Times {
    pub(crate) fn parse(flags: &Flags<'_>) -> Result<Self, Failure> {
        let moment =
            |flag: &str, text: Option<&String>| text.map(|text| Moment::parse(flag, text, flags.zone)).transpose();
        if flags.since.is_some() && flags.window.is_some() && flags.step.is_none() {
            let error = "--since and --window both say where it begins: leave one out";
            let more = if flags.at_and_step { ", or add --step for many windows" } else { "" };
            return Err(Failure::Usage(format!("{error}{more}")));
        }
        let (at, until) = (moment("--at", flags.at)?, moment("--until", flags.until)?);
        let since = moment("--since", flags.since)?;
        Ok(Self { since, until: until.or(at), window: flags.window, step: flags.step })
    }

    /// Whether what is meant depends on when the data ends.
    pub(crate) fn needs_data(&self) -> bool {
        let relative = |moment: &Option<Moment>| matches!(moment, Some(Moment::BeforeEnd(_)));
        relative(&self.since) || relative(&self.until) || (self.window.is_some() && self.until.is_none())
    }

    /// The windows that are meant, over data from `data.start` to `data.end`.
    pub(crate) fn over(&self, data: Window) -> Result<Asked, Failure> {
        let [since, until] = [self.since, self.until].map(|moment| moment.map(|moment| moment.before(data.end)));
        if let (Some(since), Some(until)) = (since, until.or_else(|| self.step.is_none().then_some(data.end)))
            && since > until
        {
            return Err(Failure::Usage(format!("--since {since} is later than the end, {until}: set --until later")));
        }
        let Some(step) = self.step else {
            let end = until.unwrap_or(data.end);
            let start = since.or_else(|| Some(end.minus(self.window?)));
            return Ok(Asked::One(Window { start: start.unwrap_or(data.start.min(end)), end }));
        };
        let steps = steps(since, until, step, self.window.unwrap_or(step), data);
        steps.windows().map(|_| Asked::Many(steps)).map_err(super::query::unanswered)
    }
}

/// Where nothing else is said the steps are whole ones, as those of rules are, and no sample is left out.
fn steps(since: Option<Timestamp>, until: Option<Timestamp>, step: Duration, window: Duration, data: Window) -> Steps {
    let start = since.unwrap_or_else(|| {
        let whole = data.start.floor(step);
        let first = if whole == data.start { whole } else { whole.plus(step) };
        until.map_or(first, |until| first.min(until))
    });
    let end = until.unwrap_or_else(|| {
        let count = data.end.since(start).as_micros().div_ceil(step.as_micros());
        let length = u64::try_from(count * step.as_micros()).unwrap_or(u64::MAX);
        start.plus(Duration::from_micros(length))
    });
    Steps { start, end, step, window }
}

impl Moment {
    fn parse(flag: &str, text: &str, zone: &Zone) -> Result<Self, Failure> {
        if let Some(Ok(length)) = text.strip_prefix('-').map(parse_duration) {
            return Ok(Self::BeforeEnd(length));
        }
        // A day begins at its midnight.
        let midnight = text.len() == "2026-05-04".len() && text.bytes().filter(|byte| *byte == b'-').count() == 2;
        let text = &if midnight { format!("{text}T00:00:00") } else { text.to_owned() };
        let wrong =
            |error| Failure::Usage(format!("{flag}: {error}; or a length before the end of the data, as in -10m"));
        Timestamp::parse(text, zone).map(Self::At).map_err(wrong)
    }

    fn before(self, end: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::BeforeEnd(length) => end.minus(length),
        }
    }
}
