//! Steps against a naive count.

use monitor_core::Zone;
use proptest::prelude::*;

use super::*;
use crate::testing::store_of;

proptest! {
    #[test]
    fn a_step_is_the_share_of_values_no_larger(values in prop::collection::vec(0..20_i32, 1..100)) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let store = store_of(&[("m", &[], &values)]);
        let figure = Config::of("m").figure(&store, &Scope::all(Zone::UTC)).expect("valid").expect("data");
        let Plot::Curves(curves) = figure.plot else { panic!("curves") };
        let points = &curves.curves[0].points;
        prop_assert!(points.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1));
        for pair in points.chunks_exact(2) {
            let (value, count) = (pair[0].0, values.len() as f64);
            let share = |inside: &dyn Fn(f64) -> bool| values.iter().filter(|other| inside(**other)).count() as f64 / count;
            prop_assert_eq!(pair[0], (value, share(&|other| other < value)));
            prop_assert_eq!(pair[1], (value, share(&|other| other <= value)));
        }
        prop_assert_eq!(points.last().map(|point| point.1), Some(1.0));
    }
}

#[test]
fn a_curve_a_group_and_no_data() {
    let store = store_of(&[("m", &[("model_name", "a")], &[1.0, 2.0]), ("m", &[("model_name", "b")], &[3.0])]);
    let config = Config { by: Some("model_name".into()), ..Config::of("m") };
    let figure = config.figure(&store, &Scope::all(Zone::UTC)).expect("valid").expect("data");
    let Plot::Curves(curves) = figure.plot else { panic!("curves") };
    assert_eq!(curves.curves.iter().map(|curve| curve.label.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(Config::of("nothing").figure(&store, &Scope::all(Zone::UTC)).expect("valid").is_none());
}
