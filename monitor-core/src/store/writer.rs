//! The writing side of the store: which series a sample belongs to, and the bounds.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use foldhash::fast::RandomState;

use super::group::Group;
use super::index::{Index, List};
use super::node::Press;
use super::rollup::{COARSE, FINE, Gone, hours_before};
use super::series::{Written, beyond_inline};
use super::sync::Arc;
use super::{Bounds, Limits};
use crate::read::LARGEST;
use crate::sample::{Labels, Samples, SeriesKey, SeriesSet};
use crate::{Text, Timestamp};

/// Sets of series whose places are kept: a known one saves the look-ups of its series.
const KNOWN_SETS: usize = 65_536;
/// A series that is in so many groups gets the samples of further ones alone.
const GROUPS_OF_A_SERIES: usize = 32;
/// Metrics without series that stay known, and what each of them takes.
const GONE: usize = 10_000;
const GONE_BYTES: usize = 64;
/// Metrics of which overflow is told by name.
const NAMED: usize = 100;
/// Groups and series whose ages are seen to between two batches.
const AT_ONCE: usize = 1_024;
/// Buckets become wider two days after they were made.
const FINE_FOR: i64 = 48 * COARSE;

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) limits: Limits,
    pub(super) press: Press,
    pub(super) series: Vec<Written>,
    places: HashMap<Arc<SeriesKey>, usize, RandomState>,
    groups: Vec<Group>,
    group_places: HashMap<Box<[usize]>, usize, RandomState>,
    /// Where the samples of sets of series go, by the numbers of the sets.
    sets: HashMap<u64, Route, RandomState>,
    pub(super) index: Index,
    /// Whether it has changed since it was last published.
    pub(super) index_changed: bool,
    pub(super) newest: i64,
    /// No sample held is older.
    pub(super) earliest: i64,
    /// Samples older than this are in buckets.
    raw_from: i64,
    /// Nothing older than this is taken.
    pub(super) oldest: i64,
    /// What is older was let go to make room.
    pub(super) evicted_to: i64,
    pub(super) bounds: Bounds,
    /// Shared with those who ask, as it seldom changes.
    pub(super) overflowing: Arc<BTreeMap<Text, u64>>,
    /// Samples that came since the ages were last seen to.
    unchecked: u64,
    /// What is still to be done of the last time.
    ageing: Option<Ageing>,
}

/// Where the samples of a set of series go.
#[derive(Clone, Debug)]
enum Route {
    /// To one group.
    Together(usize),
    /// To a group for each of them.
    Apart(Arc<[usize]>),
}

/// Ages that are being seen to.
#[derive(Clone, Copy, Debug)]
struct Ageing {
    /// Samples older than this become buckets.
    raw_from: i64,
    /// And what is older than this is let go.
    kept_from: i64,
    /// So many groups have been seen to, and then so many series.
    groups: usize,
    series: usize,
}

impl Writer {
    pub(super) fn new(limits: Limits, press: Press) -> Self {
        Self {
            limits,
            press,
            series: Vec::new(),
            places: HashMap::default(),
            groups: Vec::new(),
            group_places: HashMap::default(),
            sets: HashMap::default(),
            index: Index::default(),
            index_changed: false,
            newest: i64::MIN,
            earliest: i64::MAX,
            raw_from: i64::MIN,
            oldest: i64::MIN,
            evicted_to: i64::MIN,
            bounds: Bounds::default(),
            overflowing: Arc::default(),
            unchecked: 0,
            ageing: None,
        }
    }

    /// Adds the samples of some events. Age is seen from the newest of them, but from no later than `now`.
    pub(super) fn insert(&mut self, samples: &Samples, events: Range<usize>, now: Timestamp) {
        for event in samples.of_each(events) {
            let Some(set) = event.series() else { continue };
            let (time, values) = (event.time().as_micros(), event.values());
            if time < self.oldest {
                self.bounds.too_old += values.len() as u64;
            } else if !values.iter().all(|value| value.abs() <= LARGEST) {
                self.insert_finite(set, time, values);
            } else {
                match self.sets.get(&set.id()) {
                    Some(Route::Together(group)) => self.push(*group, time, values),
                    Some(Route::Apart(groups)) => {
                        let groups = Arc::clone(groups);
                        groups.iter().zip(values).for_each(|(group, value)| self.push(*group, time, &[*value]));
                    }
                    None => self.insert_new(set, time, values),
                }
            }
        }
        self.keep_bounds(now.as_micros());
    }

