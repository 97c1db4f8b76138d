//! The story of customer administration, on a real file: `cargo run -p quickstart`.
//!
//! A partner creates a customer, adds herself and invites Jane, who gets a mail and joins; a quota holds a project back,
//! messages are acknowledged, the customer is disabled and enabled. Rita registers a customer of her own by the partner's
//! link, is approved and confirms her address. The history shows all of it, and that it is whole.

use std::error::Error;
use std::fs;
use std::path::Path;

use meshcustomers_core::{
    Accept, Acknowledge, Acknowledgement, Actor, AddAdmin, Administration, Approval, Availability,
    ChangeRole, CreateCustomer, CreateProject, Customer, CustomerFilter, CustomerId, CustomerKind, Disable,
    EditQuota, EmailConfirmation, Enable, HistoryFilter, HostKey, Invite, KnownUser, LinkToken, MemoryMailer,
    MessageMode, MessageText, Name, PageRequest, PageSize, Person, Postman, ProjectIdentifier, Quota, Reason,
    Register, RegistrationLinks, RegistrationMode, Role, RotateLink, SendMessage, Settings, SystemEntropy,
    Title, WaitingFor,
};
use meshcustomers_sqlite::SqliteStore;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new("target/quickstart");
    fs::create_dir_all(folder)?;
    let file = folder.join("customers.db");

    say("Opening the library", "a SQLite file, the host's key, and the address that links lead to");
    let settings = Settings::builder("https://portal.example")
        .product_name("Quickstart Cloud")
        .registration(RegistrationMode::Open)
        .approval(Approval::Manual)
        .confirmation(EmailConfirmation::Required)
        .registration_links(RegistrationLinks::On)
        .build()?;
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
    let token = link_of_the_mail(&admin, &mailer)?;

    say("Jane opens the link and signs in", "the link only shows; accepting is a step of its own");
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

    quota(&admin, &as_partner, &jane, acme.id)?;
    messages(&admin, &as_partner, &jane, acme.id)?;

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

    registration(&admin, &paula, partner.id, &mailer)?;

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

/// R-QUO: the quota holds a project back, and a manager raises it.
fn quota(
    admin: &Administration,
    partner: &Actor,
    jane: &Person,
    acme: CustomerId,
) -> Result<(), Box<dyn Error>> {
    say("Paula sets the quota to one project", "an edit names the value that it saw");
    let seen = admin.customer(partner, acme)?.projects.limit;
    let one = Quota::limited(1)?;
    admin.edit_quota(partner, EditQuota { customer: acme, seen, quota: one })?;
    let project = |name: &str, identifier: &str| -> Result<CreateProject, Box<dyn Error>> {
        let identifier = ProjectIdentifier::parse(identifier)?;
        Ok(CreateProject { customer: acme, name: Name::parse(name)?, identifier })
    };
    let inside = jane.acting_for(acme);
    admin.create_project(&inside, project("Web Shop", "web-shop")?)?;
    let refused = admin.create_project(&inside, project("Warehouse", "warehouse")?);
    println!("   Jane's second project: {}", refused.err().ok_or("the quota holds nothing back")?);
    admin.edit_quota(partner, EditQuota { customer: acme, seen: one, quota: Quota::limited(5)? })?;
    let warehouse = admin.create_project(&inside, project("Warehouse", "warehouse")?)?;
    println!("   after Paula has raised it: {} ({})", warehouse.name, warehouse.identifier);
    Ok(())
}

/// R-MSG: a message that all must read, and a task that the first reader takes.
fn messages(
    admin: &Administration,
    partner: &Actor,
    jane: &Person,
    acme: CustomerId,
) -> Result<(), Box<dyn Error>> {
    say("Paula sends two messages", "one that all must read, one that the first reader takes");
    let message = |title: &str, text: &str, mode| -> Result<SendMessage, Box<dyn Error>> {
        let (title, text) = (Title::parse(title)?, MessageText::parse(text)?);
        Ok(SendMessage { customer: acme, title, text, mode, ends_at: None })
    };
    let maintenance = message("Maintenance", "Sunday, 2 to 4 a.m.", MessageMode::AllMustRead)?;
    let sent = admin.send_message(partner, maintenance)?;
    admin.send_message(partner, message("Certificate", "Please renew it.", MessageMode::SingleRead)?)?;
    for pending in admin.pending_messages(jane, None, &PageRequest::default())?.items {
        let message = pending.message;
        println!("   before Jane: {} from {}: {}", message.title, message.sender_name, message.text);
        let acknowledged = admin.acknowledge(jane, Acknowledge { customer: acme, message: message.id })?;
        if acknowledged != Acknowledgement::Acknowledged {
            return Err("somebody else was faster".into());
        }
    }
    for row in admin.recipients(partner, acme, sent.id, &PageRequest::default())?.items {
        let state = if row.acknowledged_at.is_some() { "has read it" } else { "has not read it yet" };
        println!("   {} {state}", row.name);
    }
    Ok(())
}

