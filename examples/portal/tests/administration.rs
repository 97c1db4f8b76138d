//! Administration > Customers, customer by customer: what its pages offer, and what they say when it cannot be (R-MNG,
//! R-STA, R-QUO, R-MSG, R-LNK).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that panics has failed")]

mod common;

use common::{Browser, Portal, account, between, customer, paul, selects};

/// The button with this label, as far as its end.
fn button<'a>(page: &'a str, label: &str) -> Option<&'a str> {
    let mark = format!(">{label}</button>");
    let before = page.split_once(&mark)?.0;
    before.rsplit("<button").next()
}

#[test]
fn r_mng_3_add_myself_and_remove_myself_change_the_account_selection_at_once() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let path = format!("/a/{partner}/customers/{}/users", customer(&list, "lindenau"));
    let page = paul.get(&path).body;
    assert!(page.contains("contains no users yet") && button(&page, "Remove Myself").is_none(), "{page}");
    assert!(!selects(&paul.get("/accounts").body, "lindenau"));
    paul.get(&path);
    assert_eq!(paul.post(&format!("{path}/add-myself"), &[]).status, 303);
    assert!(selects(&paul.get("/accounts").body, "lindenau"));
    let page = paul.get(&path).body;
    assert!(page.contains("Paul Weber") && button(&page, "Add Myself").is_none(), "{page}");
    // The only Admin, but a self-added manager may always leave (R-INV-11).
    assert!(!button(&page, "Remove Myself").unwrap().contains("disabled"), "{page}");
    // A second click adds nothing and fails nothing.
    assert_eq!(paul.post(&format!("{path}/add-myself"), &[]).status, 303);
    assert_eq!(paul.get(&path).body.matches("<td class=\"name\">").count(), 1);
    paul.get(&path);
    assert_eq!(paul.post(&format!("{path}/remove-myself"), &[]).status, 303);
    let page = paul.get(&path).body;
    assert!(page.contains("You are no member any more") && button(&page, "Add Myself").is_some(), "{page}");
    assert!(!selects(&paul.get("/accounts").body, "lindenau"));
    // Nobody leaves where they are not: the page says so, and it is no fault.
    paul.get(&path);
    assert_eq!(paul.post(&format!("{path}/remove-myself"), &[]).status, 404);
}

#[test]
fn r_inv_11_remove_myself_of_the_last_admin_is_disabled_with_its_reason() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let path = format!("/a/{partner}/customers/{}/users", customer(&list, "lindenau"));
    paul.get(&path);
    paul.post(&format!("{path}/add-myself"), &[]);
    // An invitation that he accepts himself makes him an ordinary member (R-MNG-7): its only one.
    let lindenau = account(&paul.get("/accounts").body, "lindenau");
    paul.get(&format!("/a/{lindenau}/users"));
    let fields = [("address", common::PAUL), ("role", "Admin"), ("language", "en")];
    assert_eq!(paul.post(&format!("/a/{lindenau}/users/invite"), &fields).status, 303);
    let home = paul.get("/").body;
    let accept = home.split("action=\"").find(|form| form.starts_with("/invitations/")).unwrap();
    assert_eq!(paul.post(accept.split('"').next().unwrap(), &[]).status, 303);
    let page = paul.get(&path).body;
    assert!(button(&page, "Remove Myself").unwrap().contains("disabled"), "{page}");
    assert!(between(&page, "id=\"why-leave\">", "</p>").contains("Admin"), "{page}");
    // Whoever sends it anyway is told.
    assert_eq!(paul.post(&format!("{path}/remove-myself"), &[]).status, 303);
    assert!(paul.get(&path).body.contains("notice bad"));
}

#[test]
fn r_sta_5_what_a_status_does_not_allow_is_disabled_with_its_reason() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let customers = format!("/a/{partner}/customers");
    let (waiting, velo) = (customer(&list, "fjord-bakery"), customer(&list, "velo"));
    let page = paul.get(&format!("{customers}/{waiting}/status")).body;
    assert!(button(&page, "Disable").unwrap().contains("disabled"), "{page}");
    assert!(page.contains("id=\"why-status\""), "{page}");
    let page = paul.get(&format!("{customers}/{velo}/reject")).body;
    assert!(button(&page, "Reject").unwrap().contains("disabled"), "{page}");
    // Each shows which customer it is about, how it stands, and the way back.
    for action in ["users", "rename", "status", "quota", "messages", "history", "reject"] {
        let page = paul.get(&format!("{customers}/{velo}/{action}")).body;
        let about = between(&page, "<p class=\"about\">", "</p>");
        assert!(about.contains("Velo Courier") && about.contains("<code>velo</code>"), "{action}: {about}");
        assert!(about.contains("badge active"), "{action}: {about}");
        assert!(between(&page, "<p class=\"crumbs\">", "</p>").contains("href=\"/a/"), "{action}");
        assert_eq!(page.matches("<h1>").count(), 1, "{action}");
    }
    // Ended: nothing is to be done with it any more, and its history stays.
    paul.get(&format!("{customers}/{waiting}/reject"));
    assert_eq!(paul.post(&format!("{customers}/{waiting}/reject"), &[("reason", "No")]).status, 303);
    for (action, label) in [("rename", "Rename"), ("status", "Disable"), ("quota", "Save")] {
        let page = paul.get(&format!("{customers}/{waiting}/{action}")).body;
        assert!(button(&page, label).unwrap().contains("disabled"), "{action}: {page}");
    }
    assert!(paul.get(&format!("{customers}/{waiting}/history")).body.contains("CUSTOMER_REJECTED"));
}

