//! The few things that writer and readers share, so that a model checker can stand in for them.

#[cfg(not(all(test, loom)))]
mod real {
    pub(crate) use std::sync::Arc;
    pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    /// A value that the writer replaces as a whole, and of which readers take what is there.
    #[derive(Debug)]
    pub(crate) struct Shared<T>(arc_swap::ArcSwap<T>);

    impl<T> Shared<T> {
        pub(crate) fn new(value: Arc<T>) -> Self {
            Self(arc_swap::ArcSwap::new(value))
        }

        /// What is there now; it stays as it is for as long as it is held.
        pub(crate) fn get(&self) -> impl std::ops::Deref<Target = Arc<T>> {
            self.0.load()
        }

        pub(crate) fn set(&self, value: Arc<T>) {
            self.0.store(value);
        }
    }
}

/// `loom` knows no `ArcSwap`; a lock that is held for a copy of the pointer orders what comes before and after alike.
#[cfg(all(test, loom))]
mod real {
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    #[derive(Debug)]
    pub(crate) struct Shared<T>(loom::sync::Mutex<Arc<T>>);

    impl<T> Shared<T> {
        pub(crate) fn new(value: Arc<T>) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn get(&self) -> impl std::ops::Deref<Target = Arc<T>> {
            Box::new(self.0.lock().expect("no thread of a model panics").clone())
        }

        pub(crate) fn set(&self, value: Arc<T>) {
            *self.0.lock().expect("no thread of a model panics") = value;
        }
    }
}

pub(crate) use real::*;
