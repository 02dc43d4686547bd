//! In memory: for tests, and for programs that want to look at what went through.
//!
//! ```
//! use monitor_core::{Generation, Monitor};
//! use monitor_sinks::memory::Memory;
//!
//! let memory = Memory::new(1_000);
//! let monitor = Monitor::builder().sink("memory", memory.sink()).start()?;
//! monitor.track_generation(Generation::new(1.5, true).model("gpt-4o"));
//! monitor.shutdown();
//! assert_eq!(memory.events().len(), 1);
//! # Ok::<_, monitor_core::pipeline::StartError>(())
//! ```

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use monitor_core::Event;
use monitor_core::component::{Answer, Sink, sink_fn};

/// Keeps the latest events that its sinks get. Clones share what they keep.
#[derive(Clone, Debug)]
pub struct Memory {
    most: usize,
    kept: Arc<Mutex<VecDeque<Event>>>,
}

impl Memory {
    /// One that keeps so many events; of more, the latest.
    pub fn new(most: usize) -> Self {
        Self { most, kept: Arc::default() }
    }

    /// A sink that puts its events here.
    pub fn sink(&self) -> Box<dyn Sink> {
        let memory = self.clone();
        sink_fn(move |delivery| {
            let mut kept = memory.kept();
            for event in delivery.events() {
                if kept.len() >= memory.most {
                    kept.pop_front();
                }
                if memory.most > 0 {
                    kept.push_back(event.clone());
                }
            }
            Answer::Ok
        })
    }

    /// What it keeps, the oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.kept().iter().cloned().collect()
    }

    /// Takes out what it keeps, the oldest first.
    pub fn take(&self) -> Vec<Event> {
        self.kept().drain(..).collect()
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use monitor_core::event::Body;
    use monitor_core::{Metadata, Monitor};

    use super::*;

    #[test]
    fn it_keeps_the_latest() {
        let memory = Memory::new(3);
        let monitor = Monitor::builder().sink("memory", memory.sink()).start().expect("starts");
        let handle = monitor.metric("n", Metadata::new());
        for number in 0..5 {
            handle.record(f64::from(number));
        }
        assert!(monitor.flush(Duration::from_secs(10)).complete);
        let values = |events: Vec<Event>| -> Vec<f64> {
            let value = |event: Event| if let Body::Metric(metric) = event.body { metric.value } else { f64::NAN };
            events.into_iter().map(value).collect()
        };
        assert_eq!((values(memory.events()), values(memory.take())), (vec![2.0, 3.0, 4.0], vec![2.0, 3.0, 4.0]));
        assert_eq!((memory.events(), Memory::new(0).events()), (vec![], vec![]));
    }
}