    #[inline]
    fn push(&mut self, group: usize, time: i64, values: &[f64]) {
        if !self.groups[group].push(time, values) {
            self.change_group(group, Group::make_room);
            assert!(self.groups[group].push(time, values), "there is room now");
        }
        self.newest = self.newest.max(time);
        self.earliest = self.earliest.min(time);
        self.bounds.samples += values.len() as u64;
        self.unchecked += values.len() as u64;
    }

    /// Adds samples of a set of series that is not known.
    #[cold]
    fn insert_new(&mut self, set: &SeriesSet, time: i64, values: &[f64]) {
        let before = self.bounds.overflowed;
        let places: Vec<usize> = set.keys().iter().map(|key| self.place(key)).collect();
        let route = if self.go_together(&places) {
            let group = self.group_of(&places);
            self.push(group, time, values);
            Route::Together(group)
        } else {
            let groups: Vec<usize> = places.iter().map(|place| self.group_of(&[*place])).collect();
            groups.iter().zip(values).for_each(|(group, value)| self.push(*group, time, &[*value]));
            Route::Apart(groups.into())
        };
        // For what overflows there may be room another time.
        if self.bounds.overflowed == before {
            if self.sets.len() == KNOWN_SETS {
                self.sets.clear();
            }
            self.sets.insert(set.id(), route);
        }
    }

    /// Whether these series are to be a group: not if several have overflowed into one series, nor if one of them gets
    /// samples in ever other company.
    fn go_together(&self, places: &[usize]) -> bool {
        if self.group_places.contains_key(places) {
            return true;
        }
        let mut sorted = places.to_vec();
        sorted.sort_unstable();
        let once = sorted.windows(2).all(|pair| pair[0] != pair[1]);
        once && places.iter().all(|place| self.series[*place].state.open.len() < GROUPS_OF_A_SERIES)
    }

    /// Adds those samples that are finite numbers.
    #[cold]
    fn insert_finite(&mut self, set: &SeriesSet, time: i64, values: &[f64]) {
        for (key, value) in set.keys().iter().zip(values) {
            if value.abs() <= LARGEST {
                let place = self.place(key);
                let group = self.group_of(&[place]);
                self.push(group, time, &[*value]);
            } else {
                self.bounds.not_finite += 1;
            }
        }
    }

    /// The group of these series.
    fn group_of(&mut self, members: &[usize]) -> usize {
        if let Some(group) = self.group_places.get(members) {
            return *group;
        }
        let place = self.groups.len();
        let before: usize = members.iter().map(|member| self.series[*member].bytes()).sum();
        let group = Group::new(members.into(), &mut self.series);
        let after: usize = members.iter().map(|member| self.series[*member].bytes()).sum();
        self.bounds.bytes += (group.bytes() + after - before) as u64;
        self.group_places.insert(members.into(), place);
        self.groups.push(group);
        place
    }

    /// Does something to a group, and counts what it and its series take from then on.
    fn change_group(&mut self, group: usize, change: impl FnOnce(&mut Group, &mut [Written])) {
        let Self { groups, series, bounds, .. } = self;
        let group = &mut groups[group];
        let bytes = |group: &Group, series: &[Written]| {
            let members: usize = group.members().iter().map(|member| series[*member].bytes()).sum();
            (group.bytes() + members) as u64
        };
        let before = bytes(group, series);
        change(group, series);
        bounds.bytes = bounds.bytes + bytes(group, series) - before;
    }

    /// Does something to a series, and counts what it takes from then on.
    fn change_series<T>(&mut self, series: usize, change: impl FnOnce(&mut Written, &mut Press) -> T) -> T {
        let series = &mut self.series[series];
        let before = series.bytes() as u64;
        let result = change(series, &mut self.press);
        self.bounds.bytes = self.bounds.bytes + series.bytes() as u64 - before;
        result
    }

    /// Where the samples of a series go.
    fn place(&mut self, key: &Arc<SeriesKey>) -> usize {
        match self.places.get(key) {
            Some(place) => *place,
            None => self.place_of_new(key),
        }
    }

    #[cold]
    fn place_of_new(&mut self, key: &Arc<SeriesKey>) -> usize {
        let metric = key.metric();
        let of_metric = self.index.get(metric).map_or(0, List::len);
        let room = self.series.len() < self.limits.max_series;
        if room && of_metric < self.limits.max_series_per_metric {
            let written = Written::new(Arc::clone(key));
            // A label may be longer than all that there is room for.
            if self.bounds.bytes.saturating_add(written.bytes() as u64) <= self.limits.max_bytes {
                return self.add_series(written);
            }
        }
        self.bounds.overflowed += 1;
        self.note_overflow(metric);
        // Metrics without end overflow too: the last resort is one series for all of them.
        let name = if of_metric > 0 || room { metric.as_str() } else { "overflow" };
        let other = Arc::new(SeriesKey::new(name, Labels::new(vec![("overflow".into(), "other".into())])));
        match self.places.get(&other) {
            Some(place) => *place,
            None => self.add_series(Written::new(other)),
        }
    }

