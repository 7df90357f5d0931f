//! Words of subjects and display names, in the languages of many newsletters. Matching is by whole words.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

/// What a text speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Topics {
    /// Login codes, password mail, sign-in and security alerts, confirmations that somebody is waiting for.
    pub code: bool,
    /// A periodical names itself.
    pub periodical: bool,
    /// Somebody wants to sell something.
    pub offer: bool,
}

/// The topics of a decoded subject or display name.
pub(super) fn topics(text: &str) -> Topics {
    let mut topics = Topics::default();
    let Some((matcher, limits)) = &*MATCHER else {
        return topics;
    };
    let words = fold(text);
    for found in matcher.find_overlapping_iter(&words) {
        match limits.iter().position(|limit| found.pattern().as_usize() < *limit) {
            Some(0) => topics.code = true,
            Some(1) => topics.periodical = true,
            _ => topics.offer = true,
        }
    }
    // "Account password": the last word of a subject says what it is about.
    topics.code |= ["password ", "passwort "].iter().any(|word| words.ends_with(word));
    topics
}

/// Lower case, words parted by single spaces, a space at both ends; apostrophes and hyphens joined, currency signs kept.
fn fold(text: &str) -> String {
    let mut words = String::with_capacity(text.len() + 2);
    words.push(' ');
    for c in text.chars().take(400) {
        if c.is_alphanumeric() {
            words.extend(c.to_lowercase());
        } else if matches!(c, '%' | '$' | '€' | '£') {
            if !words.ends_with(' ') {
                words.push(' ');
            }
            words.push(c);
            words.push(' ');
        } else if !matches!(c, '\'' | '’' | '-' | '‐') && !words.ends_with(' ') {
            words.push(' ');
        }
    }
    if !words.ends_with(' ') {
        words.push(' ');
    }
    words
}

/// All phrases in one automaton, with the number of phrases up to the end of each topic.
static MATCHER: LazyLock<Option<(AhoCorasick, [usize; 3])>> = LazyLock::new(|| {
    let mut phrases = Vec::new();
    let mut limits = [0; 3];
    for (limit, topic) in limits.iter_mut().zip([CODE, PERIODICAL, OFFER]) {
        phrases.extend(
            topic
                .split(',')
                .map(|phrase| format!(" {} ", phrase.split_whitespace().collect::<Vec<_>>().join(" "))),
        );
        *limit = phrases.len();
    }
    AhoCorasick::new(phrases).ok().map(|matcher| (matcher, limits))
});

const CODE: &str = "
    verification code, security code, confirmation code, access code, login code, log in code, signin code, sign in code,
    authentication code, one time code, one time passcode, onetime passcode, one time password, onetime password, passcode,
    otp, 2fa, access pin, login pin, security pin, two factor, twofactor, password reset, password recovery,
    password change, password changed, reset password, reset your password, reset my password, change your password,
    changed your password, password was changed, password has been changed, forgot your password, forgot password,
    forgotten password, your password, new password, temporary password, new signin, new sign in, signin alert,
    sign in alert, login alert, security alert, access alert, new login, new log in, new device, unusual signin,
    unusual sign in, unusual login, unusual activity, suspicious signin, suspicious login, signin attempt, sign in attempt,
    login attempt, confirm your email, confirm your account, confirm your registration, confirm your identity,
    confirm your subscription, verify your email, verify your account, verify your address, verify your device,
    verify your identity, verify email, email verification, account verification, address verification,
    activate your account, account activation,
    bestätigungscode, sicherheitscode, sicherheitswarnung, einmalpasswort, passwort zurücksetzen, neues passwort,
    passwort geändert, neue anmeldung, bestätige deine, bestätigen sie ihre,
    code de vérification, code de sécurité, mot de passe, réinitialisation, nouvelle connexion,
    código de verificación, código de seguridad, restablecer, contraseña, nuevo inicio de sesión,
    código de verificação, código de segurança, redefinir senha, redefinição de senha,
    codice di verifica, codice di sicurezza, reimposta la password, verificatiecode, wachtwoord";

const PERIODICAL: &str = "
    newsletter, newsletters, enews, enewsletter, ezine, ebulletin, digest, bulletin, gazette, journal, magazine, weekly,
    biweekly, monthly, quarterly, todays headlines, todays news, headlines, daily news, daily update, daily dispatch, your daily,
    news alert, business alert, tech alert, breaking news, top stories, week in review, this week, this weeks, this month,
    this months, weekly update, monthly update, tech update, news update, news release, press release, market insight,
    roundup, recap, vol, volume, issue, edition, mailing list, news online, newsflash, news flash, dispatch, news com,
    daily horoscope, daily comment, weekly comment, techblast, announcements,
    rundbrief, wochenrückblick, monatsbrief, nieuwsbrief, infolettre, lettre dinformation, boletín, boletin, boletim,
    bollettino, notiziario, nyhetsbrev, nyhedsbrev, uutiskirje, biuletyn";

const OFFER: &str = "
    %, $, €, £, off, sale, save, savings, saving, discount, discounts, deal, deals, offer, offers, special, specials, free,
    free shipping, coupon, coupons, voucher, vouchers, gift, gifts, giveaway, win, winner, won, prize, bonus, reward, rewards,
    buy, order now, shop, shopping, shopper, last chance, limited time, hurry, dont miss, exclusive, promo, promotion,
    black friday, cyber monday, clearance, early bird, register now, sign up, trial, jackpot, spin, claim, unlock, premium,
    sweepstakes, auction, auctions,
    rabatt, gutschein, angebot, angebote, sommerangebote, gratis, kostenlos, kostenlose, gewinnen, gewinne, gewinnspiel,
    sparen, vorteile, offre, offres, réduction, soldes, cadeau, oferta, ofertas, descuento, desconto, promoção, compre,
    economize, sconto, sconti, korting, aanbieding, erbjudande, rea, tilbud, promocja";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_and_folded() {
        let shout = topics("Don't miss: 20% OFF — today's Head-lines!");
        assert!(shout.offer && shout.periodical && !shout.code);
        assert_eq!(topics("Wholesale of officers' gifted heads"), Topics::default());
        assert!(topics("Ihr Bestätigungscode: 123").code && topics("Domain manager password").code);
        assert_eq!(topics("Sunday"), Topics::default());
    }
}
