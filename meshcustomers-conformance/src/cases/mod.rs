//! The cases, by what they are about. Each is named after the promise of the contract that it tests.

pub mod apart;
pub mod bookkeeping;
pub mod changes;
pub mod facts;
pub mod history;
pub mod lists;
pub mod order;
pub mod outbox;
pub mod races;
pub mod transactions;
pub mod unique;
