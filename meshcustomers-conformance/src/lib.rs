#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
// A case says what it found wrong by panicking: it is a test, only in a crate of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

use std::sync::Arc;

use meshcustomers_core::Store;

pub mod broken;
pub mod cases;
mod dump;
mod list;
pub mod random;
mod stage;

pub use dump::dump;
pub use list::CASES;
pub use stage::{SharedClock, SharedMailer};

/// Makes a new, empty store.
pub type Make<'a> = &'a dyn Fn() -> Arc<dyn Store>;

/// One test of the list.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its module and name, such as `unique::s_6_one_open_invitation`; the name starts with the promise.
    pub name: &'static str,
    /// Runs it; panics with what is wrong.
    pub run: fn(Make<'_>),
}
