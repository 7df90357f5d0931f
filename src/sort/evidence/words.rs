//! Words of subjects and display names in the languages of many newsletters. Matching is by whole words.

/// A subject made ready: lower case, words parted by single spaces, a space at both ends.
pub(super) struct Words {
    text: String,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
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
        Self { text: words }
    }

    /// True when one of the phrases occurs as whole words.
    pub(super) fn any(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| {
            self.text.match_indices(phrase).any(|(at, _)| {
                let before = self.text.get(..at).is_some_and(|text| text.ends_with(' '));
                let after = self
                    .text
                    .get(at + phrase.len()..)
                    .is_some_and(|text| text.starts_with(' '));
                before && after
            })
        })
    }

    /// True when the words end with one of the phrases.
    pub(super) fn ends_with(&self, phrase: &str) -> bool {
        self.text.trim_end().ends_with(phrase)
    }
}

/// Login codes, password mail, sign-in and security alerts, confirmations that somebody is waiting for.
pub(super) const CODE: [&str; 92] = [
    "verification code",
    "security code",
    "confirmation code",
    "access code",
    "login code",
    "log in code",
    "signin code",
    "sign in code",
    "authentication code",
    "one time code",
    "one time passcode",
    "onetime passcode",
    "one time password",
    "onetime password",
    "passcode",
    "otp",
    "2fa",
    "access pin",
    "login pin",
    "security pin",
    "two factor",
    "twofactor",
    "password reset",
    "password recovery",
    "password change",
    "password changed",
    "reset password",
    "reset your password",
    "reset my password",
    "change your password",
    "changed your password",
    "password was changed",
    "password has been changed",
    "forgot your password",
    "forgot password",
    "forgotten password",
    "your password",
    "new password",
    "temporary password",
    "new signin",
    "new sign in",
    "signin alert",
    "sign in alert",
    "login alert",
    "security alert",
    "access alert",
    "new login",
    "new log in",
    "new device",
    "unusual signin",
    "unusual sign in",
    "unusual login",
    "unusual activity",
    "suspicious signin",
    "suspicious login",
    "signin attempt",
    "sign in attempt",
    "login attempt",
    "confirm your email",
    "confirm your email address",
    "confirm your account",
    "confirm your registration",
    "confirm your identity",
    "confirm your subscription",
    "verify your email",
    "verify your account",
    "verify your address",
    "verify your device",
    "verify your identity",
    "verify email",
    "email verification",
    "account verification",
    "address verification",
    "activate your account",
    "account activation",
    "bestätigungscode",
    "sicherheitscode",
    "sicherheitswarnung",
    "passwort zurücksetzen",
    "neues passwort",
    "passwort geändert",
    "neue anmeldung",
    "bestätige deine",
    "bestätigen sie ihre",
    "code de vérification",
    "mot de passe",
    "réinitialisation",
    "código de verificación",
    "restablecer",
    "contraseña",
    "código de verificação",
    "redefinir senha",
];

/// A periodical names itself.
pub(super) const PERIODICAL: [&str; 60] = [
    "newsletter",
    "newsletters",
    "enews",
    "enewsletter",
    "ezine",
    "ebulletin",
    "digest",
    "bulletin",
    "gazette",
    "journal",
    "magazine",
    "weekly",
    "biweekly",
    "monthly",
    "quarterly",
    "todays headlines",
    "headlines",
    "daily news",
    "daily update",
    "daily dispatch",
    "your daily",
    "news alert",
    "business alert",
    "tech alert",
    "breaking news",
    "top stories",
    "week in review",
    "this week",
    "this weeks",
    "this month",
    "this months",
    "weekly update",
    "monthly update",
    "news update",
    "news release",
    "press release",
    "market insight",
    "roundup",
    "recap",
    "vol",
    "volume",
    "issue",
    "edition",
    "rundbrief",
    "nieuwsbrief",
    "infolettre",
    "lettre dinformation",
    "boletín",
    "boletin",
    "boletim",
    "bollettino",
    "notiziario",
    "wochenrückblick",
    "mailing list",
    "update newsletter",
    "news online",
    "newsflash",
    "news flash",
    "dispatch",
    "alerts",
];

/// Somebody wants to sell something.
pub(super) const OFFER: [&str; 84] = [
    "%",
    "$",
    "€",
    "£",
    "off",
    "sale",
    "save",
    "savings",
    "saving",
    "discount",
    "discounts",
    "deal",
    "deals",
    "offer",
    "offers",
    "special",
    "specials",
    "free",
    "free shipping",
    "coupon",
    "coupons",
    "voucher",
    "vouchers",
    "gift",
    "gifts",
    "giveaway",
    "win",
    "winner",
    "won",
    "prize",
    "bonus",
    "reward",
    "rewards",
    "buy",
    "order now",
    "shop",
    "shopping",
    "shopper",
    "last chance",
    "limited time",
    "hurry",
    "dont miss",
    "exclusive",
    "promo",
    "promotion",
    "black friday",
    "cyber monday",
    "clearance",
    "early bird",
    "webinar",
    "register now",
    "sign up",
    "trial",
    "jackpot",
    "spin",
    "claim",
    "unlock",
    "rabatt",
    "gutschein",
    "angebot",
    "angebote",
    "sommerangebote",
    "gratis",
    "kostenlos",
    "kostenlose",
    "gewinnen",
    "gewinnspiel",
    "sparen",
    "vorteile",
    "offre",
    "offres",
    "réduction",
    "soldes",
    "cadeau",
    "oferta",
    "ofertas",
    "descuento",
    "desconto",
    "promoção",
    "compre",
    "economize",
    "sconto",
    "korting",
    "aanbieding",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_and_folded() {
        let words = Words::of("Don't miss: 20% OFF — today's Head-lines!");
        assert!(
            words.any(&["dont miss"]) && words.any(&["%"]) && words.any(&["off"]) && words.any(&["todays headlines"])
        );
        assert!(!words.any(&["miss 2"]) && !words.any(&["head"]));
    }
}
