//! Status: who may do what while a customer waits, is active, is disabled, has ended (R-STA).

mod common;

use common::{World, facts, reason, refusal};
use meshcustomers_core::rules::access::authorize;
use meshcustomers_core::{
    Accept, AccessFacts, Actor, CancelInvitation, ChangeRole, Customer, CustomerFilter, CustomerKind,
    CustomerStatus, Decline, Disable, Enable, End, EventDetails, EventType, HistoryFilter, LabelSlot,
    PageRequest, Permission, Person, Phase, Refusal, RemoveMember, Rename, Resend, Role, TABLE, WaitingFor,
};

#[test]
fn r_sta_1_a_manager_disables_and_enables_with_a_reason() {
    let w = World::new();
    let disable = Disable { customer: w.acme.id, reason: reason("unpaid since May") };
    let disabled = w.admin.disable(&w.paula(), disable).unwrap();
    assert_eq!(disabled.status, CustomerStatus::Disabled);
    let event = w.last_event(&w.acme);
    assert_eq!(event.kind, EventType::CustomerStatusChanged);
    let (old, new) = (CustomerStatus::Active, CustomerStatus::Disabled);
    assert_eq!(event.details, Some(EventDetails::CustomerStatusChanged { old, new }));
    assert_eq!(event.labels[&LabelSlot::Reason], "unpaid since May");
    assert_eq!(event.actor, Some(w.paula.id));

    let enable = Enable { customer: w.acme.id, reason: reason("paid") };
    assert_eq!(w.admin.enable(&w.paula(), enable).unwrap().status, CustomerStatus::Active);
    let event = w.last_event(&w.acme);
    assert_eq!(event.details, Some(EventDetails::CustomerStatusChanged { old: new, new: old }));
}

#[test]
fn r_sta_1_its_admins_are_told_and_nobody_else() {
    let w = World::new();
    let ann_and_amos = [
        ("status_changed", "amos@people.example".to_owned()),
        ("status_changed", "ann@people.example".to_owned()),
    ];
    assert_eq!(w.new_mails(|| drop(w.disable(&w.acme))), ann_and_amos);
    assert_eq!(w.new_mails(|| drop(w.enable(&w.acme))), ann_and_amos);
}

#[test]
fn r_sta_1_who_acts_gets_no_mail_of_their_own_act() {
    let w = World::new();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    let mails = w.new_mails(|| {
        w.admin.disable(&w.paula(), Disable { customer: w.acme.id, reason: reason("") }).unwrap();
    });
    assert_eq!(mails.len(), 2, "Ann and Amos: {mails:?}");
}

#[test]
fn r_sta_2_in_a_disabled_customer_members_read_and_leave() {
    let w = World::new();
    w.disable(&w.acme);
    let (ann, page) = (w.ann(), PageRequest::default());
    assert_eq!(w.admin.customer(&ann, w.acme.id).unwrap().status, CustomerStatus::Disabled);
    assert_eq!(w.admin.members(&w.emil(), w.acme.id, &page).unwrap().items.len(), 3);
    w.admin.invitations(&ann, w.acme.id, &page).unwrap();
    w.admin.history(&ann, w.acme.id, &HistoryFilter::default(), &page).unwrap();
    assert_eq!(w.accounts(&w.emil), ["acme"]);
    w.admin.leave(&Person::new(w.emil.id), w.acme.id).unwrap();
}

#[test]
fn r_sta_2_a60_every_other_change_by_members_is_refused() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let jane = w.person("Jane");
    let link = w.link(&invitation);
    w.disable(&w.acme);
    let (customer, id, ann) = (w.acme.id, invitation.id, w.ann());
    let name = "New".parse().unwrap();
    w.refused("CUSTOMER_DISABLED", || w.invite(&ann, &w.acme, "x@new.example", Role::EMPLOYEE));
    w.refused("CUSTOMER_DISABLED", || w.admin.resend(&ann, Resend { customer, invitation: id }));
    w.refused("CUSTOMER_DISABLED", || {
        w.admin.cancel_invitation(&ann, CancelInvitation { customer, invitation: id })
    });
    let change = ChangeRole { customer, user: w.emil.id, role: Role::ADMIN };
    w.refused("CUSTOMER_DISABLED", || w.admin.change_role(&ann, change));
    w.refused("CUSTOMER_DISABLED", || {
        w.admin.remove_member(&ann, RemoveMember { customer, user: w.emil.id })
    });
    w.refused("CUSTOMER_DISABLED", || w.admin.rename(&ann, Rename { customer, name }));
    w.refused("CUSTOMER_DISABLED", || w.accept(&jane, &invitation));
    w.refused("CUSTOMER_DISABLED", || w.accept_link(&jane, &link));
    assert_eq!(w.admin.own_invitations(&Person::new(jane.id), &PageRequest::default()).unwrap().items, []);
}

