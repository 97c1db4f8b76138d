//! The steps: every command of the facade, the operator's chores, questions, and time.

use chrono::TimeDelta;
use meshcustomers_core::{
    Accept, AddAdmin, AddMyself, Author, CancelInvitation, Change, ChangeRole, ChangeSet, Channel,
    CommandKind, CommandRecord, CreateCustomer, Customer, CustomerId, CustomerKind, CustomerStatus, Decline,
    Disable, EmailAddress, Enable, End, EraseLabel, Error, EventDetails, FreeIdentifier, Fresh, InvitationId,
    Invite, KnownUser, LabelSlot, Language, Leave, LinkToken, ListQuery, Name, NewEvent, Outcome, Person,
    Phase, Reason, RemoveMember, Rename, Resend, Role, User,
};
use rand::RngExt as _;

use super::Difference;
use super::side::Side;
use super::world::World;

/// About so many people and customers are there.
const PEOPLE: usize = 30;
pub(super) const CUSTOMERS: usize = 22;
/// So many links and invitations are remembered, dead ones too.
const REMEMBERED: usize = 60;

/// A link that was sent, and the invitation that it was made for.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) token: LinkToken,
    pub(super) customer: CustomerId,
    pub(super) invitation: InvitationId,
}

pub(super) type Step = Result<(), Box<Difference>>;

fn name_of(person: u32) -> String {
    format!("person-{person}")
}

impl World {
    /// Two administrator accounts, four partners, people in all of them, customers.
    pub(super) fn set_up(&mut self) -> Step {
        for person in 0..u32::try_from(PEOPLE).unwrap_or(0) {
            let known = known(person, person, true);
            self.upsert(&known)?;
        }
        let accounts = [
            ("head-office", CustomerKind::Administrator),
            ("back-office", CustomerKind::Administrator),
            ("north", CustomerKind::Partner),
            ("south", CustomerKind::Partner),
            ("east", CustomerKind::Partner),
            ("west", CustomerKind::Partner),
        ];
        let operator = self.operator.clone();
        for (identifier, kind) in accounts {
            let command = CreateCustomer::new(identifier, identifier).unwrap().of_kind(kind);
            self.command(&operator, None, &command)?;
        }
        self.learn_customers();
        for account in self.living.clone() {
            for _ in 0..3 {
                self.add_admin(account)?;
            }
        }
        Ok(())
    }

    pub(super) fn step(&mut self, step: u32) -> Step {
        self.begin(step);
        let customer = self.any_customer();
        match self.rng.random_range(0..165) {
            0..=3 => self.tell_of_a_person(),
            4..=5 => self.change_user_state(),
            6..=9 => self.create(),
            10..=12 => self.rename(customer),
            13..=18 => self.change_status(customer),
            19..=24 => {
                let actor = self.managing(customer);
                self.command(&actor, Some(customer), &AddMyself { customer }).map(drop)
            }
            25..=26 => self.add_admin(customer),
            27 if self.one_in(2) => self.erase_label(customer),
            27 => self.end_and_free(),
            28..=40 => self.invite(customer),
            41..=43 => self.resend(),
            44..=46 => self.cancel(),
            47..=58 => self.accept(),
            59..=62 => self.decline(),
            63..=67 => self.change_role(customer),
            68..=70 => {
                let actor = self.inside(customer);
                let user = self.member_of(customer);
                self.command(&actor, Some(customer), &RemoveMember { customer, user }).map(drop)
            }
            71..=72 => {
                let actor = Person::new(self.member_of(customer)).into();
                self.command(&actor, Some(customer), &Leave { customer }).map(drop)
            }
            73..=80 => self.deliver(),
            81 => self.chores(),
            82..=92 => self.question(customer),
            93..=127 => self.registering(),
            128..=147 => self.content(customer),
            148..=156 => self.question_of_content(customer),
            157 => {
                self.change_settings();
                Ok(())
            }
            _ => {
                self.pass_time();
                Ok(())
            }
        }
    }

