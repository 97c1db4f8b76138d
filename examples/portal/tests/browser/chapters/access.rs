//! Providing access to the managed customer account.

use crate::common::Portal;
use crate::eyes::{Eyes, Seen, play};

#[tokio::test(flavor = "multi_thread")]
async fn providing_access_to_the_managed_customer_account() {
    let portal = Portal::start();
    play("access", &portal, async |eyes| access(eyes, &portal).await).await;
}

async fn access(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.sentence("After creation, a customer account contains no users yet");
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.customers_of("cloud-partner").await?;
    eyes.type_into("input[name=name][form=create]", "ACME").await?;
    eyes.type_into("input[name=identifier]", "acme").await?;
    eyes.click("button[form=create]").await?;
    eyes.says("ACME (acme) is created").await?;

    eyes.sentence(
        "Go to Administration > Customers and click on the Users icon on the account you want to edit",
    );
    eyes.action("acme", "/users").await?;
    eyes.says("contains no users yet").await?;
    eyes.look("customer-users-none").await?;

    eyes.sentence("In the Customers Users view click on the button Add Myself in the top right corner");
    eyes.submit("/add-myself").await?;
    eyes.says("Paul Weber").await?;
    eyes.look("customer-users").await?;

    eyes.sentence("you can now choose the account in the top left drop-down. Please select the new managed customer there");
    eyes.choose_account("acme").await?;

    eyes.sentence("In the toolbox go to Account > Users where you can invite and add users");
    eyes.toolbox("/users").await?;
    eyes.type_into("main form[action$='/invite'] input[name=address]", "jane@acme.example").await?;
    eyes.submit("/users/invite").await?;
    eyes.says("jane@acme.example").await?;
    eyes.look("users").await?;

    eyes.sentence("Invited users will receive an e-mail with a link to get access to this new customer");
    let link = portal.link_in(&portal.mail_with("jane@acme.example"));
    eyes.go("/mailbox").await?;
    eyes.look("mailbox").await?;
    eyes.driver.delete_all_cookies().await?;
    eyes.go(&link).await?;
    eyes.sees("main form[action^='/link/register']").await?;
    assert_eq!(eyes.driver.current_url().await?.path(), "/link", "the address holds no secret");
    eyes.look("link").await?;
    eyes.type_into("main input[name=name]", "Jane Doe").await?;
    eyes.type_into("main input[name=password]", "correct horse battery").await?;
    eyes.type_into("main input[name=again]", "correct horse battery").await?;
    eyes.send("/link/register").await?;
    eyes.says("Jane Doe").await?;
    eyes.look("link-accept").await?;
    eyes.send("/link/accept").await?;
    eyes.sees("details.selection .chosen strong").await?;
    assert_eq!(eyes.text_of("details.selection .chosen strong").await?, "ACME");
    eyes.toolbox("/users").await?;
    eyes.says("Jane Doe").await?;

    eyes.sentence("open invitations (accept, decline) after sign-in");
    eyes.sign_in("liam@harbour-labs.example", &portal.password).await?;
    eyes.says("Fjord Foods").await?;
    eyes.look("welcome-invitation").await?;
    eyes.submit("/accept").await?;
    eyes.sees("details.selection .chosen strong").await?;
    assert_eq!(eyes.text_of("details.selection .chosen strong").await?, "Fjord Foods");

    eyes.sentence("Remove Myself; the account selection shows it at once");
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.customers_of("cloud-partner").await?;
    eyes.action("harbour-labs", "/users").await?;
    eyes.submit_and_say_yes("/remove-myself").await?;
    eyes.sees("main form[action$='/add-myself']").await?;
    eyes.click("details.selection > summary").await?;
    let accounts = eyes.text_of("#account-list").await?;
    assert!(!accounts.contains("harbour-labs"), "{accounts}");
    Ok(())
}
