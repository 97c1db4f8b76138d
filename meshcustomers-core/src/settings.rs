//! Settings: what the host chooses, in one typed struct (defaults are valid, all problems are told at once).

use std::fmt;

use chrono::TimeDelta;

use crate::field::{IdentifierPolicy, Language, Name, Quota};
use crate::id::CustomerId;
use crate::membership::Role;

/// What the host has chosen. Built by [`Settings::builder`]; each setting's documentation is on its builder method.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) base_url: BaseUrl,
    pub(crate) product_name: Name,
    pub(crate) default_language: Language,
    pub(crate) identifiers: IdentifierPolicy,
    pub(crate) default_quota: Quota,
    pub(crate) add_myself_role: Role,
    pub(crate) invitation_life: TimeDelta,
    pub(crate) privileged_invitation_life: TimeDelta,
    pub(crate) invitation_mails_per_day: u32,
    pub(crate) open_invitations: u32,
    pub(crate) link_sign_up: LinkSignUp,
    pub(crate) registration: RegistrationMode,
    pub(crate) approval: Approval,
    pub(crate) confirmation: EmailConfirmation,
    pub(crate) registration_links: RegistrationLinks,
    pub(crate) default_partner: Option<CustomerId>,
    pub(crate) confirmation_life: TimeDelta,
    pub(crate) confirmation_mails_per_day: u32,
    pub(crate) unconfirmed_life: TimeDelta,
    pub(crate) registrations_per_day: u32,
    pub(crate) waiting_registrations: u32,
    pub(crate) messages_per_day: u32,
    pub(crate) mails_per_address: u32,
    pub(crate) mails_per_actor: u32,
    pub(crate) mails_per_customer: u32,
    pub(crate) mails_per_instance: Option<u32>,
    pub(crate) declined_rest: TimeDelta,
    pub(crate) idempotency_life: TimeDelta,
    pub(crate) mail_lease: TimeDelta,
    pub(crate) mail_send_timeout: TimeDelta,
    pub(crate) mail_give_up: TimeDelta,
    pub(crate) delivered_mail_life: TimeDelta,
}

impl Settings {
    /// Starts from the defaults. The base address, to which links lead, has none.
    pub fn builder(base_url: &str) -> SettingsBuilder {
        SettingsBuilder {
            base_url: base_url.to_owned(),
            product_name: "Customer Portal".to_owned(),
            default_language: Language::En,
            identifiers: IdentifierPolicy::default(),
            default_quota: 10,
            add_myself_role: Role::ADMIN,
            invitation_life: TimeDelta::days(7),
            privileged_invitation_life: TimeDelta::hours(24),
            invitation_mails_per_day: 3,
            open_invitations: 100,
            link_sign_up: LinkSignUp::StartsVerified,
            registration: RegistrationMode::Closed,
            approval: Approval::Manual,
            confirmation: EmailConfirmation::Required,
            registration_links: RegistrationLinks::Off,
            default_partner: None,
            confirmation_life: TimeDelta::hours(24),
            confirmation_mails_per_day: 3,
            unconfirmed_life: TimeDelta::days(30),
            registrations_per_day: 3,
            waiting_registrations: 3,
            messages_per_day: 20,
            mails_per_address: 10,
            mails_per_actor: 100,
            mails_per_customer: 500,
            mails_per_instance: None,
            declined_rest: TimeDelta::days(30),
            idempotency_life: TimeDelta::hours(24),
            mail_lease: TimeDelta::seconds(120),
            mail_send_timeout: TimeDelta::seconds(60),
            mail_give_up: TimeDelta::hours(108),
            delivered_mail_life: TimeDelta::days(30),
        }
    }

    /// The address that links start with.
    pub const fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// What mails call the product.
    pub const fn product_name(&self) -> &Name {
        &self.product_name
    }

    /// The identifiers that may be chosen.
    pub const fn identifiers(&self) -> &IdentifierPolicy {
        &self.identifiers
    }

    /// How long a mailer may take; its own time-out must be this or shorter (R-MAI-2).
    pub const fn mail_send_timeout(&self) -> TimeDelta {
        self.mail_send_timeout
    }

    /// The language of mails to people who have not chosen one.
    pub const fn default_language(&self) -> Language {
        self.default_language
    }

    /// Whether people register customers themselves.
    pub const fn registration(&self) -> RegistrationMode {
        self.registration
    }

    /// Whether registration links work.
    pub const fn registration_links(&self) -> RegistrationLinks {
        self.registration_links
    }
}

/// Whether people register customers themselves (R-REG-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Everybody who is signed in.
    Open,
    /// Only with a partner's registration link.
    LinkOnly,
    /// Nobody.
    Closed,
}

/// Whether a manager approves registrations (R-REG-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// Nobody has to.
    Automatic,
    /// A manager does, and until then it waits.
    Manual,
}

/// Whether a registrant confirms their address (R-REG-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailConfirmation {
    /// The customer becomes active only when the link of a mail was confirmed.
    Required,
    /// No; then only people with a verified address may register (R-REG-4).
    NotRequired,
}

/// Whether partners' registration links work (R-LNK-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationLinks {
    /// They do.
    On,
    /// Links are invisible and dead. Turned on again, those that were not revoked work.
    Off,
}

/// Whether an account that is made in the step that shows a genuine link starts verified (R-INV-5).
///
/// For partner and administrator accounts it never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkSignUp {
    /// The link came by mail, so the address is theirs.
    StartsVerified,
    /// The address is proven in another step.
    StartsUnverified,
}

/// The host's own address, from its configuration only (R-MAI-3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Reads `https://host[:port][/path]`; `http` too, for machines of one's own. No user, query or fragment.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('/');
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let host = rest.split('/').next().unwrap_or_default();
        let clean = text.chars().all(|c| {
            c.is_ascii_graphic() && !matches!(c, '?' | '#' | '@' | '"' | '<' | '>' | '\\' | '`' | '\'')
        });
        (clean && !host.is_empty() && !host.starts_with(':')).then(|| Self(text.to_owned()))
    }

    /// The address, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of a link: `{base}/link/{token}`. Whoever has it can use it.
    pub fn link(&self, token: &crate::link::LinkToken) -> String {
        format!("{}/link/{}", self.0, token.expose())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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
    base_url: String,
    product_name: String,
    default_language: Language,
    identifiers: IdentifierPolicy,
    default_quota: u32,
    add_myself_role: Role,
    invitation_life: TimeDelta,
    privileged_invitation_life: TimeDelta,
    invitation_mails_per_day: u32,
    open_invitations: u32,
    link_sign_up: LinkSignUp,
    registration: RegistrationMode,
    approval: Approval,
    confirmation: EmailConfirmation,
    registration_links: RegistrationLinks,
    default_partner: Option<CustomerId>,
    confirmation_life: TimeDelta,
    confirmation_mails_per_day: u32,
    unconfirmed_life: TimeDelta,
    registrations_per_day: u32,
    waiting_registrations: u32,
    messages_per_day: u32,
    mails_per_address: u32,
    mails_per_actor: u32,
    mails_per_customer: u32,
    mails_per_instance: Option<u32>,
    declined_rest: TimeDelta,
    idempotency_life: TimeDelta,
    mail_lease: TimeDelta,
    mail_send_timeout: TimeDelta,
    mail_give_up: TimeDelta,
    delivered_mail_life: TimeDelta,
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
