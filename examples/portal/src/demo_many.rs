//! Many demo customers, to try the portal with: made by the library's own commands, many in one transaction, so that each
//! has its whole history.

use std::sync::Arc;
use std::time::Instant;

use chrono::TimeDelta;
use meshcustomers_core::{
    Actor, Administration, Availability, Clock as _, CreateCustomer, Disable, EditQuota, EmailAddress,
    Identifier, IdentifierHold, ManualClock, Person, Quota, Reason, Store as _, SystemClock, WriteTx,
};
use meshcustomers_sqlite::{Durability, SqliteStore};

use crate::config::Config;
use crate::db::Db;
use crate::demo::{DemoClock, PEOPLE};
use crate::files::Files;
use crate::progress;
use crate::sign_in::SignIns;
use crate::start::{self, Outcome};

/// So many customers go in one transaction: few enough that a portal that runs beside it waits for a moment only.
const BATCH: u32 = 500;
/// Over so many days the customers are spread.
const DAYS: i64 = 50;
/// The most customers that identifiers of this kind have room for: `aa-` and seven characters.
const MOST: u32 = 10_000_000;
/// Words of names.
const FIRST: [&str; 24] = [
    "Amber", "Baltic", "Cedar", "Delta", "Eastern", "Fennel", "Garden", "Hanse", "Inland", "Juniper",
    "Kestrel", "Lunar", "Marine", "Noble", "Ochre", "Prairie", "Quartz", "River", "Silver", "Timber",
    "Upland", "Velvet", "Willow", "Zenith",
];
const SECOND: [&str; 25] = [
    "Analytics",
    "Bakery",
    "Clinic",
    "Dairy",
    "Energy",
    "Foods",
    "Glass",
    "Harbour",
    "Insurance",
    "Joinery",
    "Kitchens",
    "Logistics",
    "Media",
    "Nurseries",
    "Optics",
    "Paper",
    "Robotics",
    "Shipping",
    "Textiles",
    "Union",
    "Vineyards",
    "Works",
    "Yachts",
    "Bicycles",
    "Tools",
];
const THIRD: [&str; 6] = ["", " AG", " Ltd", " Group", " & Co", " GmbH"];

/// Makes demo data in the data folder, and as many further customers of its partner as are missing; gives what was done.
///
/// # Errors
/// Settings that are no demo's, files that cannot be used, and what the library says.
pub fn fill(config: &Config, wanted: u32) -> Outcome<String> {
    if !config.is_demo() {
        return Err("demo data is for a demo: leave key_file out, and name a folder with --data".into());
    }
    if wanted > MOST {
        return Err(format!("--customers is {wanted}; it takes 0 to {MOST}").into());
    }
    let files = Files::of(config);
    files.prepare(config)?;
    let base_url = start::base_url(config, &format!("http://{}:{}", config.listen, config.port));
    config.settings(&base_url, None)?;
    let keys = files.keys()?.host_keys()?;
    let db = Db::open(&files.sign_ins())?;
    start::demo_once(config, &files, &db, &keys, &base_url)?;

    // A power cut may take the last transactions; run again, and they are made again.
    let store = SqliteStore::options().durability(Durability::Normal).open(files.customers())?;
    let clock = Arc::new(ManualClock::at(SystemClock.now() - TimeDelta::days(DAYS)));
    let settings = config.settings(&base_url, None)?;
    let admin = Administration::builder(store.clone(), keys, settings)
        .clock(DemoClock(Arc::clone(&clock)))
        .build()?;
    let (_, address, _) = PEOPLE[0];
    let paul =
        SignIns::new(db).by_address(&EmailAddress::parse(address)?)?.ok_or("the demo has no partner")?;
    let paul = Person::new(admin.upsert_user(&paul.known()?.verified())?.id);
    let partner = store.read()?.identifier(&Identifier::parse("cloud-partner")?)?;
    let Some(IdentifierHold::InUse { customer: partner, .. }) = partner else {
        return Err("the demo has no partner".into());
    };
    let actor = paul.acting_for(partner);

    let there = count(wanted, |number| {
        Ok(!matches!(admin.availability(&actor, &identifier(number)?)?, Availability::Free))
    })?;
    let begun = Instant::now();
    let shown = progress::bar("customers", wanted.into());
    shown.set_position(there.into());
    let step = TimeDelta::days(DAYS) / i32::try_from(wanted.max(1)).unwrap_or(i32::MAX);
    clock.advance(step * i32::try_from(there).unwrap_or_default());
    // Written back seldom, and much of the file in memory: the indexes are hit all over.
    store.unit(|unit| -> Outcome<()> {
        Ok(unit.sql()?.execute_batch("PRAGMA cache_size = -262144; PRAGMA wal_autocheckpoint = 32768")?)
    })?;
    let mut made = there;
    while made < wanted {
        let until = made.saturating_add(BATCH).min(wanted);
        store.unit(|unit| -> Outcome<()> {
            for number in made..until {
                clock.advance(step);
                one(&admin, unit, &actor, number)?;
            }
            Ok(())
        })?;
        made = until;
        shown.set_position(made.into());
    }
    shown.finish_and_clear();
    let seconds = begun.elapsed().as_secs_f64();
    let new = made.saturating_sub(there);
    let rate = f64::from(new) / seconds.max(0.001);
    Ok(format!(
        "{} further customers of Cloud Partner are in {}: {new} made now, in {seconds:.1} s ({rate:.0} a second)",
        made,
        config.data.display()
    ))
}

