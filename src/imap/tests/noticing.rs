//! What a server says beside its answers, as transcripts.

use std::time::Duration;

use tokio::time::Instant;

use super::script::play;

#[tokio::test(start_paused = true)]
async fn throttled_in_an_ok_means_half_the_speed_for_a_quarter_of_an_hour() {
    let script = "C: NOOP\nS: $ OK Success [THROTTLED]\nC: NOOP\nS: $ OK\nC: NOOP\nS: $ OK";
    play("IMAP4rev1", script, async |mut session| {
        let start = Instant::now();
        session.noop().await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
        session.noop().await.unwrap();
        assert_eq!(
            start.elapsed(),
            Duration::from_millis(250),
            "the first command took no time at all"
        );
        tokio::time::sleep(Duration::from_mins(15)).await;
        let later = Instant::now();
        session.noop().await.unwrap();
        assert_eq!(later.elapsed(), Duration::ZERO);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_meant_for_people_is_kept_and_damage_is_grave() {
    let script = "C: NOOP\nS: * OK [ALERT] The server goes\u{1b}[2J down at six\nS: $ OK [CORRUPTION] index rebuilt
        C: NOOP\nS: * NO [ALERT] 93 % full\nS: $ NO [CONTACTADMIN] ask them
        C: NOOP\nS: $ NO [ALERT] use the web\nC: NOOP\nS: $ OK all is well";
    play("IMAP4rev1", script, async |mut session| {
        for _ in 0..3 {
            let _ = session.noop().await;
        }
        let warnings = session.take_warnings();
        let grave: Vec<bool> = warnings.iter().map(|warning| warning.grave).collect();
        assert_eq!(grave, [false, true, false, true, true], "{warnings:?}");
        assert!(!warnings[0].text.contains('\u{1b}') && warnings[0].text.starts_with("[ALERT] The server goes"));
        session.noop().await.unwrap();
        assert_eq!(session.take_warnings(), []);
    })
    .await;
}
