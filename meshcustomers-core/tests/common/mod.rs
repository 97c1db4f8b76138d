//! The world of the rule tests: an administrator account, two partners, their customers, and people who may much or
//! nothing. Each file of tests is a program of its own and uses the part that it needs.

#![allow(dead_code, clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use std::fmt::Debug;
use std::sync::{Arc, Barrier};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use meshcustomers_core::{
    Accept, Actor, AddAdmin, Administration, ChangeRole, Clock, CreateCustomer, CreateProject, Customer,
    CustomerFilter, CustomerId, CustomerKind, CustomerStatus, Disable, EmailAddress, Enable, Error, Event,
    EventType, HistoryFilter, HostKey, Invitation, InvitationRow, InvitationStanding, Invite, KnownUser,
    LinkKind, LinkToken, MailStateKind, ManualClock, Member, Membership, MemoryMailer, Message, MessageMode,
    OutboxMail, OwnRegistration, PageRequest, PageSize, Person, Phase, Postman, Project, Reason, Refusal,
    Register, Reject, RenderedMail, Role, RotateLink, SeededEntropy, SendMessage, Settings, SettingsBuilder,
    User, UserId,
};

pub(crate) mod facts;
mod watched;

#[allow(unused_imports, reason = "only some tests let commits fail")]
pub(crate) use watched::Fault;
pub(crate) use watched::Watched;

/// A clock that the test moves while the administration reads it.
#[derive(Clone, Debug, Default)]
pub(crate) struct TestClock(Arc<ManualClock>);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

pub(crate) struct World {
    pub(crate) admin: Administration,
    pub(crate) operator: Actor,
    pub(crate) clock: TestClock,
    pub(crate) store: Watched,
    pub(crate) mailer: Arc<MemoryMailer>,
    /// The administrator account: Hanna is its `Admin`, Hugo its `Employee`.
    pub(crate) hq: Customer,
    pub(crate) hanna: User,
    pub(crate) hugo: User,
    /// A partner: Paula is its `Admin`, Pete its `Employee`.
    pub(crate) north: Customer,
    pub(crate) paula: User,
    pub(crate) pete: User,
    /// Another partner: Sven is its `Admin`.
    pub(crate) south: Customer,
    pub(crate) sven: User,
    /// A customer of North: Ann and Amos are its `Admin`s, Emil its `Employee`.
    pub(crate) acme: Customer,
    pub(crate) ann: User,
    pub(crate) amos: User,
    pub(crate) emil: User,
    /// A customer of South: Bea is its `Admin`.
    pub(crate) beta: Customer,
    pub(crate) bea: User,
    /// Nobody's member.
    pub(crate) stranger: User,
}

pub(crate) fn settings() -> SettingsBuilder {
    Settings::builder("https://portal.example/app")
}

pub(crate) fn host_key() -> HostKey {
    HostKey::generate(&SeededEntropy::new(7)).unwrap()
}

