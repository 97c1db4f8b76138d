//! The operations, one file for each area of the product.

use utoipa_axum::router::OpenApiRouter;

use crate::host::Host;

mod me;

/// Every operation.
pub(crate) fn all() -> OpenApiRouter<Host> {
    OpenApiRouter::new().merge(me::operations())
}
