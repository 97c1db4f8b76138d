use super::*;
use crate::clock::from_millis;
use crate::customer::{CustomerKind, CustomerStatus, End, QuotaUse, WaitingFor};
use crate::field::{EmailAddress, HostUserId, Identifier, Language, Name, Quota, Reason};
use crate::history::Head;
use crate::id::{CustomerId, InvitationId, MailId, MembershipId, UserId};
use crate::invitation::{DayCount, Invitation, InvitationEnd, InvitationState, Inviter};
use crate::link::LinkSecret;
use crate::mail::{ConfirmationOccasion, MailAccount, MailState, MailStatus, Recipient};
use crate::membership::{AccountFacts, Membership, Origin};
use crate::store::InviterFacts;
use crate::user::{UserState, Verification};

mod registration;

use registration::confirmation_mail;

const GENERATION: u32 = 3;

fn now() -> DateTime<Utc> {
    from_millis(1_767_225_600_000)
}

fn settings() -> Settings {
    Settings::builder("https://portal.example").build().unwrap()
}

fn user(number: u8) -> User {
    User {
        id: UserId::from_bytes([number; 16]),
        host_id: HostUserId::parse(&format!("idp|{number}")).unwrap(),
        name: Name::parse("Jane Roe").unwrap(),
        address: EmailAddress::parse("jane@acme.example").unwrap(),
        verification: Verification::Verified,
        language: Language::En,
        state: UserState::Enabled,
        created_at: now(),
        version: 1,
    }
}

fn customer(status: CustomerStatus) -> Customer {
    Customer {
        id: CustomerId::from_bytes([9; 16]),
        identifier: Identifier::parse("acme").unwrap(),
        name: Name::parse("Acme").unwrap(),
        kind: CustomerKind::Standard,
        status,
        partner: None,
        created_at: now(),
        lapses_at: None,
        members: 1,
        projects: QuotaUse { limit: Quota::UNLIMITED, used: 0 },
        head: Head::START,
    }
}

fn member(user: &User, role: Role) -> MemberFacts {
    let membership = Membership {
        id: MembershipId::from_bytes([8; 16]),
        customer: CustomerId::from_bytes([9; 16]),
        user: user.id,
        role,
        origin: Origin::Ordinary,
        joined_at: now(),
        since: 1,
    };
    MemberFacts { membership, through: None }
}

/// Self-added through a partner that does not manage the customer any more (R-MNG-7).
fn lapsed(user: &User) -> MemberFacts {
    let partner = Customer {
        id: CustomerId::from_bytes([7; 16]),
        kind: CustomerKind::Partner,
        ..customer(CustomerStatus::Active)
    };
    let mut member = member(user, Role::ADMIN);
    member.membership.origin = Origin::SelfAdded { through: partner.id };
    member.through = Some(AccountFacts {
        account: partner.account(),
        membership: Some(Membership { customer: partner.id, ..member.membership.clone() }),
    });
    member
}

fn invitation_facts(state: InvitationState, status: CustomerStatus) -> InvitationFacts {
    let inviter = user(1);
    InvitationFacts {
        invitation: Invitation {
            id: InvitationId::from_bytes([6; 16]),
            customer: CustomerId::from_bytes([9; 16]),
            address: EmailAddress::parse("bob@acme.example").unwrap(),
            role: Role::EMPLOYEE,
            language: Language::En,
            inviter: Inviter { user: inviter.id, through: None },
            state,
            created_at: now(),
            expires_at: now() + TimeDelta::days(7),
            link: LinkSecret { generation: GENERATION, key_number: 1, nonce: Some([1; 32]) },
            mails: DayCount { day: 0, count: 1 },
        },
        customer: customer(status),
        inviter: InviterFacts { member: Some(member(&inviter, Role::ADMIN)), user: inviter, through: None },
    }
}

fn account() -> MailAccount {
    MailAccount::from(&customer(CustomerStatus::Active).account())
}

