//! What the operator does from the command line (R-ACC-11). Each event keeps who did it: the program, the person, the reason.

use meshcustomers_core::{
    Actor, AddAdmin, Administration, Adopt, ConvertCustomer, CreateCustomer, Customer, CustomerFilter,
    CustomerId, CustomerKind, EmailAddress, FreeIdentifier, Identifier, MailId, MailState, MailStateKind,
    OutboxMail, PageRequest, PageSize, Postman, Reason, SearchTerm, User,
};

use crate::command_line::{
    AccountCommand, AdministratorCommand, Command, IdentifierCommand, LinksCommand, MailCommand, OneAccount,
    PartnerCommand,
};
use crate::config::Config;
use crate::files::Files;
use crate::sign_in::SignIns;
use crate::start::{self, Opened, Outcome};
use crate::{backup, keys, progress, verify};

/// How many rows of each kind go in one round of housekeeping.
const ROUND: u32 = 1_000;

/// Does it on the data folder, beside a portal that may be running, and gives the line that says what was done. Blocks.
///
/// # Errors
/// What the library or SQLite says, and an account or a sign-in that is not there.
pub fn run(config: &Config, command: &Command) -> Outcome<String> {
    let files = Files::of(config);
    files.must_be_there(config)?;
    if let Command::Key { what } = command {
        return keys::run(config, &files, *what);
    }
    let opened = start::open_beside(config, &files, files.keys()?.host_keys()?)?;
    let act = |reason: &str| -> Outcome<Actor> {
        let person = std::env::var("USER").unwrap_or_else(|_| "operator".to_owned());
        Ok(opened.operator.act("portal", &person, reason)?)
    };
    let admin = &opened.admin;
    match command {
        Command::Partner { what: PartnerCommand::Make(account) } => {
            convert(admin, &act(&account.reason)?, account, CustomerKind::Partner)
        }
        Command::Partner { what: PartnerCommand::Unmake(account) } => {
            convert(admin, &act(&account.reason)?, account, CustomerKind::Standard)
        }
        Command::Administrator { what: AdministratorCommand::Make { identifier, address, name, reason } } => {
            let create = CreateCustomer::new(name, identifier)?.of_kind(CustomerKind::Administrator);
            make_administrator(&opened, &act(reason)?, &create, address, reason)
        }
        Command::Account { what: AccountCommand::Rescue { identifier, address, reason } } => {
            let operator = act(reason)?;
            let account = account(admin, &operator, identifier)?;
            let user = person(&opened, address)?;
            let reason = Reason::parse(reason)?;
            admin.add_admin(&operator, AddAdmin { customer: account.id, user: user.id, reason })?;
            Ok(format!("{} is Admin of {} ({})", user.name, account.name, account.identifier))
        }
        Command::Identifier { what: IdentifierCommand::Free { customer } } => {
            let id: CustomerId = customer.parse().map_err(|_| {
                format!(
                    "{customer:?} is no id of a customer; the address of its history shows it, such as \
                         01900000-0000-7000-8000-000000000000"
                )
            })?;
            let freed = admin.free_identifier(&act("")?, FreeIdentifier { customer: id })?;
            Ok(format!("{} is free", freed.identifier))
        }
        Command::Links { what: LinksCommand::RevokeAll } => revoke_all(admin, &act("")?),
        Command::Mail { what: MailCommand::Deliver } => deliver(config, admin),
        Command::Mail { what: MailCommand::Dead } => dead(admin, &act("")?),
        Command::Mail { what: MailCommand::Requeue { mail, .. } } => {
            requeue(admin, &act("")?, mail.as_deref())
        }
        Command::Housekeep => housekeep(admin, &act("")?),
        Command::Backup { file } => backup::backup(&opened, file),
        Command::Verify { heads } => verify::verify(&opened, &act("")?, heads.as_deref()),
        Command::Heads => verify::heads(admin, &act("")?),
        Command::Adopt { reason, yes } => adopt(&opened, &act(reason)?, reason, *yes),
        Command::Key { .. } | Command::Serve | Command::Demo { .. } | Command::Settings { .. } => {
            Ok(String::new())
        }
    }
}

fn convert(
    admin: &Administration,
    operator: &Actor,
    named: &OneAccount,
    kind: CustomerKind,
) -> Outcome<String> {
    let customer = account(admin, operator, &named.identifier)?.id;
    let converted = admin.convert_customer(operator, ConvertCustomer { customer, kind })?;
    Ok(format!("{} ({}) is a {} account", converted.name, converted.identifier, converted.kind.as_str()))
}

/// The account and its first `Admin`: both, or none.
fn make_administrator(
    opened: &Opened,
    operator: &Actor,
    create: &CreateCustomer,
    address: &str,
    reason: &str,
) -> Outcome<String> {
    let user = person(opened, address)?;
    let reason = Reason::parse(reason)?;
    let made: Customer = opened.store.unit(|unit| -> Result<_, meshcustomers_core::Error> {
        let made = opened.admin.run_in(unit, operator, create)?;
        let add = AddAdmin { customer: made.id, user: user.id, reason: reason.clone() };
        opened.admin.run_in(unit, operator, &add)?;
        Ok(made)
    })?;
    Ok(format!("{} is Admin of the new administrator account {} ({})", user.name, made.name, made.identifier))
}

/// The person with this address, who has proven it to the portal.
fn person(opened: &Opened, address: &str) -> Outcome<User> {
    let address = EmailAddress::parse(address)?;
    let sign_in = SignIns::new(opened.db.clone()).by_address(&address)?.ok_or_else(|| {
        format!(
            "nobody has a sign-in with the address {address}; they register at {}/register and confirm it, then run this \
             again",
            opened.admin.settings().base_url()
        )
    })?;
    Ok(opened.admin.upsert_user(&sign_in.known()?.verified())?)
}

