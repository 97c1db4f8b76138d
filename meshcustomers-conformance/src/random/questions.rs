//! The steps that are no command: deliveries, the operator's chores, questions.

use meshcustomers_core::{
    Actor, Adopt, CustomerFilter, CustomerId, CustomerKind, CustomerOrder, Error, ExportFormat,
    HistoryFilter, Identifier, LinkToken, MailContent, MailStateKind, Page, PageRequest, PageSize, Person,
    Phase, Refusal, RenderedMail, SearchTerm,
};
use rand::RngExt as _;

use super::side::{Mood, Side};
use super::steps::{Link, Step, remember};
use super::world::World;

impl World {
    /// The postman goes his round; what was sent must be equal to the last byte, and its links are remembered.
    pub(super) fn deliver(&mut self) -> Step {
        let mood = match self.rng.random_range(0..12) {
            0 => Mood::Never,
            1..=2 => Mood::NotNow,
            _ => Mood::Takes,
        };
        self.ask(
            "deliver",
            || format!("{mood:?}"),
            |side| {
                side.mailer.set(mood);
                side.postman.deliver_due(20)
            },
        )?;
        let sent = self.both(
            || "the mails that were sent".to_owned(),
            |side| side.mailer.take(),
            |mails| {
                let full = |mail: &RenderedMail| {
                    let RenderedMail { boundary, subject, text, html, .. } = mail;
                    format!("{mail:?} {} {} {boundary} {subject} {text} {html}", mail.to, mail.date)
                };
                mails.iter().map(full).collect()
            },
        )?;
        for mail in sent {
            self.mails += 1;
            self.learn_link(&mail);
        }
        remember(&mut self.links);
        remember(&mut self.confirmations);
        Ok(())
    }

    /// The link of a mail, with what the queued mail says that it is for.
    fn learn_link(&mut self, mail: &RenderedMail) {
        let token = mail.text.split("/link/").nth(1).and_then(|rest| LinkToken::parse(rest.get(..88)?));
        let id = mail.message_id.trim_start_matches('<').split('@').next().and_then(|id| id.parse().ok());
        let (Some(token), Some(id)) = (token, id) else { return };
        let queued = self.first().store.read().unwrap().mail(id).unwrap();
        match queued.map(|queued| queued.mail.content) {
            Some(MailContent::Invitation { account, invitation, .. }) => {
                self.links.push(Link { token, customer: account.id, invitation });
            }
            Some(MailContent::Confirmation { account, .. }) => self.confirmations.push((token, account.id)),
            _ => {}
        }
    }

    /// All histories are whole on both sides.
    pub(super) fn verify(&mut self) -> Step {
        let operator = self.operator.clone();
        let report = self.ask("verify", String::new, |side| side.admin.verify(&operator))?;
        match report {
            Some(report) if report.is_whole() => Ok(()),
            other => Err(self.difference("verify", "a whole history".into(), format!("{other:?}"))),
        }
    }