/// R-REG and R-LNK: a registration by the partner's link, approved by Paula, confirmed by Rita.
fn registration(
    admin: &Administration,
    paula: &Person,
    partner: CustomerId,
    mailer: &MemoryMailer,
) -> Result<(), Box<dyn Error>> {
    let as_partner = paula.acting_for(partner);
    say("Paula makes a registration link", "who registers with it is assigned to her partner account");
    let link =
        admin.rotate_link(&as_partner, RotateLink { partner, expires_at: None, max_uses: Some(10) })?;
    println!("   it leads to {}", admin.registration_offer(&link.token)?.name);

    say("Rita registers a customer with it", "it waits, and gives no rights yet");
    let identifier = free_identifier(admin, &as_partner, "rita")?;
    let rita = format!("{identifier}@rita.example");
    let rita = admin.upsert_user(&KnownUser::new(&identifier, "Rita Roe", &rita)?)?;
    let rita = Person::new(rita.id);
    let bakery = admin.register(&rita, Register::new("Rita's Bakery", &identifier)?.by_link(link.token))?;
    Postman::new(admin.clone(), mailer).deliver_due(100)?;
    let received = mailer.take().pop().ok_or("the mail to Rita is missing")?;
    println!("   she gets a mail: {}", received.subject);
    for own in admin.own_registrations(&rita, &PageRequest::default())?.items {
        let both = own.waits_for == Some(WaitingFor::Both);
        println!(
            "   {} waits for approval{}",
            own.account.name,
            if both { ", then for her to confirm" } else { "" }
        );
    }

    say("Paula approves it", "and the mail that says so asks Rita to confirm her address");
    for waiting in admin.waiting_registrations(&as_partner, &PageRequest::default())?.items {
        println!("   in the queue: {} of {}", waiting.customer.name, waiting.registrant.name);
    }
    admin.approve(&as_partner, bakery.id)?;
    let token = link_of_the_mail(admin, mailer)?;

    say("Rita confirms", "an explicit step of her own account; the address is proven by it");
    let bakery = admin.confirm(&rita, token)?;
    println!("   {} is {}; her accounts: {}", bakery.name, bakery.status.as_str(), accounts(admin, &rita)?);
    Ok(())
}

/// Delivers what is queued, shows the last mail, and gives the link in it.
fn link_of_the_mail(admin: &Administration, mailer: &MemoryMailer) -> Result<LinkToken, Box<dyn Error>> {
    Postman::new(admin.clone(), mailer).deliver_due(100)?;
    let mail = mailer.take().pop().ok_or("the mail is missing")?;
    for line in format!("Subject: {}\n\n{}", mail.subject, mail.text).lines() {
        println!("   | {line}");
    }
    let words = mail.text.split_whitespace();
    let token = words.filter_map(|word| word.rsplit('/').next()).find_map(LinkToken::parse);
    token.ok_or_else(|| "the mail has no link".into())
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

fn a_new_customer(admin: &Administration, partner: &Actor) -> Result<Customer, Box<dyn Error>> {
    let identifier = free_identifier(admin, partner, "acme")?;
    Ok(admin.create_customer(partner, CreateCustomer::new("ACME Works", &identifier)?)?)
}

/// The identifier that is wanted, or the free one that the library suggests when an earlier run has taken it.
fn free_identifier(admin: &Administration, partner: &Actor, wanted: &str) -> Result<String, Box<dyn Error>> {
    Ok(match admin.availability(partner, &wanted.parse()?)? {
        Availability::NotAvailable { suggestion } => {
            let suggestion = suggestion.ok_or("all like it are taken; remove target/quickstart")?;
            println!("   {wanted} is not available, {suggestion} is");
            suggestion.to_string()
        }
        Availability::Free => wanted.to_owned(),
    })
}

fn accounts(admin: &Administration, person: &Person) -> Result<String, Box<dyn Error>> {
    let names: Vec<String> =
        admin.accounts(person)?.into_iter().map(|own| own.account.name.to_string()).collect();
    Ok(names.join(", "))
}
