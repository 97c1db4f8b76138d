//! S-9 order: the lists inside a customer, the outbox, the ids.

use chrono::TimeDelta;
use meshcustomers_core::{
    Change, CustomerId, EventOrder, EventQuery, HistoryFilter, InvitationEnd, InvitationFacts, ListQuery,
    MailStateKind, Membership, Origin, Position, QueuedMail, ReadTx, Role,
};

use super::changes::end_and_rest;
use super::order::{at, paged};
use crate::Make;
use crate::dump::all;
use crate::stage::{Stage, address};

/// Oldest first, ties by membership id.
pub fn s_9_members(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let mut expected: Vec<Membership> = Vec::new();
    let joined_at = stage.now();
    for number in 0..9_i64 {
        let user = stage.user(&format!("user-{number}"));
        let stay = Membership {
            joined_at: joined_at - TimeDelta::milliseconds(number / 3),
            ..stage.new_member(acme, &user, Role::EMPLOYEE, Origin::Ordinary)
        };
        stage.apply(&stage.set(acme, vec![Change::MembershipAdded(stay.clone())])).unwrap();
        expected.push(stay);
    }
    let position = |stay: &Membership| at(stay.joined_at.timestamp_millis(), *stay.id.as_bytes());
    expected.sort_by_key(position);
    paged(&stage, &expected, position, |tx, list| {
        Ok(tx.members(acme, list)?.into_iter().map(|row| row.member.membership).collect())
    });
}

/// By user id; all with the role, disabled and self-added ones too, and nobody else.
pub fn s_9_admins(make: Make<'_>) {
    let stage = Stage::new(make);
    let partner = stage.customer("partner");
    let acme = stage.customer("acme");
    let users: Vec<_> = (0..6).map(|number| stage.user(&format!("user-{number}"))).collect();
    let mut expected = Vec::new();
    for (number, user) in users.iter().enumerate().rev() {
        let role = if number == 2 { Role::EMPLOYEE } else { Role::ADMIN };
        let origin = if number == 3 { Origin::SelfAdded { through: partner } } else { Origin::Ordinary };
        stage.member_with(acme, user, role, origin);
        if role == Role::ADMIN {
            expected.push(user.id);
        }
    }
    stage.disable_user(&users[4]);
    expected.sort();
    let admins = stage.read(|tx| tx.admins(acme));
    assert_eq!(admins.iter().map(|row| row.user.id).collect::<Vec<_>>(), expected);
    assert!(admins.iter().any(|row| !row.user.is_enabled()));
    assert!(admins.iter().all(|row| row.member.membership.role == Role::ADMIN));
}

fn by_creation(facts: &InvitationFacts) -> Position {
    at(facts.invitation.created_at.timestamp_millis(), *facts.invitation.id.as_bytes())
}

/// Newest first, ended ones too; ties: highest id first.
pub fn s_9_invitations(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let acme = stage.customer("acme");
    let created_at = stage.now();
    for number in 0..9_i64 {
        let invitation = meshcustomers_core::Invitation {
            created_at: created_at + TimeDelta::milliseconds(number / 3),
            ..stage.new_invitation(acme, &jane, &format!("guest-{number}"))
        };
        let mut changes = vec![Change::InvitationAdded(invitation.clone())];
        if number % 4 == 0 {
            let end = InvitationEnd::Declined;
            changes.push(Change::InvitationEnded { invitation: invitation.id, end, at: stage.now() });
        }
        stage.apply(&stage.set(acme, changes)).unwrap();
    }
    let mut expected = stage.read(|tx| tx.invitations(acme, &all()));
    assert_eq!(expected.len(), 9);
    expected.sort_by_key(by_creation);
    expected.reverse();
    paged(&stage, &expected, by_creation, |tx, list| tx.invitations(acme, list));
}

