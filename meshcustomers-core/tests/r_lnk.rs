//! The registration link: a partner's shareable link, who shows it, and what it can do (R-LNK).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use chrono::TimeDelta;
use common::{World, at_once, code, forged, settings, unknown_customer};
use meshcustomers_core::{
    Actor, Approval, CustomerFilter, CustomerId, CustomerStatus, EmailConfirmation, EventDetails, EventType,
    ExportFormat, HistoryFilter, LabelSlot, LinkKind, LinkStanding, LinkToken, PageRequest, Permission,
    RegistrationLinks, RegistrationMode, RotateLink, SettingsBuilder, ShownLink, User, WaitingFor,
};

/// Everybody may register, links are on; a manager approves, nothing is confirmed.
fn with_links() -> SettingsBuilder {
    let open = settings().registration(RegistrationMode::Open).confirmation(EmailConfirmation::NotRequired);
    open.registration_links(RegistrationLinks::On)
}

/// The same with nobody to approve.
fn at_once_active() -> SettingsBuilder {
    with_links().approval(Approval::Automatic)
}

/// The same, with addresses to be confirmed: registrations lapse.
fn confirming() -> SettingsBuilder {
    at_once_active().confirmation(EmailConfirmation::Required)
}

fn shown(w: &World) -> Option<ShownLink> {
    w.admin.registration_link(&w.paula(), w.north.id).unwrap()
}

fn rotate(w: &World, by: &Actor, partner: CustomerId) -> Result<ShownLink, meshcustomers_core::Error> {
    w.admin.rotate_link(by, RotateLink { partner, expires_at: None, max_uses: None })
}

/// Dead for whoever looks at it, and for whoever registers with it.
#[track_caller]
fn dead(w: &World, link: &LinkToken) {
    w.refused("LINK_DEAD", || w.admin.registration_offer(link));
    w.refused("LINK_DEAD", || w.register_by(link, &w.stranger, "never"));
}

// ---- R-LNK-1 ------------------------------------------------------------------------------------------------------

#[test]
fn r_lnk_1_who_registers_with_it_is_assigned_to_that_partner_at_once() {
    let w = World::with(with_links());
    let link = w.partner_link(None);
    let gamma = w.register_by(&link, &w.stranger, "gamma").unwrap();
    assert_eq!(gamma.partner, Some(w.north.id));
    assert_eq!(w.customer(gamma.id).partner, Some(w.north.id));
    assert_eq!(w.queue(&w.paula()), ["gamma"]);
    w.admin.approve(&w.paula(), gamma.id).unwrap();
    w.admin.add_myself(&w.paula(), gamma.id).unwrap();
}

#[test]
fn r_lnk_1_off_means_invisible_and_dead_and_on_again_it_works() {
    let w = World::with(with_links());
    let link = w.partner_link(None);
    let may_show = |w: &World| {
        let access = w.admin.access(w.paula.id, w.north.id).unwrap();
        (access.may(Permission::ShowLink), access.may(Permission::RotateLink))
    };
    assert_eq!(may_show(&w), (true, true));
    let w = w.restarted(with_links().registration_links(RegistrationLinks::Off));
    dead(&w, &link);
    assert_eq!(may_show(&w), (false, false));
    w.refused("NOT_FOUND", || w.admin.registration_link(&w.paula(), w.north.id));
    w.refused("NOT_FOUND", || rotate(&w, &w.paula(), w.north.id));
    w.refused("NOT_FOUND", || w.admin.revoke_link(&w.paula(), w.north.id));
    let w = w.restarted(with_links());
    w.register_by(&link, &w.stranger, "gamma").unwrap();
}

#[test]
fn r_lnk_1_the_operator_revokes_all_also_while_links_are_off() {
    let w = World::with(with_links());
    let link = w.partner_link(None);
    let sven = w.by(&w.sven, &w.south);
    let souths = rotate(&w, &sven, w.south.id).unwrap().token;
    w.refused("NOT_FOUND", || w.admin.revoke_all_links(&w.paula(), 100));
    let w = w.restarted(with_links().registration_links(RegistrationLinks::Off));
    assert_eq!(w.admin.revoke_all_links(&w.operator, 1).unwrap(), 1);
    assert_eq!(w.admin.revoke_all_links(&w.operator, 100).unwrap(), 1);
    assert_eq!(w.admin.revoke_all_links(&w.operator, 100).unwrap(), 0);
    let w = w.restarted(with_links());
    for (link, partner) in [(&link, &w.north), (&souths, &w.south)] {
        dead(&w, link);
        assert_eq!(w.last_event(partner).kind, EventType::LinkRevoked);
    }
}

