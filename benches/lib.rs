//! What benchmarks share: a database with a partner and its customers.

use std::error::Error;
use std::path::Path;

use meshcustomers_core::{
    AddAdmin, Administration, CreateCustomer, CustomerId, CustomerKind, HostKey, KnownUser, Person, Reason,
    Settings, SystemEntropy,
};
use meshcustomers_sqlite::SqliteStore;

/// A database to measure on.
#[derive(Debug)]
pub struct Bench {
    /// The administration on it.
    pub admin: Administration,
    /// The partner's Admin.
    pub paula: Person,
    /// The partner account.
    pub partner: CustomerId,
    /// Its customers.
    pub customers: Vec<CustomerId>,
}

impl Bench {
    /// Makes a partner with so many customers in a new file.
    ///
    /// # Errors
    /// Whatever the library says.
    pub fn new(file: &Path, customers: u32) -> Result<Self, Box<dyn Error>> {
        let settings = Settings::builder("https://portal.example").build()?;
        let key = HostKey::generate(&SystemEntropy)?;
        let (admin, operator) =
            Administration::builder(SqliteStore::open(file)?, key, settings).build_with_operator()?;
        let host = operator.act("benches", "benches", "")?;
        let new = CreateCustomer::new("Partner", "the-partner")?.of_kind(CustomerKind::Partner);
        let partner = admin.create_customer(&host, new)?.id;
        let paula = KnownUser::new("paula", "Paula", "paula@partner.example")?.verified();
        let paula = Person::new(admin.upsert_user(&paula)?.id);
        let reason = Reason::parse("measuring")?;
        admin.add_admin(&host, AddAdmin { customer: partner, user: paula.user(), reason })?;
        let mut bench = Self { admin, paula, partner, customers: Vec::new() };
        for number in 0..customers {
            let id = bench.create(&format!("c{number}"))?;
            bench.customers.push(id);
        }
        Ok(bench)
    }

    /// Creates one customer.
    ///
    /// # Errors
    /// Whatever the library says.
    pub fn create(&self, identifier: &str) -> Result<CustomerId, Box<dyn Error>> {
        let actor = self.paula.acting_for(self.partner);
        let new = CreateCustomer::new(&format!("Customer {identifier}"), identifier)?;
        Ok(self.admin.create_customer(&actor, new)?.id)
    }
}
