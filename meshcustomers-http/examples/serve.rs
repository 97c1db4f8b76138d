//! A server for tools that test servers: in memory, with a person for each token, and something to find.
//!
//! `cargo run -p meshcustomers-http --example serve -- 127.0.0.1:8099`; it prints the ids that its tokens reach.

use axum::http::header;
use axum::http::request::Parts;
use meshcustomers_core::{
    AddAdmin, AddMyself, Administration, Approval, CreateCustomer, CreateProject, CustomerKind,
    EmailConfirmation, HostKey, Invite, KnownUser, MemoryStore, MessageMode, MessageText, Name, Person,
    ProjectIdentifier, Reason, RegistrationLinks, RegistrationMode, Role, SendMessage, Settings,
    SystemEntropy, Title, UserId,
};
use meshcustomers_http::{Api, Caller, CallerError, Callers};

#[derive(Clone)]
struct Tokens {
    paula: UserId,
    jane: UserId,
    operator: meshcustomers_core::Actor,
}

impl Callers for Tokens {
    async fn caller(&self, head: &Parts) -> Result<Caller, CallerError> {
        let given = head.headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok());
        match given.and_then(|given| given.strip_prefix("Bearer ")) {
            Some("paula") => Ok(Caller::new(self.paula)),
            Some("jane") => Ok(Caller::new(self.jane)),
            Some("operator") => Ok(Caller::operator(self.operator.clone())),
            _ => Err(CallerError::Unknown),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8099".to_owned());
    let settings = Settings::builder("https://portal.example")
        .registration(RegistrationMode::Open)
        .approval(Approval::Manual)
        .confirmation(EmailConfirmation::Required)
        .registration_links(RegistrationLinks::On)
        .registrations_per_day(100_000)
        .waiting_registrations(100_000)
        .build()?;
    let key = HostKey::generate(&SystemEntropy)?;
    let (admin, operator) =
        Administration::builder(MemoryStore::new(), key, settings).build_with_operator()?;
    let host = operator.act("serve", "Olga", "something to find")?;
    let known = |name: &str| -> Result<UserId, Box<dyn std::error::Error>> {
        let told = KnownUser::new(name, name, &format!("{name}@mail.example"))?.verified();
        Ok(admin.upsert_user(&told)?.id)
    };
    let (paula, jane) = (known("paula")?, known("jane")?);
    let partner = CreateCustomer::new("Cloud Partner", "cloud-partner")?.of_kind(CustomerKind::Partner);
    let partner = admin.create_customer(&host, partner)?.id;
    let reason = Reason::parse("first Admin")?;
    admin.add_admin(&host, AddAdmin { customer: partner, user: paula, reason: reason.clone() })?;
    let paula_there = Person::new(paula).acting_for(partner);
    let acme = admin.create_customer(&paula_there, CreateCustomer::new("ACME", "acme")?)?.id;
    admin.run(&paula_there, &AddMyself { customer: acme })?;
    admin.add_admin(&host, AddAdmin { customer: acme, user: jane, reason })?;
    let inside = Person::new(paula).acting_for(acme);
    let address_of_max = "max@mail.example".parse()?;
    let invite = Invite { customer: acme, address: address_of_max, role: Role::EMPLOYEE, language: None };
    let invitation = admin.invite(&inside, invite)?.id;
    let (name, identifier) = (Name::parse("Shop")?, ProjectIdentifier::parse("shop")?);
    let project = admin.create_project(&inside, CreateProject { customer: acme, name, identifier })?.id;
    let message = SendMessage {
        customer: acme,
        title: Title::parse("Maintenance")?,
        text: MessageText::parse("On Sunday.")?,
        mode: MessageMode::AllMustRead,
        ends_at: None,
    };
    let message = admin.send_message(&paula_there, message)?.id;
    println!("partner={partner} customer={acme} user={jane} invitation={invitation} project={project}");
    println!("message={message}");

    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{address}/openapi.json, with the tokens paula, jane and operator");
    axum::serve(listener, Api::new(admin, Tokens { paula, jane, operator: host }).router()).await?;
    Ok(())
}
