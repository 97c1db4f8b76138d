//! Approval and confirmation in all four combinations, each with and without a link, from registering to the first use,
//! with every mail on the way (R-REG-2 to R-REG-4, R-LNK-1).

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

use common::{World, link_in, settings};
use meshcustomers_core::{
    Approval, Customer, CustomerStatus, EmailConfirmation, EventType, Explanation, LinkToken, Person,
    Register, RegistrationLinks, RegistrationMode, RenderedMail, Role, User, WaitingFor,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    ByLink,
}

/// One of the combinations, and what the rules say of it.
#[derive(Debug)]
struct Mode {
    approval: Approval,
    confirmation: EmailConfirmation,
    way: Way,
    /// What it waits for after each step, and at last nothing.
    statuses: &'static [CustomerStatus],
    /// The mails, and whether each carries a link.
    mails: &'static [(&'static str, bool)],
    events: &'static [EventType],
}

const ACTIVE: CustomerStatus = CustomerStatus::Active;
const APPROVAL: CustomerStatus = CustomerStatus::Waiting(WaitingFor::Approval);
const CONFIRMATION: CustomerStatus = CustomerStatus::Waiting(WaitingFor::Confirmation);
const BOTH: CustomerStatus = CustomerStatus::Waiting(WaitingFor::Both);
const REGISTERED: EventType = EventType::CustomerRegistered;
const APPROVED: EventType = EventType::CustomerApproved;
const CONFIRMED: EventType = EventType::CustomerConfirmed;

fn mode(approval: Approval, confirmation: EmailConfirmation, way: Way) -> Mode {
    let (statuses, mails, events): (&[_], &[_], &[_]) = match (approval, confirmation) {
        (Approval::Manual, EmailConfirmation::Required) => (
            &[BOTH, CONFIRMATION, ACTIVE],
            &[("registration_received", false), ("confirmation", true)],
            &[REGISTERED, APPROVED, CONFIRMED],
        ),
        (Approval::Manual, EmailConfirmation::NotRequired) => (
            &[APPROVAL, ACTIVE],
            &[("registration_received", false), ("approved", false)],
            &[REGISTERED, APPROVED],
        ),
        (Approval::Automatic, EmailConfirmation::Required) => {
            (&[CONFIRMATION, ACTIVE], &[("confirmation", true)], &[REGISTERED, CONFIRMED])
        }
        (Approval::Automatic, EmailConfirmation::NotRequired) => (&[ACTIVE], &[], &[REGISTERED]),
    };
    Mode { approval, confirmation, way, statuses, mails, events }
}

/// A registration under way: what was seen of it so far.
struct Play<'a> {
    w: &'a World,
    registrant: &'a User,
    customer: Customer,
    statuses: Vec<CustomerStatus>,
    mails: Vec<RenderedMail>,
}

impl Play<'_> {
    /// After a step: its status, its mails, and that it gives rights exactly when it is active.
    fn look(&mut self) {
        let Self { w, registrant, customer, .. } = self;
        let status = w.status(customer);
        self.statuses.push(status);
        self.mails.extend(w.deliver());
        let own = w.own_registrations(registrant);
        let invite = meshcustomers_core::Invite {
            customer: customer.id,
            address: "x@new.example".parse().unwrap(),
            role: Role::EMPLOYEE,
            language: None,
        };
        let may_invite = w.admin.explain(&w.by(registrant, customer), &invite);
        if let CustomerStatus::Waiting(waits_for) = status {
            assert_eq!(own.iter().map(|own| own.waits_for).collect::<Vec<_>>(), [Some(waits_for)]);
            assert_eq!(w.accounts(registrant), [""; 0]);
            assert_eq!(w.queue(&w.operator), ["gamma"]);
            assert_eq!(may_invite.unwrap_err().code(), "CUSTOMER_WAITING");
        } else {
            assert_eq!((own, w.queue(&w.operator)), (vec![], vec![]));
            assert_eq!(w.accounts(registrant), ["gamma"]);
            assert_eq!(may_invite.unwrap(), Explanation::WouldChange);
        }
    }

    fn link(&self) -> Option<LinkToken> {
        self.mails.iter().rev().find_map(link_in)
    }
}

/// Plays one combination to its end, as far as the documented steps lead, and compares all that was seen.
fn play(mode: &Mode) {
    let asked = settings()
        .registration(RegistrationMode::Open)
        .approval(mode.approval)
        .confirmation(mode.confirmation)
        .registration_links(RegistrationLinks::On);
    let w = World::with(asked);
    let registrant = w.person("Rita");
    let mut register = Register::new("Gamma Works", "gamma").unwrap();
    if mode.way == Way::ByLink {
        let link = w.partner_link(Some(1));
        assert_eq!(w.admin.registration_offer(&link).unwrap().id, w.north.id);
        register = register.by_link(link);
    }
    let customer = w.admin.register(&Person::new(registrant.id), register).unwrap();
    let partner = (mode.way == Way::ByLink).then_some(w.north.id);
    let manager = if mode.way == Way::ByLink { w.paula() } else { w.hanna() };
    let mut play = Play { w: &w, registrant: &registrant, customer, statuses: vec![], mails: vec![] };
    play.look();
    if mode.approval == Approval::Manual {
        assert!(play.link().is_none(), "a link before approval: {mode:?}");
        assert_eq!(w.queue(&manager), ["gamma"]);
        w.admin.approve(&manager, play.customer.id).unwrap();
        play.look();
    }
    w.unchanged(|| w.admin.approve(&manager, play.customer.id));
    if mode.confirmation == EmailConfirmation::Required {
        let link = play.link().unwrap();
        assert_eq!(w.admin.confirmation_offer(&link).unwrap().account.id, play.customer.id);
        w.confirm(&registrant, &link).unwrap();
        play.look();
    }
    assert_eq!(play.statuses, mode.statuses, "{mode:?}");
    let mails: Vec<_> = play.mails.iter().map(|mail| (mail.kind, link_in(mail).is_some())).collect();
    assert_eq!(mails, mode.mails, "{mode:?}");
    assert!(play.mails.iter().all(|mail| mail.to == registrant.address), "{mode:?}");
    let events = w.events(&play.customer);
    assert_eq!(events.iter().map(|event| event.kind).collect::<Vec<_>>(), mode.events, "{mode:?}");
    assert_eq!(w.customer(play.customer.id).partner, partner, "{mode:?}");
    // And it is used as any other.
    w.invite(&w.by(&registrant, &play.customer), &play.customer, "x@new.example", Role::ADMIN).unwrap();
    w.create_project(&w.by(&registrant, &play.customer), "one").unwrap();
    assert!(w.admin.verify(&w.operator).unwrap().is_whole());
}

macro_rules! modes {
    ($($name:ident = $approval:ident, $confirmation:ident, $way:ident;)*) => {$(
        #[test]
        fn $name() {
            play(&mode(Approval::$approval, EmailConfirmation::$confirmation, Way::$way));
        }
    )*};
}

modes! {
    r_reg_4_approval_and_confirmation = Manual, Required, Plain;
    r_reg_4_approval_and_confirmation_by_link = Manual, Required, ByLink;
    r_reg_2_approval_alone = Manual, NotRequired, Plain;
    r_reg_2_approval_alone_by_link = Manual, NotRequired, ByLink;
    r_reg_3_confirmation_alone = Automatic, Required, Plain;
    r_reg_3_confirmation_alone_by_link = Automatic, Required, ByLink;
    r_reg_4_neither = Automatic, NotRequired, Plain;
    r_reg_4_neither_by_link = Automatic, NotRequired, ByLink;
}
