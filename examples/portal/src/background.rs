//! What runs beside the requests: the postman and the sweeper. Told to stop, each ends after what it is doing.

use std::time::Duration;

use meshcustomers_core::{Actor, Administration, Delivered, Error, Postman};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::api;
use crate::app::App;

/// How often due mails are looked for, if nobody wakes the postman.
const LOOK: Duration = Duration::from_secs(1);
/// How often what has expired is taken out.
const SWEEP: Duration = Duration::from_mins(10);
/// How many rows of the library's housekeeping go at once.
const HOUSEKEEPING: u32 = 1_000;
/// The exit code of somebody who does not wait for the end, as shells have it for Ctrl-C.
const IMPATIENT: i32 = 130;

/// Delivers due mails: every second, and right after a command; one after the other, so that an end waits for one only.
pub async fn deliver_mails(app: App, mut stop: watch::Receiver<bool>) {
    let admin = app.admin().run(Administration::clone).await;
    while !*stop.borrow() {
        let (admin, post) = (admin.clone(), app.post().clone());
        // Not among the calls of requests: a slow mail server would take a place from them.
        let round = tokio::task::spawn_blocking(move || Postman::new(admin, post).deliver_due(1)).await;
        match round {
            Ok(Ok(done)) if done != Delivered::default() => continue,
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "mails were not delivered; they stay in the outbox"),
            Err(error) => tracing::error!(%error, "the postman fell; he goes on"),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = app.postman_woken() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// Takes out what has expired: sessions, proofs, open changes of address, unproven sign-ins, and what the library keeps for a time only.
pub async fn sweep(app: App, housekeeper: Actor, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let swept = async {
            app.sessions().sweep().await?;
            app.sign_ins().sweep().await?;
            app.tokens().sweep().await
        };
        match swept.await {
            Ok(users) => api::revoke_of_disabled(&app, users).await,
            Err(error) => tracing::warn!(%error, "expired rows stay for now"),
        }
        let actor = housekeeper.clone();
        let housekeeping: Result<_, Error> =
            app.admin().run(move |admin| admin.housekeep(&actor, HOUSEKEEPING)).await;
        if let Err(error) = housekeeping {
            tracing::warn!(%error, "the library's expired rows stay for now");
        }
    }
}

/// Ctrl-C, or the SIGTERM of a service manager, stops; a second one ends at once.
///
/// # Errors
/// What the system says.
pub fn stop_on_signals(stop: watch::Sender<bool>) -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::spawn(async move {
        for second in [false, true] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if second {
                std::process::exit(IMPATIENT);
            }
            stop.send_replace(true);
        }
    });
    Ok(())
}
