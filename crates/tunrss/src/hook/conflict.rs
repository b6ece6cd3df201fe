//! What the others that are attached mean for ours.

use std::fmt;

use super::{Attached, Direction};

/// What a program of ours returns for a frame that it lets pass.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// 0 (`TC_ACT_OK`): nothing behind it runs. The report program does so: only then its mark is
    /// where the filter program looks for it.
    Ok,
    /// -1 (`TC_ACT_UNSPEC`): what is behind it runs.
    Next,
}

/// Something that runs besides ours, and what that means.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Conflict {
    /// What it means.
    pub effect: Effect,
    /// The other one.
    pub other: Attached,
    /// Ours.
    pub ours: Attached,
}

/// How something that is attached gets in the way of ours, or ours in its way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Effect {
    /// It runs before ours and can decide over frames alone. What it drops or redirects is not
    /// meant for the device; but what it accepts gets there past ours: with a report program, the
    /// device then drops it. A program that always answers -1 does no harm.
    Ahead,
    /// It never runs, because ours accepts all frames before it.
    Silenced,
    /// It runs on what ours has made of a frame, and can decide over that.
    Behind,
}

/// What the others of `attached`, a list of [`AttachPoint::attached`](super::AttachPoint::attached),
/// mean for our program with the id `ours`, which returns `action`. Nothing if ours is not in the
/// list.
///
/// What another program returns cannot be known: these are what can happen, not what does.
pub fn conflicts(attached: &[Attached], ours: u32, action: Action) -> Vec<Conflict> {
    let is_ours = |one: &Attached| one.program_id() == Some(ours);
    let Some(at) = attached.iter().position(is_ours) else { return vec![] };
    let (ahead, rest) = attached.split_at(at);
    let Some((ours, behind)) = rest.split_first() else { return vec![] };
    let conflict = |effect, other: &Attached| {
        let (other, ours) = (other.clone(), ours.clone());
        Conflict { effect, other, ours }
    };
    let effect_behind = match action {
        Action::Ok => Effect::Silenced,
        Action::Next => Effect::Behind,
    };
    let ahead = ahead.iter().map(|other| conflict(Effect::Ahead, other));
    ahead.chain(behind.iter().map(|other| conflict(effect_behind, other))).collect()
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { effect, other, ours } = self;
        match (effect, ours.direction) {
            (Effect::Ahead, Direction::Egress) => write!(
                f,
                "{other} runs before {ours}: a frame that it accepts (returns OK) gets no report, \
                 and the device drops it"
            ),
            (Effect::Ahead, Direction::Ingress) => write!(
                f,
                "{other} runs before {ours}: a frame that it accepts (returns OK) is not steered"
            ),
            (Effect::Silenced, _) => write!(
                f,
                "{other} never runs: {ours} runs before it and accepts every frame (returns OK)"
            ),
            (Effect::Behind, Direction::Egress) => write!(
                f,
                "{other} runs behind {ours}: it sees each frame with the report in front of it, \
                 and can drop or redirect it"
            ),
            (Effect::Behind, Direction::Ingress) => write!(
                f,
                "{other} runs behind {ours}: it can change the hash that a frame is steered by, \
                 and drop or redirect the frame"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::{Filter, Place, Runs};

    const EGRESS: Direction = Direction::Egress;

    fn tcx(direction: Direction, id: u32, name: &str) -> Attached {
        let runs = Runs::Program { id, name: Some(name.into()) };
        Attached { direction, place: Place::Tcx, runs }
    }

    fn clsact(priority: u16, runs: Runs) -> Attached {
        let filter = Filter { priority, handle: 1, protocol: Filter::ALL_PROTOCOLS };
        Attached { direction: EGRESS, place: Place::Clsact(filter), runs }
    }

    fn u32_filter(priority: u16) -> Attached {
        clsact(priority, Runs::Classifier { kind: "u32".into() })
    }

    fn texts(attached: &[Attached], ours: u32, action: Action) -> Vec<String> {
        conflicts(attached, ours, action).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn alone_or_absent_has_no_conflicts() {
        assert_eq!(conflicts(&[], 7, Action::Ok), []);
        assert_eq!(conflicts(&[tcx(EGRESS, 7, "tunrss_report")], 7, Action::Ok), []);
        assert_eq!(conflicts(&[tcx(EGRESS, 8, "other"), u32_filter(1)], 7, Action::Ok), []);
    }

    #[test]
    fn between_others_of_both_hooks() {
        let all = [
            tcx(EGRESS, 5, "first"),
            tcx(EGRESS, 7, "tunrss_report"),
            tcx(EGRESS, 9, "last"),
            u32_filter(10),
        ];
        assert_eq!(
            texts(&all, 7, Action::Ok),
            [
                "tcx program first (id 5) runs before tcx program tunrss_report (id 7): a frame \
                 that it accepts (returns OK) gets no report, and the device drops it",
                "tcx program last (id 9) never runs: tcx program tunrss_report (id 7) runs before \
                 it and accepts every frame (returns OK)",
                "clsact filter u32 (priority 10) never runs: tcx program tunrss_report (id 7) runs \
                 before it and accepts every frame (returns OK)",
            ]
        );
    }

    /// Every tcx program is ahead of it.
    #[test]
    fn in_clsact() {
        let ours = Runs::Program { id: 7, name: None };
        let all = [tcx(EGRESS, 5, "first"), u32_filter(10), clsact(11, ours), u32_filter(12)];
        let effects: Vec<_> = conflicts(&all, 7, Action::Ok)
            .into_iter()
            .map(|conflict| (conflict.effect, conflict.other))
            .collect();
        let [first, ahead, _, behind] = all;
        let expected = [(Effect::Ahead, first), (Effect::Ahead, ahead), (Effect::Silenced, behind)];
        assert_eq!(effects, expected);
    }

    #[test]
    fn that_passes_frames_on() {
        let all = [tcx(EGRESS, 7, "tunrss_report"), u32_filter(10)];
        assert_eq!(
            texts(&all, 7, Action::Next),
            ["clsact filter u32 (priority 10) runs behind tcx program tunrss_report (id 7): it \
              sees each frame with the report in front of it, and can drop or redirect it"]
        );
        let ingress = Direction::Ingress;
        let all = [tcx(ingress, 1, "a"), tcx(ingress, 7, "ours"), tcx(ingress, 2, "b")];
        assert_eq!(
            texts(&all, 7, Action::Next),
            [
                "tcx program a (id 1) runs before tcx program ours (id 7): a frame that it accepts \
                 (returns OK) is not steered",
                "tcx program b (id 2) runs behind tcx program ours (id 7): it can change the hash \
                 that a frame is steered by, and drop or redirect the frame",
            ]
        );
    }

    /// Others choose their names.
    #[test]
    fn names_are_escaped() {
        let text = tcx(EGRESS, 1, "\u{1b}[2J\n").to_string();
        assert_eq!(text, "tcx program \\u{1b}[2J\\n (id 1)");
    }
}
