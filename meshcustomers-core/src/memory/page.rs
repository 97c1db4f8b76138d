//! How the memory store picks, sorts and cuts the rows of a list (S-9).

use chrono::{DateTime, Utc};

use crate::customer::{Customer, CustomerKind};
use crate::history::{EventActor, HistoryFilter, StoredEvent};
use crate::mail::MailState;
use crate::page::{Position, SortKey};
use crate::store::{CustomerScope, ListQuery, MailStateKind};

/// Which way a list runs.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

/// The rows after the query's position, in order, cut to its limit (S-9).
pub(super) fn page<T>(
    rows: impl Iterator<Item = T>,
    list: &ListQuery,
    direction: Direction,
    position: impl Fn(&T) -> Position,
) -> Vec<T> {
    let mut rows: Vec<(Position, T)> = rows
        .map(|row| (position(&row), row))
        .filter(|(position, _)| match (&list.after, direction) {
            (None, _) => true,
            (Some(after), Direction::Ascending) => position > after,
            (Some(after), Direction::Descending) => position < after,
        })
        .collect();
    rows.sort_by(|(a, _), (b, _)| match direction {
        Direction::Ascending => a.cmp(b),
        Direction::Descending => b.cmp(a),
    });
    rows.truncate(list.limit);
    rows.into_iter().map(|(_, row)| row).collect()
}

pub(super) fn at_time(time: DateTime<Utc>, id: [u8; 16]) -> Position {
    Position { key: SortKey::Number(time.timestamp_millis()), id }
}

pub(super) fn by_name(customer: &Customer) -> Position {
    Position { key: SortKey::Text(customer.name.sort_key()), id: *customer.id.as_bytes() }
}

pub(super) fn is_in(scope: CustomerScope, customer: &Customer) -> bool {
    match scope {
        CustomerScope::Partner(partner) => customer.partner == Some(partner),
        CustomerScope::Standard => customer.kind == CustomerKind::Standard,
        CustomerScope::StandardAndPartners => customer.kind != CustomerKind::Administrator,
        CustomerScope::All => true,
    }
}

pub(super) fn is_asked_for(filter: &HistoryFilter, event: &StoredEvent) -> bool {
    let by_actor = |wanted| matches!(event.actor, EventActor::User { user, .. } if user == wanted);
    (filter.kinds.is_empty() || filter.kinds.contains(&event.kind))
        && filter.actor.is_none_or(by_actor)
        && filter.from.is_none_or(|from| event.at >= from)
        && filter.until.is_none_or(|until| event.at < until)
}

pub(super) fn is_in_state(state: MailState, kind: MailStateKind) -> bool {
    match state {
        MailState::Waiting { .. } => kind == MailStateKind::Waiting,
        MailState::Delivered { .. } => kind == MailStateKind::Delivered,
        MailState::Superseded { .. } => kind == MailStateKind::Superseded,
        MailState::Dead { .. } => kind == MailStateKind::Dead,
    }
}

/// A position after the number of an event.
pub(super) fn at_number(number: u64, id: [u8; 16]) -> Position {
    Position { key: SortKey::Number(i64::try_from(number).unwrap_or(i64::MAX)), id }
}
