//! The JSON API, mounted beside the pages: who calls is told by a token, and by nothing else.

use axum::Router;
use meshcustomers_core::UserId;
use serde_json::Value;

use crate::app::App;

/// Where the API stands.
pub const PATH: &str = "/api/v1";

/// The API's description, as it is served.
pub fn document() -> &'static Value {
    &Value::Null
}

/// The pages, and the API beside them.
pub fn mount(_app: &App, pages: Router<App>) -> Router<App> {
    pages
}

/// Ends the tokens of those among these people who are disabled by now.
pub async fn revoke_of_disabled(app: &App, users: Vec<UserId>) {
    for id in users {
        let user = app.admin().run(move |admin| admin.user(id)).await;
        if let Ok(user) = user
            && !user.is_some_and(|user| user.is_enabled())
            && let Err(error) = app.tokens().revoke_all(id).await
        {
            tracing::warn!(%error, "tokens of a disabled person stay for now; they are refused anyway");
        }
    }
}