    fn pass_time(&mut self) {
        let span = match self.rng.random_range(0..120) {
            0..=2 => TimeDelta::days(8),
            // Past the end of what was never confirmed.
            3 => TimeDelta::days(31),
            4..=9 => TimeDelta::days(1),
            10..=27 => TimeDelta::hours(7),
            _ => TimeDelta::milliseconds(self.rng.random_range(1..600_000)),
        };
        self.advance(span);
        self.tally("time passes", true);
    }

    fn upsert(&mut self, known: &KnownUser) -> Step {
        let user = self.ask("upsert user", || format!("{known:?}"), |side| side.admin.upsert_user(known))?;
        self.learn_user(user.as_ref());
        Ok(())
    }

    fn learn_user(&mut self, user: Option<&User>) {
        if let Some(user) = user
            && !self.people.contains(&user.id)
        {
            self.people.push(user.id);
        }
    }

    /// Mostly somebody known, with the same or another address, verified or not.
    fn tell_of_a_person(&mut self) -> Step {
        let people = u32::try_from(PEOPLE).unwrap_or(0);
        let person = self.rng.random_range(0..people + 2);
        let address = if self.one_in(3) { self.rng.random_range(0..people + 6) } else { person };
        let verified = !self.one_in(4);
        let told = known(person, address, verified);
        if self.links.is_empty() || !self.one_in(4) {
            return self.upsert(&told);
        }
        let token = self.link().token;
        let user = self.ask(
            "upsert user by link",
            || format!("{told:?}"),
            |side| side.admin.upsert_user_through_link(&told, &token),
        )?;
        self.learn_user(user.as_ref());
        Ok(())
    }

    fn change_user_state(&mut self) -> Step {
        let user = self.anybody();
        let actor = if self.one_in(10) { Person::new(user).into() } else { self.operator.clone() };
        // Who is disabled is enabled again soon: most people can act.
        let disabled =
            self.first().store.read().unwrap().user(user).unwrap().is_some_and(|user| !user.is_enabled());
        if disabled || !self.one_in(5) {
            self.ask("enable user", || format!("{user}"), |side| side.admin.enable_user(&actor, user))?;
        } else {
            self.ask("disable user", || format!("{user}"), |side| side.admin.disable_user(&actor, user))?;
        }
        Ok(())
    }

    fn create(&mut self) -> Step {
        if self.living.len() >= CUSTOMERS && !self.one_in(6) {
            return Ok(());
        }
        let number = self.rng.random_range(0..40);
        let names = ["Zeta", "alpha", "Älpha", "Acme & \"Sons\"", "東京", "10 bis", "O'Neill"];
        let name = names[self.rng.random_range(0..names.len())];
        let mut command = CreateCustomer::new(name, &format!("c-{number}")).unwrap();
        let actor = match self.rng.random_range(0..10) {
            0..=2 => self.operator.clone(),
            3 => {
                let account = self.any_customer();
                Person::new(self.member_of(account)).acting_for(account)
            }
            other => {
                let kind = if other < 6 { CustomerKind::Administrator } else { CustomerKind::Partner };
                let account = self.account_of(kind);
                Person::new(self.member_of(account)).acting_for(account)
            }
        };
        if self.one_in(6) {
            command = command.for_partner(self.account_of(CustomerKind::Partner));
        }
        if self.one_in(20) {
            command = command.of_kind(CustomerKind::Partner);
        }
        if self.command(&actor, None, &command)? {
            self.learn_customers();
        }
        Ok(())
    }

    fn rename(&mut self, customer: CustomerId) -> Step {
        let actor = if self.one_in(2) { self.inside(customer) } else { self.managing(customer) };
        let name = Name::parse(&format!("Name {}", self.rng.random_range(0..9))).unwrap();
        self.command(&actor, Some(customer), &Rename { customer, name }).map(drop)
    }

    /// Disabling three times as rarely as enabling, so that most accounts work.
    fn change_status(&mut self, customer: CustomerId) -> Step {
        let actor = self.managing(customer);
        let reason = Reason::parse(["", "unpaid", "asked\nfor it"][self.rng.random_range(0..3)]).unwrap();
        if self.one_in(4) {
            self.command(&actor, Some(customer), &Disable { customer, reason }).map(drop)
        } else {
            self.command(&actor, Some(customer), &Enable { customer, reason }).map(drop)
        }
    }

