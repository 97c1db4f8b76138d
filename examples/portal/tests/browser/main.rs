//! The product page in a real browser: its sentences in their order, with a picture of every page in
//! `target/screenshots`, and no page that axe-core finds fault with.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

#[path = "../common/mod.rs"]
mod common;
mod eyes;

use common::Portal;
use eyes::{Eyes, Seen, play};
use thirtyfour::prelude::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_frame() {
    let portal = Portal::start();
    play("the frame", &portal, async |eyes| frame(eyes, &portal).await).await;
}

async fn frame(eyes: &Eyes, portal: &Portal) -> Seen {
    eyes.go("/sign-in").await?;
    eyes.look("sign-in").await?;
    eyes.go("/register").await?;
    eyes.look("register").await?;
    eyes.go("/nowhere").await?;
    eyes.look("not-found").await?;
    eyes.sign_in("paul@cloud-partner.example", &portal.password).await?;
    eyes.look("welcome").await?;
    eyes.click("details.selection > summary").await?;
    eyes.look("selection").await?;
    eyes.choose_account("cloud-partner").await?;
    eyes.look("overview").await?;
    eyes.click("details.toolbox > summary").await?;
    eyes.look("toolbox").await?;
    eyes.click(".toolbox .menu a[href$='/customers']").await?;
    eyes.says("identifiers can not be changed").await?;
    eyes.look("customers").await?;
    eyes.type_into("input[name=name][form=create]", "Meridian").await?;
    eyes.says("meridian-2").await?;
    eyes.look("customers-suggestion").await?;
    eyes.click("[data-fill]").await?;
    eyes.says("meridian-2 is free").await?;
    eyes.click("details.toolbox > summary").await?;
    eyes.click(".toolbox button[lang=de]").await?;
    eyes.says("Kunden").await?;
    eyes.look("customers-german").await?;
    Ok(())
}
