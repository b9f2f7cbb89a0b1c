//! Which rules are in force when: packs by their dates, with a court's settings laid over them. An old case keeps the law of its time.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use super::calendar::Calendar;
use super::pack::{Node, Overlay, OverlayError, RulePack};
use crate::time::Date;

/// The pack that this version carries, and its name.
static BUNDLED_PACK: LazyLock<(Arc<RulePack>, String)> = LazyLock::new(|| {
    let pack = RulePack::bundled().clone();
    let id = pack.derive_id();
    (Arc::new(pack), id)
});
static BUNDLED_LAW: LazyLock<Arc<Law>> =
    LazyLock::new(|| Arc::new(Law::of_packs(Vec::new(), &[], Calendar::bundled().clone())));

/// A stretch of days with the same rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// First day; none: since ever.
    pub from: Option<Date>,
    /// Last day; none: until further notice.
    pub until: Option<Date>,
    /// The rules, the court's settings laid over them.
    pub pack: Arc<RulePack>,
    /// Name of the pack as it was published, see [`RulePack::derive_id`].
    pub pack_id: String,
    /// Version of the court's settings; none where it set nothing.
    pub overlay: Option<u32>,
    /// Rules that the court set or added.
    pub set_by_court: BTreeSet<String>,
    /// Settings that do not fit this pack and were left out: the pack's own rule holds there.
    pub left_out: Vec<OverlayError>,
}

impl Period {
    /// Whether a day lies in it.
    pub fn covers(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }

    /// Whether no day from `first` to `last` lies in it.
    pub fn misses(&self, first: Date, last: Date) -> bool {
        self.from.is_some_and(|from| last < from) || self.until.is_some_and(|until| until < first)
    }

    /// Version of the court's settings if they made this rule what it is.
    pub fn overlay_of(&self, rule: &str) -> Option<u32> {
        self.overlay.filter(|_| self.set_by_court.contains(rule))
    }
}

/// The law of one court through time.
///
/// *Invariants*: the periods follow each other without gap or overlap, from ever to further notice; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Law {
    periods: Vec<Period>,
    calendar: Calendar,
}

