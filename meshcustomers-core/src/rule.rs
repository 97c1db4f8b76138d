//! How a rule refuses, and how a test proves that it does.
//!
//! Every refusal goes through [`refuse_if`], so the line that decides names its rule. Builds with the feature
//! `rule-switches` (this project's own tests) can turn one rule off by its id: `MESHCUSTOMERS_RULE_OFF=R-INV-2`.
//! The script `tools/rule-switches` does that for each rule and demands that some test fails.

/// Refuses with `refusal` if `condition` holds and `rule` is in force.
pub(crate) fn refuse_if<E>(rule: &str, condition: bool, refusal: E) -> Result<(), E> {
    if condition && in_force(rule) { Err(refusal) } else { Ok(()) }
}

/// Whether the rule is in force: always, outside the tests that switch rules off.
#[cfg(not(feature = "rule-switches"))]
#[inline]
pub(crate) const fn in_force(_rule: &str) -> bool {
    true
}

/// Whether the rule is in force: unless the environment names it.
#[cfg(feature = "rule-switches")]
pub(crate) fn in_force(rule: &str) -> bool {
    static OFF: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    OFF.get_or_init(|| std::env::var("MESHCUSTOMERS_RULE_OFF").ok()).as_deref() != Some(rule)
}