    fn note_overflow(&mut self, metric: &Text) {
        let overflowing = Arc::make_mut(&mut self.overflowing);
        if let Some(count) = overflowing.get_mut(metric) {
            *count += 1;
        } else if overflowing.len() < NAMED {
            tracing::warn!(%metric, "too many series: the samples of further ones are counted under overflow=other");
            overflowing.insert(metric.clone(), 1);
        }
    }

    pub(super) fn add_series(&mut self, written: Written) -> usize {
        let place = self.series.len();
        self.bounds.bytes += written.bytes() as u64;
        self.index.push(Arc::clone(&written.series));
        self.index_changed = true;
        self.places.insert(Arc::clone(written.series.shared_key()), place);
        self.series.push(written);
        place
    }

    /// Metrics of which there was a series once stay known.
    pub(super) fn know(&mut self, metrics: Vec<Text>) {
        let gone: Vec<Text> = metrics.into_iter().filter(|metric| self.index.get(metric).is_none()).collect();
        for metric in gone.into_iter().take(GONE) {
            self.bounds.bytes += (GONE_BYTES + beyond_inline(&metric)) as u64;
            self.index.know(metric);
        }
        self.index_changed = true;
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds { series: self.series.len(), ..self.bounds }
    }

    /// Puts aside what is too old or too much. Ages are looked at only now and then: what is kept longer than it need be
    /// is at most a sixteenth.
    fn keep_bounds(&mut self, now: i64) {
        let newest = self.newest.min(now);
        if self.bounds.bytes > self.limits.max_bytes {
            self.relieve(newest);
        }
        let before =
            |age: std::time::Duration| newest.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
        let raw_from = before(self.limits.raw_retention);
        let kept_from = raw_from.min(before(self.limits.bucket_retention));
        // A clock that was ahead and is set back makes nothing too old for long.
        self.oldest = self.evicted_to.max(before(self.limits.lateness)).max(kept_from);
        self.raw_from = self.raw_from.min(raw_from);
        let since = raw_from.saturating_sub(self.raw_from);
        let long = since > newest.saturating_sub(raw_from) / 16;
        let any = self.earliest < raw_from;
        if any && self.ageing.is_none() && since > FINE && (long || self.unchecked > self.bounds.samples / 16) {
            self.unchecked = 0;
            self.raw_from = raw_from;
            // Whole buckets at a time.
            let raw_from = raw_from - raw_from.rem_euclid(FINE);
            self.ageing = Some(Ageing { raw_from, kept_from, groups: 0, series: 0 });
        }
        if let Some(ageing) = self.ageing {
            self.age(ageing);
        }
    }

    /// Makes buckets of old samples, wider buckets of older ones, and nothing of the oldest; of so many series at a time that
    /// whoever waits for the next samples waits for a moment.
    fn age(&mut self, mut ageing: Ageing) {
        let Ageing { raw_from, kept_from, .. } = ageing;
        let groups = ageing.groups..(ageing.groups + AT_ONCE).min(self.groups.len());
        let left = AT_ONCE - groups.len();
        let series = ageing.series..(ageing.series + left).min(self.series.len());
        (ageing.groups, ageing.series) = (groups.end, series.end);
        for group in groups {
            if self.groups[group].extent().is_some_and(|(first, _)| first < raw_from) {
                self.change_group(group, |group, series| group.seal(series, 1));
            }
        }
        let coarse_from = raw_from.saturating_sub(FINE_FOR);
        for series in series {
            let (rolled_up, gone) = self.change_series(series, |series, press| {
                // As wide as they would be soon.
                let rolled_up =
                    series.roll_up(hours_before(coarse_from), COARSE, press) + series.roll_up(raw_from, FINE, press);
                series.coarsen(coarse_from, press);
                (rolled_up, series.forget(kept_from))
            });
            self.bounds.samples -= rolled_up + gone.raw;
            self.bounds.in_buckets = self.bounds.in_buckets + rolled_up - gone.in_buckets;
            self.bounds.expired += gone.raw + gone.in_buckets;
        }
        self.ageing = (ageing.series < self.series.len()).then_some(ageing);
        if self.ageing.is_none() {
            self.drop_empty(self.series.len() / 4);
        }
    }

