//! Sequences of commands on the memory store: no panic, `explain` agrees with doing, histories stay whole, no customer
//! that had an enabled, ordinary Admin loses the last one, no grant leads above a quota, and no link has more uses than it
//! may have.
#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use meshcustomers_core::*;

#[derive(Arbitrary, Debug)]
enum Step {
    Create(u8),
    AddMyself(u8, u8),
    Invite(u8, u8, u8, bool),
    Resend(u8, u8),
    Cancel(u8, u8),
    Accept(u8, u8),
    Decline(u8, u8),
    ChangeRole(u8, u8, u8, bool),
    Remove(u8, u8, u8),
    Leave(u8, u8),
    Disable(u8),
    Enable(u8),
    Register(u8, u8, bool),
    Approve(u8),
    Reject(u8),
    Withdraw(u8, u8),
    SendConfirmation(u8, u8),
    EditQuota(u8, u8, u8),
    CreateProject(u8, u8, u8),
    DeleteProject(u8, u8),
    Send(u8, u8, bool, bool),
    WithdrawMessage(u8, u8),
    Acknowledge(u8, u8),
    Move(u8, bool),
    Convert(u8, bool),
    Rotate(u8, u8),
    Revoke(u8),
    Tick(u16),
}

struct World {
    admin: Administration,
    host: Actor,
    people: Vec<Person>,
    partner: CustomerId,
    customers: Vec<CustomerId>,
    invitations: Vec<(CustomerId, InvitationId)>,
    projects: Vec<(CustomerId, ProjectId)>,
    messages: Vec<(CustomerId, MessageId)>,
    clock: Arc<ManualClock>,
}

fn world() -> Result<World, Box<dyn std::error::Error>> {
    let entropy = SeededEntropy::new(1);
    let key = HostKey::generate(&entropy)?;
    let settings = Settings::builder("https://portal.example")
        .registration(RegistrationMode::Open)
        .registration_links(RegistrationLinks::On)
        .default_quota(2)
        .build()?;
    let clock = Arc::new(ManualClock::default());
    let (admin, operator) = Administration::builder(MemoryStore::new(), key, settings)
        .entropy(entropy)
        .clock(Arc::clone(&clock))
        .build_with_operator()?;
    let host = operator.act("fuzz", "fuzz", "")?;
    let new = CreateCustomer::new("Partner", "the-partner")?.of_kind(CustomerKind::Partner);
    let partner = admin.create_customer(&host, new)?.id;
    let mut people = Vec::new();
    for at in 0..4 {
        let told =
            KnownUser::new(&format!("id-{at}"), &format!("Person {at}"), &format!("p{at}@example.org"))?;
        people.push(Person::new(admin.upsert_user(&told.verified())?.id));
    }
    let reason = Reason::parse("fuzz")?;
    admin.add_admin(&host, AddAdmin { customer: partner, user: people[0].user(), reason })?;
    let customers = vec![partner];
    let (invitations, projects, messages) = (Vec::new(), Vec::new(), Vec::new());
    Ok(World { admin, host, people, partner, customers, invitations, projects, messages, clock })
}

fn pick<T: Copy>(items: &[T], at: u8) -> Option<T> {
    items.get(usize::from(at) % items.len().max(1)).copied()
}

impl World {
    fn run<C: Command>(&self, actor: &Actor, command: &C) -> Option<C::Outcome> {
        let explained = self.admin.explain(actor, command).map_err(|error| error.code());
        let done = self.admin.run(actor, command).map_err(|error| error.code());
        assert_eq!(explained.err(), done.as_ref().err().copied(), "{command:?}");
        done.ok()
    }