    /// The operator's housekeeping.
    pub(super) fn chores(&mut self) -> Step {
        let operator =
            if self.one_in(10) { Person::new(self.anybody()).into() } else { self.operator.clone() };
        let page = PageRequest::first(PageSize::new(3).unwrap());
        match self.rng.random_range(0..6) {
            5 => self.keys(&operator)?,
            0 => {
                // Which rows go first, if not all do, is the store's affair.
                self.ask("housekeep", String::new, |side| side.admin.housekeep(&operator, 1_000_000))?;
                self.learn_customers();
            }
            1 => self.anchor(&operator)?,
            2 => {
                // All histories together are verified at the end.
                let customer = self.any_customer();
                let report = self.ask(
                    "verify history",
                    || format!("{customer}"),
                    |side| side.admin.verify_history(&operator, customer),
                )?;
                if let Some(report) = report.filter(|report| !report.is_whole()) {
                    let found = format!("{report:?}");
                    return Err(self.difference("verify history", "a whole history".into(), found));
                }
            }
            _ => {
                let dead = self.ask("dead mails", String::new, |side| {
                    side.admin.mails(&operator, MailStateKind::Dead, &page)
                })?;
                let mails = dead.map(|page| page.items).unwrap_or_default();
                for mail in mails.into_iter().take(2) {
                    let id = mail.mail.id;
                    self.ask(
                        "requeue mail",
                        || id.to_string(),
                        |side| side.admin.requeue_mail(&operator, id),
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Which host keys are needed; now and then a backup is adopted that was none, by which every link dies.
    fn keys(&mut self, operator: &Actor) -> Step {
        self.ask("links per key", String::new, |side| side.admin.links_per_key(operator))?;
        if self.one_in(4) {
            let adopt = Adopt { reason: "as if it were restored".parse().unwrap() };
            self.ask("adopt", String::new, |side| side.admin.adopt(operator, adopt.clone()))?;
        }
        self.ask("adoptions", String::new, |side| side.admin.adoptions(operator)).map(drop)
    }

    /// Heads that are taken out, and the histories held against them.
    fn anchor(&mut self, operator: &Actor) -> Step {
        let page = PageRequest::first(PageSize::new(5).unwrap());
        let heads = self.ask("heads", String::new, |side| side.admin.heads(operator, &page))?;
        let heads = heads.map(|page| page.items).unwrap_or_default();
        let verify = |side: &Side| side.admin.verify_anchored(operator, heads.clone());
        self.ask("verify anchored", || format!("{heads:?}"), verify).map(drop)
    }

    pub(super) fn question(&mut self, customer: CustomerId) -> Step {
        let size = PageSize::new(self.rng.random_range(1..9)).unwrap();
        let page = PageRequest::first(size);
        let person = Person::new(self.member_of(customer));
        let inside = self.inside(customer);
        let managing = self.managing(customer);
        match self.rng.random_range(0..12) {
            0 => {
                let user = person.user();
                self.ask("access", || format!("{user}"), |side| side.admin.access(user, customer)).map(drop)
            }
            1 => {
                let (user, living) = (person.user(), self.living.clone());
                self.ask("access many", || format!("{user}"), |side| side.admin.access_many(user, &living))
                    .map(drop)
            }
            2 => {
                self.ask("accounts", || format!("{person:?}"), |side| side.admin.accounts(&person))
                    .map(drop)?;
                self.ask(
                    "own account",
                    || format!("{person:?} {customer}"),
                    |side| side.admin.own_account(&person, customer),
                )
                .map(drop)
            }
            3 => self.list_customers(&page),
            4 => self
                .ask("customer", || format!("{managing:?}"), |side| side.admin.customer(&managing, customer))
                .map(drop),
            5 => {
                let wanted = Identifier::parse(&format!("c-{}", self.rng.random_range(0..40))).unwrap();
                self.ask(
                    "availability",
                    || wanted.to_string(),
                    |side| side.admin.availability(&managing, &wanted),
                )
                .map(drop)
            }
            6 => self.pages("members", page, |side, page| side.admin.members(&inside, customer, page)),
            7 => {
                self.pages("invitations", page, |side, page| side.admin.invitations(&inside, customer, page))
            }
            8 => self.pages("own invitations", page, |side, page| side.admin.own_invitations(&person, page)),
            9 => {
                let actor = person.user();
                let filter = HistoryFilter {
                    actor: Some(actor).filter(|_| self.one_in(3)),
                    ..HistoryFilter::default()
                };
                self.pages("history", page, |side, page| side.admin.history(&inside, customer, &filter, page))
            }
            10 => {
                let format = if self.one_in(2) { ExportFormat::Csv } else { ExportFormat::JsonLines };
                self.ask(
                    "export",
                    || format!("{customer}"),
                    |side| {
                        let mut bytes = Vec::new();
                        let filter = HistoryFilter::default();
                        let rows =
                            side.admin.export_history(&managing, customer, &filter, format, &mut bytes);
                        rows.map(|rows| {
                            (rows, bytes.len(), bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>())
                        })
                        .map_err(|_| Error::from(Refusal::NotFound))
                    },
                )
                .map(drop)
            }
            _ if self.links.is_empty() => Ok(()),
            _ => {
                let token = self.link().token;
                self.ask("offer", String::new, |side| side.admin.offer(&token)).map(drop)
            }
        }
    }

    fn list_customers(&mut self, page: &PageRequest) -> Step {
        let account = self.account_of(CustomerKind::Partner);
        let account = if self.one_in(2) { self.account_of(CustomerKind::Administrator) } else { account };
        let actor = match self.rng.random_range(0..4) {
            0 => self.operator.clone(),
            _ => Person::new(self.member_of(account)).acting_for(account),
        };
        let terms = ["a", "c-1", "ä", "name", "東", "\"", "0 b", "zzz"];
        let term = SearchTerm::parse(terms[self.rng.random_range(0..terms.len())]).unwrap();
        let phase = [
            None,
            None,
            Some(Phase::Waiting),
            Some(Phase::Active),
            Some(Phase::Disabled),
            Some(Phase::Ended),
        ];
        let filter = CustomerFilter {
            phase: phase[self.rng.random_range(0..phase.len())],
            search: Some(term).filter(|_| self.one_in(2)),
            without_admin: self.one_in(4),
            over_quota: self.one_in(4),
            order: if self.one_in(2) { CustomerOrder::Name } else { CustomerOrder::Newest },
        };
        self.pages("customers", page.clone(), |side, page| side.admin.customers(&actor, &filter, page))
    }

    /// The first three pages of a list, each by the cursor of the one before.
    pub(super) fn pages<T: std::fmt::Debug>(
        &mut self,
        kind: &'static str,
        first: PageRequest,
        read: impl Fn(&Side, &PageRequest) -> Result<Page<T>, Error>,
    ) -> Step {
        let mut wanted = first;
        for _ in 0..3 {
            let page = self.ask(kind, || format!("{wanted:?}"), |side| read(side, &wanted))?;
            let Some(next) = page.and_then(|page| page.next) else { break };
            wanted = PageRequest::after(wanted.size, next);
        }
        Ok(())
    }
}
