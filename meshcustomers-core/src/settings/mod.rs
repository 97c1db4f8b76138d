//! Settings: what the host chooses, in one typed struct (defaults are valid, all problems are told at once).

use chrono::TimeDelta;

use crate::field::{IdentifierPolicy, Language, Name, Quota};
use crate::id::CustomerId;
use crate::membership::Role;

mod base_url;
mod builder;
mod choices;

pub use base_url::BaseUrl;
pub use builder::{SettingsBuilder, SettingsError, SettingsProblem};
pub use choices::{Approval, EmailConfirmation, LinkSignUp, RegistrationLinks, RegistrationMode};

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
