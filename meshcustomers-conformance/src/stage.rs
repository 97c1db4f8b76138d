//! What cases need again and again: an empty store, sets of changes by hand, an `Administration` with a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use meshcustomers_core::{
    Actor, Administration, Author, Bookkeeping, Change, ChangeSet, Channel, Clock, CommandKind,
    CommandRecord, Customer, CustomerId, CustomerKind, CustomerStatus, DayCount, EmailAddress, EventDetails,
    Fresh, Head, HistoryKey, HostKey, HostUserId, Id, Identifier, Invitation, InvitationState, Inviter,
    Language, LinkSecret, MailAccount, MailContent, MailError, Mailer, ManualClock, Membership, MembershipId,
    MemoryMailer, Name, NewCustomer, NewEvent, Origin, Outcome, Prepared, QueuedMail, Quota, ReadTx,
    Recipient, RenderedMail, Role, SeededEntropy, Settings, SettingsBuilder, Store, StoreErrorKind,
    StoreResult, User, UserId, UserState, Verification, from_millis,
};

use crate::Make;
use crate::dump::dump;

mod rows;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;

/// A store with everything that is needed to write to it by hand.
pub(crate) struct Stage {
    pub(crate) store: Arc<dyn Store>,
    entropy: SeededEntropy,
    key: HistoryKey,
    now: AtomicI64,
}

impl Stage {
    pub(crate) fn new(make: Make<'_>) -> Self {
        let entropy = SeededEntropy::new(1);
        let host = HostKey::generate(&entropy).unwrap();
        let key = HistoryKey::new(&host, 1);
        Self { store: make(), entropy, key, now: AtomicI64::new(START) }
    }