fn invitation_mail() -> QueuedMail {
    QueuedMail {
        recipient: Recipient {
            user: None,
            name: None,
            address: EmailAddress::parse("bob@acme.example").unwrap(),
        },
        ..mail(MailContent::Invitation {
            account: account(),
            invitation: InvitationId::from_bytes([6; 16]),
            generation: GENERATION,
            inviter: Name::parse("Jane Roe").unwrap(),
            role: Role::EMPLOYEE,
            expires_at: now() + TimeDelta::days(7),
        })
    }
}

fn mail(content: MailContent) -> QueuedMail {
    let user = user(1);
    QueuedMail {
        id: MailId::from_bytes([5; 16]),
        queued_at: now(),
        recipient: Recipient { user: Some(user.id), name: Some(user.name), address: user.address },
        language: Language::En,
        content,
    }
}

fn ask(mail: &QueuedMail, facts: &MailFacts) -> Condition {
    condition(mail, facts, now(), &settings())
}

fn ask_invitation(facts: InvitationFacts) -> Condition {
    ask(&invitation_mail(), &MailFacts { invitation: Some(facts), ..MailFacts::default() })
}

#[test]
fn r_mai_2_an_invitation_goes_only_while_it_is_open() {
    let ended = |end| InvitationState::Ended { end, at: now() };
    let active = CustomerStatus::Active;
    for (state, expected) in [
        (InvitationState::Open, Condition::Send),
        (ended(InvitationEnd::Accepted { by: UserId::from_bytes([2; 16]) }), Condition::Superseded),
        (ended(InvitationEnd::Declined), Condition::Superseded),
        (ended(InvitationEnd::Cancelled), Condition::Superseded),
        (ended(InvitationEnd::Expired), Condition::Superseded),
        (ended(InvitationEnd::Withdrawn), Condition::Superseded),
    ] {
        assert_eq!(ask_invitation(invitation_facts(state, active)), expected, "{state:?}");
    }
    assert_eq!(ask(&invitation_mail(), &MailFacts::default()), Condition::Superseded, "no such invitation");

    // An end is exclusive (R-FLD-8).
    for (left, expected) in
        [(TimeDelta::milliseconds(1), Condition::Send), (TimeDelta::zero(), Condition::Superseded)]
    {
        let mut facts = invitation_facts(InvitationState::Open, active);
        facts.invitation.expires_at = now() + left;
        assert_eq!(ask_invitation(facts), expected, "{left}");
    }
}

#[test]
fn r_mai_2_an_invitation_mail_of_another_generation_never_goes() {
    for (generation, expected) in [
        (GENERATION - 1, Condition::Superseded),
        (GENERATION, Condition::Send),
        (GENERATION + 1, Condition::Superseded),
    ] {
        let mut facts = invitation_facts(InvitationState::Open, CustomerStatus::Active);
        facts.invitation.link.generation = generation;
        assert_eq!(ask_invitation(facts), expected, "{generation}");
    }
}

#[test]
fn r_mai_2_an_invitation_waits_while_its_customer_is_not_active() {
    for (status, _, key) in CustomerStatus::ALL {
        let expected = match status {
            CustomerStatus::Active => Condition::Send,
            CustomerStatus::Waiting(WaitingFor::Approval | WaitingFor::Confirmation | WaitingFor::Both)
            | CustomerStatus::Disabled => Condition::Postpone,
            CustomerStatus::Ended(End::Rejected | End::Withdrawn | End::Lapsed | End::Deleted) => {
                Condition::Superseded
            }
        };
        assert_eq!(ask_invitation(invitation_facts(InvitationState::Open, status)), expected, "{key}");
    }
}

#[test]
fn r_mai_2_a_held_invitation_waits_until_it_expires() {
    let held = |status| {
        let mut facts = invitation_facts(InvitationState::Open, status);
        facts.inviter.user.state = UserState::Disabled;
        facts
    };
    assert_eq!(ask_invitation(held(CustomerStatus::Active)), Condition::Postpone);
    assert_eq!(ask_invitation(held(CustomerStatus::Disabled)), Condition::Postpone);
    assert_eq!(ask_invitation(held(CustomerStatus::Ended(End::Deleted))), Condition::Superseded);
    let mut over = held(CustomerStatus::Active);
    over.invitation.expires_at = now();
    assert_eq!(ask_invitation(over), Condition::Superseded);
}

