//! The story of customer administration, on a real file: `cargo run -p quickstart`.
//!
//! A partner creates a customer, adds herself and invites Jane, who gets a mail and joins; roles change, the customer
//! is disabled and enabled, and the history shows all of it, and that it is whole.

use std::error::Error;
use std::fs;
use std::path::Path;

use meshcustomers_core::{
    Accept, Actor, AddAdmin, Administration, ChangeRole, CreateCustomer, Customer, CustomerFilter,
    CustomerKind, Disable, Enable, HistoryFilter, HostKey, Invite, KnownUser, LinkToken, MemoryMailer,
    PageRequest, PageSize, Person, Postman, Reason, Role, Settings, SystemEntropy,
};
use meshcustomers_sqlite::SqliteStore;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new("target/quickstart");
    fs::create_dir_all(folder)?;
    let file = folder.join("customers.db");

    say("Opening the library", "a SQLite file, the host's key, and the address that links lead to");
    let settings = Settings::builder("https://portal.example").product_name("Quickstart Cloud").build()?;
    let (admin, operator) = Administration::builder(SqliteStore::open(&file)?, host_key(folder)?, settings)
        .build_with_operator()?;
    println!("   {}", file.display());

    // Only the host program itself can do this: it is not a role that anybody could be given.
    say("The operator makes a partner account", "and its first Admin, Paula");
    let host = operator.act("quickstart", "you", "first start")?;
    let partner = the_partner(&admin, &host)?;
    let paula = sign_in(&admin, "paula", "Paula Partner", "paula@partner.example")?;
    let reason = Reason::parse("the partner's first Admin")?;
    admin.add_admin(&host, AddAdmin { customer: partner.id, user: paula.user(), reason })?;
    let as_partner = paula.acting_for(partner.id);

    say("Paula creates a customer", "active at once, assigned to her partner account, still without users");
    let acme = a_new_customer(&admin, &as_partner)?;
    println!("   {} ({}), for good: identifiers cannot be changed", acme.name, acme.identifier);

    say("Paula adds herself", "managing gives no rights inside; a membership does");
    let membership = admin.add_myself(&as_partner, acme.id)?;
    println!("   she is {} of {} now", membership.role, acme.name);

    // A person acts for one account at a time, as they choose it in the account selection.
    let in_acme = paula.acting_for(acme.id);
    say("Paula invites Jane", "an address with a role; nobody joins without accepting");
    let address = format!("jane@{}.example", acme.identifier).parse()?;
    admin.invite(&in_acme, Invite { customer: acme.id, address, role: Role::EMPLOYEE, language: None })?;

    say("The postman delivers what has been queued", "here into memory; SMTP in your service");
    let mailer = MemoryMailer::default();
    Postman::new(admin.clone(), &mailer).deliver_due(100)?;
    let mail = mailer.take().pop().ok_or("the invitation's mail is missing")?;
    for line in format!("Subject: {}\n\n{}", mail.subject, mail.text).lines() {
        println!("   | {line}");
    }

    say("Jane opens the link and signs in", "the link only shows; accepting is a step of its own");
    let token =
        mail.text.split_whitespace().filter_map(|word| word.rsplit('/').next()).find_map(LinkToken::parse);
    let token = token.ok_or("the mail has no link")?;
    let offer = admin.offer(&token)?;
    println!(
        "   {} invites {} to be {} of {}",
        offer.inviter_name, offer.address, offer.role, offer.account.name
    );
    let told = KnownUser::new(&format!("jane-{}", acme.identifier), "Jane Doe", &offer.address.to_string())?;
    let jane = Person::new(admin.upsert_user_through_link(&told, &token)?.id);

    say("Jane accepts", "one transaction: the member, the end of the invitation, the event");
    let membership = admin.accept(&jane, Accept::by_link(token))?;
    println!("   she is {} now; her accounts: {}", membership.role, accounts(&admin, &jane)?);

    say("Paula makes Jane Admin", "so that the customer has one of its own");
    admin.change_role(&in_acme, ChangeRole { customer: acme.id, user: jane.user(), role: Role::ADMIN })?;

    say("Paula disables the customer, and enables it again", "members may read and leave meanwhile, no more");
    let reason = Reason::parse("invoice is overdue")?;
    admin.disable(&as_partner, Disable { customer: acme.id, reason })?;
    let address = "max@acme.example".parse()?;
    let refused = admin
        .invite(
            &jane.acting_for(acme.id),
            Invite { customer: acme.id, address, role: Role::EMPLOYEE, language: None },
        )
        .err()
        .ok_or("a disabled customer must not invite")?;
    println!("   Jane invites Max: {} ({}, {})", refused, refused.code(), refused.rule().unwrap_or_default());
    admin.enable(&as_partner, Enable { customer: acme.id, reason: Reason::parse("invoice is paid")? })?;
    let delivered = Postman::new(admin.clone(), &mailer).deliver_due(100)?;
    println!("   Jane was told by mail: {} delivered", delivered.delivered);

    say("The history of the customer", "newest first; each event is chained to the one before");
    let inside = jane.acting_for(acme.id);
    for event in
        admin.history(&inside, acme.id, &HistoryFilter::default(), &PageRequest::first(PageSize::MAX))?.items
    {
        let labels: Vec<String> =
            event.labels.iter().map(|(slot, text)| format!("{}: {text}", slot.as_str())).collect();
        println!(
            "   {:>3}  {}  {:<25} {}",
            event.number,
            event.at.format("%H:%M:%S"),
            event.kind,
            labels.join(", ")
        );
    }
    let report = admin.verify(&host)?;
    println!(
        "   verified: {} events of {} accounts, {} faults",
        report.events,
        report.customers,
        report.faults.len()
    );
    if report.is_whole() { Ok(()) } else { Err("a history is not whole".into()) }
}

