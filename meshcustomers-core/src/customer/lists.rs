//! Lists of customers: whose they are, in which order, by which filter (R-MNG-2).

use super::commands::look_up_availability;
use super::{Availability, Customer, CustomerKind, Phase};
use crate::access::Permission;
use crate::access::rules::{author, authorize, authorize_managing};
use crate::actor::{Actor, Who};
use crate::administration::Administration;
use crate::command::access;
use crate::decision::Context;
use crate::error::Error;
use crate::field::{Identifier, SearchTerm};
use crate::id::CustomerId;
use crate::membership::Role;
use crate::page::{Page, PageRequest, Position, SortKey};
use crate::refusal::Refusal;
use crate::rule::{in_force, refuse_if};
use crate::settings::RegistrationMode;
use crate::store::{CustomerOrder, CustomerQuery, CustomerScope, ListQuery, ReadTx};

/// Which customers are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerFilter {
    /// Only those in this phase; without: all that are not ended.
    pub phase: Option<Phase>,
    /// Only those whose name or identifier contains this (R-FLD-9).
    pub search: Option<SearchTerm>,
    /// Only those without an enabled user who has an ordinary membership as `Admin` (R-INV-11).
    pub without_admin: bool,
    /// Only those that use more than their quota (R-QUO-2).
    pub over_quota: bool,
    /// Sorted how.
    pub order: CustomerOrder,
}

/// Whose customers the actor manages (R-ACC-1, R-ACC-2).
pub(crate) fn managed_scope(tx: &mut dyn ReadTx, cx: &Context) -> Result<CustomerScope, Error> {
    let facts = access(tx, cx, None)?;
    let (_, acting) = authorize_managing(&facts, cx)?;
    Ok(match acting {
        None => CustomerScope::All,
        Some(acting) => match (acting.account.kind, acting.membership.as_ref().map(|member| member.role)) {
            (CustomerKind::Administrator, Some(Role::ADMIN)) => CustomerScope::StandardAndPartners,
            (CustomerKind::Administrator, _) => CustomerScope::Standard,
            _ => CustomerScope::Partner(acting.account.id),
        },
    })
}

impl Administration {
    /// The customers that the actor's account manages; all accounts for the operator (R-ACC-1, R-MNG-2).
    ///
    /// # Errors
    /// `NotFound` for an account that is not the actor's; `NotPermitted` for one that manages nobody;
    /// `CustomerDisabled`; `UserDisabled`; `InvalidCursor`.
    pub fn customers(
        &self,
        actor: &Actor,
        filter: &CustomerFilter,
        page: &PageRequest,
    ) -> Result<Page<Customer>, Error> {
        let cx = self.context(actor)?;
        let mut tx = self.read()?;
        let scope = managed_scope(&mut *tx, &cx)?;
        let owner = format!("customers/1 {scope:?} {filter:?}");
        let order = filter.order;
        self.page(
            &owner,
            page,
            |list| {
                let query = CustomerQuery {
                    scope,
                    phase: filter.phase,
                    search: filter.search.clone().filter(|_| in_force("R-MNG-2")),
                    without_admin: filter.without_admin,
                    over_quota: filter.over_quota && in_force("R-QUO-2"),
                    now: cx.now,
                    order,
                    list,
                };
                Ok(tx.customers(&query)?.into_iter().map(|customer| customer.seen_at(cx.now)).collect())
            },
            |customer| Position {
                key: match order {
                    CustomerOrder::Name => SortKey::Text(customer.name.sort_key()),
                    CustomerOrder::Newest => SortKey::Number(customer.created_at.timestamp_millis()),
                },
                id: *customer.id.as_bytes(),
            },
        )
    }

    /// A customer that the actor manages, or is a member of acting for it.
    ///
    /// # Errors
    /// `NotFound`, `UserDisabled`.
    pub fn customer(&self, actor: &Actor, id: CustomerId) -> Result<Customer, Error> {
        let cx = self.context(actor)?;
        let facts = access(&mut *self.read()?, &cx, Some(id))?;
        // A member sees the account by the row for members, a manager by that for managers.
        let seen = authorize(&facts, Permission::SeeMembers, &cx)
            .or_else(|_| authorize(&facts, Permission::SeeCustomer, &cx));
        Ok(seen.map(|standing| standing.customer.clone().seen_at(cx.now))?)
    }

    /// Whether an identifier may be taken: one answer for taken, reserved, waiting and resting, with a free suggestion
    /// (R-FLD-1).
    ///
    /// # Errors
    /// As for creating a customer: `NotFound`, `NotPermitted`; for a person who acts for no account as for registering one:
    /// `RegistrationClosed`; a [`FieldError`](crate::FieldError) for one that is too long
    /// for this host.
    pub fn availability(&self, actor: &Actor, identifier: &Identifier) -> Result<Availability, Error> {
        let cx = self.context(actor)?;
        let mut tx = self.read()?;
        let facts = access(&mut *tx, &cx, None)?;
        if matches!(cx.actor.0, Who::Person(_)) {
            // Whoever may register needs to know which identifiers are free.
            author(&facts, &cx)?;
            let closed = cx.settings.registration == RegistrationMode::Closed;
            refuse_if("R-REG-1", closed, Refusal::RegistrationClosed)?;
        } else {
            authorize_managing(&facts, &cx)?;
        }
        cx.settings.identifiers.fits(identifier)?;
        look_up_availability(&mut *tx, identifier, &cx)
    }

    /// One page: opens the cursor, asks for one row more than the page has, seals the next cursor (R-FLD-7).
    pub(crate) fn page<T>(
        &self,
        scope: &str,
        page: &PageRequest,
        mut load: impl FnMut(ListQuery) -> Result<Vec<T>, Error>,
        position: impl Fn(&T) -> Position,
    ) -> Result<Page<T>, Error> {
        let key = &self.keys().cursor;
        let after = page.after.as_ref().map(|cursor| key.open(scope.as_bytes(), cursor)).transpose()?;
        let rows = page.size.rows();
        let mut items = load(ListQuery { after, limit: rows.saturating_add(1) })?;
        let more = items.len() > rows;
        items.truncate(rows);
        let next =
            if more { items.last().map(|last| key.seal(scope.as_bytes(), &position(last))) } else { None };
        Ok(Page { items, next })
    }

    /// Asks a permission on a customer in a read transaction.
    pub(crate) fn permitted(
        &self,
        tx: &mut dyn ReadTx,
        actor: &Actor,
        customer: CustomerId,
        permission: Permission,
    ) -> Result<Customer, Error> {
        let cx = self.context(actor)?;
        let facts = access(tx, &cx, Some(customer))?;
        authorize(&facts, permission, &cx)?;
        facts.customer.ok_or_else(|| Refusal::NotFound.into())
    }
}
