//! Chance that can be had again: every failure names its seed.

/// `SplitMix64` (Steele, Lea and Flood 2014).
pub(crate) struct Random(u64);

impl Random {
    /// From `MONITOR_CHAOS_SEED`, or from the time.
    pub(crate) fn new() -> Self {
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_nanos() as u64;
        let seed = std::env::var("MONITOR_CHAOS_SEED").map_or(now, |text| text.parse().expect("a number"));
        println!("MONITOR_CHAOS_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}