fn say(what: &str, why: &str) {
    println!("\n-- {what}: {why}");
}

/// The host key lies beside the database here; in a real service it lies where the database's backups do not.
fn host_key(folder: &Path) -> Result<HostKey, Box<dyn Error>> {
    let file = folder.join("host.key");
    if let Ok(text) = fs::read_to_string(&file) {
        return Ok(HostKey::from_hex(&text)?);
    }
    let key = HostKey::generate(&SystemEntropy)?;
    fs::write(&file, key.expose_hex())?;
    Ok(key)
}

/// What a host does at each sign-in: it tells who the person is. It has verified the address itself.
fn sign_in(admin: &Administration, id: &str, name: &str, address: &str) -> Result<Person, Box<dyn Error>> {
    Ok(Person::new(admin.upsert_user(&KnownUser::new(id, name, address)?.verified())?.id))
}

fn the_partner(admin: &Administration, host: &Actor) -> Result<Customer, Box<dyn Error>> {
    let known = admin.customers(host, &CustomerFilter::default(), &PageRequest::first(PageSize::MAX))?;
    if let Some(partner) = known.items.into_iter().find(|customer| customer.kind == CustomerKind::Partner) {
        println!("   it is there from an earlier run");
        return Ok(partner);
    }
    let new = CreateCustomer::new("Cloud Partner", "cloud-partner")?.of_kind(CustomerKind::Partner);
    Ok(admin.create_customer(host, new)?)
}

/// Takes the identifier `acme`, or the free one that the library suggests when an earlier run has taken it.
fn a_new_customer(admin: &Administration, partner: &Actor) -> Result<Customer, Box<dyn Error>> {
    let mut wanted = CreateCustomer::new("ACME Works", "acme")?;
    if let meshcustomers_core::Availability::NotAvailable { suggestion } =
        admin.availability(partner, &wanted.identifier)?
    {
        let suggestion = suggestion.ok_or("acme and all like it are taken; remove target/quickstart")?;
        println!("   acme is not available, {suggestion} is");
        wanted.identifier = suggestion;
    }
    Ok(admin.create_customer(partner, wanted)?)
}

fn accounts(admin: &Administration, person: &Person) -> Result<String, Box<dyn Error>> {
    let names: Vec<String> =
        admin.accounts(person)?.into_iter().map(|own| own.account.name.to_string()).collect();
    Ok(names.join(", "))
}
