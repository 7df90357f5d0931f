//! The list of the letters in `fixtures/mail`, each part in the order of names. A test compares it with the directory.

use super::Sample;

const fn sample(name: &'static str, raw: &'static [u8]) -> Sample {
    Sample { name, raw }
}

/// What lay in the inbox.
pub(super) const INBOX: [Sample; 64] = [
    sample(
        "01-bea-dinner",
        include_bytes!("../../../fixtures/mail/01-bea-dinner.eml"),
    ),
    sample(
        "02-bea-heron",
        include_bytes!("../../../fixtures/mail/02-bea-heron.eml"),
    ),
    sample(
        "03-priya-stairs",
        include_bytes!("../../../fixtures/mail/03-priya-stairs.eml"),
    ),
    sample("04-mum-cake", include_bytes!("../../../fixtures/mail/04-mum-cake.eml")),
    sample(
        "05-joost-boat",
        include_bytes!("../../../fixtures/mail/05-joost-boat.eml"),
    ),
    sample(
        "06-huber-plumber",
        include_bytes!("../../../fixtures/mail/06-huber-plumber.eml"),
    ),
    sample(
        "07-sam-birthday",
        include_bytes!("../../../fixtures/mail/07-sam-birthday.eml"),
    ),
    sample(
        "08-noor-recipe",
        include_bytes!("../../../fixtures/mail/08-noor-recipe.eml"),
    ),
    sample(
        "09-garden-reply",
        include_bytes!("../../../fixtures/mail/09-garden-reply.eml"),
    ),
    sample(
        "10-cycles-saddle",
        include_bytes!("../../../fixtures/mail/10-cycles-saddle.eml"),
    ),
    sample(
        "11-stranger-piano",
        include_bytes!("../../../fixtures/mail/11-stranger-piano.eml"),
    ),
    sample(
        "12-stranger-french",
        include_bytes!("../../../fixtures/mail/12-stranger-french.eml"),
    ),
    sample(
        "13-stranger-japanese",
        include_bytes!("../../../fixtures/mail/13-stranger-japanese.eml"),
    ),
    sample(
        "14-secretary-regatta",
        include_bytes!("../../../fixtures/mail/14-secretary-regatta.eml"),
    ),
    sample(
        "15-neighbour-tree",
        include_bytes!("../../../fixtures/mail/15-neighbour-tree.eml"),
    ),
    sample(
        "16-practice-appointment",
        include_bytes!("../../../fixtures/mail/16-practice-appointment.eml"),
    ),
    sample(
        "17-teacher-trip",
        include_bytes!("../../../fixtures/mail/17-teacher-trip.eml"),
    ),
    sample(
        "18-meeting-invitation",
        include_bytes!("../../../fixtures/mail/18-meeting-invitation.eml"),
    ),
    sample(
        "19-two-authors",
        include_bytes!("../../../fixtures/mail/19-two-authors.eml"),
    ),
    sample(
        "20-list-names-me",
        include_bytes!("../../../fixtures/mail/20-list-names-me.eml"),
    ),
    sample(
        "21-login-code",
        include_bytes!("../../../fixtures/mail/21-login-code.eml"),
    ),
    sample(
        "22-password-reset",
        include_bytes!("../../../fixtures/mail/22-password-reset.eml"),
    ),
    sample(
        "23-new-sign-in",
        include_bytes!("../../../fixtures/mail/23-new-sign-in.eml"),
    ),
    sample(
        "24-code-german",
        include_bytes!("../../../fixtures/mail/24-code-german.eml"),
    ),
    sample(
        "25-garden-release",
        include_bytes!("../../../fixtures/mail/25-garden-release.eml"),
    ),
    sample(
        "26-garden-thread",
        include_bytes!("../../../fixtures/mail/26-garden-thread.eml"),
    ),
    sample(
        "27-kernel-style",
        include_bytes!("../../../fixtures/mail/27-kernel-style.eml"),
    ),
    sample(
        "28-village-list",
        include_bytes!("../../../fixtures/mail/28-village-list.eml"),
    ),
    sample(
        "29-choir-list",
        include_bytes!("../../../fixtures/mail/29-choir-list.eml"),
    ),
    sample(
        "30-rust-weekly",
        include_bytes!("../../../fixtures/mail/30-rust-weekly.eml"),
    ),
    sample(
        "31-morgenbrief",
        include_bytes!("../../../fixtures/mail/31-morgenbrief.eml"),
    ),
    sample("32-museum", include_bytes!("../../../fixtures/mail/32-museum.eml")),
    sample(
        "33-author-letter",
        include_bytes!("../../../fixtures/mail/33-author-letter.eml"),
    ),
    sample("34-boletin", include_bytes!("../../../fixtures/mail/34-boletin.eml")),
    sample(
        "35-observatory",
        include_bytes!("../../../fixtures/mail/35-observatory.eml"),
    ),
    sample(
        "36-black-friday",
        include_bytes!("../../../fixtures/mail/36-black-friday.eml"),
    ),
    sample(
        "37-nur-heute",
        include_bytes!("../../../fixtures/mail/37-nur-heute.eml"),
    ),
    sample("38-airline", include_bytes!("../../../fixtures/mail/38-airline.eml")),
    sample("39-survey", include_bytes!("../../../fixtures/mail/39-survey.eml")),
    sample("40-points", include_bytes!("../../../fixtures/mail/40-points.eml")),
    sample("41-webinar", include_bytes!("../../../fixtures/mail/41-webinar.eml")),
    sample("42-order", include_bytes!("../../../fixtures/mail/42-order.eml")),
    sample("43-shipping", include_bytes!("../../../fixtures/mail/43-shipping.eml")),
    sample("44-invoice", include_bytes!("../../../fixtures/mail/44-invoice.eml")),
    sample(
        "45-bank-statement",
        include_bytes!("../../../fixtures/mail/45-bank-statement.eml"),
    ),
    sample(
        "46-train-ticket",
        include_bytes!("../../../fixtures/mail/46-train-ticket.eml"),
    ),
    sample(
        "47-power-cut",
        include_bytes!("../../../fixtures/mail/47-power-cut.eml"),
    ),
    sample(
        "48-library-due",
        include_bytes!("../../../fixtures/mail/48-library-due.eml"),
    ),
    sample(
        "49-ci-failed",
        include_bytes!("../../../fixtures/mail/49-ci-failed.eml"),
    ),
    sample("50-issue", include_bytes!("../../../fixtures/mail/50-issue.eml")),
    sample(
        "51-social-photo",
        include_bytes!("../../../fixtures/mail/51-social-photo.eml"),
    ),
    sample(
        "52-social-portuguese",
        include_bytes!("../../../fixtures/mail/52-social-portuguese.eml"),
    ),
    sample("53-cron", include_bytes!("../../../fixtures/mail/53-cron.eml")),
    sample("54-monitor", include_bytes!("../../../fixtures/mail/54-monitor.eml")),
    sample(
        "55-calendar-reminder",
        include_bytes!("../../../fixtures/mail/55-calendar-reminder.eml"),
    ),
    sample(
        "56-app-report",
        include_bytes!("../../../fixtures/mail/56-app-report.eml"),
    ),
    sample("57-bounce", include_bytes!("../../../fixtures/mail/57-bounce.eml")),
    sample(
        "58-out-of-office",
        include_bytes!("../../../fixtures/mail/58-out-of-office.eml"),
    ),
    sample(
        "59-lookalike",
        include_bytes!("../../../fixtures/mail/59-lookalike.eml"),
    ),
    sample(
        "60-lookalike-reply",
        include_bytes!("../../../fixtures/mail/60-lookalike-reply.eml"),
    ),
    sample(
        "61-forged-friend",
        include_bytes!("../../../fixtures/mail/61-forged-friend.eml"),
    ),
    sample(
        "62-forged-bank",
        include_bytes!("../../../fixtures/mail/62-forged-bank.eml"),
    ),
    sample(
        "63-spam-lottery",
        include_bytes!("../../../fixtures/mail/63-spam-lottery.eml"),
    ),
    sample(
        "64-spam-pills",
        include_bytes!("../../../fixtures/mail/64-spam-pills.eml"),
    ),
];

