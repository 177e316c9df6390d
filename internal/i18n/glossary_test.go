package i18n_test

import (
	"regexp"
	"strings"
	"testing"
)

// rejected are words that the glossary has another term for, or that are not
// our tone. German says Sie, French vous, Swedish du.
var rejected = map[string][]string{
	"en": {
		`(?i)bypass`, `(?i)\bemail\b`, `(?i)\blog(ged)? (in|out)\b`, `(?i)two factor`, `(?i)2-factor|2-step|two-step`, `(?i)backup code|rescue code|emergency code`,
		`(?i)secret key|setup code`, `(?i)authentication app|authenticator application`, `(?i)one-time code`, `(?i)remembered device|trusted device`, `(?i)\bplease\b|\boops\b|\bsorry\b`,
		`(?i)security code`, `(?i)passcode`, `(?i)user name`, `(?i)\bhis\b|\bher\b`,
	},
	"de": {
		`(?i)bypass|umgehung`, `\b(du|Du|dein\w*|Dein\w*|dir|Dir|dich|Dich|euch|Euch|euer\w*)\b`, `(?i)kennwort`, `(?i)zweifaktor|2-faktor|zwei-schritt|zweistufig`,
		`(?i)bestätigungscode|prüfcode|sicherheitscode`, `(?i)backup-code|ersatzcode|notfallcode`, `QR Code`, `(?i)einloggen|ausloggen|login\b`, `(?i)\bbitte\b`,
		`(?i)authentifizierungs-app|authentifikator|authentisierung`, `(?i)geheimer schlüssel|setup-schlüssel`, `(?i)\bemail\b`, `Einmal-Passwort`, `alle Benutzer Organisation`,
	},
	"fr": {
		`(?i)bypass|contournement`, `(?i)\b(tu|toi|ton|tes|t’)\b`, `(?i)double authentification|deux étapes|double facteur`, `(?i)QR code`, `(?i)code de secours|code de sauvegarde`,
		`(?i)\blogin\b`, `(?i)s’il vous plaît|veuillez`, `(?i)courriel|adresse mail\b|\bemail\b`, `(?i)clé secrète|clé de paramétrage`, `(?i)appli\b`, `(?i)code de sécurité|code de confirmation`,
		`(?i)\b(connecté|déconnecté|invité)\b`, // guesses whether a man or a woman reads it
	},
	"sv": {
		`(?i)bypass|förbikoppling`, `(?i)åtalas`, `\b(ni|Ni|er|Er|ert|Ert|era|Era)\b`, `(?i)tvåstegs|två-faktor|2-faktor`, `(?i)reservkod|backupkod|säkerhetskod`, `(?i)vänligen|snälla`,
		`(?i)logga på|inlogg\b`, `(?i)hemlig nyckel|installationsnyckel`, `(?i)autentiserare`, `QR kod`, `(?i)\bemail\b|e-mail`, `(?i)bekräftelsekod`,
	},
}

// bounded lets \b know letters beyond ASCII: "êtes" is not "tes".
func bounded(pattern string) string {
	pattern = regexp.MustCompile(`\\b([\p{L}(])`).ReplaceAllString(pattern, `(?:^|[^\p{L}])$1`)
	return strings.ReplaceAll(pattern, `\b`, `(?:$|[^\p{L}])`)
}

func TestGlossaryRejects(t *testing.T) {
	for tag, words := range rejected {
		texts := catalog(t, tag)
		for _, word := range words {
			bad := regexp.MustCompile(bounded(word))
			for id, text := range texts {
				if m := bad.FindString(placeholder.ReplaceAllString(text.whole(), "x")); m != "" {
					t.Errorf("%s: %s says %q, which the glossary has another word for: %s", tag, id, m, text.whole())
				}
			}
		}
	}
}

