//! Users: what the host tells of them, and what it changes (R-USR).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::{World, code};
use meshcustomers_core::{
    Accept, Decline, HostUserId, KnownUser, Language, PageRequest, Person, Rename, Role, User, Verification,
};

fn told(host_id: &str, name: &str, address: &str) -> KnownUser {
    KnownUser::new(host_id, name, address).unwrap()
}

#[test]
fn r_usr_1_the_person_gets_an_id_of_the_librarys_own() {
    let w = World::new();
    let jane = w.admin.upsert_user(&told("idp|4711", "Jane", "jane@new.example")).unwrap();
    assert_eq!(jane.id.as_bytes()[6] >> 4, 7, "a UUIDv7");
    assert_eq!(jane.host_id.as_str(), "idp|4711");
    let again = w.admin.upsert_user(&told("idp|4711", "Jane Roe", "jane@new.example")).unwrap();
    assert_eq!((again.id, again.name.as_str()), (jane.id, "Jane Roe"));
    let other = w.admin.upsert_user(&told("idp|4712", "Jane", "jane@new.example")).unwrap();
    assert_ne!(other.id, jane.id);
    assert!(w.admin.user(jane.id).unwrap().is_some());
}

#[test]
fn r_usr_1_the_hosts_id_stands_in_the_users_row_only() {
    let w = World::new();
    let secret = "host-id-4711-canary";
    let jane = w.admin.upsert_user(&told(secret, "Jane", "jane@new.example").verified()).unwrap();
    let member = w.join(&w.acme, &w.ann, &jane, Role::EMPLOYEE);
    assert_eq!(member.user, jane.id);
    let seen = format!("{:?} {:?} {:?}", w.events(&w.acme), w.members(&w.acme), w.waiting_mails());
    assert!(!seen.contains(secret));
}

#[test]
fn r_usr_1_host_ids_have_1_to_255_bytes() {
    assert!(HostUserId::parse("").is_err());
    assert!(HostUserId::parse(&"x".repeat(255)).is_ok());
    assert!(HostUserId::parse(&"x".repeat(256)).is_err());
}

#[test]
fn r_usr_1_a_verified_address_is_unique() {
    let w = World::new();
    let taken = told("idp|thief", "Thief", "ann@people.example").verified();
    w.refused("ADDRESS_TAKEN", || w.admin.upsert_user(&taken));
    w.refused("ADDRESS_TAKEN", || {
        w.admin.upsert_user(&told("idp|thief", "Thief", "ANN@People.Example").verified())
    });
}

#[test]
fn r_usr_1_an_unverified_claim_reserves_nothing() {
    let w = World::new();
    let claim = w.admin.upsert_user(&told("idp|claim", "Claim", "jane@new.example")).unwrap();
    let jane = w.admin.upsert_user(&told("idp|jane", "Jane", "jane@new.example").verified()).unwrap();
    assert_ne!(claim.id, jane.id);
    // Verifying it later is refused, the claim stays one.
    w.refused("ADDRESS_TAKEN", || {
        w.admin.upsert_user(&told("idp|claim", "Claim", "jane@new.example").verified())
    });
    assert_eq!(w.admin.user(claim.id).unwrap().unwrap().verification, Verification::Unverified);
}

#[test]
fn r_usr_1_others_see_no_unverified_claim() {
    let w = World::new();
    let jane = w.person("Jane");
    w.join(&w.acme, &w.ann, &jane, Role::EMPLOYEE);
    assert_eq!(w.member(&w.acme, &jane).unwrap().address.as_ref(), Some(&jane.address));
    w.admin.upsert_user(&told("idp|Jane", "Jane", "elsewhere@new.example")).unwrap();
    assert_eq!(w.member(&w.acme, &jane).unwrap().address, None);
}

#[test]
fn r_usr_1_the_language_is_kept_until_another_is_told() {
    let w = World::new();
    let german = KnownUser { language: Some(Language::De), ..World::known("Jane") };
    assert_eq!(w.admin.upsert_user(&german).unwrap().language, Language::De);
    assert_eq!(w.unverified("Jane").language, Language::De);
    assert_eq!(w.unverified("Jim").language, Language::En);
}