#[test]
fn r_quo_1_the_quota_goes_up_and_down_without_scripts() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let path = format!("/a/{partner}/customers/{}/quota", customer(&list, "north-energy"));
    // The address of a step, as the page links it.
    let step = |page: &str, label: &str| {
        let link = page.split("<a ").find(|link| link.contains(label) && link.contains("quota=")).unwrap();
        between(link, "href=\"", "\"").replace("&#38;", "&").replace("&amp;", "&")
    };
    let typed = |page: &str| between(page, "name=\"quota\" value=\"", "\"").to_owned();
    let hidden = |page: &str| between(page, "id=\"quota-below\"", ">").contains("hidden");
    let page = paul.get(&path).body;
    assert!(page.contains("3 of 2") && typed(&page) == "2" && !hidden(&page), "{page}");
    let more = paul.get(&step(&page, "One more")).body;
    assert!(typed(&more) == "3" && hidden(&more), "room for what is there: {more}");
    let more = paul.get(&step(&more, "One more")).body;
    let less = paul.get(&step(&more, "One less")).body;
    assert_eq!((typed(&more).as_str(), typed(&less).as_str()), ("4", "3"));
    assert!(paul.get(&path).body.contains("3 of 2"), "a step saves nothing");
    assert_eq!(typed(&paul.get(&step(&less, "Unlimited")).body), "unlimited");
    // Meanwhile somebody else saved: what was seen is named, not what is so now.
    assert_eq!(paul.post(&path, &[("seen", "2"), ("quota", "1")]).status, 303);
    let told = paul.get(&format!("/a/{partner}/customers")).body;
    assert!(told.contains("It has 3: they stay"), "{told}");
    let stale = paul.get(&step(&more, "One more")).body;
    let seen = between(&stale, "name=\"seen\" value=\"", "\"").to_owned();
    assert_eq!(seen, "2");
    let refused = paul.post(&path, &[("seen", &seen), ("quota", &typed(&stale))]);
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("it is 1 now") && typed(&refused.body) == "5", "{}", refused.body);
    // At its ends there is no step further.
    let end = paul.get(&format!("{path}?seen=1&quota=0")).body;
    assert!(!end.contains("One less") && end.contains("One more"), "{end}");
    let end = paul.get(&format!("{path}?seen=1&quota=1000000")).body;
    assert!(end.contains("One less") && !end.contains("One more"), "{end}");
}

#[test]
fn r_msg_4_receipts_show_their_message_and_each_field_says_what_is_wrong_with_it() {
    let portal = Portal::start();
    let (mut paul, partner, list) = paul(&portal);
    let path = format!("/a/{partner}/customers/{}/messages", customer(&list, "north-energy"));
    let send = |paul: &mut Browser, title: &str, text: &str, last_day: &str| {
        paul.get(&path);
        let mode = ("mode", "all_must_read");
        paul.post(&path, &[("title", title), ("text", text), mode, ("last_day", last_day)])
    };
    let long = "x".repeat(2_001);
    for (title, text, day, wrong) in [
        ("", "Text", "", "title-problem"),
        ("Title", "", "", "text-problem"),
        ("Title", &long, "", "text-problem"),
        ("Title", "Text", "2020-01-01", "last-day-problem"),
    ] {
        let refused = send(&mut paul, title, text, day);
        assert!(matches!(refused.status, 409 | 422), "{wrong}: {}", refused.status);
        assert_eq!(refused.body.matches("<p class=\"problem\"").count(), 1, "{wrong}: {}", refused.body);
        assert!(refused.body.contains(&format!("id=\"{wrong}\"")), "{wrong}: {}", refused.body);
        assert!(refused.body.contains("aria-invalid=\"true\""), "{wrong}");
    }
    assert_eq!(send(&mut paul, "Windows", "First line\r\n<b>second</b>", "2099-12-31").status, 303);
    let sent = paul.get(&path).body;
    let row = sent.split("<tr>").find(|row| row.contains("Windows")).unwrap();
    let receipts = paul.get(between(row, "href=\"", "\"")).body;
    let message = between(&receipts, "<p class=\"written\">", "</p>");
    assert!(message.starts_with("First line\n") && !message.contains("<b>"), "{message}");
    assert!(receipts.contains("Paul Weber") && receipts.contains("2100-01-01 00:00 UTC"), "{receipts}");
    let withdraw = between(&receipts, "main", "</main>");
    let withdraw = withdraw.split("action=\"").find(|form| form.contains("/withdraw\"")).unwrap();
    assert_eq!(paul.post(withdraw.split('"').next().unwrap(), &[]).status, 303);
    let receipts = paul.get(between(row, "href=\"", "\"")).body;
    assert!(receipts.contains("withdrawn") && !receipts.contains("/withdraw\""), "{receipts}");
    // A customer without users: the button says beforehand that nobody would read it.
    let nobody = paul.get(&format!("/a/{partner}/customers/{}/messages", customer(&list, "lindenau"))).body;
    assert!(button(&nobody, "Send").unwrap().contains("disabled") && nobody.contains("why-send"), "{nobody}");
}

#[test]
fn r_lnk_2_the_link_stands_in_the_actions_column_of_its_own_people_only() {
    let portal = Portal::start();
    let (_, partner, list) = paul(&portal);
    let own = format!("href=\"/a/{partner}/registration-link\"");
    let top = between(&list, "<tr class=\"create\">", "</tr>");
    assert!(top.rsplit("<td").next().unwrap().contains(&own), "{top}");
    // An administrator sees the partner's row, and no link.
    let mut ada = portal.signed_in("ada@operations.example");
    let operations = account(&ada.get("/accounts").body, "operations");
    let theirs = ada.get(&format!("/a/{operations}/customers")).body;
    assert!(!between(&theirs, "<main", "</main>").contains("/registration-link"), "{theirs}");
}