    fn add_admin(&mut self, customer: CustomerId) -> Step {
        let actor = if self.one_in(10) { self.managing(customer) } else { self.operator.clone() };
        let user = self.anybody();
        let reason = Reason::parse(if self.one_in(12) { "" } else { "rescue" }).unwrap();
        self.command(&actor, Some(customer), &AddAdmin { customer, user, reason }).map(drop)
    }

    fn erase_label(&mut self, customer: CustomerId) -> Step {
        let actor = if self.one_in(8) { self.managing(customer) } else { self.operator.clone() };
        let number = self.rng.random_range(0..8);
        let slot = LabelSlot::ALL[self.rng.random_range(0..LabelSlot::ALL.len())];
        self.command(&actor, Some(customer), &EraseLabel { customer, number, slot }).map(drop)
    }

    /// No command ends a customer that was active yet, so its end is written by hand, on both sides the same; then its
    /// identifier rests and may be freed.
    fn end_and_free(&mut self) -> Step {
        let customer = self.any_customer();
        if !self.is_standard(customer) {
            return Ok(());
        }
        let row = self.first().store.read().unwrap().customer(customer).unwrap();
        if let Some(row) = row.filter(|row| matches!(row.status.phase(), Phase::Active | Phase::Disabled)) {
            self.end(&row)?;
        }
        self.learn_customers();
        if self.one_in(2) {
            let actor = if self.one_in(8) { self.managing(customer) } else { self.operator.clone() };
            self.command(&actor, Some(customer), &FreeIdentifier { customer })?;
        }
        Ok(())
    }

    fn end(&mut self, row: &Customer) -> Step {
        let at = meshcustomers_core::Clock::now(&self.first().clock);
        let fresh = Fresh::draw(&self.entropy, at).unwrap();
        let ended = CustomerStatus::Ended(End::Deleted);
        let author = Author::user(self.people[0], None, Channel::Job, &Name::parse("Ops").unwrap(), at);
        let details = EventDetails::CustomerStatusChanged { old: row.status, new: ended };
        let until = at + TimeDelta::days(20);
        let changes = vec![
            Change::CustomerStatusChanged { old: row.status, new: ended, lapses_at: None },
            Change::IdentifierRested { identifier: row.identifier.clone(), until },
        ];
        let record = CommandRecord {
            id: fresh.command(),
            kind: CommandKind::Disable,
            actor: None,
            at,
            outcome: Outcome::Done(row.id),
            idempotency: None,
        };
        let event = NewEvent::new(&author, row.id, details);
        let set = ChangeSet::new(row.head, event, Vec::new(), changes, Vec::new())
            .prepare(record, &fresh, &self.key);
        let apply = |side: &Side| -> Result<(), Error> {
            let mut tx = side.store.write()?;
            tx.apply(&set)?;
            Ok(tx.commit()?)
        };
        self.ask("end by hand", || format!("{row:?}"), apply).map(drop)
    }

    fn invite(&mut self, customer: CustomerId) -> Step {
        let actor = self.inside(customer);
        let people = u32::try_from(PEOPLE).unwrap_or(0);
        let address = address(self.rng.random_range(0..people + 6));
        let role = if self.one_in(2) { Role::ADMIN } else { Role::EMPLOYEE };
        let language = [None, Some(Language::En), Some(Language::De)][self.rng.random_range(0..3)];
        if self.command(&actor, Some(customer), &Invite { customer, address, role, language })? {
            let list = ListQuery { after: None, limit: 1 };
            let newest = self.first().store.read().unwrap().invitations(customer, &list).unwrap();
            self.invitations.extend(newest.into_iter().map(|facts| (customer, facts.invitation.id)));
            remember(&mut self.invitations);
        }
        Ok(())
    }