    /// The stage's time; moves on by a millisecond each time it is asked, so that nothing is made at the same time.
    pub(crate) fn tick(&self) -> DateTime<Utc> {
        from_millis(self.now.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        from_millis(self.now.load(Ordering::Relaxed))
    }

    pub(crate) fn fresh(&self) -> Fresh {
        Fresh::draw(&self.entropy, self.now()).unwrap()
    }

    pub(crate) fn id<T: Id>(&self) -> T {
        self.fresh().id("stage", 0)
    }

    /// Asks one thing in a transaction of its own.
    pub(crate) fn read<T>(&self, ask: impl FnOnce(&mut dyn ReadTx) -> StoreResult<T>) -> T {
        ask(&mut *self.store.read().unwrap()).unwrap()
    }

    pub(crate) fn row(&self, customer: CustomerId) -> Customer {
        self.read(|tx| tx.customer(customer)).expect("the customer is there")
    }

    /// Applies a set in a transaction of its own.
    pub(crate) fn apply(&self, set: &Prepared) -> StoreResult<()> {
        let mut tx = self.store.write()?;
        tx.apply(set)?;
        tx.commit()
    }

    pub(crate) fn keep(&self, bookkeeping: &Bookkeeping) -> StoreResult<u64> {
        let mut tx = self.store.write()?;
        let changed = tx.keep(bookkeeping)?;
        tx.commit()?;
        Ok(changed)
    }

    /// The set must fail as `wanted`, and nothing of it may be there afterwards.
    pub(crate) fn refused(&self, set: &Prepared, wanted: &StoreErrorKind) {
        let before = dump(&*self.store, &[]);
        match self.apply(set) {
            Ok(()) => panic!("applied what should fail with {wanted:?}"),
            Err(error) => assert_eq!(error.kind(), wanted),
        }
        assert_eq!(dump(&*self.store, &[]), before, "a set that failed left something behind");
        if *wanted != StoreErrorKind::Unique(meshcustomers_core::UniqueKey::Command) {
            assert_eq!(
                self.read(|tx| tx.command(set.command().id)),
                None,
                "the command of a failed set is there"
            );
        }
    }

    /// A set on a customer whose row is as it stands now.
    pub(crate) fn set(&self, customer: CustomerId, changes: Vec<Change>) -> Prepared {
        let head = self.read(|tx| tx.customer(customer)).map_or(Head::START, |row| row.head);
        self.set_on(customer, head, changes, Vec::new(), |_| ())
    }

    /// A set with everything given; `with` changes the command's record.
    pub(crate) fn set_on(
        &self,
        customer: CustomerId,
        seen: Head,
        changes: Vec<Change>,
        mails: Vec<QueuedMail>,
        with: impl FnOnce(&mut CommandRecord),
    ) -> Prepared {
        let at = self.tick();
        let fresh = self.fresh();
        let mut record = CommandRecord {
            id: fresh.command(),
            kind: CommandKind::Rename,
            actor: None,
            at,
            outcome: Outcome::Customer(customer),
            idempotency: None,
        };
        with(&mut record);
        let event = NewEvent::new(&self.author(), customer, EventDetails::CustomerRenamed {});
        ChangeSet::new(seen, event, Vec::new(), changes, mails).prepare(record, &fresh, &self.key)
    }

    /// A set with these events.
    pub(crate) fn set_of_events(&self, customer: CustomerId, events: Vec<NewEvent>) -> Prepared {
        let head = self.row(customer).head;
        let fresh = self.fresh();
        let record = CommandRecord {
            id: fresh.command(),
            kind: CommandKind::Rename,
            actor: None,
            at: self.tick(),
            outcome: Outcome::Done(customer),
            idempotency: None,
        };
        let mut events = events.into_iter();
        let first = events.next().expect("at least one event");
        ChangeSet::new(head, first, events.collect(), Vec::new(), Vec::new())
            .prepare(record, &fresh, &self.key)
    }

    pub(crate) fn author(&self) -> Author {
        let name = Name::parse("Jane Doe").unwrap();
        Author::user(UserId::from_bytes([7; 16]), None, Channel::Session, &name, self.now())
    }

    pub(crate) fn new_user(&self, name: &str) -> User {
        User {
            id: self.id(),
            host_id: HostUserId::parse(name).unwrap(),
            name: Name::parse(name).unwrap(),
            address: address(name),
            verification: Verification::Verified,
            language: Language::En,
            state: UserState::Enabled,
            created_at: self.tick(),
            version: 1,
        }
    }

    /// A stored user, with the verified address `name@example.com`.
    pub(crate) fn user(&self, name: &str) -> User {
        let user = self.new_user(name);
        assert_eq!(self.keep(&Bookkeeping::UserAdded(user.clone())).unwrap(), 1);
        user
    }

    pub(crate) fn disable_user(&self, user: &User) {
        let user = User { state: UserState::Disabled, version: user.version + 1, ..user.clone() };
        self.keep(&Bookkeeping::UserChanged { user, mails: Vec::new() }).unwrap();
    }

    pub(crate) fn new_customer(&self, identifier: &str) -> NewCustomer {
        NewCustomer {
            id: self.id(),
            identifier: Identifier::parse(identifier).unwrap(),
            name: Name::parse(identifier).unwrap(),
            kind: CustomerKind::Standard,
            status: CustomerStatus::Active,
            partner: None,
            created_at: self.tick(),
            lapses_at: None,
            projects: Quota::limited(10).unwrap(),
        }
    }

    pub(crate) fn creation(&self, new: &NewCustomer) -> Prepared {
        self.set_on(new.id, Head::START, vec![Change::CustomerCreated(new.clone())], Vec::new(), |_| ())
    }

    /// A stored customer; `with` says what is special about it.
    pub(crate) fn customer_with(&self, identifier: &str, with: impl FnOnce(&mut NewCustomer)) -> CustomerId {
        let mut new = self.new_customer(identifier);
        with(&mut new);
        self.apply(&self.creation(&new)).unwrap();
        new.id
    }

    pub(crate) fn customer(&self, identifier: &str) -> CustomerId {
        self.customer_with(identifier, |_| ())
    }

    pub(crate) fn new_member(
        &self,
        customer: CustomerId,
        user: &User,
        role: Role,
        origin: Origin,
    ) -> Membership {
        let id: MembershipId = self.id();
        // By the event that the next set on the customer writes.
        let since = self.row(customer).head.number + 1;
        Membership { id, customer, user: user.id, role, origin, joined_at: self.tick(), since }
    }

    /// A stored membership.
    pub(crate) fn member_with(
        &self,
        customer: CustomerId,
        user: &User,
        role: Role,
        origin: Origin,
    ) -> Membership {
        let membership = self.new_member(customer, user, role, origin);
        self.apply(&self.set(customer, vec![Change::MembershipAdded(membership.clone())])).unwrap();
        membership
    }

    pub(crate) fn member(&self, customer: CustomerId, user: &User, role: Role) -> Membership {
        self.member_with(customer, user, role, Origin::Ordinary)
    }

    pub(crate) fn new_invitation(&self, customer: CustomerId, inviter: &User, to: &str) -> Invitation {
        let created_at = self.tick();
        Invitation {
            id: self.id(),
            customer,
            address: address(to),
            role: Role::EMPLOYEE,
            language: Language::De,
            inviter: Inviter { user: inviter.id, through: None },
            state: InvitationState::Open,
            created_at,
            expires_at: created_at + TimeDelta::days(7),
            link: LinkSecret { generation: 1, key_number: 1, nonce: Some(self.fresh().nonce("stage", 0)) },
            mails: DayCount { day: 20_454, count: 1 },
        }
    }

    /// A stored invitation.
    pub(crate) fn invitation(&self, customer: CustomerId, inviter: &User, to: &str) -> Invitation {
        let invitation = self.new_invitation(customer, inviter, to);
        self.apply(&self.set(customer, vec![Change::InvitationAdded(invitation.clone())])).unwrap();
        invitation
    }

    pub(crate) fn new_mail(&self, customer: CustomerId, to: &str) -> QueuedMail {
        let account = MailAccount::from(&self.row(customer).account());
        QueuedMail {
            id: self.id(),
            queued_at: self.tick(),
            recipient: Recipient { user: None, name: Some(Name::parse(to).unwrap()), address: address(to) },
            language: Language::En,
            content: MailContent::Removed { account },
        }
    }

    /// A mail that was queued with a set.
    pub(crate) fn mail(&self, customer: CustomerId, to: &str) -> QueuedMail {
        let mail = self.new_mail(customer, to);
        let head = self.row(customer).head;
        self.apply(&self.set_on(customer, head, Vec::new(), vec![mail.clone()], |_| ())).unwrap();
        mail
    }
}

/// `name@example.com`.
pub(crate) fn address(name: &str) -> EmailAddress {
    EmailAddress::parse(&format!("{name}@example.com")).unwrap()
}

/// A manual clock that a test keeps a hand on.
#[derive(Clone, Debug, Default)]
pub struct SharedClock(pub Arc<ManualClock>);

impl Clock for SharedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// A memory mailer whose mails a test takes out.
#[derive(Clone, Debug, Default)]
pub struct SharedMailer(pub Arc<MemoryMailer>);

impl Mailer for SharedMailer {
    fn send(&self, mail: &RenderedMail) -> Result<(), MailError> {
        self.0.send(mail)
    }
}

/// An `Administration` over a store, that stands still in time, and the operator.
pub(crate) struct Office {
    pub(crate) admin: Administration,
    pub(crate) operator: Actor,
    pub(crate) store: Arc<dyn Store>,
}

impl Office {
    pub(crate) fn new(make: Make<'_>) -> Self {
        Self::over(make(), 1)
    }

    pub(crate) fn over(store: Arc<dyn Store>, seed: u64) -> Self {
        Self::with(store, seed, |settings| settings)
    }

    /// One whose host has chosen something.
    pub(crate) fn with(
        store: Arc<dyn Store>,
        seed: u64,
        choose: impl FnOnce(SettingsBuilder) -> SettingsBuilder,
    ) -> Self {
        let host_key = HostKey::generate(&SeededEntropy::new(seed)).unwrap();
        let settings = choose(Settings::builder("https://portal.example")).build().unwrap();
        let (admin, operator) = Administration::builder(Arc::clone(&store), host_key, settings)
            .clock(SharedClock::default())
            .entropy(SeededEntropy::new(seed))
            .build_with_operator()
            .unwrap();
        let operator = operator.act("conformance", "Ops", "testing").unwrap();
        Self { admin, operator, store }
    }
}
