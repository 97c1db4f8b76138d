//! A portal with a partner, a customer, its two `Admin`s, and mailers that do as they are told.

use std::fmt;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use meshcustomers_core::{
    Actor, AddAdmin, Administration, AdministrationBuilder, Clock, CreateCustomer, Customer, CustomerKind,
    Delivered, HostKey, Invitation, Invite, KnownUser, Language, LinkToken, MailError, MailState,
    MailStateKind, Mailer, ManualClock, MemoryStore, OutboxMail, PageRequest, Person, Postman, Reason,
    Register, RegistrationMode, RenderedMail, Role, SeededEntropy, Settings, SettingsBuilder, User,
};

#[derive(Clone, Debug, Default)]
pub(crate) struct TestClock(Arc<ManualClock>);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

impl TestClock {
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.0.advance(by);
    }

    pub(crate) fn set(&self, now: DateTime<Utc>) {
        self.0.set(now);
    }
}

type Script = dyn Fn(&RenderedMail) -> Result<(), MailError> + Send + Sync;

/// Keeps every try, and answers as the script says.
pub(crate) struct Scripted {
    tries: Mutex<Vec<RenderedMail>>,
    script: Box<Script>,
}

impl Scripted {
    pub(crate) fn new(
        script: impl Fn(&RenderedMail) -> Result<(), MailError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { tries: Mutex::default(), script: Box::new(script) })
    }

    pub(crate) fn accepting() -> Arc<Self> {
        Self::new(|_| Ok(()))
    }

    pub(crate) fn tries(&self) -> Vec<RenderedMail> {
        self.tries.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

impl Mailer for Scripted {
    fn send(&self, mail: &RenderedMail) -> Result<(), MailError> {
        self.tries.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(mail.clone());
        (self.script)(mail)
    }
}

/// The stage's settings, to be changed: people register, managers approve, and the address is to be confirmed.
pub(crate) fn settings() -> SettingsBuilder {
    Settings::builder("https://portal.example/app")
        .product_name("Mesh Portal")
        .registration(RegistrationMode::Open)
}

/// The administration of that store, by that clock.
pub(crate) fn administration(store: &Arc<MemoryStore>, clock: impl Clock) -> AdministrationBuilder {
    administration_with(store, clock, settings())
}

/// The administration of that store, by that clock, with those settings.
pub(crate) fn administration_with(
    store: &Arc<MemoryStore>,
    clock: impl Clock,
    settings: SettingsBuilder,
) -> AdministrationBuilder {
    let settings = settings.build().unwrap();
    let key = HostKey::generate(&SeededEntropy::new(7)).unwrap();
    Administration::builder(Arc::clone(store), key, settings).clock(clock).entropy(SeededEntropy::new(7))
}

pub(crate) struct Stage {
    pub(crate) admin: Administration,
    pub(crate) operator: Actor,
    pub(crate) clock: TestClock,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) partner: Customer,
    pub(crate) paula: User,
    pub(crate) acme: Customer,
    pub(crate) ann: User,
    pub(crate) bob: User,
}

impl Stage {
    /// Paula of the partner manages ACME, whose `Admin`s are Ann (English) and Bob (German). The outbox is empty.
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    /// The same with other settings.
    pub(crate) fn with(settings: SettingsBuilder) -> Self {
        let clock = TestClock::default();
        let store = Arc::new(MemoryStore::new());
        let (admin, operator) =
            administration_with(&store, clock.clone(), settings).build_with_operator().unwrap();
        let operator = operator.act("tests", "Olga", "setting the stage").unwrap();
        let user = |id: &str, name: &str, address: &str, language| {
            let known = KnownUser::new(id, name, address).unwrap().verified();
            admin.upsert_user(&KnownUser { language: Some(language), ..known }).unwrap()
        };
        let paula = user("idp|paula", "Paula North", "paula@north.example", Language::En);
        let ann = user("idp|ann", "Ann Acme", "ann@acme.example", Language::En);
        let bob = user("idp|bob", "Bob Büchner", "bob@acme.example", Language::De);
        let north = CreateCustomer::new("North Partners", "north").unwrap().of_kind(CustomerKind::Partner);
        let partner = admin.create_customer(&operator, north).unwrap();
        let make_admin = |customer: &Customer, user: &User| {
            let reason = Reason::parse("first Admin").unwrap();
            admin.add_admin(&operator, AddAdmin { customer: customer.id, user: user.id, reason }).unwrap();
        };
        make_admin(&partner, &paula);
        let manager = Person::new(paula.id).acting_for(partner.id);
        let acme =
            admin.create_customer(&manager, CreateCustomer::new("ACME Tools", "acme").unwrap()).unwrap();
        make_admin(&acme, &ann);
        make_admin(&acme, &bob);
        let stage = Self { admin, operator, clock, store, partner, paula, acme, ann, bob };
        assert_eq!(stage.outbox(MailStateKind::Waiting), []);
        stage
    }