#[test]
fn r_mai_2_news_for_admins_goes_to_enabled_admins_in_force_at_their_verified_address() {
    let contents = [
        MailContent::StatusChanged {
            account: account(),
            status: MailStatus::Disabled,
            reason: Reason::none(),
        },
        MailContent::ManagerAdded {
            account: account(),
            manager: Name::parse("Max").unwrap(),
            through: account(),
            role: Role::ADMIN,
        },
    ];
    let jane = user(1);
    let good = MailFacts {
        user: Some(jane.clone()),
        member: Some(member(&jane, Role::ADMIN)),
        customer: Some(customer(CustomerStatus::Disabled)),
        ..MailFacts::default()
    };
    let other = EmailAddress::parse("jane@other.example").unwrap();
    let with_user = |user: User| MailFacts { user: Some(user), ..good.clone() };
    for content in contents {
        let mail = mail(content);
        assert_eq!(ask(&mail, &good), Condition::Send);
        let member_with = |member| MailFacts { member: Some(member), ..good.clone() };
        let superseded = |why: &str, facts: MailFacts| {
            assert_eq!(ask(&mail, &facts), Condition::Superseded, "{why}");
        };
        superseded("no longer a member", MailFacts { member: None, ..good.clone() });
        superseded("an Employee now", member_with(member(&jane, Role::EMPLOYEE)));
        superseded("lapsed", member_with(lapsed(&jane)));
        superseded("disabled", with_user(User { state: UserState::Disabled, ..jane.clone() }));
        superseded("unverified", with_user(User { verification: Verification::Unverified, ..jane.clone() }));
        superseded("another address", with_user(User { address: other.clone(), ..jane.clone() }));
        superseded("no such user", MailFacts { user: None, ..good.clone() });
        superseded("no such customer", MailFacts { customer: None, ..good.clone() });
    }
}

#[test]
fn r_mai_2_removal_and_rejection_are_told_at_the_verified_address_only() {
    let facts = |user: User| MailFacts { user: Some(user), ..MailFacts::default() };
    let rejected = MailContent::Rejected { account: account(), reason: Reason::none() };
    for told in [mail(MailContent::Removed { account: account() }), mail(rejected)] {
        assert_eq!(ask(&told, &facts(user(1))), Condition::Send);
        assert_eq!(ask(&told, &facts(User { state: UserState::Disabled, ..user(1) })), Condition::Send);
        assert_eq!(ask(&told, &facts(unverified())), Condition::Superseded);
        assert_eq!(ask(&told, &facts(moved())), Condition::Superseded);

        let mut unknown = told;
        unknown.recipient.user = None;
        assert_eq!(ask(&unknown, &MailFacts::default()), Condition::Send);
    }
}

fn unverified() -> User {
    User { verification: Verification::Unverified, ..user(1) }
}

fn moved() -> User {
    User { address: EmailAddress::parse("jane@other.example").unwrap(), ..user(1) }
}

#[test]
fn r_usr_2_the_former_address_is_told_whatever_the_user_has_now() {
    let mail = mail(MailContent::AddressChanged { new_address: "j…@o….example".to_owned() });
    let moved = User { address: EmailAddress::parse("jane@other.example").unwrap(), ..user(1) };
    assert_eq!(ask(&mail, &MailFacts { user: Some(moved), ..MailFacts::default() }), Condition::Send);
}

fn outbox(mail: QueuedMail, tries: u32) -> OutboxMail {
    OutboxMail { mail, state: MailState::Waiting { due_at: now(), lease: None }, tries, last_error: None }
}

