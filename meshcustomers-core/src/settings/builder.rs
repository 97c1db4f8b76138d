//! Building settings: all problems are told at once.

use std::fmt;

use chrono::TimeDelta;

use super::{
    Approval, BaseUrl, EmailConfirmation, LinkSignUp, RegistrationLinks, RegistrationMode, Settings,
};
use crate::field::{IdentifierPolicy, Language, Name, Quota};
use crate::id::CustomerId;
use crate::membership::Role;

/// A setting that cannot be, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsProblem {
    /// The setting.
    pub setting: &'static str,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// All that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(pub Vec<SettingsProblem>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these settings cannot be: ")?;
        for (at, SettingsProblem { setting, problem }) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{setting}: {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}

/// Builds [`Settings`].
///
/// ```
/// use meshcustomers_core::Settings;
///
/// assert!(Settings::builder("https://portal.example").build().is_ok());
///
/// let problems = Settings::builder("portal.example").mail_lease(chrono::TimeDelta::seconds(1)).build().unwrap_err();
/// assert_eq!(problems.0.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct SettingsBuilder {
    pub(super) base_url: String,
    pub(super) product_name: String,
    pub(super) default_language: Language,
    pub(super) identifiers: IdentifierPolicy,
    pub(super) default_quota: u32,
    pub(super) add_myself_role: Role,
    pub(super) invitation_life: TimeDelta,
    pub(super) privileged_invitation_life: TimeDelta,
    pub(super) invitation_mails_per_day: u32,
    pub(super) open_invitations: u32,
    pub(super) link_sign_up: LinkSignUp,
    pub(super) registration: RegistrationMode,
    pub(super) approval: Approval,
    pub(super) confirmation: EmailConfirmation,
    pub(super) registration_links: RegistrationLinks,
    pub(super) default_partner: Option<CustomerId>,
    pub(super) confirmation_life: TimeDelta,
    pub(super) confirmation_mails_per_day: u32,
    pub(super) unconfirmed_life: TimeDelta,
    pub(super) registrations_per_day: u32,
    pub(super) waiting_registrations: u32,
    pub(super) messages_per_day: u32,
    pub(super) mails_per_address: u32,
    pub(super) mails_per_actor: u32,
    pub(super) mails_per_customer: u32,
    pub(super) mails_per_instance: Option<u32>,
    pub(super) declined_rest: TimeDelta,
    pub(super) idempotency_life: TimeDelta,
    pub(super) mail_lease: TimeDelta,
    pub(super) mail_send_timeout: TimeDelta,
    pub(super) mail_give_up: TimeDelta,
    pub(super) delivered_mail_life: TimeDelta,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $ty:ty;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $ty) -> Self {
            self.$name = $name;
            self
        }
    )*};
}

impl SettingsBuilder {
    /// What mails call the product. Default: `Customer Portal`.
    #[must_use]
    pub fn product_name(self, name: impl Into<String>) -> Self {
        Self { product_name: name.into(), ..self }
    }

