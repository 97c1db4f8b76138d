//! Registration links: one for each partner, and uses that nobody shares (R-LNK).

use chrono::TimeDelta;
use meshcustomers_core::{
    Change, CustomerId, CustomerStatus, End, LinkSecret, RegistrationLink, RegistrationLinkFacts,
    RegistrationLinkId, StoreErrorKind, UsedLink, WaitingFor,
};

use super::changes::status;
use crate::Make;
use crate::dump::far;
use crate::stage::Stage;

const CONFLICT: StoreErrorKind = StoreErrorKind::Conflict;

fn stored(stage: &Stage, partner: CustomerId) -> RegistrationLinkFacts {
    stage.read(|tx| tx.registration_link(partner, stage.now())).expect("the link is there")
}

fn used(link: &RegistrationLink, uses: u32) -> Change {
    Change::LinkUsed { partner: link.partner, link: link.id, uses }
}

fn returned(link: &RegistrationLink) -> Change {
    Change::LinkUseReturned { partner: link.partner, link: link.id }
}

fn revoked(stage: &Stage, link: RegistrationLinkId) -> Change {
    Change::LinkRevoked { link, at: stage.now() }
}

/// Every field; a new one stands in the place of the former.
pub fn s_7_a_rotated_link_replaces_the_former(make: Make<'_>) {
    let stage = Stage::new(make);
    let partner = stage.customer("partner");
    let other = stage.customer("other");
    assert_eq!(stage.read(|tx| tx.registration_link(partner, stage.now())), None);
    let first = stage.registration_link(partner);
    let theirs = stage.registration_link(other);
    let second = RegistrationLink {
        secret: LinkSecret { generation: 2, key_number: 3, nonce: Some([4; 32]) },
        expires_at: Some(stage.now() + TimeDelta::days(3)),
        max_uses: None,
        ..stage.new_link(partner)
    };
    for link in [&first, &second] {
        if link.id == second.id {
            stage.apply(&stage.set(partner, vec![Change::LinkRotated(second.clone())])).unwrap();
        }
        let facts = stored(&stage, partner);
        assert_eq!(facts.link, *link);
        assert_eq!(facts.link.secret.nonce, link.secret.nonce);
        assert_eq!((facts.partner, facts.lapsed), (stage.row(partner).account(), 0));
    }
    assert_eq!(stored(&stage, other).link, theirs);
    // A set on one partner makes no link of another.
    let stray = Change::LinkRotated(stage.new_link(other));
    assert!(stage.apply(&stage.set(partner, vec![stray])).is_err());
}

/// Only the link that is there, and not twice; its nonce is emptied (R-TOK-1).
pub fn s_5_link_revoked(make: Make<'_>) {
    let stage = Stage::new(make);
    let partner = stage.customer("partner");
    stage.refused(&stage.set(partner, vec![revoked(&stage, stage.id())]), &CONFLICT);
    let link = stage.registration_link(partner);
    stage.refused(&stage.set(partner, vec![revoked(&stage, stage.id())]), &CONFLICT);
    let at = stage.now();
    stage.apply(&stage.set(partner, vec![Change::LinkRevoked { link: link.id, at }])).unwrap();
    let kept = stored(&stage, partner).link;
    let secret = LinkSecret { nonce: None, ..link.secret };
    assert_eq!(kept, RegistrationLink { revoked_at: Some(at), secret, ..link.clone() });
    stage.refused(&stage.set(partner, vec![revoked(&stage, link.id)]), &CONFLICT);
}

/// The link must be this one, not revoked, with as many uses as the rule saw: two never share one (R-LNK-2).
pub fn s_5_link_used(make: Make<'_>) {
    let stage = Stage::new(make);
    let partner = stage.customer("partner");
    let acme = stage.customer("acme");
    let link = stage.registration_link(partner);
    let head = stage.row(partner).head;
    let stranger = RegistrationLink { id: stage.id(), ..link.clone() };
    let nobody = RegistrationLink { partner: CustomerId::from_bytes([9; 16]), ..link.clone() };
    for wrong in [used(&link, 1), used(&stranger, 0), used(&nobody, 0)] {
        stage.refused(&stage.set(acme, vec![wrong]), &CONFLICT);
    }
    for uses in 0..2 {
        stage.apply(&stage.set(acme, vec![used(&link, uses)])).unwrap();
        stage.refused(&stage.set(acme, vec![used(&link, uses)]), &CONFLICT);
        assert_eq!(stored(&stage, partner).link.uses, uses + 1);
    }
    assert_eq!(stage.row(partner).head, head, "the partner's own row is another customer's affair");
    stage.apply(&stage.set(partner, vec![revoked(&stage, link.id)])).unwrap();
    stage.refused(&stage.set(acme, vec![used(&link, 2)]), &CONFLICT);
}