#[test]
fn r_sta_2_a26_the_link_works_again_after_enabling() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let jane = w.person("Jane");
    let link = w.link(&invitation);
    w.disable(&w.acme);
    w.refused("CUSTOMER_DISABLED", || w.accept_link(&jane, &link));
    w.enable(&w.acme);
    w.accept_link(&jane, &link).unwrap();
}

#[test]
fn r_sta_2_declining_is_possible_while_disabled() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::EMPLOYEE);
    let jane = w.person("Jane");
    w.disable(&w.acme);
    w.admin.decline(&Person::new(jane.id), Decline::by_id(w.acme.id, invitation.id)).unwrap();
}

#[test]
fn r_sta_2_a60_no_mail_of_a_disabled_customer_carries_a_link() {
    let w = World::new();
    w.invited("jane@people.example", Role::EMPLOYEE);
    w.disable(&w.acme);
    assert!(w.deliver().iter().all(|mail| mail.kind != "invitation"));
    w.enable(&w.acme);
    w.advance(chrono::TimeDelta::hours(1));
    assert!(w.deliver().iter().any(|mail| mail.kind == "invitation"));
}

#[test]
fn r_sta_2_managers_keep_all_their_rights() {
    let w = World::new();
    w.disable(&w.acme);
    w.admin.rename(&w.paula(), Rename { customer: w.acme.id, name: "New".parse().unwrap() }).unwrap();
    w.admin.add_myself(&w.paula(), w.acme.id).unwrap();
    w.admin.history(&w.paula(), w.acme.id, &HistoryFilter::default(), &PageRequest::default()).unwrap();
    w.admin.enable(&w.paula(), Enable { customer: w.acme.id, reason: reason("") }).unwrap();
}

#[test]
fn r_sta_2_a44_no_link_changes_a_status() {
    let w = World::new();
    let invitation = w.invited("jane@people.example", Role::ADMIN);
    let jane = w.person("Jane");
    let link = w.link(&invitation);
    w.disable(&w.acme);
    w.admin.offer(&link).unwrap();
    w.refused("CUSTOMER_DISABLED", || w.admin.accept(&Person::new(jane.id), Accept::by_link(link.clone())));
    w.admin.decline_without_account(link).unwrap();
    assert_eq!(w.customer(w.acme.id).status, CustomerStatus::Disabled);
}

#[test]
fn r_sta_3_disabling_a_partner_ends_its_peoples_rights() {
    let w = World::new();
    w.disable(&w.north);
    for person in [&w.paula, &w.pete] {
        let manager = w.by(person, &w.north);
        w.refused("NOT_FOUND", || w.admin.customer(&manager, w.acme.id));
        w.refused("NOT_FOUND", || w.admin.add_myself(&manager, w.acme.id));
        w.refused("CUSTOMER_DISABLED", || {
            w.admin.customers(&manager, &CustomerFilter::default(), &PageRequest::default())
        });
        let create = meshcustomers_core::CreateCustomer::new("Sub", "sub").unwrap();
        w.refused("CUSTOMER_DISABLED", || w.admin.create_customer(&manager, create));
        assert_eq!(refusal(w.admin.access(person.id, w.acme.id)), Refusal::NotFound);
    }
}

#[test]
fn r_sta_3_its_customers_stay_active_and_administrators_manage_them() {
    let w = World::new();
    w.disable(&w.north);
    assert_eq!(w.customer(w.acme.id).status, CustomerStatus::Active);
    w.invited("x@new.example", Role::EMPLOYEE);
    w.admin.rename(&w.hanna(), Rename { customer: w.acme.id, name: "New".parse().unwrap() }).unwrap();
    w.enable(&w.north);
    w.admin.customer(&w.paula(), w.acme.id).unwrap();
}

#[test]
fn r_sta_4_a59_a_removed_members_next_request_is_refused() {
    let w = World::new();
    let emil = w.emil();
    w.admin.customer(&emil, w.acme.id).unwrap();
    w.admin.remove_member(&w.ann(), RemoveMember { customer: w.acme.id, user: w.emil.id }).unwrap();
    w.refused("NOT_FOUND", || w.admin.customer(&emil, w.acme.id));
    w.refused("NOT_FOUND", || w.admin.members(&emil, w.acme.id, &PageRequest::default()));
    w.refused("NOT_FOUND", || w.admin.leave(&Person::new(w.emil.id), w.acme.id));
    assert_eq!(w.accounts(&w.emil), [""; 0]);
}