    setters! {
        /// The language of mails to people who have not chosen one. Default: English.
        default_language: Language;
        /// Longest identifier and the reserved ones (R-FLD-1). Default: 16 characters.
        identifiers: IdentifierPolicy;
        /// How many projects a new customer may have (R-MNG-1). Default: 10.
        default_quota: u32;
        /// The role that "Add Myself" gives (R-MNG-3). Default: `Admin`.
        add_myself_role: Role;
        /// How long an invitation lives (R-INV-3). Default: 7 days; 1 hour to 30 days.
        invitation_life: TimeDelta;
        /// How long an invitation to a partner or administrator account lives (R-INV-3). Default: 24 hours; at most as long
        /// as the others.
        privileged_invitation_life: TimeDelta;
        /// How many mails one invitation causes in a UTC day (R-INV-8). Default: 3.
        invitation_mails_per_day: u32;
        /// How many open invitations a customer may have (R-INV-8). Default: 100.
        open_invitations: u32;
        /// Whether an account made with the genuine link starts verified (R-INV-5). Default: it does.
        link_sign_up: LinkSignUp;
        /// Whether people register customers themselves (R-REG-1). Default: closed.
        registration: RegistrationMode;
        /// Whether a manager approves registrations (R-REG-2). Default: manual approval.
        approval: Approval;
        /// Whether registrants confirm their address (R-REG-3). Default: required.
        confirmation: EmailConfirmation;
        /// Whether partners' registration links work (R-LNK-1). Default: off.
        registration_links: RegistrationLinks;
        /// The partner to which customers go that were registered without a link (R-REG-7). Default: none; administrators
        /// manage them. An account that is no partner (any more) counts as none.
        default_partner: Option<CustomerId>;
        /// How long a confirmation link lives (R-REG-3). Default: 24 hours; 1 hour to 30 days.
        confirmation_life: TimeDelta;
        /// How many confirmation mails one registration causes in a UTC day (R-REG-3). Default: 3.
        confirmation_mails_per_day: u32;
        /// When an unconfirmed registration ends, counted from its first confirmation link (R-REG-5). Default: 30 days; not
        /// shorter than the link lives.
        unconfirmed_life: TimeDelta;
        /// How many customers a person registers in a UTC day (R-LIM-1). Default: 3.
        registrations_per_day: u32;
        /// How many registrations of a person wait at once (R-LIM-1). Default: 3.
        waiting_registrations: u32;
        /// How many messages an account sends to a customer in a UTC day (R-LIM-1). Default: 20.
        messages_per_day: u32;
        /// How many mails go to an address in a UTC day, its `+tag` not counted; further ones wait (R-LIM-1). Default: 10.
        mails_per_address: u32;
        /// How many mails a person causes in a UTC day (R-LIM-1). Default: 100.
        mails_per_actor: u32;
        /// How many mails are caused in a customer in a UTC day (R-LIM-1). Default: 500.
        mails_per_customer: u32;
        /// How many mails go out in a UTC day at all; further ones wait (R-LIM-1). Default: no limit.
        mails_per_instance: Option<u32>;
        /// How long a customer may not invite an address again that declined (R-LIM-2). Default: 30 days.
        declined_rest: TimeDelta;
        /// How long an idempotency key is known (R-CMD-2). Default: 24 hours.
        idempotency_life: TimeDelta;
        /// How long a mail worker may keep a mail to itself (R-MAI-2). Default: 120 seconds.
        mail_lease: TimeDelta;
        /// How long a mailer may take for one mail; shorter than the lease (R-MAI-2). Default: 60 seconds.
        mail_send_timeout: TimeDelta;
        /// When a mail is given up, counted from when it was queued (RFC 5321, 4.5.4.1). Default: 4.5 days.
        mail_give_up: TimeDelta;
        /// How long delivered mails stay in the outbox (R-CMD-4). Default: 30 days.
        delivered_mail_life: TimeDelta;
    }

