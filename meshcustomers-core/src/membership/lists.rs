//! Lists of members.

use chrono::{DateTime, Utc};

use super::rules::force;
use super::{Force, Origin, Role};
use crate::access::Permission;
use crate::actor::Actor;
use crate::administration::Administration;
use crate::error::Error;
use crate::field::{EmailAddress, Name};
use crate::id::{CustomerId, UserId};
use crate::page::{Page, PageRequest, Position, SortKey};
use crate::user::Verification;

/// A member as people see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub user: UserId,
    /// Their name.
    pub name: Name,
    /// Their address, if it is verified: others see no mere claim (R-USR-1).
    pub address: Option<EmailAddress>,
    /// Their role.
    pub role: Role,
    /// How they came in.
    pub origin: Origin,
    /// Whether their membership gives rights now (R-MNG-7).
    pub force: Force,
    /// When they came in.
    pub joined_at: DateTime<Utc>,
}

impl Administration {
    /// The members of a customer, oldest first; lapsed ones show as without rights (R-MNG-7).
    ///
    /// # Errors
    /// `NotFound`, `NotPermitted`, `CustomerEnded`, `UserDisabled`, `InvalidCursor`.
    pub fn members(
        &self,
        actor: &Actor,
        customer: CustomerId,
        page: &PageRequest,
    ) -> Result<Page<Member>, Error> {
        let mut tx = self.read()?;
        let of = self.permitted(&mut *tx, actor, customer, Permission::SeeMembers)?;
        let scope = format!("members/1 {customer}");
        let rows = self.page(
            &scope,
            page,
            |list| Ok(tx.members(customer, &list)?),
            |row| Position {
                key: SortKey::Number(row.member.membership.joined_at.timestamp_millis()),
                id: *row.member.membership.id.as_bytes(),
            },
        )?;
        Ok(rows.map(|row| Member {
            force: force(&row.member, &row.user, &of),
            user: row.user.id,
            address: match row.user.verification {
                Verification::Verified => Some(row.user.address),
                Verification::Unverified => None,
            },
            name: row.user.name,
            role: row.member.membership.role,
            origin: row.member.membership.origin,
            joined_at: row.member.membership.joined_at,
        }))
    }
}