#[test]
fn r_sta_4_a59_a_removed_admin_gets_no_more_mails() {
    let w = World::new();
    w.disable(&w.acme);
    w.enable(&w.acme);
    let remove = RemoveMember { customer: w.acme.id, user: w.amos.id };
    w.admin.remove_member(&w.ann(), remove).unwrap();
    let sent = w.deliver();
    let to_amos: Vec<_> =
        sent.iter().filter(|mail| mail.to == w.amos.address).map(|mail| mail.kind).collect();
    assert_eq!(to_amos, ["removed"], "what was queued before is not sent any more");
}

#[test]
fn r_sta_4_a_role_counts_from_the_next_command_on() {
    let w = World::new();
    w.refused("NOT_PERMITTED", || w.invite(&w.emil(), &w.acme, "x@new.example", Role::EMPLOYEE));
    w.set_role(&w.ann(), &w.emil, Role::ADMIN).unwrap();
    w.invite(&w.emil(), &w.acme, "x@new.example", Role::EMPLOYEE).unwrap();
    w.set_role(&w.ann(), &w.emil, Role::EMPLOYEE).unwrap();
    w.refused("NOT_PERMITTED", || w.invite(&w.emil(), &w.acme, "y@new.example", Role::EMPLOYEE));
}

/// What each may do while the customer waits, is active, is disabled, has ended. Written from the rules, not from the code:
///
/// y: done, or no change; n: `NotFound`; p: `NotPermitted`; w: `CustomerWaiting`; d: `CustomerDisabled`; e: `CustomerEnded`;
/// x: `NotWaiting`. The customer is a standard one, so there is no registration link; a partner's is asked below. "Managers" are both roles of the partner and of an administrator account; a stranger is always `n`.
const EXPECTED: &str = "
permission              managers  office-admin  operator  admin  employee
see_customer            yyyy      yyyy          yyyy      nppn   nppn
see_members             yyye      yyye          yyye      nyyn   nyyn
see_invitations         yyye      yyye          yyye      nyyn   nppn
see_receipts            yyye      yyye          yyye      nppn   nppn
see_history             yyyy      yyyy          yyyy      nyyn   nppn
approve                 yyye      yyye          yyye      nppn   nppn
reject                  yxxy      yxxy          yxxy      nppn   nppn
withdraw_registration   pppp      pppp          pppp      nppn   nppn
confirm                 pppn      pppn          pppn      nppn   nppn
add_myself              wyye      wyye          pppp      nppn   nppn
send_message            wyye      wyye          wyye      nppn   nppn
rename                  yyye      yyye          yyye      nydn   nppn
edit_quota              yyye      yyye          yyye      nppn   nppn
change_status           wyye      wyye          wyye      nppn   nppn
invite                  pppn      pppn          pppn      wydn   nppn
cancel_invitation       pppn      pppn          pppn      wydn   nppn
change_role             pppn      pppn          pppn      wydn   nppn
remove_member           pppn      pppn          pppn      wydn   nppn
run_projects            pppn      pppn          pppn      wydn   nppn
accept_invitation       nppn      nppn          nppn      nppn   nppn
decline_invitation      nppn      nppn          nppn      nppn   nppn
acknowledge             nppn      nppn          nppn      nyyn   nyyn
leave                   nppn      nppn          nppn      nyyn   nyyn
move                    pppp      yyye          yyye      nppn   nppn
show_link               nnnn      nnnn          nnnn      nnnn   nnnn
rotate_link             nnnn      nnnn          nnnn      nnnn   nnnn
";

const STATUSES: [&[CustomerStatus]; 4] = [
    &[
        CustomerStatus::Waiting(WaitingFor::Approval),
        CustomerStatus::Waiting(WaitingFor::Confirmation),
        CustomerStatus::Waiting(WaitingFor::Both),
    ],
    &[CustomerStatus::Active],
    &[CustomerStatus::Disabled],
    &[
        CustomerStatus::Ended(End::Rejected),
        CustomerStatus::Ended(End::Withdrawn),
        CustomerStatus::Ended(End::Lapsed),
        CustomerStatus::Ended(End::Deleted),
    ],
];