/// How many there are already. They were made in order, so the first that is missing is looked for.
fn count(wanted: u32, is_there: impl Fn(u32) -> Outcome<bool>) -> Outcome<u32> {
    let (mut low, mut high) = (0, wanted);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_there(middle)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// A word of a list, by a number that runs through it.
fn word(words: &'static [&'static str], number: usize) -> &'static str {
    words.get(number % words.len()).copied().unwrap_or_default()
}

fn parts(number: u32) -> [&'static str; 3] {
    let number = usize::try_from(number).unwrap_or_default();
    // The lengths of the lists have no common divisor, so that the words of neighbours differ.
    [word(&FIRST, number), word(&SECOND, number), word(&THIRD, number / FIRST.len())]
}

/// `cedar-4fz`: the number in base 36 makes it the only one.
fn identifier(number: u32) -> Outcome<Identifier> {
    let mut digits = Vec::new();
    let mut rest = number;
    loop {
        digits.push(char::from_digit(rest % 36, 36).unwrap_or('0'));
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    let digits: String = digits.iter().rev().collect();
    let [first, _, _] = parts(number);
    Ok(Identifier::parse(&format!("{}-{digits}", first.to_lowercase()))?)
}

/// A customer; some with another quota, a few disabled.
fn one(admin: &Administration, tx: &mut dyn WriteTx, actor: &Actor, number: u32) -> Outcome<()> {
    let [first, second, third] = parts(number);
    let name = format!("{first} {second}{third}");
    let create = CreateCustomer::new(&name, identifier(number)?.as_str())?;
    let made = admin.run_in(tx, actor, &create)?;
    if number.is_multiple_of(7) {
        let quota = Quota::limited(3 + number % 40)?;
        let edit = EditQuota { customer: made.id, seen: made.projects.limit, quota };
        admin.run_in(tx, actor, &edit)?;
    }
    if number % 97 == 96 {
        let reason = Reason::parse("Contract ended")?;
        admin.run_in(tx, actor, &Disable { customer: made.id, reason })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_fit_and_are_told_apart() {
        let all: std::collections::BTreeSet<String> = (0..5_000)
            .chain(MOST - 5_000..MOST)
            .map(|number| identifier(number).unwrap().to_string())
            .collect();
        assert_eq!(all.len(), 10_000);
        assert!(all.iter().all(|identifier| identifier.len() <= 16));
    }

    #[test]
    fn the_first_that_is_missing_is_found() {
        for there in 0..20 {
            assert_eq!(count(20, |number| Ok(number < there)).unwrap(), there);
        }
        assert_eq!(count(5, |_| Ok(true)).unwrap(), 5);
    }
}