#[test]
fn r_lnk_1_a_disabled_partners_link_is_dead_while_it_is_disabled() {
    let w = World::with(with_links());
    let link = w.partner_link(None);
    w.disable(&w.north);
    dead(&w, &link);
    w.refused("NOT_FOUND", || w.admin.registration_link(&w.paula(), w.north.id));
    w.enable(&w.north);
    w.register_by(&link, &w.stranger, "gamma").unwrap();
}

#[test]
fn r_lnk_1_link_only_with_links_off_is_refused_at_start() {
    let link_only = || settings().registration(RegistrationMode::LinkOnly);
    let error = link_only().build().unwrap_err();
    assert_eq!(error.0.iter().map(|problem| problem.setting).collect::<Vec<_>>(), ["registration"]);
    assert!(link_only().registration_links(RegistrationLinks::On).build().is_ok());
}

#[test]
fn r_lnk_1_only_partners_have_a_link() {
    let w = World::with(with_links());
    for (actor, account) in [(w.ann(), &w.acme), (w.hanna(), &w.hq)] {
        w.refused("NOT_FOUND", || rotate(&w, &actor, account.id));
        w.refused("NOT_FOUND", || w.admin.registration_link(&actor, account.id));
        w.refused("NOT_FOUND", || w.admin.revoke_link(&actor, account.id));
    }
}

// ---- R-LNK-2 ------------------------------------------------------------------------------------------------------

#[test]
fn r_lnk_2_the_partners_people_show_it_at_any_time_and_nobody_else() {
    let w = World::with(with_links());
    assert!(shown(&w).is_none(), "none was made yet");
    let link = w.partner_link(None);
    for _ in 0..2 {
        let again = shown(&w).unwrap();
        assert_eq!((again.token.expose(), again.standing), (link.expose(), LinkStanding::Alive));
        w.advance(TimeDelta::days(100));
    }
    let pete = w.by(&w.pete, &w.north);
    assert_eq!(w.admin.registration_link(&pete, w.north.id).unwrap().unwrap().token.expose(), link.expose());
    let ask = |actor: &Actor| code(&w.admin.registration_link(actor, w.north.id).map(|_| ()));
    let sven = w.by(&w.sven, &w.south);
    assert_eq!([w.hanna(), w.operator.clone()].map(|actor| ask(&actor)), ["NOT_PERMITTED"; 2]);
    for actor in [sven, w.by(&w.hugo, &w.hq), w.ann(), w.by(&w.stranger, &w.north)] {
        assert_eq!(ask(&actor), "NOT_FOUND", "{actor:?}");
    }
}

#[test]
fn r_lnk_2_it_stands_in_no_list_export_and_store() {
    let w = World::with(with_links());
    let link = w.partner_link(None).expose();
    let page = PageRequest::default();
    let mut export = Vec::new();
    let filter = HistoryFilter::default();
    let admin = &w.admin;
    admin.export_history(&w.paula(), w.north.id, &filter, ExportFormat::JsonLines, &mut export).unwrap();
    for text in [
        w.dump(),
        format!("{:?}", admin.customers(&w.hanna(), &CustomerFilter::default(), &page).unwrap()),
        format!("{:?}", w.events(&w.north)),
        format!("{:?}", shown(&w)),
        String::from_utf8(export).unwrap(),
    ] {
        assert!(text.to_lowercase().contains("north") || text.contains("Link"), "not it: {text}");
        assert!(!text.contains(&link) && !text.contains(&link[40..80]), "a link leaked: {text}");
    }
}

#[test]
fn r_lnk_2_an_admin_of_the_partner_rotates_and_the_old_one_is_dead_at_once() {
    let w = World::with(with_links());
    let pete = w.by(&w.pete, &w.north);
    w.refused("NOT_PERMITTED", || rotate(&w, &pete, w.north.id));
    w.refused("NOT_PERMITTED", || rotate(&w, &w.hanna(), w.north.id));
    let old = w.partner_link(None);
    let first = shown(&w).unwrap().id;
    let new = w.partner_link(None);
    dead(&w, &old);
    let event = w.last_event(&w.north);
    let link = shown(&w).unwrap().id;
    let (expires_at, max_uses) = (None, None);
    assert_eq!(
        event.details,
        Some(EventDetails::LinkRotated { link, old: Some(first), expires_at, max_uses })
    );
    w.register_by(&new, &w.stranger, "gamma").unwrap();
}