/// What lay in Sent.
pub(super) const SENT: [Sample; 9] = [
    sample(
        "sent-01-bea-dinner",
        include_bytes!("../../../fixtures/mail/sent-01-bea-dinner.eml"),
    ),
    sample(
        "sent-02-bea-photos",
        include_bytes!("../../../fixtures/mail/sent-02-bea-photos.eml"),
    ),
    sample(
        "sent-03-priya-floor-plan",
        include_bytes!("../../../fixtures/mail/sent-03-priya-floor-plan.eml"),
    ),
    sample(
        "sent-04-mum-sunday",
        include_bytes!("../../../fixtures/mail/sent-04-mum-sunday.eml"),
    ),
    sample(
        "sent-05-joost-crew",
        include_bytes!("../../../fixtures/mail/sent-05-joost-crew.eml"),
    ),
    sample(
        "sent-06-huber-heating",
        include_bytes!("../../../fixtures/mail/sent-06-huber-heating.eml"),
    ),
    sample(
        "sent-07-birthday",
        include_bytes!("../../../fixtures/mail/sent-07-birthday.eml"),
    ),
    sample(
        "sent-08-garden-dev",
        include_bytes!("../../../fixtures/mail/sent-08-garden-dev.eml"),
    ),
    sample(
        "sent-09-cycles-saddle",
        include_bytes!("../../../fixtures/mail/sent-09-cycles-saddle.eml"),
    ),
];

/// What arrives while the demo runs.
pub(super) const ARRIVING: [Sample; 4] = [
    sample(
        "70-gadget-deal",
        include_bytes!("../../../fixtures/mail/70-gadget-deal.eml"),
    ),
    sample(
        "71-gadget-again",
        include_bytes!("../../../fixtures/mail/71-gadget-again.eml"),
    ),
    sample("72-bea-otto", include_bytes!("../../../fixtures/mail/72-bea-otto.eml")),
    sample(
        "73-stranger-workshop",
        include_bytes!("../../../fixtures/mail/73-stranger-workshop.eml"),
    ),
];