    fn step(&mut self, step: &Step) -> Option<()> {
        let role = |admin: bool| if admin { Role::ADMIN } else { Role::EMPLOYEE };
        let partner = self.people[0].acting_for(self.partner);
        match *step {
            Step::Create(at) => {
                let command = CreateCustomer::new("Customer", &format!("c-{at}")).ok()?;
                let made = self.run(&partner, &command)?;
                self.customers.push(made.id);
            }
            Step::AddMyself(who, customer) => {
                let actor = pick(&self.people, who)?.acting_for(self.partner);
                self.run(&actor, &AddMyself { customer: pick(&self.customers, customer)? })?;
            }
            Step::Invite(who, customer, whom, admin) => {
                let customer = pick(&self.customers, customer)?;
                let address = format!("p{}@example.org", whom % 4).parse().ok()?;
                let command = Invite { customer, address, role: role(admin), language: None };
                let made = self.run(&pick(&self.people, who)?.acting_for(customer), &command)?;
                self.invitations.push((customer, made.id));
            }
            Step::Resend(who, at) => {
                let (customer, invitation) = pick(&self.invitations, at)?;
                self.run(&pick(&self.people, who)?.acting_for(customer), &Resend { customer, invitation })?;
            }
            Step::Cancel(who, at) => {
                let (customer, invitation) = pick(&self.invitations, at)?;
                self.run(
                    &pick(&self.people, who)?.acting_for(customer),
                    &CancelInvitation { customer, invitation },
                )?;
            }
            Step::Accept(who, at) => {
                let (customer, invitation) = pick(&self.invitations, at)?;
                self.run(&Actor::from(pick(&self.people, who)?), &Accept::by_id(customer, invitation))?;
            }
            Step::Decline(who, at) => {
                let (customer, invitation) = pick(&self.invitations, at)?;
                self.run(&Actor::from(pick(&self.people, who)?), &Decline::by_id(customer, invitation))?;
            }
            Step::ChangeRole(who, customer, whom, admin) => {
                let customer = pick(&self.customers, customer)?;
                let user = pick(&self.people, whom)?.user();
                let command = ChangeRole { customer, user, role: role(admin) };
                self.run(&pick(&self.people, who)?.acting_for(customer), &command)?;
            }
            Step::Remove(who, customer, whom) => {
                let customer = pick(&self.customers, customer)?;
                let command = RemoveMember { customer, user: pick(&self.people, whom)?.user() };
                self.run(&pick(&self.people, who)?.acting_for(customer), &command)?;
            }
            Step::Leave(who, customer) => {
                let customer = pick(&self.customers, customer)?;
                self.run(&Actor::from(pick(&self.people, who)?), &Leave { customer })?;
            }
            Step::Disable(customer) => {
                let customer = pick(&self.customers, customer)?;
                self.run(&partner, &Disable { customer, reason: Reason::none() })?;
            }
            Step::Enable(customer) => {
                let customer = pick(&self.customers, customer)?;
                self.run(&partner, &Enable { customer, reason: Reason::none() })?;
            }
            _ => self.further_step(step)?,
        }
        Some(())
    }