#[test]
fn r_lnk_2_an_admin_of_the_partner_revokes_and_it_is_dead_at_once() {
    let w = World::with(with_links());
    w.unchanged(|| w.admin.revoke_link(&w.paula(), w.north.id));
    let link = w.partner_link(None);
    let id = shown(&w).unwrap().id;
    w.refused("NOT_PERMITTED", || w.admin.revoke_link(&w.by(&w.pete, &w.north), w.north.id));
    w.refused("NOT_PERMITTED", || w.admin.revoke_link(&w.hanna(), w.north.id));
    w.admin.revoke_link(&w.paula(), w.north.id).unwrap();
    assert_eq!(w.last_event(&w.north).details, Some(EventDetails::LinkRevoked { link: id }));
    assert!(shown(&w).is_none());
    dead(&w, &link);
    w.unchanged(|| w.admin.revoke_link(&w.paula(), w.north.id));
    w.register_by(&w.partner_link(None), &w.stranger, "gamma").unwrap();
    dead(&w, &link);
}

#[test]
fn r_lnk_2_an_end_date_is_exclusive_and_lies_ahead() {
    let w = World::with(with_links());
    let (partner, end) = (w.north.id, w.now() + TimeDelta::days(3));
    let until = |end| RotateLink { partner, expires_at: Some(end), max_uses: None };
    w.refused("ENDS_IN_PAST", || w.admin.rotate_link(&w.paula(), until(w.now())));
    let link = w.admin.rotate_link(&w.paula(), until(end)).unwrap();
    assert_eq!(link.expires_at, Some(end));
    w.set_clock(end - TimeDelta::milliseconds(1));
    w.register_by(&link.token, &w.stranger, "gamma").unwrap();
    w.set_clock(end);
    dead(&w, &link.token);
    assert_eq!(shown(&w).unwrap().standing, LinkStanding::Expired);
}

#[test]
fn r_lnk_2_a_maximum_of_uses_is_kept() {
    let w = World::with(at_once_active());
    let none = RotateLink { partner: w.north.id, expires_at: None, max_uses: Some(0) };
    w.refused("USES_OUT_OF_RANGE", || w.admin.rotate_link(&w.paula(), none));
    let link = w.partner_link(Some(2));
    w.register_by(&link, &w.ann, "one").unwrap();
    assert_eq!((shown(&w).unwrap().uses, shown(&w).unwrap().max_uses), (1, Some(2)));
    w.register_by(&link, &w.bea, "two").unwrap();
    dead(&w, &link);
    assert_eq!(shown(&w).unwrap().standing, LinkStanding::UsedUp);
    // A new one starts anew.
    w.register_by(&w.partner_link(Some(1)), &w.stranger, "three").unwrap();
    assert_eq!(shown(&w).unwrap().uses, 1);
}

#[test]
fn r_lnk_2_64_want_the_last_use_and_one_gets_it() {
    let w = World::with(at_once_active());
    let people: Vec<User> = (0..64).map(|number| w.person(&format!("Person{number}"))).collect();
    let link = w.partner_link(Some(1));
    let codes = at_once(64, |at| code(&w.register_by(&link, &people[at], &format!("id-{at}"))));
    assert_eq!(codes.iter().filter(|code| **code == "OK").count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| ["OK", "LINK_DEAD"].contains(code)), "{codes:?}");
    assert_eq!(shown(&w).unwrap().uses, 1);
}

#[test]
fn r_lnk_2_a_registration_that_ends_before_it_was_active_gives_its_use_back() {
    let w = World::with(confirming().approval(Approval::Manual));
    let link = w.partner_link(Some(1));
    let rejected = w.register_by(&link, &w.ann, "one").unwrap();
    dead(&w, &link);
    w.reject(&rejected, "no");
    assert_eq!(shown(&w).unwrap().uses, 0);
    let withdrawn = w.register_by(&link, &w.bea, "two").unwrap();
    dead(&w, &link);
    w.withdraw(&w.bea, &withdrawn).unwrap();
    assert_eq!(shown(&w).unwrap().uses, 0);
    let kept = w.register_by(&link, &w.hugo, "three").unwrap();
    w.admin.approve(&w.paula(), kept.id).unwrap();
    w.confirm(&w.hugo, &w.confirmation_link(&w.hugo)).unwrap();
    w.disable(&kept);
    dead(&w, &link);
    assert_eq!(shown(&w).unwrap().uses, 1, "who became active keeps it");
}

#[test]
fn r_lnk_2_a_lapsed_registration_gives_its_use_back_once() {
    let w = World::with(confirming());
    let link = w.partner_link(Some(1));
    let gamma = w.register_by(&link, &w.ann, "gamma").unwrap();
    dead(&w, &link);
    w.set_clock(gamma.lapses_at.unwrap());
    // Before anybody has written it.
    assert_eq!((shown(&w).unwrap().uses, shown(&w).unwrap().standing), (0, LinkStanding::Alive));
    w.register_by(&link, &w.bea, "delta").unwrap();
    dead(&w, &link);
    // And not a second time when it is written.
    w.admin.housekeep(&w.operator, 100).unwrap();
    dead(&w, &link);
    assert_eq!(shown(&w).unwrap().uses, 1);
}

