//! What the operator does about links as a whole: adopting a restored backup, and asking which host keys are needed
//! (R-TOK-2, R-TOK-5).

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::access::rules::authorize_operator;
use crate::actor::{Actor, Who};
use crate::administration::Administration;
use crate::error::Error;
use crate::field::{Name, Reason};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::store::Bookkeeping;

/// What a mail says of itself that was given up because its database was adopted.
const GIVEN_UP: &str = "queued before a restored backup was adopted";

/// Adopts a restored backup; see [`Administration::adopt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Adopt {
    /// Why.
    pub reason: Reason,
}

/// That a restored backup was adopted, as the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// When.
    pub at: DateTime<Utc>,
    /// The program, as the operator named it.
    pub program: Name,
    /// The person, as the operator named them.
    pub person: Name,
    /// Why.
    pub reason: Reason,
}

/// What adopting a restored backup did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// Open invitations that are held until they are sent again.
    pub invitations_held: u64,
    /// Queued mails that are dead letters now.
    pub mails_given_up: u64,
}

/// A host key, and what hangs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KeyUse {
    /// The key's number.
    pub number: u8,
    /// Whether it is in this process's ring.
    pub in_ring: bool,
    /// Whether this process makes new links and seals with it.
    pub makes: bool,
    /// How many links that hang on it may still be used: of open invitations, of registrations that wait, of partners.
    pub living_links: u64,
}

impl Administration {
    /// Adopts a restored backup (R-TOK-5). The operator's, before anybody else uses the database.
    ///
    /// What happened since the backup was made is unknown: somebody was removed, an invitation was cancelled, a link was
    /// made anew. So a new link epoch is drawn, by which every link of before is dead, also those made after the backup; open
    /// invitations are held until they are sent again; confirmation and registration links have to be made anew; and
    /// queued mails become dead letters, since most of them went out before. Doing it twice does no harm.
    ///
    /// # Errors
    /// `NotFound` for anybody but the operator; `ReasonRequired`; the store's.
    pub fn adopt(&self, actor: &Actor, command: Adopt) -> Result<Adopted, Error> {
        let cx = self.context(actor)?;
        authorize_operator(&cx)?;
        let Who::Operator(label) = &actor.0 else { return Err(Refusal::NotFound.into()) };
        refuse_if("R-TOK-5", command.reason.is_none(), Refusal::ReasonRequired)?;
        let adoption = Adoption {
            at: cx.now,
            program: label.program.clone(),
            person: label.person.clone(),
            reason: command.reason,
        };
        let mut link_epoch = [0; 32];
        self.fill(&mut link_epoch).map_err(Error::from)?;
        let adopted = self.keep(|tx| {
            if !in_force("R-TOK-5") {
                return Ok(Adopted { invitations_held: 0, mails_given_up: 0 });
            }
            let invitations_held =
                tx.keep(&Bookkeeping::Adopted { adoption: adoption.clone(), link_epoch })?;
            let error = GIVEN_UP.to_owned();
            let mails_given_up = tx.keep(&Bookkeeping::MailsGivenUp { at: cx.now, error })?;
            Ok(Adopted { invitations_held, mails_given_up })
        })?;
        tracing::warn!(
            invitations_held = adopted.invitations_held,
            mails_given_up = adopted.mails_given_up,
            "a restored backup was adopted: every older link is dead"
        );
        Ok(adopted)
    }

    /// When this database was adopted, by whom and why, oldest first; the operator's.
    ///
    /// # Errors
    /// `NotFound` for anybody else.
    pub fn adoptions(&self, actor: &Actor) -> Result<Vec<Adoption>, Error> {
        authorize_operator(&self.context(actor)?)?;
        Ok(self.read()?.adoptions()?)
    }

    /// Every host key that the database knows, with the number of living links that hang on it (R-TOK-2): once an older key
    /// has none, it is needed to check seals only. Reads every open invitation and every waiting registration. The operator's.
    ///
    /// # Errors
    /// `NotFound` for anybody else.
    pub fn links_per_key(&self, actor: &Actor) -> Result<Vec<KeyUse>, Error> {
        let cx = self.context(actor)?;
        authorize_operator(&cx)?;
        let mut tx = self.read()?;
        let mut links: std::collections::BTreeMap<u8, u64> =
            tx.instance()?.iter().flat_map(|instance| &instance.keys).map(|key| (key.number, 0)).collect();
        for (number, living) in tx.links_per_key(cx.now)? {
            links.insert(number, living);
        }
        let (ring, makes) = (self.keys().host(), self.keys().making());
        Ok(links
            .into_iter()
            .map(|(number, living_links)| KeyUse {
                number,
                in_ring: ring.numbers().any(|known| known == number),
                makes: number == makes,
                living_links,
            })
            .collect())
    }
}