// terms are the words that stand for one thing each. Wherever the English text
// names the thing, the others name it by their term and by no other.
var terms = []struct{ en, de, fr, sv string }{
	{`(?i)two-factor authentication`, `(?i)zwei-faktor-authentifizierung`, `(?i)authentification à deux facteurs`, `(?i)tvåfaktorsautentisering`},
	{`\bMFA\b`, `\bMFA\b`, `\bMFA\b`, `\bMFA\b`},
	{`(?i)authenticator app`, `(?i)authenticator-app`, `(?i)applications? d’authentification`, `(?i)autentiseringsapp`},
	{`(?i)\bQR code`, `QR-Code`, `(?i)code QR`, `QR-kod`},
	{`(?i)setup key`, `Einrichtungsschlüssel`, `(?i)clé de configuration`, `(?i)konfigurationsnyckel`},
	{`(?i)verification code`, `Verifizierungscode`, `(?i)code de vérification`, `(?i)verifieringskod`},
	{`(?i)recovery codes?`, `(?i)wiederherstellungscode|\bCodes?\b`, `(?i)codes? de récupération`, `(?i)återställningskod`},
	{`(?i)temporary pass`, `(?i)befristeter zugang`, `(?i)accès temporaire`, `(?i)tillfälligt pass`},
	{`(?i)second factor`, `(?i)zweite[rn]? Faktor`, `(?i)second facteur`, `(?i)andra faktor`},
	{`(?i)\bpasswords?\b`, `(?i)passw[oö]rt|Neues`, `(?i)mots? de passe`, `(?i)lösenord`},
	{`(?i)administrator`, `(?i)administrat(ion|or)`, `(?i)administrat(ion|eur)`, `(?i)administratör`},
	{`(?i)trusted browsers?`, `(?i)vertrauenswürdige`, `(?i)navigateurs? de confiance`, `(?i)betrodda? webbläsar`},
	{`(?i)service accounts?`, `(?i)dienstkont`, `(?i)comptes? de service`, `(?i)tjänstkont`},
	{`(?i)audit log`, `Audit-Protokoll`, `(?i)journal d’audit`, `(?i)granskningslogg`},
	{`(?i)pending validation`, `(?i)ausstehende Validierung`, `(?i)validation en attente`, `(?i)väntar på validering`},
	{`^2FA status$`, `^2FA-Status$`, `^Statut 2FA$`, `^2FA-status$`},
	{`^Enable$`, `^Aktivieren$`, `^Activer$`, `^Aktivera$`},
	{`(?i)\bsessions?\b`, `(?i)sitzung`, `(?i)session`, `(?i)session`},
	{`(?i)\binvitations?\b`, `(?i)einladung`, `(?i)invitation`, `(?i)inbjud`},
	{`(?i)\bdisable`, `(?i)deaktivier`, `(?i)désactiv`, `(?i)inaktiv`},
	{`^Verify$`, `^Überprüfen$`, `^Vérifier$`, `^Verifiera$`},
	{`^Sign in$`, `^Anmelden$`, `^Se connecter$`, `^Logga in$`},
	{`^Setup required$`, `^Setup erforderlich$`, `^Configuration requise$`, `^Konfiguration krävs$`},
	{`(?i)skip for now`, `Jetzt überspringen`, `(?i)ignorer`, `(?i)hoppa över`},
	{`You have successfully enabled MFA for your account\.`, `Sie haben MFA erfolgreich für Ihr Konto aktiviert\.`, `Vous avez activé la MFA pour votre compte\.`, `Du har aktiverat MFA för ditt konto\.`},
	{`^MFA is now disabled\.$`, `^MFA ist jetzt deaktiviert\.$`, `^La MFA est maintenant désactivée\.$`, `^MFA är nu inaktiverat\.$`},
}

func TestGlossaryTerms(t *testing.T) {
	english := catalog(t, "en")
	for _, term := range terms {
		source := regexp.MustCompile(term.en)
		hits := 0
		for tag, local := range map[string]string{"de": term.de, "fr": term.fr, "sv": term.sv} {
			want, texts := regexp.MustCompile(local), catalog(t, tag)
			for id, text := range english {
				if !source.MatchString(text.whole()) {
					continue
				}
				hits++
				if !want.MatchString(texts[id].whole()) {
					t.Errorf("%s: %s should use the term %s where en has %s: %s", tag, id, local, term.en, texts[id].whole())
				}
			}
		}
		if hits == 0 {
			t.Errorf("no text uses %s: the glossary is out of date", term.en)
		}
	}
}
