//! Demo data, made through the library like everything else: an administrator account, a partner with its `Admin`, a
//! dozen customers with members and invitations. Its clock begins two months ago, so that the histories have days.

use std::sync::Arc;

use chrono::TimeDelta;
use meshcustomers_core::{
    Accept, Acknowledge, AddAdmin, Administration, Approval, ChangeRole, Clock, CreateCustomer,
    CreateProject, Customer, CustomerId, CustomerKind, Disable, EditQuota, EmailAddress, EmailConfirmation,
    HostKeys, Invite, ManualClock, MemoryMailer, MessageMode, MessageText, Name, PageRequest, Person,
    Postman, ProjectIdentifier, Quota, Reason, Register, RegistrationLinks, RegistrationMode, Rename, Role,
    RotateLink, SendMessage, Settings, SystemClock, Title, UserId,
};
use meshcustomers_sqlite::SqliteStore;

use crate::random;
use crate::sign_in::SignIns;
use crate::start::Outcome;

/// Who may sign in, and as what.
pub const PEOPLE: [(&str, &str, &str); 8] = [
    ("Paul Weber", "paul@cloud-partner.example", "Admin of the partner account Cloud Partner"),
    ("Ada Lindqvist", "ada@operations.example", "Admin of the administrator account Operations"),
    ("Emma Fischer", "emma@north-energy.example", "Admin of the customer North Energy"),
    ("Liam Novak", "liam@harbour-labs.example", "Employee, with an open invitation"),
    ("Sofia Rossi", "sofia@atelier-rossi.example", ""),
    ("Noah Berg", "noah@fjord-foods.example", ""),
    ("Mia Keller", "mia@blau-werke.example", ""),
    ("Kim Osei", "kim@cloud-partner.example", ""),
];

/// Name, identifier, and the address of whoever becomes its first `Admin`.
const CUSTOMERS: [(&str, &str, Option<usize>); 13] = [
    ("North Energy", "north-energy", Some(2)),
    ("Harbour Labs", "harbour-labs", Some(3)),
    ("Atelier Rossi", "atelier-rossi", Some(4)),
    ("Fjord Foods", "fjord-foods", Some(5)),
    ("Blau Werke", "blau-werke", Some(6)),
    ("City of Lindenau", "lindenau", None),
    ("Meridian Maps", "meridian", Some(2)),
    ("Quarry & Sons", "quarry", None),
    ("Velo Courier", "velo", Some(5)),
    ("Sunfield Solar", "sunfield", Some(6)),
    ("Tidewater Bank", "tidewater", None),
    ("Université Étoile", "etoile", Some(4)),
    ("Zephyr Air", "zephyr", None),
];

/// A clock that demo data is made by.
#[derive(Clone, Debug)]
pub struct DemoClock(pub Arc<ManualClock>);

impl Clock for DemoClock {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.0.now()
    }
}