pub(crate) fn reason(text: &str) -> Reason {
    Reason::parse(text).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: SettingsBuilder) -> Self {
        let clock = TestClock::default();
        let store = Watched::default();
        let (admin, operator) = Administration::builder(store.clone(), host_key(), settings.build().unwrap())
            .clock(clock.clone())
            .entropy(SeededEntropy::new(11))
            .build_with_operator()
            .unwrap();
        let operator = operator.act("tests", "Olga", "setting the stage").unwrap();
        let person = |name: &str| {
            let host_id = format!("idp|{name}");
            let address = format!("{}@people.example", name.to_lowercase());
            admin.upsert_user(&KnownUser::new(&host_id, name, &address).unwrap().verified()).unwrap()
        };
        let account = |name: &str, identifier: &str, kind: CustomerKind, partner: Option<&Customer>| {
            let create = CreateCustomer::new(name, identifier).unwrap().of_kind(kind);
            let partner = partner.map(|partner| partner.id);
            admin.create_customer(&operator, CreateCustomer { partner, ..create }).unwrap()
        };
        let hq = account("Head Office", "hq", CustomerKind::Administrator, None);
        let north = account("North Partners", "north", CustomerKind::Partner, None);
        let south = account("South Partners", "south", CustomerKind::Partner, None);
        let acme = account("ACME Tools", "acme", CustomerKind::Standard, Some(&north));
        let beta = account("Beta Works", "beta", CustomerKind::Standard, Some(&south));
        let [hanna, hugo, paula, pete, sven] = ["Hanna", "Hugo", "Paula", "Pete", "Sven"].map(person);
        let [ann, amos, emil, bea, stranger] = ["Ann", "Amos", "Emil", "Bea", "Stranger"].map(person);
        let world = Self {
            mailer: Arc::default(),
            admin: admin.clone(),
            operator: operator.clone(),
            clock,
            store,
            hq,
            hanna,
            hugo,
            north,
            paula,
            pete,
            south,
            sven,
            acme,
            ann,
            amos,
            emil,
            beta,
            bea,
            stranger,
        };
        let World { hq, north, south, acme, beta, .. } = &world;
        for (customer, user) in [
            (hq, &world.hanna),
            (north, &world.paula),
            (south, &world.sven),
            (acme, &world.ann),
            (acme, &world.amos),
            (beta, &world.bea),
        ] {
            world.make_admin(customer, user);
        }
        world.join(hq, &world.hanna, &world.hugo, Role::EMPLOYEE);
        world.join(north, &world.paula, &world.pete, Role::EMPLOYEE);
        world.join(acme, &world.ann, &world.emil, Role::EMPLOYEE);
        world.clock.0.advance(TimeDelta::minutes(1));
        world.deliver();
        world.mailer.take();
        world
    }

    // ---- who acts -------------------------------------------------------------------------------------------------

    /// That person, acting for that account.
    #[allow(clippy::unused_self, reason = "reads as part of the world")]
    pub(crate) fn by(&self, user: &User, account: &Customer) -> Actor {
        Person::new(user.id).acting_for(account.id)
    }

    pub(crate) fn paula(&self) -> Actor {
        self.by(&self.paula, &self.north)
    }

    pub(crate) fn ann(&self) -> Actor {
        self.by(&self.ann, &self.acme)
    }

    pub(crate) fn emil(&self) -> Actor {
        self.by(&self.emil, &self.acme)
    }

    pub(crate) fn hanna(&self) -> Actor {
        self.by(&self.hanna, &self.hq)
    }

    // ---- given ----------------------------------------------------------------------------------------------------

    /// A person with a verified address at people.example.
    pub(crate) fn person(&self, name: &str) -> User {
        self.admin.upsert_user(&Self::known(name).verified()).unwrap()
    }

    /// The same, unverified.
    pub(crate) fn unverified(&self, name: &str) -> User {
        self.admin.upsert_user(&Self::known(name)).unwrap()
    }

    pub(crate) fn known(name: &str) -> KnownUser {
        let address = format!("{}@people.example", name.to_lowercase());
        KnownUser::new(&format!("idp|{name}"), name, &address).unwrap()
    }

    pub(crate) fn make_admin(&self, customer: &Customer, user: &User) -> Membership {
        let command = AddAdmin { customer: customer.id, user: user.id, reason: reason("a first Admin") };
        self.admin.add_admin(&self.operator, command).unwrap()
    }

    /// Makes somebody an ordinary member: invited by an `Admin`, and accepted.
    pub(crate) fn join(&self, customer: &Customer, by: &User, user: &User, role: Role) -> Membership {
        let invite = Invite { customer: customer.id, address: user.address.clone(), role, language: None };
        let invitation = self.admin.invite(&self.by(by, customer), invite).unwrap();
        self.accept(user, &invitation).unwrap()
    }

    pub(crate) fn disable(&self, customer: &Customer) -> Customer {
        let command = Disable { customer: customer.id, reason: reason("unpaid") };
        self.admin.disable(&self.operator, command).unwrap()
    }

    pub(crate) fn enable(&self, customer: &Customer) -> Customer {
        let command = Enable { customer: customer.id, reason: reason("paid") };
        self.admin.enable(&self.operator, command).unwrap()
    }

    pub(crate) fn disable_user(&self, user: &User) {
        self.admin.disable_user(&self.operator, user.id).unwrap();
    }

    pub(crate) fn enable_user(&self, user: &User) {
        self.admin.enable_user(&self.operator, user.id).unwrap();
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.clock.0.advance(by);
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn set_clock(&self, now: DateTime<Utc>) {
        self.clock.0.set(now);
    }

    // ---- when -----------------------------------------------------------------------------------------------------

    /// Ann invites that address into ACME.
    pub(crate) fn invited(&self, address: &str, role: Role) -> Invitation {
        self.invite(&self.ann(), &self.acme, address, role).unwrap()
    }

    pub(crate) fn invite(
        &self,
        by: &Actor,
        customer: &Customer,
        address: &str,
        role: Role,
    ) -> Result<Invitation, Error> {
        let address = address.parse().unwrap();
        self.admin.invite(by, Invite { customer: customer.id, address, role, language: None })
    }

    pub(crate) fn accept(&self, user: &User, invitation: &Invitation) -> Result<Membership, Error> {
        self.admin.accept(&Person::new(user.id), Accept::by_id(invitation.customer, invitation.id))
    }

    pub(crate) fn accept_link(&self, user: &User, link: &LinkToken) -> Result<Membership, Error> {
        self.admin.accept(&Person::new(user.id), Accept::by_link(link.clone()))
    }

    pub(crate) fn set_role(&self, by: &Actor, user: &User, role: Role) -> Result<Membership, Error> {
        let customer = by.account().unwrap();
        self.admin.change_role(by, ChangeRole { customer, user: user.id, role })
    }

    /// Sends all due mails; gives those that went out now.
    pub(crate) fn deliver(&self) -> Vec<RenderedMail> {
        let before = self.mailer.mails().len();
        Postman::new(self.admin.clone(), Arc::clone(&self.mailer)).deliver_due(10_000).unwrap();
        self.mailer.mails().split_off(before)
    }

    /// The link that the newest mail to that invitation's address carries; delivers first.
    pub(crate) fn link(&self, invitation: &Invitation) -> LinkToken {
        self.mailed_link("invitation", &invitation.address)
    }

    /// The link that the newest confirmation mail to that person carries; delivers first.
    pub(crate) fn confirmation_link(&self, user: &User) -> LinkToken {
        self.mailed_link("confirmation", &user.address)
    }

    fn mailed_link(&self, kind: &str, to: &EmailAddress) -> LinkToken {
        self.deliver();
        let mails = self.mailer.mails();
        let mail = mails.iter().rev().find(|mail| mail.kind == kind && mail.to == *to).unwrap();
        link_in(mail).unwrap()
    }

    /// That person registers a customer; name and identifier are the same.
    pub(crate) fn register(&self, user: &User, identifier: &str) -> Result<Customer, Error> {
        self.admin.register(&Person::new(user.id), Register::new(identifier, identifier).unwrap())
    }

    /// The same, by a partner's registration link.
    pub(crate) fn register_by(
        &self,
        link: &LinkToken,
        user: &User,
        identifier: &str,
    ) -> Result<Customer, Error> {
        let register = Register::new(identifier, identifier).unwrap().by_link(link.clone());
        self.admin.register(&Person::new(user.id), register)
    }

    pub(crate) fn confirm(&self, user: &User, link: &LinkToken) -> Result<Customer, Error> {
        self.admin.confirm(&Person::new(user.id), link.clone())
    }

    pub(crate) fn reject(&self, customer: &Customer, why: &str) -> Customer {
        let command = Reject { customer: customer.id, reason: reason(why) };
        self.admin.reject(&self.operator, command).unwrap()
    }

    pub(crate) fn withdraw(&self, user: &User, customer: &Customer) -> Result<Customer, Error> {
        self.admin.withdraw_registration(&Person::new(user.id), customer.id)
    }

    /// Paula makes North's registration link anew, with no end and at most so many uses.
    pub(crate) fn partner_link(&self, max_uses: Option<u32>) -> LinkToken {
        let rotate = RotateLink { partner: self.north.id, expires_at: None, max_uses };
        self.admin.rotate_link(&self.paula(), rotate).unwrap().token
    }

    /// A message to that customer's members.
    pub(crate) fn send(&self, by: &Actor, customer: &Customer, mode: MessageMode) -> Result<Message, Error> {
        let (title, text) = ("A note".parse().unwrap(), "Please read this.".parse().unwrap());
        self.admin.send_message(by, SendMessage { customer: customer.id, title, text, mode, ends_at: None })
    }

    pub(crate) fn create_project(&self, by: &Actor, identifier: &str) -> Result<Project, Error> {
        let (name, identifier) = (identifier.parse().unwrap(), identifier.parse().unwrap());
        self.admin.create_project(by, CreateProject { customer: by.account().unwrap(), name, identifier })
    }

    /// The same database, opened by a process with other settings.
    #[must_use]
    pub(crate) fn restarted(self, settings: SettingsBuilder) -> Self {
        // Another source of random bytes than before: ids are never drawn twice.
        let seed = 1_000 + self.store.writes();
        let (admin, operator) =
            Administration::builder(self.store.clone(), host_key(), settings.build().unwrap())
                .clock(self.clock.clone())
                .entropy(SeededEntropy::new(seed))
                .build_with_operator()
                .unwrap();
        let operator = operator.act("tests", "Olga", "another process").unwrap();
        Self { admin, operator, ..self }
    }

    // ---- then -----------------------------------------------------------------------------------------------------

    /// All that is stored, as text: equal before and after means that nothing was written.
    pub(crate) fn dump(&self) -> String {
        self.store.dump()
    }

    /// Refused with that code, and nothing was written (no row, no mail, no event).
    #[track_caller]
    pub(crate) fn refused<T: Debug, E: Into<Error>>(
        &self,
        code: &str,
        what: impl FnOnce() -> Result<T, E>,
    ) -> Refusal {
        let before = self.dump();
        let refusal = refusal(what());
        assert_eq!(refusal.code(), code);
        assert!(self.dump() == before, "{code} was answered, and something was written");
        refusal
    }

    /// Done, and nothing was written.
    #[track_caller]
    pub(crate) fn unchanged<T: Debug>(&self, what: impl FnOnce() -> Result<T, Error>) -> T {
        let before = self.dump();
        let done = what().unwrap();
        assert!(self.dump() == before, "something was written");
        done
    }

    /// The events of a customer, oldest first.
    pub(crate) fn events(&self, customer: &Customer) -> Vec<Event> {
        let mut page = PageRequest::first(PageSize::MAX);
        let mut events = Vec::new();
        loop {
            let filter = HistoryFilter::default();
            let part = self.admin.history(&self.operator, customer.id, &filter, &page).unwrap();
            events.extend(part.items);
            match part.next {
                Some(next) => page = PageRequest::after(PageSize::MAX, next),
                None => break,
            }
        }
        events.reverse();
        events
    }

    pub(crate) fn last_event(&self, customer: &Customer) -> Event {
        self.events(customer).pop().unwrap()
    }

    pub(crate) fn count(&self, customer: &Customer, kind: EventType) -> usize {
        self.events(customer).iter().filter(|event| event.kind == kind).count()
    }

    /// What `act` wrote into that customer's history.
    pub(crate) fn new_events(&self, customer: &Customer, act: impl FnOnce()) -> Vec<EventType> {
        let before = self.events(customer).len();
        act();
        self.events(customer).split_off(before).iter().map(|event| event.kind).collect()
    }

    pub(crate) fn customer(&self, id: CustomerId) -> Customer {
        self.admin.customer(&self.operator, id).unwrap()
    }

    pub(crate) fn members(&self, customer: &Customer) -> Vec<Member> {
        let page = PageRequest::first(PageSize::MAX);
        self.admin.members(&self.operator, customer.id, &page).unwrap().items
    }

    pub(crate) fn member(&self, customer: &Customer, user: &User) -> Option<Member> {
        self.members(customer).into_iter().find(|member| member.user == user.id)
    }

    pub(crate) fn invitations(&self, customer: &Customer) -> Vec<InvitationRow> {
        let page = PageRequest::first(PageSize::MAX);
        self.admin.invitations(&self.operator, customer.id, &page).unwrap().items
    }

    /// How an invitation stands in its customer's list.
    #[track_caller]
    pub(crate) fn standing(&self, invitation: &Invitation) -> InvitationStanding {
        let page = PageRequest::first(PageSize::MAX);
        let rows = self.admin.invitations(&self.operator, invitation.customer, &page).unwrap().items;
        rows.into_iter().find(|row| row.invitation.id == invitation.id).unwrap().standing
    }

    /// A person's own registrations, newest first.
    pub(crate) fn own_registrations(&self, user: &User) -> Vec<OwnRegistration> {
        self.admin.own_registrations(&Person::new(user.id), &PageRequest::default()).unwrap().items
    }

    /// The identifiers of the registrations that wait for this actor, oldest first.
    pub(crate) fn queue(&self, actor: &Actor) -> Vec<String> {
        let rows = self.admin.waiting_registrations(actor, &PageRequest::default()).unwrap().items;
        rows.iter().map(|row| row.customer.identifier.to_string()).collect()
    }

    /// The identifiers of the customers that this actor's account manages in that phase, by name.
    pub(crate) fn managed(&self, actor: &Actor, phase: Option<Phase>) -> Vec<String> {
        let filter = CustomerFilter { phase, ..CustomerFilter::default() };
        let rows = self.admin.customers(actor, &filter, &PageRequest::default()).unwrap().items;
        rows.iter().map(|row| row.identifier.to_string()).collect()
    }

    /// Where that person's registration stands, as the operator sees it.
    pub(crate) fn status(&self, customer: &Customer) -> CustomerStatus {
        self.customer(customer.id).status
    }

    /// The accounts that a person may choose among, by identifier.
    pub(crate) fn accounts(&self, user: &User) -> Vec<String> {
        let accounts = self.admin.accounts(&Person::new(user.id)).unwrap();
        accounts.iter().map(|own| own.account.identifier.to_string()).collect()
    }

    /// The mails that wait to be sent.
    pub(crate) fn waiting_mails(&self) -> Vec<OutboxMail> {
        let page = PageRequest::first(PageSize::MAX);
        self.admin.mails(&self.operator, MailStateKind::Waiting, &page).unwrap().items
    }

    /// The mails that `act` queued: kind and address of each, sorted.
    pub(crate) fn new_mails(&self, act: impl FnOnce()) -> Vec<(&'static str, String)> {
        let before: Vec<_> = self.waiting_mails().into_iter().map(|row| row.mail.id).collect();
        act();
        let mut new: Vec<_> = self
            .waiting_mails()
            .into_iter()
            .filter(|row| !before.contains(&row.mail.id))
            .map(|row| (row.mail.content.kind(), row.mail.recipient.address.to_string()))
            .collect();
        new.sort();
        new
    }
}

