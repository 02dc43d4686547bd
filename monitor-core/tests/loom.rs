//! Writer and readers of the store's youngest samples, in every order that threads can run in.
//!
//!     RUSTFLAGS="--cfg loom" cargo test --release -p monitor-core --test loom
#![cfg(loom)]

#[expect(dead_code, reason = "the model needs a part of the store")]
#[path = "../src/store"]
mod store {
    mod open;
    mod sync;

    use self::open::{Column, Growing, Open};
    use self::sync::{Arc, Shared};

    /// A series as readers see it: what is at rest, and what is open.
    struct State {
        at_rest: Vec<(i64, f64)>,
        open: Column,
    }

    impl State {
        fn new(at_rest: Vec<(i64, f64)>, open: &Arc<Open>) -> Self {
            let table = Arc::new(Growing::new(Arc::clone(open)));
            Self { at_rest, open: Column { table, at: 0 } }
        }

        fn seen(&self) -> Vec<(i64, f64)> {
            let (mut times, mut values) = (Vec::new(), Vec::new());
            self.open.read(&mut times, &mut values);
            self.at_rest.iter().copied().chain(times.into_iter().zip(values)).collect()
        }
    }

    /// What the writer does with a sample that finds no room: the table grows once, then its samples are put to rest and
    /// it begins anew.
    fn push(shared: &Shared<State>, open: &mut Arc<Open>, time: i64) {
        if open.push(time, &[time as f64]) {
            return;
        }
        let state = Arc::clone(&shared.get());
        if open.room() == 1 {
            *open = Arc::new(open.resized(2));
            state.open.table.grow(Arc::clone(open));
            assert!(open.push(time, &[time as f64]));
        } else {
            *open = Arc::new(Open::with_room(1, 1));
            assert!(open.push(time, &[time as f64]));
            shared.set(Arc::new(State::new(state.seen(), open)));
        }
    }

    /// Whatever a reader sees is a beginning of what was written, without a gap, a repeat or half a sample, and what it sees
    /// later is not less.
    #[test]
    fn a_reader_sees_whole_samples_in_the_order_in_which_they_came() {
        // All orders in which threads are interrupted at most so often: without a bound there are too many of them.
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(5);
        model.check(|| {
            let mut open = Arc::new(Open::with_room(1, 1));
            let shared = Arc::new(Shared::new(Arc::new(State::new(Vec::new(), &open))));
            let reader = {
                let shared = Arc::clone(&shared);
                loom::thread::spawn(move || {
                    let mut before = 0;
                    for _ in 0..2 {
                        let seen = shared.get().seen();
                        assert!(
                            seen.iter().enumerate().all(|(at, sample)| *sample == (at as i64 + 1, at as f64 + 1.0))
                        );
                        assert!(seen.len() >= before);
                        before = seen.len();
                    }
                })
            };
            for time in 1..=3 {
                push(&shared, &mut open, time);
            }
            reader.join().expect("no assertion of the reader fails");
            assert_eq!(shared.get().seen().len(), 3);
        });
    }
}