#[test]
fn r_lnk_2_a_use_goes_back_to_the_very_link_it_came_from() {
    let w = World::with(with_links());
    let old = w.partner_link(Some(1));
    let gamma = w.register_by(&old, &w.ann, "gamma").unwrap();
    let new = w.partner_link(Some(1));
    w.register_by(&new, &w.bea, "delta").unwrap();
    w.withdraw(&w.ann, &gamma).unwrap();
    assert_eq!(shown(&w).unwrap().uses, 1);
    dead(&w, &old);
    dead(&w, &new);
}

// ---- R-LNK-3 ------------------------------------------------------------------------------------------------------

#[test]
fn r_lnk_3_the_page_names_the_partner_before_anybody_agrees() {
    let w = World::with(with_links());
    let link = w.partner_link(None);
    let partner = w.unchanged(|| w.admin.registration_offer(&link));
    assert_eq!((partner.id, partner.name.as_str()), (w.north.id, "North Partners"));
}

#[test]
fn r_lnk_3_the_event_keeps_the_links_id_and_the_partners_name() {
    let w = World::with(with_links());
    let link = w.partner_link(None);
    let id = shown(&w).unwrap().id;
    let gamma = w.register_by(&link, &w.stranger, "gamma").unwrap();
    let event = w.last_event(&gamma);
    let Some(EventDetails::CustomerRegistered { partner, link, .. }) = event.details else {
        panic!("{event:?}")
    };
    assert_eq!((partner, link), (Some(w.north.id), Some(id)));
    assert_eq!(event.labels[&LabelSlot::PartnerName], "North Partners");
    let plain = w.register(&w.stranger, "delta").unwrap();
    let event = w.last_event(&plain);
    assert!(matches!(event.details, Some(EventDetails::CustomerRegistered { link: None, .. })));
    assert!(!event.labels.contains_key(&LabelSlot::PartnerName));
    // The queue names it, too.
    let queue = w.admin.waiting_registrations(&w.paula(), &PageRequest::default()).unwrap().items;
    assert_eq!(queue[0].link.map(|used| (used.partner, used.link)), Some((w.north.id, id)));
}

// ---- R-LNK-4 ------------------------------------------------------------------------------------------------------

#[test]
fn r_lnk_4_a_dead_link_stops_the_registration_and_never_falls_through() {
    let w = World::with(with_links());
    let revoked = w.partner_link(None);
    w.admin.revoke_link(&w.paula(), w.north.id).unwrap();
    let other = w.link(&w.invited("x@new.example", meshcustomers_core::Role::EMPLOYEE));
    let unknown = [w.north.id, w.acme.id, unknown_customer()]
        .map(|customer| forged(LinkKind::Registration, customer, [7; 16]));
    for link in unknown.iter().chain([&revoked, &other]) {
        dead(&w, link);
    }
    assert_eq!(w.queue(&w.operator), [""; 0]);
    w.register(&w.stranger, "never").unwrap();
}

#[test]
fn r_lnk_4_who_already_waits_stays_with_the_partner() {
    let w = World::with(with_links());
    let link = w.partner_link(None);
    let gamma = w.register_by(&link, &w.stranger, "gamma").unwrap();
    w.admin.revoke_link(&w.paula(), w.north.id).unwrap();
    let w = w.restarted(with_links().registration_links(RegistrationLinks::Off));
    assert_eq!(w.queue(&w.paula()), ["gamma"]);
    assert_eq!(w.admin.approve(&w.paula(), gamma.id).unwrap().partner, Some(w.north.id));
}

#[test]
fn r_lnk_4_while_the_partner_is_disabled_administrators_decide() {
    let w = World::with(with_links());
    let link = w.partner_link(None);
    let gamma = w.register_by(&link, &w.stranger, "gamma").unwrap();
    w.disable(&w.north);
    w.refused("NOT_FOUND", || w.admin.approve(&w.paula(), gamma.id));
    assert_eq!(w.status(&gamma), CustomerStatus::Waiting(WaitingFor::Approval));
    assert_eq!(w.queue(&w.hanna()), ["gamma"]);
    let approved = w.admin.approve(&w.hanna(), gamma.id).unwrap();
    assert_eq!((approved.status, approved.partner), (CustomerStatus::Active, Some(w.north.id)));
}
