//! The library's settings, made of the portal's.

use meshcustomers_core::{IdentifierPolicy, Settings, SettingsProblem};

use super::sources::{Problem, Problems};
use super::{Config, kinds};

impl Config {
    /// The library's settings.
    ///
    /// # Errors
    /// [`Problems`]: all that the library finds, each with where it came from.
    pub fn settings(
        &self,
        base_url: &str,
        default_partner: Option<meshcustomers_core::CustomerId>,
    ) -> Result<Settings, Problems> {
        let identifiers =
            IdentifierPolicy::default().with_max_length(self.identifier_max_length).map_err(|_| {
                let problem = format!("is {}; it takes 2 to 63", self.identifier_max_length);
                self.problem("identifier_max_length", problem)
            })?;
        let mut builder = Settings::builder(base_url)
            .product_name(self.product_name.0.clone())
            .default_language(self.default_language)
            .identifiers(identifiers.reserving(&self.reserved_identifiers.0))
            .default_quota(self.default_quota)
            .add_myself_role(self.add_myself_role)
            .invitation_life(self.invitation_life.0)
            .privileged_invitation_life(self.privileged_invitation_life.0)
            .invitation_mails_per_day(self.invitation_mails_per_day)
            .open_invitations(self.open_invitations)
            .link_sign_up(self.link_sign_up)
            .registration(self.registration)
            .approval(kinds::approval(self.approval))
            .confirmation(kinds::confirmation(self.confirmation))
            .registration_links(kinds::links(self.registration_links))
            .confirmation_life(self.confirmation_life.0)
            .confirmation_mails_per_day(self.confirmation_mails_per_day)
            .unconfirmed_life(self.unconfirmed_life.0)
            .registrations_per_day(self.registrations_per_day)
            .waiting_registrations(self.waiting_registrations)
            .messages_per_day(self.messages_per_day)
            .mails_per_address(self.mails_per_address)
            .mails_per_actor(self.mails_per_actor)
            .mails_per_customer(self.mails_per_customer)
            .mails_per_instance(self.mails_per_instance)
            .declined_rest(self.declined_rest.0)
            .idempotency_life(self.idempotency_life.0)
            .mail_lease(self.mail_lease.0)
            .mail_send_timeout(self.mail_send_timeout.0)
            .mail_give_up(self.mail_give_up.0)
            .delivered_mail_life(self.delivered_mail_life.0);
        builder = builder.default_partner(default_partner);
        builder.build().map_err(|error| {
            Problems(
                error
                    .0
                    .into_iter()
                    .map(|SettingsProblem { setting, problem }| {
                        Problem::new("", self.source(setting), format!("{setting}: {problem}"))
                    })
                    .collect(),
            )
        })
    }
}