    /// Checks them all.
    ///
    /// # Errors
    /// [`SettingsError`] with every problem.
    pub fn build(self) -> Result<Settings, SettingsError> {
        let mut problems = Vec::new();
        let mut refuse = |setting, wrong: bool, problem: String| {
            if wrong {
                problems.push(SettingsProblem { setting, problem });
            }
        };
        let base_url = BaseUrl::parse(&self.base_url);
        refuse(
            "base_url",
            base_url.is_none(),
            format!("{:?} is not https://host[:port][/path] (http is taken too)", self.base_url),
        );
        let product_name = Name::parse(&self.product_name);
        refuse("product_name", product_name.is_err(), format!("{:?} is no name", self.product_name));
        let default_quota = Quota::limited(self.default_quota);
        refuse(
            "default_quota",
            default_quota.is_err(),
            format!("{} is more than 1000000", self.default_quota),
        );
        refuse(
            "identifiers",
            !(2..=63).contains(&self.identifiers.max_length()),
            format!("the longest identifier has 2 to 63 characters, not {}", self.identifiers.max_length()),
        );
        let between = |span: TimeDelta, least: TimeDelta, most: TimeDelta| least <= span && span <= most;
        refuse(
            "invitation_life",
            !between(self.invitation_life, TimeDelta::hours(1), TimeDelta::days(30)),
            "an invitation lives 1 hour to 30 days".to_owned(),
        );
        refuse(
            "privileged_invitation_life",
            !between(self.privileged_invitation_life, TimeDelta::hours(1), self.invitation_life),
            "an invitation to a partner or administrator account lives 1 hour or longer, and not longer than others"
                .to_owned(),
        );
        refuse(
            "invitation_mails_per_day",
            self.invitation_mails_per_day == 0,
            "an invitation needs at least 1 mail".to_owned(),
        );
        refuse("open_invitations", self.open_invitations == 0, "at least 1 must be possible".to_owned());
        refuse(
            "registration",
            self.registration == RegistrationMode::LinkOnly
                && self.registration_links == RegistrationLinks::Off
                && crate::rule::in_force("R-LNK-1"),
            "only with a link, and links are off (registration_links): nobody could register".to_owned(),
        );
        refuse(
            "confirmation_life",
            !between(self.confirmation_life, TimeDelta::hours(1), TimeDelta::days(30)),
            "a confirmation link lives 1 hour to 30 days".to_owned(),
        );
        refuse(
            "unconfirmed_life",
            self.unconfirmed_life < self.confirmation_life,
            "an unconfirmed registration does not end before its link (confirmation_life)".to_owned(),
        );
        for (setting, limit) in [
            ("confirmation_mails_per_day", Some(self.confirmation_mails_per_day)),
            ("registrations_per_day", Some(self.registrations_per_day)),
            ("waiting_registrations", Some(self.waiting_registrations)),
            ("messages_per_day", Some(self.messages_per_day)),
            ("mails_per_address", Some(self.mails_per_address)),
            ("mails_per_actor", Some(self.mails_per_actor)),
            ("mails_per_customer", Some(self.mails_per_customer)),
            ("mails_per_instance", self.mails_per_instance),
        ] {
            refuse(setting, limit == Some(0), "at least 1 must be possible".to_owned());
        }
        refuse(
            "declined_rest",
            self.declined_rest < TimeDelta::zero(),
            "a declined address rests for zero or more".to_owned(),
        );
        refuse(
            "idempotency_life",
            self.idempotency_life <= TimeDelta::zero(),
            "a key must live for some time".to_owned(),
        );
        refuse(
            "mail_send_timeout",
            self.mail_send_timeout <= TimeDelta::zero() || self.mail_send_timeout >= self.mail_lease,
            "the time-out of a send is longer than zero and shorter than the lease (mail_lease)".to_owned(),
        );
        refuse(
            "mail_give_up",
            !between(self.mail_give_up, TimeDelta::hours(1), TimeDelta::days(14)),
            "a mail is given up after 1 hour to 14 days".to_owned(),
        );
        refuse(
            "delivered_mail_life",
            self.delivered_mail_life < TimeDelta::zero(),
            "delivered mails stay for zero or more".to_owned(),
        );
        match (base_url, product_name, default_quota) {
            (Some(base_url), Ok(product_name), Ok(default_quota)) if problems.is_empty() => Ok(Settings {
                base_url,
                product_name,
                default_language: self.default_language,
                identifiers: self.identifiers,
                default_quota,
                add_myself_role: self.add_myself_role,
                invitation_life: self.invitation_life,
                privileged_invitation_life: self.privileged_invitation_life,
                invitation_mails_per_day: self.invitation_mails_per_day,
                open_invitations: self.open_invitations,
                link_sign_up: self.link_sign_up,
                registration: self.registration,
                approval: self.approval,
                confirmation: self.confirmation,
                registration_links: self.registration_links,
                default_partner: self.default_partner,
                confirmation_life: self.confirmation_life,
                confirmation_mails_per_day: self.confirmation_mails_per_day,
                unconfirmed_life: self.unconfirmed_life,
                registrations_per_day: self.registrations_per_day,
                waiting_registrations: self.waiting_registrations,
                messages_per_day: self.messages_per_day,
                mails_per_address: self.mails_per_address,
                mails_per_actor: self.mails_per_actor,
                mails_per_customer: self.mails_per_customer,
                mails_per_instance: self.mails_per_instance,
                declined_rest: self.declined_rest,
                idempotency_life: self.idempotency_life,
                mail_lease: self.mail_lease,
                mail_send_timeout: self.mail_send_timeout,
                mail_give_up: self.mail_give_up,
                delivered_mail_life: self.delivered_mail_life,
            }),
            _ => Err(SettingsError(problems)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_problems_are_told_at_once() {
        let error = Settings::builder("ftp://x")
            .product_name("a\nb")
            .default_quota(1_000_001)
            .invitation_life(TimeDelta::days(31))
            .mail_send_timeout(TimeDelta::seconds(120))
            .build()
            .unwrap_err();
        let named: Vec<_> = error.0.iter().map(|problem| problem.setting).collect();
        assert_eq!(
            named,
            ["base_url", "product_name", "default_quota", "invitation_life", "mail_send_timeout"]
        );
    }

    #[test]
    fn r_mai_3_base_addresses() {
        for good in ["https://a.example", "https://a.example/portal/", "http://127.0.0.1:8080"] {
            assert!(Settings::builder(good).build().is_ok(), "{good}");
        }
        for bad in [
            "",
            "https://",
            "https://u@a.example",
            "https://a.example?x",
            "https://a.example/#f",
            "https://a b",
        ] {
            assert!(Settings::builder(bad).build().is_err(), "{bad}");
        }
    }
}