/// The account with exactly this identifier.
fn account(admin: &Administration, operator: &Actor, identifier: &str) -> Outcome<Customer> {
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

fn revoke_all(admin: &Administration, operator: &Actor) -> Outcome<String> {
    let shown = progress::spinner("revoking links");
    let mut revoked = 0;
    loop {
        let round = admin.revoke_all_links(operator, ROUND)?;
        revoked += round;
        shown.set_position(revoked.into());
        if round < ROUND {
            shown.finish_and_clear();
            return Ok(format!("links revoked: {revoked}"));
        }
    }
}

/// Links of before are dead, whatever happened to them since the backup (R-TOK-5).
fn adopt(opened: &Opened, operator: &Actor, reason: &str, yes: bool) -> Outcome<String> {
    let reason = Reason::parse(reason)?;
    let links: u64 = opened.admin.links_per_key(operator)?.iter().map(|key| key.living_links).sum();
    if !yes {
        return Err(format!(
            "adopting ends all open links, now {links}, holds open invitations until they are sent again, and gives up the mails \
             on their way; that cannot be undone. To do it, run this again with --yes"
        )
        .into());
    }
    let adopted = opened.admin.adopt(operator, Adopt { reason })?;
    opened.db.adopted()?;
    let mut told = format!(
        "the database is adopted. Links ended: {links}; invitations held until an Admin sends them again: {}; mails given up: {}",
        adopted.invitations_held, adopted.mails_given_up
    );
    if adopted.mails_given_up > 0 {
        told.push_str(" (portal mail dead lists them)");
    }
    Ok(told)
}

fn housekeep(admin: &Administration, operator: &Actor) -> Outcome<String> {
    let shown = progress::spinner("rows");
    let (mut lapsed, mut rows) = (0_u64, 0_u64);
    loop {
        let kept = admin.housekeep(operator, ROUND)?;
        lapsed += kept.lapsed;
        rows += kept.keys + kept.mails + kept.counts;
        shown.set_position(lapsed + rows);
        if [kept.lapsed, kept.keys, kept.mails, kept.counts].iter().all(|kind| *kind < u64::from(ROUND)) {
            shown.finish_and_clear();
            return Ok(format!("registrations ended: {lapsed}, rows forgotten: {rows}"));
        }
    }
}

fn deliver(config: &Config, admin: &Administration) -> Outcome<String> {
    if config.smtp_url.is_none() {
        let problem = "is not set: without a mail server, the running portal's mailbox page shows mails";
        return Err(config.problem("smtp_url", problem).into());
    }
    let postman = Postman::new(admin.clone(), start::post(config, admin.settings())?);
    let shown = progress::spinner("mails");
    let mut all = meshcustomers_core::Delivered::default();
    loop {
        let one = postman.deliver_due(1)?;
        if one == meshcustomers_core::Delivered::default() {
            break;
        }
        all.delivered += one.delivered;
        all.failed += one.failed;
        all.postponed += one.postponed;
        all.dead += one.dead;
        all.superseded += one.superseded;
        shown.inc(1);
    }
    shown.finish_and_clear();
    Ok(format!(
        "{} delivered, {} to be tried again, {} waiting, {} given up, {} no longer wanted",
        all.delivered, all.failed, all.postponed, all.dead, all.superseded
    ))
}

/// All mails that were given up, oldest first, one page in memory at a time.
fn each_dead(
    admin: &Administration,
    operator: &Actor,
    mut with: impl FnMut(&OutboxMail) -> Outcome<()>,
) -> Outcome<u64> {
    let mut request = PageRequest::first(PageSize::MAX);
    let mut count = 0;
    loop {
        let page = admin.mails(operator, MailStateKind::Dead, &request)?;
        for mail in &page.items {
            with(mail)?;
            count += 1;
        }
        let Some(next) = page.next else { return Ok(count) };
        request = PageRequest::after(PageSize::MAX, next);
    }
}

fn dead(admin: &Administration, operator: &Actor) -> Outcome<String> {
    use std::io::Write as _;

    let mut out = std::io::stdout().lock();
    let count = each_dead(admin, operator, |row| {
        let OutboxMail { mail, state, tries, last_error } = row;
        let at = match state {
            MailState::Dead { at } => at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
            _ => String::new(),
        };
        let why = last_error.as_deref().unwrap_or("no reason is kept");
        let to = mail.recipient.address.shortened();
        Ok(writeln!(out, "{}  {at}  {}  to {to}, tries: {tries}: {why}", mail.id, mail.content.kind())?)
    })?;
    Ok(match count {
        0 => "no mail was given up".to_owned(),
        count => format!("mails given up: {count}; send them again with: portal mail requeue ID, or --all"),
    })
}

fn requeue(admin: &Administration, operator: &Actor, mail: Option<&str>) -> Outcome<String> {
    let Some(mail) = mail else {
        let mut ids = Vec::new();
        each_dead(admin, operator, |row| {
            ids.push(row.mail.id);
            Ok(())
        })?;
        let count = ids.len();
        for id in ids {
            admin.requeue_mail(operator, id)?;
        }
        return Ok(format!("mails on their way again: {count}"));
    };
    let id: MailId =
        mail.parse().map_err(|_| format!("{mail:?} is no id of a mail; `portal mail dead` lists them"))?;
    admin.requeue_mail(operator, id).map_err(|error| match error {
        meshcustomers_core::Error::Refused(_) => {
            format!("no mail with the id {id} was given up; `portal mail dead` lists them").into()
        }
        other => Box::<dyn std::error::Error + Send + Sync>::from(other),
    })?;
    Ok("mails on their way again: 1".to_owned())
}
