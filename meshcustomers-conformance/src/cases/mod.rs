//! The cases, by what they are about. Each is named after the promise of the contract that it tests.

pub mod apart;
pub mod bookkeeping;
pub mod changes;
pub mod counters;
pub mod facts;
pub mod history;
pub mod keys;
pub mod lists;
pub mod messages;
pub mod order;
pub mod outbox;
pub mod projects;
pub mod races;
pub mod registration_links;
pub mod registration_races;
pub mod registration_story;
pub mod registrations;
pub mod transactions;
pub mod unique;