#[test]
fn r_usr_2_another_address_clears_verified_and_the_old_one_is_told() {
    let w = World::new();
    let mut changed = None;
    let mails = w.new_mails(|| {
        changed = Some(w.admin.upsert_user(&told("idp|Ann", "Ann", "ann@new.example")).unwrap());
    });
    assert_eq!(changed.unwrap().verification, Verification::Unverified);
    assert_eq!(mails, [("address_changed", "ann@people.example".to_owned())]);
}

#[test]
fn r_usr_2_an_old_address_that_was_only_claimed_is_not_told() {
    let w = World::new();
    w.unverified("Jane");
    let mails = w.new_mails(|| {
        w.admin.upsert_user(&told("idp|Jane", "Jane", "jane@new.example")).unwrap();
    });
    assert_eq!(mails, []);
}

#[test]
fn r_usr_2_another_address_that_the_host_has_verified_is_verified() {
    let w = World::new();
    let mails = w.new_mails(|| {
        let told = told("idp|Ann", "Ann", "ann@new.example").verified();
        assert_eq!(w.admin.upsert_user(&told).unwrap().verification, Verification::Verified);
    });
    assert_eq!(mails, [("address_changed", "ann@people.example".to_owned())]);
    // The old one is free for somebody else.
    w.admin.upsert_user(&told("idp|other", "Other", "ann@people.example").verified()).unwrap();
}

#[test]
fn r_usr_2_the_same_address_again_never_lowers_verified_and_raises_it() {
    let w = World::new();
    let jane = w.unverified("Jane");
    assert_eq!(jane.verification, Verification::Unverified);
    assert_eq!(w.person("Jane").verification, Verification::Verified);
    assert_eq!(w.unverified("Jane").verification, Verification::Verified);
}

#[test]
fn r_usr_2_invitations_belong_to_an_address_and_stay() {
    let w = World::new();
    let jane = w.person("Jane");
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    w.admin.upsert_user(&told("idp|Jane", "Jane", "jane@new.example").verified()).unwrap();
    w.refused("NOT_FOUND", || w.accept(&jane, &invitation));
    w.admin.upsert_user(&told("idp|Jane", "Jane", "jane@people.example").verified()).unwrap();
    w.accept(&jane, &invitation).unwrap();
}

#[test]
fn r_usr_2_r_cmd_3_hearing_the_same_again_writes_nothing() {
    let w = World::new();
    let writes = w.store.writes();
    w.unchanged(|| w.admin.upsert_user(&World::known("Ann").verified()));
    w.unchanged(|| w.admin.upsert_user(&World::known("Ann")));
    assert_eq!(w.store.writes(), writes, "not even a write transaction");
}

/// Somebody signed up with the victim's address and never proved it.
fn impostor(w: &World) -> User {
    w.admin.upsert_user(&told("idp|impostor", "Jane", "jane@people.example")).unwrap()
}

#[test]
fn r_usr_3_a02_an_unverified_address_lists_reads_accepts_and_declines_nothing() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::ADMIN);
    let link = w.link(&invitation);
    let impostor = impostor(&w);
    let person = Person::new(impostor.id);
    let own = w.admin.own_invitations(&person, &PageRequest::default()).unwrap();
    assert_eq!(own.items, []);
    let id = (invitation.customer, invitation.id);
    w.refused("ADDRESS_UNVERIFIED", || w.admin.accept(&person, Accept::by_id(id.0, id.1)));
    w.refused("ADDRESS_UNVERIFIED", || w.admin.accept(&person, Accept::by_link(link.clone())));
    w.refused("ADDRESS_UNVERIFIED", || w.admin.decline(&person, Decline::by_id(id.0, id.1)));
    w.refused("ADDRESS_UNVERIFIED", || w.admin.decline(&person, Decline::by_link(link.clone())));
    // The invited person is not hindered by it.
    let jane = w.admin.upsert_user(&told("idp|jane", "Jane", "jane@people.example").verified()).unwrap();
    w.accept_link(&jane, &link).unwrap();
}

#[test]
fn r_usr_3_already_member_looks_at_verified_addresses_only() {
    let w = World::new();
    let jane = w.person("Jane");
    w.join(&w.acme, &w.ann, &jane, Role::EMPLOYEE);
    // The member now merely claims another address: that one can be invited.
    w.admin.upsert_user(&told("idp|Jane", "Jane", "claimed@new.example")).unwrap();
    w.invited("claimed@new.example", Role::EMPLOYEE);
}

