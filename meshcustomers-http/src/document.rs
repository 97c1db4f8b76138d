//! The OpenAPI 3.1 description.

use axum::Router;
use utoipa::OpenApi as _;
use utoipa::openapi::{OpenApi, ServerBuilder};
use utoipa_axum::router::OpenApiRouter;

use crate::host::Host;

#[derive(utoipa::OpenApi)]
#[openapi(info(title = "Customer administration"))]
struct Base;

/// Routes and description, as mounted at `base_path`.
pub(crate) fn finished(operations: OpenApiRouter<Host>, base_path: &str) -> (Router<Host>, OpenApi) {
    let (router, mut document) =
        OpenApiRouter::with_openapi(Base::openapi()).merge(operations).split_for_parts();
    document.servers = Some(vec![ServerBuilder::new().url(base_path).build()]);
    (router, document)
}
