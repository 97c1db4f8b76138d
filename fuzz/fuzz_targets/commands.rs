//! Sequences of commands on the memory store: no panic, `explain` agrees with doing, histories stay whole, no customer
//! that had an enabled, ordinary Admin loses the last one.
#![no_main]

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
}

struct World {
    admin: Administration,
    host: Actor,
    people: Vec<Person>,
    partner: CustomerId,
    customers: Vec<CustomerId>,
    invitations: Vec<(CustomerId, InvitationId)>,
}

fn world() -> Result<World, Box<dyn std::error::Error>> {
    let entropy = SeededEntropy::new(1);
    let key = HostKey::generate(&entropy)?;
    let settings = Settings::builder("https://portal.example").build()?;
    let (admin, operator) = Administration::builder(MemoryStore::new(), key, settings)
        .entropy(entropy)
        .clock(ManualClock::default())
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
    Ok(World { admin, host, people, partner, customers: vec![partner], invitations: Vec::new() })
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
