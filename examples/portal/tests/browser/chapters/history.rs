//! Customer History.

use crate::common::Portal;
use crate::eyes::{Eyes, Seen, play};

#[tokio::test(flavor = "multi_thread")]
async fn customer_history() {
    let portal = Portal::start();
    play("history", &portal, async |eyes| history(eyes, &portal).await).await;
}

async fn history(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.sentence(
        "The archive icon in the list of customers shows all major events that happened on the customer",
    );
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.customers_of("cloud-partner").await?;
    eyes.action("north-energy", "/history").await?;
    eyes.sees("main .event").await?;
    eyes.look("history").await?;
    for event in [
        "CUSTOMER_CREATED",
        "USER_ASSIGNED_HIMSELF",
        "USER_INVITED",
        "USER_ACCEPTED_INVITATION",
        "USER_ROLE_CHANGED",
        "CUSTOMER_QUOTA_EDITED",
    ] {
        eyes.says(event).await?;
    }
    eyes.sentence("a verify button that shows the chain is whole");
    eyes.click("main [href*='verify'], main form[action*='verify'] button, main [name=verify]").await?;
    eyes.sees("main .notice.good, main .verified").await?;
    eyes.look("history-verified").await?;

    eyes.sentence("details with old and new values");
    eyes.sees("main del").await?;
    Ok(())
}