fn wait_after(tries: u32, jitter: u32) -> TimeDelta {
    let row = outbox(mail(MailContent::Removed { account: account() }), tries);
    match failed(&row, now(), "no".to_owned(), &settings(), Jitter(jitter.to_be_bytes())) {
        Delivery::Failed { due_at, .. } => due_at - now(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn r_mai_1_waits_grow_from_a_minute_to_four_hours_and_never_shrink() {
    let minutes: Vec<i64> = (0..10).map(|tries| wait_after(tries, 0).num_minutes()).collect();
    assert_eq!(minutes, [1, 5, 15, 30, 60, 120, 240, 240, 240, 240]);
    // RFC 5321, 4.5.4.1: later tries are at least 30 minutes apart.
    assert!((3..60).all(|tries| wait_after(tries, 0) >= TimeDelta::minutes(30)));
}

#[test]
fn r_mai_1_jitter_adds_up_to_a_fifth() {
    for tries in 0..10 {
        let (least, most) = (wait_after(tries, 0), wait_after(tries, u32::MAX));
        let fifth = TimeDelta::milliseconds(least.num_milliseconds() / 5);
        assert!(most <= least + fifth && most >= least + fifth - TimeDelta::milliseconds(1), "{tries}");
        let half = wait_after(tries, u32::MAX / 2);
        assert!(least < half && half < most);
    }
    let Delivery::Postponed { due_at } = postponed(now(), Jitter([0xff; 4])) else { panic!() };
    assert!(due_at > now() + TimeDelta::minutes(17) && due_at <= now() + TimeDelta::minutes(18));
}

#[test]
fn r_mai_1_a_mail_is_given_up_by_age_and_tries_together() {
    let settings = settings();
    let mail = mail(MailContent::Removed { account: account() });
    let dead = |tries, age| {
        let row = outbox(mail.clone(), tries);
        let result = failed(&row, now() + age, "no".to_owned(), &settings, Jitter([0; 4]));
        matches!(result, Delivery::Dead { .. })
    };
    let old = TimeDelta::hours(108);
    assert!(dead(LEAST_TRIES - 1, old));
    assert!(!dead(LEAST_TRIES - 1, old - TimeDelta::milliseconds(1)));
    assert!(!dead(LEAST_TRIES - 2, old), "held for days, or requeued: it gets its tries");
    assert!(!dead(u32::MAX, TimeDelta::hours(1)));
}

#[test]
fn r_mai_1_a_mail_is_given_up_when_its_link_ends_before_the_next_try() {
    for (mail, end) in
        [(invitation_mail(), now() + TimeDelta::days(7)), (confirmation_mail(), now() + TimeDelta::hours(24))]
    {
        let row = outbox(mail, 0);
        let at = |now| failed(&row, now, "no".to_owned(), &settings(), Jitter([0; 4]));
        let last = end - TimeDelta::minutes(1);
        assert!(matches!(at(last), Delivery::Dead { .. }));
        assert!(matches!(at(last - TimeDelta::milliseconds(1)), Delivery::Failed { .. }));
    }
}

#[test]
fn r_lim_1_approval_confirmation_and_removal_are_the_urgent_ones() {
    let contents = crate::mail::samples::mails().into_iter().map(|mail| mail.content);
    let mut urgent: Vec<_> = contents
        .filter(|content| content.urgency() == Urgency::First)
        .map(|content| content.kind())
        .collect();
    urgent.sort_unstable();
    urgent.dedup();
    assert_eq!(urgent, ["approved", "confirmation", "removed"]);
}

#[test]
fn r_lim_1_after_midnight_the_urgent_ones_come_first_and_none_with_all_others() {
    let due = |urgency, jitter: u32| match until_next_day(now(), urgency, Jitter(jitter.to_be_bytes())) {
        Delivery::Postponed { due_at } => due_at - now(),
        other => panic!("{other:?}"),
    };
    assert_eq!(due(Urgency::First, 0), TimeDelta::zero(), "not before midnight");
    assert!(due(Urgency::First, 1 << 31) > TimeDelta::minutes(1));
    assert!(due(Urgency::Later, 0) > due(Urgency::First, u32::MAX));
    assert!(due(Urgency::Later, u32::MAX) < TimeDelta::minutes(18));
    assert!(due(Urgency::Later, 1 << 31) > due(Urgency::Later, 0));
}