    fn further_step(&mut self, step: &Step) -> Option<()> {
        let partner = self.people[0].acting_for(self.partner);
        match *step {
            Step::Register(who, at, by_link) => {
                let command = Register::new("Registered", &format!("c-{at}")).ok()?;
                let link = || self.admin.registration_link(&partner, self.partner).ok().flatten();
                let command = match link().filter(|_| by_link) {
                    Some(link) => command.by_link(link.token),
                    None => command,
                };
                let made = self.run(&Actor::from(pick(&self.people, who)?), &command)?;
                self.customers.push(made.id);
                if let Some(link) = link() {
                    assert!(link.max_uses.is_none_or(|max| link.uses <= max), "a use too many");
                }
            }
            Step::Approve(customer) => {
                self.run(&self.host, &Approve { customer: pick(&self.customers, customer)? })?;
            }
            Step::Reject(customer) => {
                let customer = pick(&self.customers, customer)?;
                self.run(&partner, &Reject { customer, reason: Reason::none() })?;
            }
            Step::Withdraw(who, customer) => {
                let customer = pick(&self.customers, customer)?;
                self.run(&Actor::from(pick(&self.people, who)?), &WithdrawRegistration { customer })?;
            }
            Step::SendConfirmation(who, customer) => {
                let customer = pick(&self.customers, customer)?;
                self.run(&Actor::from(pick(&self.people, who)?), &SendConfirmation { customer })?;
            }
            Step::EditQuota(customer, seen, new) => {
                let customer = pick(&self.customers, customer)?;
                let quota = |limit: u8| Quota::limited(u32::from(limit % 5)).ok();
                let command = EditQuota { customer, seen: quota(seen)?, quota: quota(new)? };
                self.run(&self.host, &command)?;
            }
            Step::CreateProject(who, customer, at) => {
                let customer = pick(&self.customers, customer)?;
                let command = CreateProject {
                    customer,
                    name: Name::parse("Project").ok()?,
                    identifier: ProjectIdentifier::parse(&format!("p-{at}")).ok()?,
                };
                let made = self.run(&pick(&self.people, who)?.acting_for(customer), &command)?;
                let projects = self.admin.customer(&self.host, customer).expect("its customer").projects;
                assert!(projects.limit.limit().is_none_or(|limit| projects.used <= limit), "above the quota");
                self.projects.push((customer, made.id));
            }
            Step::DeleteProject(who, at) => {
                let (customer, project) = pick(&self.projects, at)?;
                self.run(
                    &pick(&self.people, who)?.acting_for(customer),
                    &DeleteProject { customer, project },
                )?;
            }
            Step::Send(who, customer, single, ends) => {
                let command = SendMessage {
                    customer: pick(&self.customers, customer)?,
                    title: Title::parse("Title").ok()?,
                    text: MessageText::parse("Text").ok()?,
                    mode: if single { MessageMode::SingleRead } else { MessageMode::AllMustRead },
                    ends_at: ends.then(|| self.clock.now() + chrono::TimeDelta::hours(1)),
                };
                let actor = pick(&self.people, who)?.acting_for(self.partner);
                let made = self.run(&actor, &command)?;
                self.messages.push((made.customer, made.id));
            }
            Step::WithdrawMessage(who, at) => {
                let (customer, message) = pick(&self.messages, at)?;
                let actor = pick(&self.people, who)?.acting_for(self.partner);
                self.run(&actor, &WithdrawMessage { customer, message })?;
            }
            Step::Acknowledge(who, at) => {
                let (customer, message) = pick(&self.messages, at)?;
                self.run(&Actor::from(pick(&self.people, who)?), &Acknowledge { customer, message })?;
            }
            Step::Move(customer, away) => {
                let customer = pick(&self.customers, customer)?;
                let command = MoveCustomer { customer, partner: (!away).then_some(self.partner) };
                self.run(&self.host, &command)?;
            }
            Step::Convert(customer, back) => {
                let customer = pick(&self.customers, customer)?;
                let kind = if back { CustomerKind::Standard } else { CustomerKind::Partner };
                self.run(&self.host, &ConvertCustomer { customer, kind })?;
            }
            Step::Rotate(customer, uses) => {
                let partner = pick(&self.customers, customer)?;
                let max_uses = (uses < 4).then(|| u32::from(uses));
                let command = RotateLink { partner, expires_at: None, max_uses };
                self.run(&self.people[0].acting_for(partner), &command)?;
            }
            Step::Revoke(customer) => {
                self.run(&self.host, &RevokeLink { partner: pick(&self.customers, customer)? })?;
            }
            Step::Tick(hours) => {
                self.clock.advance(chrono::TimeDelta::hours(i64::from(hours % 800)));
                self.admin.housekeep(&self.host, 100).expect("housekeeping");
            }
            _ => {}
        }
        Some(())
    }

    fn with_admin(&self) -> Vec<CustomerId> {
        let page = PageRequest::first(PageSize::MAX);
        self.customers
            .iter()
            .filter(|customer| {
                let members = self.admin.members(&self.host, **customer, &page).expect("members");
                members
                    .items
                    .iter()
                    .any(|member| member.role == Role::ADMIN && member.origin == Origin::Ordinary)
            })
            .copied()
            .collect()
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let mut world = world().expect("a world");
    for step in steps.iter().take(64) {
        let before = world.with_admin();
        let _ = world.step(step);
        let after = world.with_admin();
        assert!(before.iter().all(|customer| after.contains(customer)), "a last Admin was lost by {step:?}");
    }
    assert!(world.admin.verify(&world.host).expect("verify").is_whole());
});