    /// An administration of the same store with other settings.
    pub(crate) fn admin_with(&self, settings: SettingsBuilder) -> Administration {
        administration_with(&self.store, self.clock.clone(), settings).build().unwrap()
    }

    pub(crate) fn manager(&self) -> Actor {
        Person::new(self.paula.id).acting_for(self.partner.id)
    }

    pub(crate) fn inside(&self, user: &User) -> Actor {
        Person::new(user.id).acting_for(self.acme.id)
    }

    pub(crate) fn invite(&self, address: &str) -> Invitation {
        let invite = Invite {
            customer: self.acme.id,
            address: address.parse().unwrap(),
            role: Role::EMPLOYEE,
            language: None,
        };
        self.admin.invite(&self.inside(&self.ann), invite).unwrap()
    }

    /// Who may register.
    pub(crate) fn user(&self, user: &KnownUser) -> User {
        self.admin.upsert_user(user).unwrap()
    }

    /// That user registers a customer with that identifier.
    pub(crate) fn register(&self, user: &User, identifier: &str) -> Customer {
        let register = Register::new("New Tools", identifier).unwrap();
        self.admin.register(&Person::new(user.id), register).unwrap()
    }

    pub(crate) fn deliver(&self, mailer: &Arc<Scripted>) -> Delivered {
        self.postman(mailer).deliver_due(100).unwrap()
    }

    pub(crate) fn postman(&self, mailer: &Arc<Scripted>) -> Postman<Arc<Scripted>> {
        Postman::new(self.admin.clone(), Arc::clone(mailer))
    }

    pub(crate) fn outbox(&self, state: MailStateKind) -> Vec<OutboxMail> {
        self.admin.mails(&self.operator, state, &PageRequest::default()).unwrap().items
    }

    /// The one mail in this state.
    pub(crate) fn only(&self, state: MailStateKind) -> OutboxMail {
        let mut mails = self.outbox(state);
        assert_eq!(mails.len(), 1, "{state:?}: {mails:?}");
        mails.pop().unwrap()
    }

    pub(crate) fn clock_now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// When the one waiting mail is due.
    pub(crate) fn due_at(&self) -> DateTime<Utc> {
        match self.only(MailStateKind::Waiting).state {
            MailState::Waiting { due_at, .. } => due_at,
            other => panic!("{other:?}"),
        }
    }
}

/// The token of the one link in a mail.
pub(crate) fn token(mail: &RenderedMail) -> LinkToken {
    let links: Vec<&str> =
        mail.text.lines().filter_map(|line| line.strip_prefix("https://portal.example/app/link/")).collect();
    assert_eq!(links.len(), 1, "{}", mail.text);
    LinkToken::parse(links[0]).unwrap()
}

/// Counts of a round; the rest is 0.
pub(crate) fn counts(round: &Delivered) -> [u32; 5] {
    [round.delivered, round.superseded, round.postponed, round.failed, round.dead]
}

pub(crate) fn transient() -> Result<(), MailError> {
    Err(MailError::Transient("451 try again later".to_owned()))
}