    /// Makes room, an eighth of the bytes at a time, the oldest first: raw samples become buckets where that is smaller;
    /// where it is not, they go.
    fn relieve(&mut self, newest: i64) {
        let enough = self.limits.max_bytes / 8 * 7;
        self.squeeze();
        self.drop_empty(1);
        while self.bounds.bytes > enough {
            let before = self.bounds.bytes;
            let Some(cut) = self.after_oldest(before - enough) else { return };
            self.give_up(cut, false);
            if self.bounds.bytes > enough {
                self.give_up(cut, true);
                // Not beyond the newest: what comes next is not too old.
                self.evicted_to = self.evicted_to.max(cut.min(newest));
                self.drop_empty(1);
            }
            // Nothing is before the end of time.
            if self.bounds.bytes >= before {
                return;
            }
        }
    }

    /// The moment before which lie the oldest nodes that take so many bytes together; a series' own bytes go with its last.
    fn after_oldest(&self, bytes: u64) -> Option<i64> {
        let mut parts = Vec::new();
        self.series.iter().for_each(|series| series.parts(&mut parts));
        let tables = self.groups.iter().filter_map(|group| Some((group.extent()?.1, group.bytes())));
        parts.extend(tables);
        parts.sort_unstable();
        let mut up_to = 0;
        let found = parts.iter().find(|(_, part)| {
            up_to += *part as u64;
            up_to >= bytes
        });
        found.or(parts.last()).map(|(last, _)| last.saturating_add(1))
    }

    fn give_up(&mut self, cut: i64, buckets_too: bool) {
        if buckets_too {
            for group in 0..self.groups.len() {
                if self.groups[group].extent().is_some_and(|(_, last)| last < cut) {
                    let gone = self.groups[group].samples();
                    self.change_group(group, Group::forget);
                    self.bounds.samples -= gone;
                    self.bounds.evicted += gone;
                }
            }
        }
        for series in 0..self.series.len() {
            let (rolled_up, gone) = self.change_series(series, |series, press| {
                if buckets_too { (0, series.forget(cut)) } else { (series.shrink(cut, press), Gone::default()) }
            });
            self.bounds.samples -= rolled_up + gone.raw;
            self.bounds.in_buckets = self.bounds.in_buckets + rolled_up - gone.in_buckets;
            self.bounds.evicted += gone.raw + gone.in_buckets;
        }
    }

    /// Lets go of series without samples, once they are so many: others need their room. Their metrics stay known.
    pub(super) fn drop_empty(&mut self, enough: usize) {
        let empty: Vec<bool> = self.series.iter().map(|series| series.state.is_empty()).collect();
        if empty.iter().filter(|empty| **empty).count() < enough.max(1) {
            return;
        }
        // The table of a series without samples has none of any series.
        let mut seen_to = 0;
        for (at, group) in std::mem::take(&mut self.groups).into_iter().enumerate() {
            if group.members().iter().any(|member| empty[*member]) {
                group.leave(&mut self.series);
            } else {
                seen_to += usize::from(self.ageing.is_some_and(|ageing| at < ageing.groups));
                self.groups.push(group);
            }
        }
        let mut places = vec![0; empty.len()];
        let mut place = 0;
        for (at, empty) in empty.iter().enumerate() {
            places[at] = place;
            place += usize::from(!empty);
        }
        let mut at = 0..empty.len();
        self.series.retain(|_| at.next().is_some_and(|at| !empty[at]));
        self.groups.iter_mut().for_each(|group| group.renumber(&places));

        self.sets.clear();
        self.group_places = self.groups.iter().enumerate().map(|(at, group)| (group.members().into(), at)).collect();
        if let Some(ageing) = &mut self.ageing {
            (ageing.groups, ageing.series) = (seen_to, places.get(ageing.series).copied().unwrap_or(place));
        }
        self.index = self.index.rebuilt(self.series.iter().map(|written| Arc::clone(&written.series)), GONE);
        self.index_changed = true;
        let gone = self.index.gone().map(|name| (GONE_BYTES + beyond_inline(name)) as u64);
        let groups = self.groups.iter().map(|group| group.bytes() as u64);
        let series = self.series.iter().map(|series| series.bytes() as u64);
        self.bounds.bytes = gone.chain(groups).chain(series).sum();
        let places = self.series.iter().enumerate();
        self.places = places.map(|(place, written)| (Arc::clone(written.series.shared_key()), place)).collect();
    }

    /// Puts the open samples of all series to rest, where that saves room.
    pub(super) fn squeeze(&mut self) {
        for group in 0..self.groups.len() {
            self.change_group(group, Group::squeeze);
        }
    }
}
