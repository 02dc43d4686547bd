//! A circuit breaker a sink: one that fails again and again is left alone for a while, and then tried with one event.

use std::time::{Duration, Instant};

use super::instant;

/// So many failures one after the other open the circuit.
const OPENS_AT: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// What is there again is noticed about so soon; a sink that wants to be left alone for longer says so.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Counts failures one after the other, and says how long to leave a sink alone.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    until: Option<Instant>,
}

impl Breaker {
    /// The sink has failed once more. Tells whether that has opened the circuit.
    pub(super) fn failed(&mut self, after: Option<Duration>) -> bool {
        self.failures += 1;
        self.until = instant().checked_add(after.unwrap_or_else(|| self.pause()).mul_f64(jitter()));
        self.failures == OPENS_AT
    }

    /// The sink has done something. Tells whether that has closed the circuit.
    pub(super) fn succeeded(&mut self) -> bool {
        self.until = None;
        std::mem::take(&mut self.failures) >= OPENS_AT
    }

    /// Whether the circuit is open: the sink is tried with one event, now and then.
    pub(super) fn is_open(&self) -> bool {
        self.failures >= OPENS_AT
    }

    /// How long it is still to be left alone.
    pub(super) fn rest(&self) -> Duration {
        self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(instant()))
    }

    /// Twice as long with every failure.
    fn pause(&self) -> Duration {
        FIRST_PAUSE.saturating_mul(1 << (self.failures - 1).min(16)).min(LONGEST_PAUSE)
    }
}

/// Between 1 and 1.25, so that sinks that failed together do not try again together.
fn jitter() -> f64 {
    use std::hash::BuildHasher;
    let random = foldhash::fast::RandomState::default().hash_one(instant());
    1.0 + (random % 1_000) as f64 / 4_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_failure_opens_it_and_a_success_closes_it() {
        let mut breaker = Breaker::default();
        assert_eq!([(); 6].map(|()| breaker.failed(None)), [false, false, false, false, true, false]);
        assert!(breaker.is_open());
        assert!(breaker.succeeded());
        assert_eq!((breaker.is_open(), breaker.rest(), breaker.succeeded()), (false, Duration::ZERO, false));
    }

    #[test]
    fn pauses_double_up_to_a_second_unless_the_sink_knows_better() {
        let mut breaker = Breaker::default();
        let pauses = [(); 12].map(|()| {
            breaker.failed(None);
            breaker.rest()
        });
        for (pause, expected) in pauses.into_iter().zip([50, 100, 200, 400, 800, 1_000, 1_000]) {
            let least = Duration::from_millis(expected).mul_f64(0.95);
            assert!((least..=least.mul_f64(1.35)).contains(&pause), "{pause:?} for {expected} ms");
        }
        breaker.failed(Some(Duration::from_secs(60)));
        assert!(breaker.rest() > Duration::from_secs(59));
    }
}
