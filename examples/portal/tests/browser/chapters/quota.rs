//! Customer quota management.

use crate::common::Portal;
use crate::eyes::{Eyes, Seen, play};

#[tokio::test(flavor = "multi_thread")]
async fn customer_quota_management() {
    let portal = Portal::start();
    play("quota", &portal, async |eyes| quota(eyes, &portal).await).await;
}

async fn set(eyes: &Eyes, quota: &str) -> Seen {
    eyes.sees("#customers").await?;
    eyes.action("north-energy", "/quota").await?;
    eyes.type_into("main input[name=quota]", quota).await?;
    eyes.submit("/quota").await?;
    eyes.sees("main .notice.good").await
}

async fn quota(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.sentence("Partners and Administrators can manage the quota");
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.customers_of("cloud-partner").await?;

    eyes.sentence("In the Actions column click on the Quota icon on the account you want to edit");
    eyes.action("north-energy", "/quota").await?;
    eyes.sees("main input[name=quota]").await?;
    eyes.look("quota").await?;
    eyes.type_into("main input[name=quota]", "many").await?;
    eyes.submit("/quota").await?;
    eyes.sees("[aria-invalid]").await?;
    eyes.look("quota-problem").await?;
    eyes.driver.back().await?;
    eyes.driver.back().await?;

    eyes.sentence("Then you can increase and decrease the number of projects per customer");
    set(eyes, "4").await?;
    eyes.says("3 of 4").await?;
    eyes.sign_in("ada@operations.example", &portal.password).await?;
    eyes.customers_of("operations").await?;
    eyes.look("customers-of-administrator").await?;
    eyes.type_into("main input[name=q]", "north-energy").await?;
    eyes.sees("#customers:not([aria-busy]) tr:only-child a[href*='/quota']").await?;
    set(eyes, "3").await?;
    eyes.sees("#customers").await?;

    eyes.sentence("the quota, that limits the maximum number of projects per customer");
    eyes.sign_in("emma@north-energy.example", &portal.password).await?;
    eyes.choose_account("north-energy").await?;
    eyes.toolbox("/projects").await?;
    eyes.says("3 of 3").await?;
    eyes.look("projects").await?;
    assert!(
        eyes.has("main form[action$='/projects'] button:disabled").await?
            || !eyes.has("main form[action$='/projects']").await?,
        "no room for one more"
    );
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.customers_of("cloud-partner").await?;
    set(eyes, "4").await?;
    eyes.sign_in("emma@north-energy.example", &portal.password).await?;
    eyes.choose_account("north-energy").await?;
    eyes.toolbox("/projects").await?;
    eyes.type_into("main input[name=name]", "One more").await?;
    eyes.type_into("main input[name=identifier]", "one-more").await?;
    eyes.submit("/projects").await?;
    eyes.says("4 of 4").await?;
    Ok(())
}
