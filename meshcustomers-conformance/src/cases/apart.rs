//! S-10 apart: a query for one customer never gives rows of another.

use meshcustomers_core::{
    Change, CustomerId, EventOrder, EventQuery, HistoryFilter, InvitationEnd, Role, User,
};

use crate::Make;
use crate::dump::all;
use crate::stage::{Stage, address};

/// Two customers with the same people and the same invited address.
fn twins(stage: &Stage) -> (User, [CustomerId; 2]) {
    let jane = stage.user("jane");
    let twins = [stage.customer("acme"), stage.customer("other")];
    for customer in twins {
        stage.member(customer, &jane, Role::ADMIN);
        stage.invitation(customer, &jane, "john");
    }
    (jane, twins)
}

/// Every list of one customer shows its own rows.
pub fn s_10_members_and_invitations(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, twins) = twins(&stage);
    for customer in twins {
        let members = stage.read(|tx| tx.members(customer, &all()));
        assert_eq!(members.iter().map(|row| row.member.membership.customer).collect::<Vec<_>>(), [customer]);
        let admins = stage.read(|tx| tx.admins(customer));
        assert_eq!(admins.iter().map(|row| row.member.membership.customer).collect::<Vec<_>>(), [customer]);
        let invitations = stage.read(|tx| tx.invitations(customer, &all()));
        assert_eq!(invitations.iter().map(|facts| facts.invitation.customer).collect::<Vec<_>>(), [customer]);
        let sent = stage.read(|tx| tx.open_invitations_from(customer, jane.id));
        assert_eq!(sent.iter().map(|invitation| invitation.customer).collect::<Vec<_>>(), [customer]);
        let open = stage.read(|tx| tx.open_invitation(customer, address("john").key())).unwrap();
        assert_eq!(open.customer, customer);
        assert_eq!(stage.read(|tx| tx.member(customer, jane.id)).unwrap().membership.customer, customer);
    }
}

/// Both histories count from 1, and each shows its own.
pub fn s_10_events(make: Make<'_>) {
    let stage = Stage::new(make);
    let (_, twins) = twins(&stage);
    for customer in twins {
        for order in [EventOrder::Newest, EventOrder::Oldest] {
            let query = EventQuery { customer, filter: HistoryFilter::default(), order, list: all() };
            let events = stage.read(|tx| tx.events(&query));
            assert_eq!(events.len(), 3);
            assert!(events.iter().all(|event| event.customer == customer));
        }
    }
}

/// A customer without rows has none, and an invitation is not found under another customer.
pub fn s_10_looking_up(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, [acme, other]) = twins(&stage);
    let invitation = stage.read(|tx| tx.open_invitation(acme, address("john").key())).unwrap();
    assert_eq!(stage.read(|tx| tx.invitation(other, invitation.id)), None);
    assert!(stage.read(|tx| tx.invitation(acme, invitation.id)).is_some());
    let empty = stage.customer("empty");
    assert_eq!(stage.read(|tx| tx.members(empty, &all())), []);
    assert_eq!(stage.read(|tx| tx.invitations(empty, &all())), []);
    assert_eq!(stage.read(|tx| tx.open_invitation(empty, address("john").key())), None);
    assert_eq!(stage.read(|tx| tx.open_invitation_count(empty, stage.now(), 9)), 0);
    assert_eq!(stage.read(|tx| tx.member(empty, jane.id)), None);
    let nobody = CustomerId::from_bytes([9; 16]);
    assert_eq!(stage.read(|tx| tx.customer(nobody)), None);
    assert_eq!(stage.read(|tx| tx.members(nobody, &all())), []);
    assert_eq!(super::history::events(&stage, nobody), []);
}

/// What is changed in one customer stays as it was in the other.
pub fn s_10_changing_one_leaves_the_other(make: Make<'_>) {
    let stage = Stage::new(make);
    let (jane, [acme, other]) = twins(&stage);
    let shown = |customer| {
        let rows = stage.read(|tx| tx.members(customer, &all()));
        let invitations = stage.read(|tx| tx.invitations(customer, &all()));
        (stage.row(customer), rows, invitations, super::history::events(&stage, customer))
    };
    let before = shown(other);
    let stay = stage.read(|tx| tx.member(acme, jane.id)).unwrap().membership;
    let invitation = stage.read(|tx| tx.open_invitation(acme, address("john").key())).unwrap();
    let end = InvitationEnd::Cancelled;
    let changes = vec![
        Change::MembershipRemoved(stay),
        Change::InvitationEnded { invitation: invitation.id, end, at: stage.now() },
        Change::CustomerRenamed { name: meshcustomers_core::Name::parse("Another").unwrap() },
    ];
    stage.apply(&stage.set(acme, changes)).unwrap();
    assert_eq!(shown(other), before);
    assert_eq!(stage.row(acme).members, 0);
}
