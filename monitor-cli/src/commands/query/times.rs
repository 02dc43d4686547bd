//! From flags to windows: the times that are asked for, once it is known from when to when there is data.

use std::time::Duration;

use monitor_core::store::{Steps, Window};
use monitor_core::time::parse_duration;
use monitor_core::{Timestamp, Zone};

use crate::args::QueryArgs;
use crate::exit::Failure;

/// The times of the command line, read but not yet related to the data.
pub(super) struct Times {
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
pub(super) enum Asked {
    One(Window),
    Many(Steps),
}

impl Times {
    pub(super) fn parse(args: &QueryArgs) -> Result<Self, Failure> {
        let moment = |flag: &str, text: &Option<String>| {
            text.as_ref().map(|text| Moment::parse(flag, text, &args.timezone)).transpose()
        };
        if args.since.is_some() && args.window.is_some() && args.step.is_none() {
            let error = "--since and --window both say where it begins: leave one out, or add --step for many windows";
            return Err(Failure::Usage(error.to_owned()));
        }
        let (at, until) = (moment("--at", &args.at)?, moment("--until", &args.until)?);
        Ok(Self { since: moment("--since", &args.since)?, until: until.or(at), window: args.window, step: args.step })
    }

    /// The windows that are meant, over data from `data.start` to `data.end`.
    pub(super) fn over(&self, data: Window) -> Result<Asked, Failure> {
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
        steps.windows().map(|_| Asked::Many(steps)).map_err(super::unanswered)
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