/// The link of a mail, if it carries one; never two.
#[track_caller]
pub(crate) fn link_in(mail: &RenderedMail) -> Option<LinkToken> {
    let mut lines =
        mail.text.lines().filter_map(|line| line.strip_prefix("https://portal.example/app/link/"));
    let link = lines.next().map(|text| LinkToken::parse(text).unwrap());
    assert_eq!(lines.next(), None, "{}", mail.text);
    link
}

/// The start of the next UTC day, reckoned apart from the code.
pub(crate) fn midnight(now: DateTime<Utc>) -> DateTime<Utc> {
    (now.date_naive() + chrono::Days::new(1)).and_time(chrono::NaiveTime::MIN).and_utc()
}

/// A token that is well formed and not genuine.
pub(crate) fn forged(kind: LinkKind, customer: CustomerId, id: [u8; 16]) -> LinkToken {
    let code = match kind {
        LinkKind::Invitation => 1,
        LinkKind::Confirmation => 2,
        _ => 3,
    };
    let bytes = [&[1][..], customer.as_bytes(), &id, &[0x5A; 32], &[code]].concat();
    LinkToken::parse(&URL_SAFE_NO_PAD.encode(bytes)).unwrap()
}

/// The refusal; anything else fails the test.
#[track_caller]
pub(crate) fn refusal<T: Debug, E: Into<Error>>(result: Result<T, E>) -> Refusal {
    match result.map_err(Into::into) {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// The code of what came of it; `OK` if it was done.
pub(crate) fn code<T>(result: &Result<T, Error>) -> &'static str {
    result.as_ref().err().map_or("OK", Error::code)
}

/// Does it in so many threads at once.
pub(crate) fn at_once<T: Send>(threads: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let (barrier, act) = (&barrier, &act);
                scope.spawn(move || {
                    barrier.wait();
                    act(thread)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// An id that nobody has.
pub(crate) fn unknown_customer() -> CustomerId {
    CustomerId::from_bytes([0xEE; 16])
}

/// An id that nobody has.
pub(crate) fn unknown_user() -> UserId {
    UserId::from_bytes([0xEE; 16])
}