/// Makes it all, and gives the password of its people: random, one for each data folder.
///
/// # Errors
/// What the library or SQLite says.
pub fn create(store: SqliteStore, keys: HostKeys, base_url: &str, sign_ins: &SignIns) -> Outcome<String> {
    // Whatever this portal is set to: the demo shows all of it.
    let settings = Settings::builder(base_url)
        .registration(RegistrationMode::Open)
        .approval(Approval::Manual)
        .confirmation(EmailConfirmation::NotRequired)
        .registration_links(RegistrationLinks::On)
        .build()?;
    let clock = DemoClock(Arc::new(ManualClock::at(SystemClock.now() - TimeDelta::days(60))));
    let (admin, operator) =
        Administration::builder(store, keys, settings).clock(clock.clone()).build_with_operator()?;
    let password = random::password();
    let mut people = Vec::new();
    for (name, address, _) in PEOPLE {
        let sign_in = sign_ins.register_verified_now(name, &EmailAddress::parse(address)?, &password)?;
        people.push((admin.upsert_user(&sign_in.known()?.verified())?.id, address));
    }
    let operator = operator.act("portal", "demo", "demo data")?;
    let account = |name, identifier, kind, admins: &[usize]| -> Outcome<Customer> {
        let made = admin.create_customer(&operator, CreateCustomer::new(name, identifier)?.of_kind(kind))?;
        for user in admins.iter().filter_map(|at| people.get(*at)) {
            let reason = Reason::parse("first Admin of a new account")?;
            admin.add_admin(&operator, AddAdmin { customer: made.id, user: user.0, reason })?;
        }
        Ok(made)
    };
    account("Operations", "operations", CustomerKind::Administrator, &[1])?;
    let partner = account("Cloud Partner", "cloud-partner", CustomerKind::Partner, &[0, 7])?;

    let demo =
        Demo { admin: &admin, clock: &clock, paul: Person::new(person(&people, 0)?), partner: partner.id };
    let mut made = Vec::new();
    for (name, identifier, first) in CUSTOMERS {
        clock.0.advance(TimeDelta::hours(61));
        let customer = demo.customer(name, identifier)?;
        if let Some(first) = first {
            let (user, address) = people.get(first).copied().ok_or("nobody")?;
            demo.joins(customer, user, address, Role::ADMIN)?;
        }
        made.push(customer);
    }
    demo.polish(&made, &people)?;
    demo.whole_page(&made, &people)?;
    // Nobody waits for the mails of the demo: they go nowhere.
    Postman::new(admin.clone(), MemoryMailer::default()).deliver_due(1_000)?;
    Ok(password)
}

fn person(people: &[(UserId, &str)], at: usize) -> Outcome<UserId> {
    people.get(at).map(|(user, _)| *user).ok_or_else(|| "nobody".into())
}

/// What Paul does.
struct Demo<'a> {
    admin: &'a Administration,
    clock: &'a DemoClock,
    paul: Person,
    partner: CustomerId,
}