/// A use that was given back can be used again; a link that took its place is another (R-LNK-2).
pub fn s_12_link_uses_are_counted(make: Make<'_>) {
    let stage = Stage::new(make);
    let partner = stage.customer("partner");
    let acme = stage.customer("acme");
    let link = stage.registration_link(partner);
    let uses = || stored(&stage, partner).link.uses;
    stage.apply(&stage.set(acme, vec![used(&link, 0), used(&link, 1)])).unwrap();
    assert_eq!(uses(), 2);
    stage.apply(&stage.set(acme, vec![returned(&link)])).unwrap();
    assert_eq!(uses(), 1);
    stage.apply(&stage.set(acme, vec![used(&link, 1)])).unwrap();
    assert_eq!(uses(), 2);
    let next = stage.registration_link(partner);
    stage.apply(&stage.set(acme, vec![used(&next, 0)])).unwrap();
    stage.apply(&stage.set(acme, vec![returned(&link)])).unwrap();
    assert_eq!(stored(&stage, partner).link, RegistrationLink { uses: 1, ..next });
}

/// Uses of registrations that came by this very link, have lapsed by then, and still show as waiting.
pub fn s_12_lapsed_uses_are_counted(make: Make<'_>) {
    let stage = Stage::new(make);
    let jane = stage.user("jane");
    let partner = stage.customer("partner");
    let other = stage.customer("other");
    let link = stage.registration_link(partner);
    let theirs = stage.registration_link(other);
    let end = stage.now() + TimeDelta::days(30);
    let register = |identifier: &str, by: &RegistrationLink, lapses: i64| {
        stage.registered_with(identifier, &jane, |new, registration| {
            new.status = CustomerStatus::Waiting(WaitingFor::Confirmation);
            new.lapses_at = Some(end + TimeDelta::milliseconds(lapses));
            registration.link = Some(UsedLink { partner: by.partner, link: by.id });
        })
    };
    register("one", &link, 0);
    register("two", &link, 5);
    let written = register("written", &link, 0);
    register("theirs", &theirs, 0);
    stage.registered_until("alone", &jane, end);
    let confirmation = CustomerStatus::Waiting(WaitingFor::Confirmation);
    stage.apply(&stage.set(written, vec![status(confirmation, CustomerStatus::Ended(End::Lapsed))])).unwrap();
    let lapsed = |now| stage.read(|tx| tx.registration_link(partner, now)).unwrap().lapsed;
    assert_eq!(lapsed(end - TimeDelta::milliseconds(1)), 0);
    assert_eq!(lapsed(end), 1);
    assert_eq!(lapsed(far()), 2);
    stage.registration_link(partner);
    assert_eq!(lapsed(far()), 0, "those of the former link are no use of this one");
}

/// In the order of ids; revoked ones are left out, as are partners that never had one.
pub fn s_9_linked_partners(make: Make<'_>) {
    let stage = Stage::new(make);
    let mut expected: Vec<CustomerId> = (0..9).map(|number| stage.customer(&format!("c-{number}"))).collect();
    for partner in &expected {
        stage.registration_link(*partner);
    }
    stage.customer("without");
    let gone = expected.remove(4);
    let link = stored(&stage, gone).link.id;
    stage.apply(&stage.set(gone, vec![revoked(&stage, link)])).unwrap();
    expected.sort();
    for limit in [1, 3, 100] {
        let mut ids: Vec<CustomerId> = Vec::new();
        loop {
            let page = stage.read(|tx| tx.linked_partners(ids.last().copied(), limit));
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            ids.extend(page);
        }
        assert_eq!(ids, expected, "in pages of {limit}");
    }
}
