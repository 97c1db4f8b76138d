//! What the operator does from the command line: housekeeping, mails, partners, rescue (R-ACC-11).

use std::error::Error;

use meshcustomers_core::{
    Actor, AddAdmin, Administration, ConvertCustomer, Customer, CustomerFilter, CustomerId, CustomerKind,
    EmailAddress, FreeIdentifier, Identifier, PageRequest, PageSize, Postman, Reason, SearchTerm,
};

use crate::config::Task;
use crate::mailer::Post;
use crate::sign_in::SignIns;

/// How many rows of each kind go in one round of housekeeping, and how many mails in one of deliveries.
const ROUND: u32 = 1_000;

/// Does it, and gives the line that says what was done.
///
/// # Errors
/// What the library or SQLite says, and an account or a sign-in that is not there.
pub fn run(
    task: &Task,
    admin: &Administration,
    operator: &Actor,
    sign_ins: &SignIns,
    post: Post,
) -> Result<String, Box<dyn Error>> {
    Ok(match task {
        Task::Housekeep => {
            let (mut lapsed, mut rows) = (0_u64, 0_u64);
            loop {
                let kept = admin.housekeep(operator, ROUND)?;
                lapsed += kept.lapsed;
                rows += kept.keys + kept.mails + kept.counts;
                if kept.lapsed + kept.keys + kept.mails + kept.counts < u64::from(ROUND) {
                    break format!("registrations ended: {lapsed}, rows forgotten: {rows}");
                }
            }
        }
        Task::DeliverMails => {
            let done = Postman::new(admin.clone(), post).deliver_due(ROUND)?;
            format!(
                "{} delivered, {} to be tried again, {} waiting, {} given up, {} no longer wanted",
                done.delivered, done.failed, done.postponed, done.dead, done.superseded
            )
        }
        Task::MakePartner { identifier } => convert(admin, operator, identifier, CustomerKind::Partner)?,
        Task::UnmakePartner { identifier } => convert(admin, operator, identifier, CustomerKind::Standard)?,
        Task::FreeIdentifier { customer } => {
            let customer: CustomerId = customer.parse()?;
            let freed = admin.free_identifier(operator, FreeIdentifier { customer })?;
            format!("{} is free", freed.identifier)
        }
        Task::Rescue { identifier, address, reason } => {
            let account = account(admin, operator, identifier)?;
            let address = EmailAddress::parse(address)?;
            let sign_in = sign_ins.by_address(&address)?.ok_or("nobody has a sign-in with this address")?;
            let user = admin.upsert_user(&sign_in.known()?.verified())?;
            let reason = Reason::parse(reason)?;
            admin.add_admin(operator, AddAdmin { customer: account.id, user: user.id, reason })?;
            format!("{} is Admin of {} ({})", user.name, account.name, account.identifier)
        }
        Task::RevokeAllLinks => {
            let mut revoked = 0;
            loop {
                let round = admin.revoke_all_links(operator, ROUND)?;
                revoked += round;
                if round < ROUND {
                    break format!("links revoked: {revoked}");
                }
            }
        }
        Task::Verify => {
            let report = admin.verify(operator)?;
            for fault in &report.faults {
                tracing::error!(customer = %fault.customer, event = fault.number, problem = ?fault.problem, "history");
            }
            if !report.is_whole() {
                return Err(format!("{} histories are not whole", report.faults.len()).into());
            }
            format!("{} events of {} accounts are whole", report.events, report.customers)
        }
    })
}

fn convert(
    admin: &Administration,
    operator: &Actor,
    identifier: &str,
    kind: CustomerKind,
) -> Result<String, Box<dyn Error>> {
    let customer = account(admin, operator, identifier)?.id;
    let converted = admin.convert_customer(operator, ConvertCustomer { customer, kind })?;
    Ok(format!("{} ({}) is a {} account", converted.name, converted.identifier, converted.kind.as_str()))
}

/// The account with exactly this identifier.
fn account(admin: &Administration, operator: &Actor, identifier: &str) -> Result<Customer, Box<dyn Error>> {
    let identifier = Identifier::parse(identifier)?;
    let filter =
        CustomerFilter { search: Some(SearchTerm::parse(identifier.as_str())?), ..CustomerFilter::default() };
    let mut request = PageRequest::first(PageSize::MAX);
    loop {
        let found = admin.customers(operator, &filter, &request)?;
        if let Some(customer) = found.items.into_iter().find(|customer| customer.identifier == identifier) {
            return Ok(customer);
        }
        let next = found.next.ok_or_else(|| format!("there is no account {identifier}"))?;
        request = PageRequest::after(PageSize::MAX, next);
    }
}