/// Those who are asked about, each with the column that stands for them.
fn people(status: CustomerStatus) -> Vec<(&'static str, usize, Actor, AccessFacts)> {
    let touched = || facts::customer(status);
    let mut people = Vec::new();
    let mut add = |who, column, (actor, facts)| people.push((who, column, actor, facts));
    let acting = |id, kind, role| facts::acting_for(id, kind, role, touched());
    add("the partner's Employee", 0, acting(facts::PARTNER, CustomerKind::Partner, Role::EMPLOYEE));
    add("the partner's Admin", 0, acting(facts::PARTNER, CustomerKind::Partner, Role::ADMIN));
    add("the office's Employee", 0, acting(facts::OFFICE, CustomerKind::Administrator, Role::EMPLOYEE));
    add("the office's Admin", 1, acting(facts::OFFICE, CustomerKind::Administrator, Role::ADMIN));
    let nobody = AccessFacts { customer: Some(touched()), ..AccessFacts::default() };
    add("the operator", 2, (facts::operator(), nobody));
    add("an Admin", 3, facts::inside(Role::ADMIN, touched()));
    add("an Employee", 4, facts::inside(Role::EMPLOYEE, touched()));
    let stranger =
        AccessFacts { user: Some(facts::user()), customer: Some(touched()), ..AccessFacts::default() };
    add("a stranger", 5, (Person::new(facts::USER).into(), stranger.clone()));
    add("a stranger for it", 5, (Person::new(facts::USER).acting_for(facts::CUSTOMER), stranger));
    add("another partner's Admin", 5, acting(facts::OFFICE, CustomerKind::Partner, Role::ADMIN));
    add("a customer's Admin", 5, acting(facts::PARTNER, CustomerKind::Standard, Role::ADMIN));
    people
}

fn letter(permission: Permission, result: Result<(), Refusal>) -> char {
    match result {
        Ok(()) => 'y',
        Err(Refusal::NotFound) => 'n',
        Err(Refusal::NotPermitted { permission: named }) if named == permission => 'p',
        Err(Refusal::CustomerWaiting) => 'w',
        Err(Refusal::CustomerDisabled) => 'd',
        Err(Refusal::CustomerEnded) => 'e',
        Err(Refusal::NotWaiting) => 'x',
        Err(other) => panic!("{permission}: {other:?}"),
    }
}

#[test]
fn r_sta_5_a51_every_row_for_everybody_in_every_status() {
    let expected: Vec<Vec<&str>> =
        EXPECTED.trim().lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(expected.len(), TABLE.len(), "a row is missing");
    let mut wrong = Vec::new();
    for (phase, statuses) in STATUSES.iter().enumerate() {
        for status in *statuses {
            for (who, column, actor, facts) in people(*status) {
                let cx = facts::context(actor);
                for row in &expected {
                    let permission: Permission =
                        serde_json::from_value(serde_json::Value::from(row[0])).unwrap();
                    let want = row.get(column + 1).copied().unwrap_or("nnnn").chars().nth(phase).unwrap();
                    let is = letter(permission, authorize(&facts, permission, &cx).map(|_| ()));
                    if is != want {
                        wrong.push(format!("{who}, {status:?}, {permission}: {is}, not {want}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn r_sta_5_the_registration_link_is_its_partners_peoples() {
    let partner = |status| Customer { kind: CustomerKind::Partner, partner: None, ..facts::customer(status) };
    for (phase, statuses) in STATUSES.iter().enumerate() {
        for status in *statuses {
            let touched = || partner(*status);
            let office =
                |role| facts::acting_for(facts::OFFICE, CustomerKind::Administrator, role, touched());
            let operator =
                (facts::operator(), AccessFacts { customer: Some(touched()), ..AccessFacts::default() });
            // While waiting, active, disabled, ended: to show it, to make it anew.
            for (who, (actor, facts), show, rotate) in [
                ("its Admin", facts::inside(Role::ADMIN, touched()), "nynn", "nynn"),
                ("its Employee", facts::inside(Role::EMPLOYEE, touched()), "nynn", "npnn"),
                ("the office's Admin", office(Role::ADMIN), "npnn", "npnn"),
                ("the office's Employee", office(Role::EMPLOYEE), "nnnn", "nnnn"),
                ("the operator", operator, "npnn", "npnn"),
            ] {
                let cx = facts::context(actor);
                for (permission, expected) in [(Permission::ShowLink, show), (Permission::RotateLink, rotate)]
                {
                    let is = letter(permission, authorize(&facts, permission, &cx).map(|_| ()));
                    assert_eq!(Some(is), expected.chars().nth(phase), "{who}, {status:?}, {permission}");
                }
            }
        }
    }
}

#[test]
fn r_sta_5_statuses_stand_in_their_columns() {
    let phases = [Phase::Waiting, Phase::Active, Phase::Disabled, Phase::Ended];
    for (statuses, phase) in STATUSES.iter().zip(phases) {
        for status in *statuses {
            assert_eq!(status.phase(), phase);
            assert_eq!(CustomerStatus::parse(status.as_str()), Some(*status));
        }
    }
    assert_eq!(STATUSES.concat().len(), CustomerStatus::ALL.len());
}

#[test]
fn r_sta_5_disabling_and_enabling_again_is_no_change() {
    let w = World::new();
    w.unchanged(|| w.admin.enable(&w.paula(), Enable { customer: w.acme.id, reason: reason("") }));
    w.disable(&w.acme);
    w.unchanged(|| w.admin.disable(&w.paula(), Disable { customer: w.acme.id, reason: reason("") }));
}