/// Open ones of all customers, newest first; nothing to another address.
pub fn s_9_invitations_to_an_address(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let created_at = stage.now();
    let mut expected = Vec::new();
    for number in 0..8_i64 {
        let customer = stage.customer(&format!("customer-{number}"));
        let invitation = meshcustomers_core::Invitation {
            created_at: created_at + TimeDelta::milliseconds(number / 3),
            ..stage.new_invitation(customer, &jane, "john")
        };
        stage.apply(&stage.set(customer, vec![Change::InvitationAdded(invitation.clone())])).unwrap();
        stage.invitation(customer, &jane, "john+tag");
        if number == 4 {
            let end = InvitationEnd::Cancelled;
            let change = Change::InvitationEnded { invitation: invitation.id, end, at: stage.now() };
            stage.apply(&stage.set(customer, vec![change])).unwrap();
        } else {
            expected.push(invitation);
        }
    }
    let mut facts = stage.read(|tx| tx.invitations_to(address("JOHN").key(), &all()));
    facts.sort_by_key(by_creation);
    facts.reverse();
    expected
        .sort_by_key(|invitation| at(invitation.created_at.timestamp_millis(), *invitation.id.as_bytes()));
    expected.reverse();
    assert_eq!(facts.iter().map(|facts| facts.invitation.clone()).collect::<Vec<_>>(), expected);
    assert!(facts.iter().all(|facts| facts.customer.id == facts.invitation.customer));
    paged(&stage, &facts, by_creation, |tx, list| tx.invitations_to(address("john").key(), list));
}

/// By id; open ones only, of this inviter only.
pub fn s_9_open_invitations_of_an_inviter(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, john) = (stage.user("jane"), stage.user("john"));
    let acme = stage.customer("acme");
    let mut expected: Vec<_> =
        (0..5).map(|number| stage.invitation(acme, &jane, &format!("guest-{number}"))).collect();
    stage.invitation(acme, &john, "other");
    let gone = expected.remove(2);
    let change =
        Change::InvitationEnded { invitation: gone.id, end: InvitationEnd::Expired, at: stage.now() };
    stage.apply(&stage.set(acme, vec![change])).unwrap();
    expected.sort_by_key(|invitation| invitation.id);
    assert_eq!(stage.read(|tx| tx.open_invitations_from(acme, jane.id)), expected);
}

/// Both directions, with and without a filter.
pub fn s_9_events(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    for _ in 0..11 {
        stage.apply(&stage.set(acme, Vec::new())).unwrap();
    }
    let middle = super::history::events(&stage, acme)[4].at;
    for filter in [HistoryFilter::default(), HistoryFilter { from: Some(middle), ..HistoryFilter::default() }]
    {
        for order in [EventOrder::Oldest, EventOrder::Newest] {
            let read = |tx: &mut dyn ReadTx, list: &ListQuery| {
                tx.events(&EventQuery { customer: acme, filter: filter.clone(), order, list: list.clone() })
            };
            let expected = stage.read(|tx| read(tx, &all()));
            let rising = expected.windows(2).all(|two| two[0].number < two[1].number);
            let falling = expected.windows(2).all(|two| two[0].number > two[1].number);
            assert_eq!((rising, falling), (order == EventOrder::Oldest, order == EventOrder::Newest));
            paged(&stage, &expected, |event| at(i64::try_from(event.number).unwrap(), [0; 16]), read);
        }
    }
}

/// Oldest first, ties by id.
pub fn s_9_mails(make: Make<'_>) {
    let stage = Stage::new(make);
    let acme = stage.customer("acme");
    let queued_at = stage.now();
    let mails: Vec<QueuedMail> = (0..9_i64)
        .map(|number| QueuedMail {
            queued_at: queued_at - TimeDelta::milliseconds(number / 3),
            ..stage.new_mail(acme, "john")
        })
        .collect();
    stage.apply(&stage.set_on(acme, stage.row(acme).head, Vec::new(), mails.clone(), |_| ())).unwrap();
    let position = |mail: &QueuedMail| at(mail.queued_at.timestamp_millis(), *mail.id.as_bytes());
    let mut expected = mails;
    expected.sort_by_key(position);
    paged(&stage, &expected, position, |tx, list| {
        Ok(tx.mails(MailStateKind::Waiting, list)?.into_iter().map(|mail| mail.mail).collect())
    });
    assert_eq!(stage.read(|tx| tx.mails(MailStateKind::Dead, &all())), []);
}

/// In the order of ids, ended ones too.
pub fn s_9_customer_ids(make: Make<'_>) {
    let stage = Stage::new(make);
    let mut expected: Vec<CustomerId> =
        (0..10).map(|number| stage.customer(&format!("c-{number}"))).collect();
    end_and_rest(&stage, expected[3]);
    expected.sort();
    assert_eq!(stage.read(|tx| tx.customer_ids(None, 100)), expected);
    for limit in [1, 3, 10] {
        let mut ids: Vec<CustomerId> = Vec::new();
        loop {
            let page = stage.read(|tx| tx.customer_ids(ids.last().copied(), limit));
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            ids.extend(page);
        }
        assert_eq!(ids, expected, "in pages of {limit}");
    }
}
