//! Writer and readers of the store's youngest samples, in every order that threads can run in.
//!
//!     RUSTFLAGS="--cfg loom" cargo test --release -p monitor-core --test loom
#![cfg(loom)]

#[expect(dead_code, reason = "the model needs a part of the store")]
#[path = "../src/store"]
mod store {
    mod open;
    mod sync;

    use self::open::Open;
    use self::sync::{Arc, Shared};

    /// A series as readers see it: what is at rest, and what is open.
    struct State {
        at_rest: Vec<(i64, f64)>,
        open: Arc<Open>,
    }

    impl State {
        fn seen(&self) -> Vec<(i64, f64)> {
            self.at_rest.iter().copied().chain(self.open.iter()).collect()
        }
    }

    /// What the writer does with a sample that finds no room: puts the open ones to rest and opens anew.
    fn push(shared: &Shared<State>, room: usize, time: i64) {
        let state = Arc::clone(&shared.get());
        if state.open.push(time, time as f64) {
            return;
        }
        let open = Open::with_room(room);
        assert!(open.push(time, time as f64));
        shared.set(Arc::new(State { at_rest: state.seen(), open: Arc::new(open) }));
    }

    /// Whatever a reader sees is a beginning of what was written, without a gap, a repeat or half a sample, and what it sees
    /// later is not less.
    #[test]
    fn a_reader_sees_whole_samples_in_the_order_in_which_they_came() {
        loom::model(|| {
            let start = State { at_rest: Vec::new(), open: Arc::new(Open::with_room(2)) };
            let shared = Arc::new(Shared::new(Arc::new(start)));
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
            for time in 1..=4 {
                push(&shared, 2, time);
            }
            reader.join().expect("no assertion of the reader fails");
            assert_eq!(shared.get().seen().len(), 4);
        });
    }
}