impl Demo<'_> {
    fn customer(&self, name: &str, identifier: &str) -> Outcome<CustomerId> {
        let actor = self.paul.acting_for(self.partner);
        Ok(self.admin.create_customer(&actor, CreateCustomer::new(name, identifier)?)?.id)
    }

    /// The page's own way: add myself, invite, the person accepts, leave.
    fn joins(&self, customer: CustomerId, user: UserId, address: &str, role: Role) -> Outcome<()> {
        self.clock.0.advance(TimeDelta::minutes(7));
        self.admin.add_myself(&self.paul.acting_for(self.partner), customer)?;
        self.invites(customer, address, role)?;
        self.clock.0.advance(TimeDelta::hours(3));
        let person = Person::new(user);
        let offers = self.admin.own_invitations(&person, &PageRequest::default())?;
        let offer = offers.items.iter().find(|offer| offer.account.id == customer).ok_or("no invitation")?;
        self.admin.accept(&person, Accept::by_id(customer, offer.invitation))?;
        self.clock.0.advance(TimeDelta::minutes(20));
        Ok(self.admin.leave(&self.paul, customer)?)
    }

    fn invites(&self, customer: CustomerId, address: &str, role: Role) -> Outcome<()> {
        self.clock.0.advance(TimeDelta::minutes(2));
        let invite = Invite { customer, address: EmailAddress::parse(address)?, role, language: None };
        self.admin.invite(&self.paul.acting_for(customer), invite)?;
        Ok(())
    }

    /// Some more events, so that lists and histories show something.
    fn polish(&self, made: &[CustomerId], people: &[(UserId, &str)]) -> Outcome<()> {
        let partner = self.paul.acting_for(self.partner);
        let at = |index: usize| made.get(index).copied().ok_or("no customer");
        let (north, harbour, quarry) = (at(0)?, at(1)?, at(7)?);
        // Back to the present, but for a day.
        let behind = SystemClock.now() - TimeDelta::hours(26) - self.clock.now();
        self.clock.0.advance(behind);

        let (liam, address) = people.get(3).copied().ok_or("nobody")?;
        self.joins(north, liam, address, Role::ADMIN)?;
        let emma = Person::new(person(people, 2)?).acting_for(north);
        self.admin.change_role(&emma, ChangeRole { customer: north, user: liam, role: Role::EMPLOYEE })?;
        self.clock.0.advance(TimeDelta::minutes(40));
        self.admin.rename(&emma, Rename { customer: north, name: Name::parse("North Energy Group")? })?;
        for (address, role) in
            [("jonas@north-energy.example", Role::EMPLOYEE), ("lea@north-energy.example", Role::ADMIN)]
        {
            self.clock.0.advance(TimeDelta::minutes(3));
            let invite =
                Invite { customer: north, address: EmailAddress::parse(address)?, role, language: None };
            self.admin.invite(&emma, invite)?;
        }
        // Paul stays in Harbour Labs, and offers Liam a place in Fjord Foods.
        self.admin.add_myself(&partner, harbour)?;
        let fjord = at(3)?;
        self.admin.add_myself(&partner, fjord)?;
        self.invites(fjord, address, Role::EMPLOYEE)?;
        self.admin.leave(&self.paul, fjord)?;
        let reason = Reason::parse("Contract ended on their own wish")?;
        self.admin.disable(&partner, Disable { customer: quarry, reason })?;
        let zephyr = at(12)?;
        self.admin.rename(&partner, Rename { customer: zephyr, name: Name::parse("Zephyr Airways")? })?;
        Ok(())
    }

    /// Projects above a lowered quota, messages in both modes, and registrations that wait, one of them by the link.
    fn whole_page(&self, made: &[CustomerId], people: &[(UserId, &str)]) -> Outcome<()> {
        let partner = self.paul.acting_for(self.partner);
        let north = made.first().copied().ok_or("no customer")?;
        let emma = Person::new(person(people, 2)?);
        for (name, identifier) in
            [("Grid Twin", "grid-twin"), ("Tariff Shop", "tariff-shop"), ("Meter Data", "meter-data")]
        {
            self.clock.0.advance(TimeDelta::minutes(4));
            let (name, identifier) = (Name::parse(name)?, ProjectIdentifier::parse(identifier)?);
            self.admin.create_project(
                &emma.acting_for(north),
                CreateProject { customer: north, name, identifier },
            )?;
        }
        let seen = self.admin.customer(&partner, north)?.projects.limit;
        self.admin.edit_quota(&partner, EditQuota { customer: north, seen, quota: Quota::limited(2)? })?;

        let message = |title: &str, text: &str, mode| -> Outcome<_> {
            let command = SendMessage {
                customer: north,
                title: Title::parse(title)?,
                text: MessageText::parse(text)?,
                mode,
                ends_at: None,
            };
            self.clock.0.advance(TimeDelta::minutes(9));
            Ok(self.admin.send_message(&partner, command)?)
        };
        let terms = message("New terms", "The new terms hold from next month on.", MessageMode::AllMustRead)?;
        self.admin.acknowledge(
            &Person::new(person(people, 3)?),
            Acknowledge { customer: north, message: terms.id },
        )?;
        message(
            "Certificate",
            "The certificate of grid-twin ends on Friday. Please renew it.",
            MessageMode::SingleRead,
        )?;

        let rotate = RotateLink { partner: self.partner, expires_at: None, max_uses: None };
        let link = self.admin.rotate_link(&partner, rotate)?;
        self.clock.0.advance(TimeDelta::minutes(30));
        let noah = Person::new(person(people, 5)?);
        self.admin.register(&noah, Register::new("Fjord Bakery", "fjord-bakery")?.by_link(link.token))?;
        self.clock.0.advance(TimeDelta::minutes(11));
        let mia = Person::new(person(people, 6)?);
        self.admin.register(&mia, Register::new("Blau Kunst", "blau-kunst")?)?;
        Ok(())
    }
}