#[test]
fn r_usr_3_the_genuine_link_shows_its_invitation_without_an_account() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let offer = w.admin.offer(&w.link(&invitation)).unwrap();
    assert_eq!((offer.invitation, offer.account.id), (invitation.id, w.acme.id));
}

#[test]
fn r_usr_3_memberships_hang_on_the_user_not_on_the_address() {
    let w = World::new();
    w.admin.upsert_user(&told("idp|Ann", "Ann", "ann@new.example")).unwrap();
    assert_eq!(w.accounts(&w.ann), ["acme"]);
    w.invited("jane@people.example", Role::EMPLOYEE);
}

#[test]
fn r_usr_4_a61_a_disabled_user_may_do_nothing() {
    let w = World::new();
    let invitation = w.invited("emil2@people.example", Role::EMPLOYEE);
    w.disable_user(&w.ann);
    let ann = Person::new(w.ann.id);
    w.refused("USER_DISABLED", || w.admin.accounts(&ann));
    w.refused("USER_DISABLED", || w.admin.access(w.ann.id, w.acme.id));
    w.refused("USER_DISABLED", || w.admin.own_invitations(&ann, &PageRequest::default()));
    w.refused("USER_DISABLED", || w.invite(&w.ann(), &w.acme, "x@new.example", Role::EMPLOYEE));
    w.refused("USER_DISABLED", || w.admin.customer(&w.ann(), w.acme.id));
    w.refused("USER_DISABLED", || w.admin.members(&w.ann(), w.acme.id, &PageRequest::default()));
    w.refused("USER_DISABLED", || w.set_role(&w.ann(), &w.emil, Role::ADMIN));
    w.refused("USER_DISABLED", || w.admin.leave(&ann, w.acme.id));
    w.refused("USER_DISABLED", || w.accept(&w.ann, &invitation));
    let name = "Other".parse().unwrap();
    w.refused("USER_DISABLED", || w.admin.rename(&w.ann(), Rename { customer: w.acme.id, name }));
    w.disable_user(&w.paula);
    w.refused("USER_DISABLED", || w.admin.add_myself(&w.paula(), w.acme.id));
    assert_eq!(w.admin.access_many(w.ann.id, &[w.acme.id]).unwrap(), [None]);
}

#[test]
fn r_usr_4_enabling_gives_back_what_they_had() {
    let w = World::new();
    w.disable_user(&w.ann);
    w.enable_user(&w.ann);
    assert_eq!(w.accounts(&w.ann), ["acme"]);
    assert_eq!(w.member(&w.acme, &w.ann).unwrap().role, Role::ADMIN);
    w.invited("x@new.example", Role::ADMIN);
}

#[test]
fn r_usr_4_only_the_operator_disables_and_enables() {
    let w = World::new();
    for actor in [w.hanna(), w.paula(), w.ann()] {
        w.refused("NOT_FOUND", || w.admin.disable_user(&actor, w.emil.id));
        w.refused("NOT_FOUND", || w.admin.enable_user(&actor, w.emil.id));
    }
    w.refused("NOT_FOUND", || w.admin.disable_user(&w.operator, common::unknown_user()));
    w.unchanged(|| w.admin.enable_user(&w.operator, w.emil.id));
}

#[test]
fn r_usr_4_a_disabled_user_is_not_made_admin() {
    let w = World::new();
    w.disable_user(&w.stranger);
    let command = meshcustomers_core::AddAdmin {
        customer: w.acme.id,
        user: w.stranger.id,
        reason: common::reason("rescue"),
    };
    w.refused("USER_DISABLED", || w.admin.add_admin(&w.operator, command));
}

#[test]
fn r_usr_1_two_people_verify_one_address_at_once_one_gets_it() {
    let w = World::new();
    let results = common::at_once(64, |thread| {
        let host_id = format!("idp|race-{thread}");
        w.admin.upsert_user(&told(&host_id, "Racer", "race@new.example").verified())
    });
    assert_eq!(results.iter().filter(|result| code(result) == "OK").count(), 1);
    assert!(results.iter().all(|result| ["OK", "ADDRESS_TAKEN"].contains(&code(result))));
}