    fn invitation(&mut self) -> (CustomerId, InvitationId) {
        if self.invitations.is_empty() || self.one_in(40) {
            return (self.any_customer(), InvitationId::from_bytes([9; 16]));
        }
        let from = self.invitations.len().saturating_sub(if self.one_in(3) { REMEMBERED } else { 12 });
        let at = self.rng.random_range(from..self.invitations.len());
        let (customer, invitation) = self.invitations[at];
        if self.one_in(40) { (self.any_customer(), invitation) } else { (customer, invitation) }
    }

    pub(super) fn link(&mut self) -> Link {
        let from = self.links.len().saturating_sub(if self.one_in(3) { REMEMBERED } else { 12 });
        let at = self.rng.random_range(from..self.links.len());
        let link = self.links[at].clone();
        if !self.one_in(30) {
            return link;
        }
        // A link that was never made: one character of the MAC is another.
        let mut text = link.token.expose().into_bytes();
        text[60] = if text[60] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(text).ok().and_then(|text| LinkToken::parse(&text));
        Link { token: forged.unwrap_or_else(|| link.token.clone()), ..link }
    }

    fn resend(&mut self) -> Step {
        let (customer, invitation) = self.invitation();
        let actor = self.inside(customer);
        self.command(&actor, Some(customer), &Resend { customer, invitation }).map(drop)
    }

    fn cancel(&mut self) -> Step {
        let (customer, invitation) = self.invitation();
        let actor = self.inside(customer);
        self.command(&actor, Some(customer), &CancelInvitation { customer, invitation }).map(drop)
    }

    /// Mostly the person whose verified address was invited.
    fn invitee(&mut self, customer: CustomerId, invitation: InvitationId) -> Person {
        let facts = self.first().store.read().unwrap().invitation(customer, invitation).unwrap();
        let holder = facts.and_then(|facts| {
            self.first().store.read().unwrap().user_by_address(facts.invitation.address.key()).unwrap()
        });
        match holder {
            Some(user) if !self.one_in(8) => Person::new(user.id),
            _ => Person::new(self.anybody()),
        }
    }

    fn accept(&mut self) -> Step {
        if self.links.is_empty() || self.one_in(3) {
            let (customer, invitation) = self.invitation();
            let actor = self.invitee(customer, invitation).into();
            return self.command(&actor, Some(customer), &Accept::by_id(customer, invitation)).map(drop);
        }
        let Link { token, customer, invitation } = self.link();
        let actor = self.invitee(customer, invitation).into();
        self.command(&actor, Some(customer), &Accept::by_link(token)).map(drop)
    }

    fn decline(&mut self) -> Step {
        if self.links.is_empty() || self.one_in(2) {
            let (customer, invitation) = self.invitation();
            let actor = self.invitee(customer, invitation).into();
            return self.command(&actor, Some(customer), &Decline::by_id(customer, invitation)).map(drop);
        }
        let Link { token, customer, invitation } = self.link();
        if self.one_in(2) {
            return self
                .ask("decline without account", String::new, |side| {
                    side.admin.decline_without_account(token.clone())
                })
                .map(drop);
        }
        let actor = self.invitee(customer, invitation).into();
        self.command(&actor, Some(customer), &Decline::by_link(token)).map(drop)
    }

    fn change_role(&mut self, customer: CustomerId) -> Step {
        let actor = self.inside(customer);
        let user = self.member_of(customer);
        let role = if self.one_in(3) { Role::EMPLOYEE } else { Role::ADMIN };
        self.command(&actor, Some(customer), &ChangeRole { customer, user, role }).map(drop)
    }
}

pub(super) fn remember<T>(things: &mut Vec<T>) {
    let surplus = things.len().saturating_sub(REMEMBERED);
    things.drain(..surplus);
}

fn address(person: u32) -> EmailAddress {
    EmailAddress::parse(&format!("{}@example.com", name_of(person))).unwrap()
}

fn known(person: u32, address: u32, verified: bool) -> KnownUser {
    let known = KnownUser::new(
        &format!("host|{person}"),
        &format!("Person {person}"),
        &format!("{}@example.com", name_of(address)),
    )
    .unwrap();
    if verified { known.verified() } else { known }
}
