//! What tells whoever does the work that a rule wants it to stop.

use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::{Text, Timestamp};

/// Set once a rule with `action = "stop"` fires, and never unset: also not when the rule resolves. A silence holds back what
/// people are told, not this. Clones are the same signal.
///
/// A batch job that ends when its budget is used up:
///
/// ```
/// use std::time::Duration;
/// use monitor_core::component::{Reading, Rule, Verdict};
/// use monitor_core::config::{ActionSetting, RuleSettings};
/// use monitor_core::sample::Labels;
/// use monitor_core::store::{Selector, Store, Window};
/// use monitor_core::{Generation, Monitor, Timestamp, Tokens};
///
/// /// In a program with `monitor-alerts`, `.rules(…)` takes one as it would stand in monitor.toml.
/// struct Budget;
///
/// impl Rule for Budget {
///     fn evaluate(&mut self, store: &Store, _: Timestamp) -> Vec<Reading> {
///         let used = store.stats(&Selector::metric("total_token_count"), Window::ALL).ok().flatten();
///         let spent = used.is_some_and(|used| used.sum > 10_000.0);
///         vec![Reading::new(Labels::NONE, if spent { Verdict::Breached } else { Verdict::Clear })]
///     }
///
///     fn message(&self, _: &Reading) -> Option<String> {
///         Some("10,000 tokens are used up".to_owned())
///     }
/// }
///
/// let settings = RuleSettings { action: Some(ActionSetting::Stop), ..RuleSettings::default() };
/// let monitor = Monitor::builder()
///     .metrics_interval(Duration::from_millis(10))
///     .rule("budget", Box::new(Budget), settings)
///     .start()?;
/// let stop = monitor.stop_signal();
/// while !stop.is_set() {
///     // The work: a call.
///     monitor.track_generation(Generation::new(0.1, true).tokens(Tokens::of(400, 600)));
/// #   std::thread::park_timeout(Duration::from_millis(1));
/// }
/// let reason = stop.reason().expect("it is set");
/// assert_eq!(reason.rule, "budget");
/// let summary = monitor.shutdown().expect("the first shutdown");
/// assert_eq!(summary.stopped.as_ref(), Some(reason));
/// # Ok::<_, monitor_core::pipeline::StartError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct StopSignal {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    reason: OnceLock<StopReason>,
    /// Whoever waits does so by these.
    lock: Mutex<()>,
    set: Condvar,
}

/// Why the work is to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StopReason {
    /// The rule that fired.
    pub rule: Text,
    /// What it says.
    pub message: Text,
    /// When it fired, by the clock of the pipeline.
    pub time: Timestamp,
}

impl StopSignal {
    /// Whether the work is to stop; as cheap as reading a number that another thread writes.
    pub fn is_set(&self) -> bool {
        self.shared.reason.get().is_some()
    }

    /// Why, once it is set: the first rule that fired.
    pub fn reason(&self) -> Option<&StopReason> {
        self.shared.reason.get()
    }

    /// Waits until it is set, at most for `timeout`, and tells whether it is.
    pub fn wait(&self, timeout: Duration) -> bool {
        let lock = self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.shared.set.wait_timeout_while(lock, timeout, |()| !self.is_set()));
        self.is_set()
    }

    /// Sets it, and tells whether it was not; what was the reason stays it.
    pub(super) fn set(&self, reason: StopReason) -> bool {
        let _lock = self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let first = self.shared.reason.set(reason).is_ok();
        self.shared.set.notify_all();
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(rule: &'static str) -> StopReason {
        StopReason { rule: rule.into(), message: "enough".into(), time: Timestamp::from_secs(1) }
    }

    #[test]
    fn the_first_reason_stays() {
        let signal = StopSignal::default();
        assert_eq!((signal.is_set(), signal.reason(), signal.wait(Duration::ZERO)), (false, None, false));
        let clone = signal.clone();
        assert!(clone.set(reason("first")));
        assert!(!clone.set(reason("second")));
        assert_eq!((signal.is_set(), signal.reason()), (true, Some(&reason("first"))));
        assert!(signal.wait(Duration::MAX));
    }

    #[test]
    fn all_who_wait_are_told() {
        let signal = StopSignal::default();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..4).map(|_| scope.spawn(|| signal.wait(Duration::from_secs(600)))).collect();
            signal.set(reason("budget"));
            assert!(waiting.into_iter().all(|thread| thread.join().expect("no panic")));
        });
    }
}
