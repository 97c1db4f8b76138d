//! The product page in a real browser: a chapter for each of its sections, in each a step for every sentence that
//! describes a screen or an effect; with a picture of every page in `target/screenshots`, and no page that axe-core
//! finds fault with.

#![allow(unreachable_pub, reason = "a test program has no public interface")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[path = "../common/mod.rs"]
mod common;
mod eyes;

mod chapters {
    pub mod access;
    pub mod administration;
    pub mod approval;
    pub mod creating;
    pub mod frame;
    pub mod history;
    pub mod link;
    pub mod messages;
    pub mod programs;
    pub mod quota;
}