impl Law {
    /// What this version carries: the pack for all time, no court's settings, the calendar.
    pub fn bundled() -> &'static Self {
        &BUNDLED_LAW
    }

    /// The same, shared.
    pub fn shared_bundled() -> Arc<Self> {
        Arc::clone(&BUNDLED_LAW)
    }

    /// One pack for all time.
    pub fn of(pack: RulePack, calendar: Calendar) -> Self {
        Self::of_packs(vec![Arc::new(pack)], &[], calendar)
    }

    /// Several packs and a court's settings, each with its version.
    ///
    /// On a day the pack of the highest version whose dates hold that day is in force. Where none does, the one that took effect last before it goes
    /// on; before all of them, the one of the lowest version. No pack at all gives the one that this version carries. The settings of the highest
    /// version that have taken effect are laid over it; those that do not fit are left out and named.
    pub fn of_packs(
        mut packs: Vec<Arc<RulePack>>,
        overlays: &[(u32, &Overlay)],
        calendar: Calendar,
    ) -> Self {
        if packs.is_empty() {
            packs.push(Arc::clone(&BUNDLED_PACK.0));
        }
        let id = |pack: &Arc<RulePack>| match Arc::ptr_eq(pack, &BUNDLED_PACK.0) {
            true => BUNDLED_PACK.1.clone(),
            false => pack.derive_id(),
        };
        let ids: Vec<String> = packs.iter().map(id).collect();
        let mut edges: BTreeSet<Date> = BTreeSet::new();
        for pack in &packs {
            edges.insert(pack.effective_from);
            edges.extend(pack.effective_until.map(|until| until.plus_days(1)));
        }
        edges.extend(overlays.iter().map(|(_, overlay)| overlay.effective_from));
        let starts = core::iter::once(None).chain(edges.iter().copied().map(Some));
        let mut chosen: Vec<(Option<Date>, usize, Option<usize>)> = Vec::new();
        for start in starts {
            let day = start.unwrap_or_else(|| Date::from_days(i64::MIN / 4));
            let pack = pack_on(&packs, day);
            let overlay = overlay_on(overlays, day);
            let same = chosen
                .last()
                .is_some_and(|(_, known, over)| (*known, *over) == (pack, overlay));
            if !same {
                chosen.push((start, pack, overlay));
            }
        }
        let untils = chosen
            .iter()
            .skip(1)
            .map(|(start, ..)| start.map(|start| start.plus_days(-1)));
        let untils: Vec<Option<Date>> = untils.chain(core::iter::once(None)).collect();
        let periods = chosen
            .iter()
            .zip(untils)
            .filter_map(|((from, pack, overlay), until)| {
                let (base, id) = (packs.get(*pack)?, ids.get(*pack)?);
                let laid = overlay.and_then(|place| overlays.get(place));
                let (pack, left_out, set_by_court) = match laid {
                    None => (Arc::clone(base), Vec::new(), BTreeSet::new()),
                    Some((_, overlay)) => {
                        let (pack, left_out) = base.with_what_fits(overlay);
                        let set = overlay.touched(base);
                        (Arc::new(pack), left_out, set)
                    }
                };
                Some(Period {
                    from: *from,
                    until,
                    pack,
                    pack_id: id.clone(),
                    overlay: laid.map(|(version, _)| *version),
                    set_by_court,
                    left_out,
                })
            });
        Self {
            periods: periods.collect(),
            calendar,
        }
    }

    /// The periods, oldest first.
    pub fn periods(&self) -> &[Period] {
        &self.periods
    }

    /// Working days and rest days.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The period that holds a day.
    ///
    /// *Panics*: never; the periods hold every day.
    pub fn on(&self, day: Date) -> &Period {
        let found = self.periods.iter().find(|period| period.covers(day));
        found
            .or(self.periods.last())
            .expect("a law has at least one period")
    }

    /// A node that some pack in force up to `day` knows; the newest that does.
    pub fn node(&self, code: &str, day: Date) -> Option<&Node> {
        self.begun(day)
            .find_map(|period| period.pack.nodes.get(code))
    }

    /// The name of a ground of a pause in the newest pack that knows it.
    pub fn pause_reason(&self, code: &str, day: Date) -> Option<&str> {
        let found = self
            .begun(day)
            .find_map(|period| period.pack.pause_reasons.get(code));
        found.map(String::as_str)
    }

    /// Periods that have begun on `day`, newest first.
    fn begun(&self, day: Date) -> impl Iterator<Item = &Period> {
        let begun = self.periods.iter().rev();
        begun.filter(move |period| period.from.is_none_or(|from| from <= day))
    }
}

fn pack_on(packs: &[Arc<RulePack>], day: Date) -> usize {
    let places = || packs.iter().enumerate();
    let holds = places().filter(|(_, pack)| {
        pack.effective_from <= day && pack.effective_until.is_none_or(|until| day <= until)
    });
    let begun = places().filter(|(_, pack)| pack.effective_from <= day);
    holds
        .max_by_key(|(_, pack)| pack.version)
        .or_else(|| begun.max_by_key(|(_, pack)| (pack.effective_from, pack.version)))
        .or_else(|| places().min_by_key(|(_, pack)| pack.version))
        .map_or(0, |(place, _)| place)
}

fn overlay_on(overlays: &[(u32, &Overlay)], day: Date) -> Option<usize> {
    let begun = overlays.iter().enumerate();
    let begun = begun.filter(|(_, (_, overlay))| overlay.effective_from <= day);
    let newest = begun.max_by_key(|(_, (version, _))| *version);
    newest
        .filter(|(_, (_, overlay))| !overlay.is_empty())
        .map(|(place, _)| place)
}
