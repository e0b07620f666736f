/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The texts. A line break is allowed in messages only; tests/pam holds each line to TEXT_LINE_MAX
 * characters.
 */

#include <langinfo.h>
#include <locale.h>
#include <string.h>

#include "macros.h"
#include "text.h"

/* clang-format off */
static const char *const texts[][LANGUAGE_N] = {
	[TEXT_OFFER] = {
		"Forgot it? y = recover, Enter = try again: ",
		"¿Olvidada? s = recuperar, Intro = otra vez: ",
		"Vergessen? j = neu setzen, Enter = nochmal: ",
		"Oublié ? o = récupérer, Entrée = réessayer : ",
	},
	[TEXT_OFFER_MAIL] = {
		"E-mail me a code? y = yes, Enter = other ways: ",
		"¿Código por correo? s = sí, Intro = otra vía: ",
		"Code per E-Mail? j = ja, Enter = andere Wege: ",
		"Code par e-mail ? o = oui, Entrée = autre : ",
	},
	[TEXT_CODE] = {
		"Code: ",
		"Código: ",
		"Code: ",
		"Code : ",
	},
	[TEXT_CODE_AGAIN] = {
		"Wrong code. Again, or Enter = other ways: ",
		"Código erróneo. Otra vez, o Intro = otra vía: ",
		"Falscher Code. Nochmal, Enter = andere Wege: ",
		"Code erroné. Encore, ou Entrée = autre : ",
	},
	[TEXT_OFFER_QUESTIONS] = {
		"Secret questions? y = yes, Enter = other way: ",
		"¿Preguntas secretas? s = sí, Intro = otra vía: ",
		"Sicherheitsfragen? j = ja, Enter = anderer Weg: ",
		"Questions secrètes ? o = oui, Entrée = autre : ",
	},
	[TEXT_QUESTIONS_AGAIN] = {
		"Not right. Again? y = yes, Enter = other way: ",
		"Incorrecto. ¿Otra vez? s = sí, Intro = otra: ",
		"Nicht richtig. Nochmal? j = ja, Enter = nein: ",
		"Inexact. Encore ? o = oui, Entrée = autre : ",
	},
	[TEXT_SAVED_CODE] = {
		"Saved code? Type it, Enter = cancel: ",
		"¿Código de recuperación? Intro = cancelar: ",
		"Wiederherstellungscode? Enter = abbrechen: ",
		"Code de secours ? Tapez-le, Entrée = annuler : ",
	},
	[TEXT_SAVED_CODE_AGAIN] = {
		"Wrong. Saved code again, Enter = cancel: ",
		"Erróneo. Código de recuperación, Intro = salir: ",
		"Falsch. Wiederherstellungscode, Enter = Abbruch: ",
		"Erroné. Code de secours, Entrée = annuler : ",
	},
	[TEXT_CURRENT] = {
		"Current password: ",
		"Contraseña actual: ",
		"Aktuelles Passwort: ",
		"Mot de passe actuel : ",
	},
	[TEXT_NEW] = {
		"New password: ",
		"Nueva contraseña: ",
		"Neues Passwort: ",
		"Nouveau mot de passe : ",
	},
	[TEXT_NEW_AGAIN_MISMATCH] = {
		"Not the same. New password: ",
		"No coinciden. Nueva contraseña: ",
		"Nicht dasselbe. Neues Passwort: ",
		"Différents. Nouveau mot de passe : ",
	},
	[TEXT_NEW_AGAIN_REFUSED] = {
		"Not accepted. New password: ",
		"No se acepta. Nueva contraseña: ",
		"Nicht angenommen. Neues Passwort: ",
		"Refusé. Nouveau mot de passe : ",
	},
	[TEXT_RETYPE] = {
		"Retype new password: ",
		"Repita la nueva contraseña: ",
		"Neues Passwort wiederholen: ",
		"Retapez le nouveau mot de passe : ",
	},
	[TEXT_MAILED] = {
		"If this account has an e-mail address on file,\na code was sent to it. Please type it here.",
		"Si esta cuenta tiene una dirección de correo,\nse le ha enviado un código. Escríbalo aquí.",
		"Ist für dieses Konto eine Adresse hinterlegt,\nwurde ein Code dorthin gesendet. Bitte eingeben.",
		"Si ce compte a une adresse e-mail enregistrée,\nun code y a été envoyé. Tapez-le ici.",
	},
	[TEXT_CHANGED] = {
		"Your password has been changed.",
		"Se ha cambiado la contraseña.",
		"Ihr Passwort wurde geändert.",
		"Votre mot de passe a été changé.",
	},
	[TEXT_NOTHING_CHANGED] = {
		"Nothing was changed.",
		"No se ha cambiado nada.",
		"Nichts wurde geändert.",
		"Rien n'a été changé.",
	},
	[TEXT_RECOVERY_UNAVAILABLE] = {
		"Recovery is not available right now.",
		"La recuperación no está disponible ahora.",
		"Das geht im Moment leider nicht.",
		"La récupération est indisponible pour l'instant.",
	},
	[TEXT_PASSWORD_UNAVAILABLE] = {
		"Passwords cannot be changed right now.",
		"Ahora no se pueden cambiar contraseñas.",
		"Passwörter sind im Moment nicht änderbar.",
		"Mot de passe non modifiable pour l'instant.",
	},
	[TEXT_TRY_LATER] = {
		"Too many requests. Please wait a little.",
		"Demasiadas peticiones. Espere un poco.",
		"Zu viele Anfragen. Bitte etwas warten.",
		"Trop de demandes. Patientez un peu.",
	},
	[TEXT_TOO_MANY_TRIES] = {
		"Too many tries. Nothing was changed.",
		"Demasiados intentos. No se ha cambiado nada.",
		"Zu viele Versuche. Nichts wurde geändert.",
		"Trop d'essais. Rien n'a été changé.",
	},
	[TEXT_TOO_LATE] = {
		"That took too long. Nothing was changed.",
		"Ha pasado mucho tiempo. Nada ha cambiado.",
		"Das dauerte zu lange. Nichts wurde geändert.",
		"Trop de temps s'est écoulé. Rien n'a changé.",
	},
	[TEXT_UNCERTAIN] = {
		"It is not certain that it was changed.\nTry the new password first, then the old one.",
		"No es seguro que se haya cambiado.\nPruebe la nueva y después la antigua.",
		"Ob es geändert wurde, ist nicht sicher.\nErst das neue Passwort versuchen, dann das "
		"alte.",
		"Il n'est pas sûr qu'il ait été changé.\nEssayez le nouveau, puis l'ancien.",
	},
	[TEXT_WRONG_CURRENT] = {
		"That is not your current password.\nNothing was changed.",
		"Esa no es su contraseña actual.\nNo se ha cambiado nada.",
		"Das ist nicht Ihr aktuelles Passwort.\nNichts wurde geändert.",
		"Ce n'est pas votre mot de passe actuel.\nRien n'a été changé.",
	},
	[TEXT_MISMATCH] = {
		"The two new passwords are not the same.",
		"Las dos contraseñas nuevas no coinciden.",
		"Die zwei neuen Passwörter sind verschieden.",
		"Les deux nouveaux mots de passe diffèrent.",
	},
	[TEXT_ANOTHER] = {
		"Please choose another one.",
		"Elija otra, por favor.",
		"Bitte wählen Sie ein anderes.",
		"Choisissez-en un autre.",
	},
	[TEXT_NOT_ALLOWED] = {
		"This password may not be changed here.",
		"Esta contraseña no se puede cambiar aquí.",
		"Dieses Passwort kann hier nicht geändert werden.",
		"Ce mot de passe ne peut être changé ici.",
	},
	[TEXT_NOT_ALLOWED_ROOT] = {
		"Not allowed here: try pwresetctl set-password.",
		"Aquí no: pruebe pwresetctl set-password.",
		"Hier nicht erlaubt: pwresetctl set-password.",
		"Interdit ici : essayez pwresetctl set-password.",
	},
	[TEXT_UNCHECKED] = {
		"The new password could not be checked.",
		"No se ha podido comprobar la nueva contraseña.",
		"Das neue Passwort konnte nicht geprüft werden.",
		"Le nouveau mot de passe n'a pu être vérifié.",
	},
	[TEXT_NUDGE] = {
		"Recovery is not set up: pwresetctl enroll",
		"Recuperación sin configurar: pwresetctl enroll",
		"Wiederherstellung fehlt: pwresetctl enroll",
		"Récupération non configurée : pwresetctl enroll",
	},
	[TEXT_TOO_SHORT] = {
		"It is too short.",
		"Es demasiado corta.",
		"Es ist zu kurz.",
		"Il est trop court.",
	},
	[TEXT_TOO_LONG] = {
		"It is too long.",
		"Es demasiado larga.",
		"Es ist zu lang.",
		"Il est trop long.",
	},
	[TEXT_NOT_UTF8] = {
		"It has bytes that are not text (UTF-8).",
		"Tiene bytes que no son texto (UTF-8).",
		"Es hat Bytes, die kein Text sind (UTF-8).",
		"Il a des octets qui ne sont pas du texte (UTF-8).",
	},
	[TEXT_NOT_NFC] = {
		"It has letters in an unusual form (not NFC).",
		"Tiene letras en forma poco común (no NFC).",
		"Es hat Zeichen in unüblicher Form (nicht NFC).",
		"Il a des lettres de forme inhabituelle (non NFC).",
	},
	[TEXT_UNASSIGNED] = {
		"It has a character that does not exist.",
		"Tiene un carácter que no existe.",
		"Es hat ein Zeichen, das es nicht gibt.",
		"Il a un caractère qui n'existe pas.",
	},
	[TEXT_CONTROL] = {
		"It has a control character.",
		"Tiene un carácter de control.",
		"Es hat ein Steuerzeichen.",
		"Il a un caractère de contrôle.",
	},
	[TEXT_SPACE] = {
		"It has a space of an unusual kind.",
		"Tiene un espacio de tipo poco común.",
		"Es hat ein Leerzeichen unüblicher Art.",
		"Il a une espace d'un genre inhabituel.",
	},
	[TEXT_COMMON] = {
		"Many people use it.",
		"La usa mucha gente.",
		"Viele Leute benutzen es.",
		"Beaucoup de gens l'utilisent.",
	},
	[TEXT_LEAKED] = {
		"It is on a list of leaked passwords.",
		"Está en una lista de contraseñas filtradas.",
		"Es steht in einer Liste gestohlener Passwörter.",
		"Il est dans une liste de mots de passe volés.",
	},
	[TEXT_PERSONAL] = {
		"It is made of your name or address.",
		"Está hecha de su nombre o dirección.",
		"Es besteht aus Ihrem Namen oder Ihrer Adresse.",
		"Il est fait de votre nom ou adresse.",
	},
	[TEXT_OLD_PASSWORD] = {
		"It is too much like an earlier password.",
		"Se parece demasiado a una anterior.",
		"Es gleicht einem früheren Passwort zu sehr.",
		"Il ressemble trop à un ancien.",
	},
	[TEXT_SITE_WORD] = {
		"It is made of a word of this organisation.",
		"Está hecha de una palabra de la organización.",
		"Es besteht aus einem Wort dieser Organisation.",
		"Il est fait d'un mot de l'organisation.",
	},
	[TEXT_KEYBOARD_WALK] = {
		"It is a walk over the keyboard.",
		"Es un recorrido por el teclado.",
		"Es ist eine Folge von Nachbartasten.",
		"C'est une suite de touches voisines.",
	},
	[TEXT_REPEATS] = {
		"It repeats itself.",
		"Se repite.",
		"Es wiederholt sich.",
		"Il se répète.",
	},
	[TEXT_SEQUENCE] = {
		"It is a sequence such as abc or 123.",
		"Es una secuencia como abc o 123.",
		"Es ist eine Reihe wie abc oder 123.",
		"C'est une suite comme abc ou 123.",
	},
	[TEXT_DICTIONARY] = {
		"It is a word, or little more than one.",
		"Es una palabra, o poco más.",
		"Es ist ein Wort oder wenig mehr.",
		"C'est un mot, ou à peine plus.",
	},
	[TEXT_TOO_GUESSABLE] = {
		"It is too easy to guess.",
		"Es demasiado fácil de adivinar.",
		"Es ist zu leicht zu erraten.",
		"Il est trop facile à deviner.",
	},
	[TEXT_HISTORY] = {
		"It was used before.",
		"Ya se ha usado antes.",
		"Es wurde schon einmal benutzt.",
		"Il a déjà servi.",
	},
	[TEXT_TOO_YOUNG] = {
		"The old one is too new to be changed.",
		"La actual es demasiado reciente.",
		"Das alte ist zu neu für einen Wechsel.",
		"L'ancien est encore trop récent.",
	},
	[TEXT_DIRECTORY_POLICY] = {
		"The directory does not accept it.",
		"El directorio no la acepta.",
		"Das Verzeichnis nimmt es nicht an.",
		"L'annuaire ne l'accepte pas.",
	},
	[TEXT_HINT_LONGER] = {
		"A longer one helps.",
		"Una más larga ayuda.",
		"Ein längeres hilft.",
		"Plus long, il sera meilleur.",
	},
	[TEXT_HINT_MORE_WORDS] = {
		"More words, not often seen together, help.",
		"Ayudan más palabras, poco vistas juntas.",
		"Mehr Wörter, die selten beisammen stehen, helfen.",
		"Plus de mots, rarement réunis, aident.",
	},
	[TEXT_HINT_NO_PERSONAL] = {
		"Leave out what others know of you.",
		"Quite lo que otros saben de usted.",
		"Lassen Sie weg, was andere von Ihnen wissen.",
		"Ôtez ce que d'autres savent de vous.",
	},
	[TEXT_HINT_NO_PATTERN] = {
		"Leave out patterns and sequences.",
		"Quite patrones y secuencias.",
		"Lassen Sie Muster und Reihen weg.",
		"Ôtez les motifs et les suites.",
	},
	[TEXT_HINT_NO_SUBSTITUTION] = {
		"Writing @ for a or 0 for o does not help.",
		"Escribir @ por a o 0 por o no ayuda.",
		"@ statt a oder 0 statt o hilft nicht.",
		"Écrire @ pour a ou 0 pour o n'aide pas.",
	},
	[TEXT_HINT_NOT_DERIVED] = {
		"Do not make it from the old one.",
		"No la derive de la antigua.",
		"Bilden Sie es nicht aus dem alten.",
		"Ne le tirez pas de l'ancien.",
	},
	[TEXT_HINT_OTHER_CHARACTERS] = {
		"Type other characters.",
		"Escriba otros caracteres.",
		"Nehmen Sie andere Zeichen.",
		"Tapez d'autres caractères.",
	},
};
/* clang-format on */

typedef struct Code {
	const char *code;
	TextId text;
} Code;

static const Code reason_codes[] = {
	{ "too-short", TEXT_TOO_SHORT },
	{ "too-long", TEXT_TOO_LONG },
	{ "not-utf8", TEXT_NOT_UTF8 },
	{ "not-nfc", TEXT_NOT_NFC },
	{ "unassigned", TEXT_UNASSIGNED },
	{ "control", TEXT_CONTROL },
	{ "space", TEXT_SPACE },
	{ "common", TEXT_COMMON },
	{ "leaked", TEXT_LEAKED },
	{ "personal", TEXT_PERSONAL },
	{ "old-password", TEXT_OLD_PASSWORD },
	{ "site-word", TEXT_SITE_WORD },
	{ "keyboard-walk", TEXT_KEYBOARD_WALK },
	{ "repeats", TEXT_REPEATS },
	{ "sequence", TEXT_SEQUENCE },
	{ "dictionary", TEXT_DICTIONARY },
	{ "too-guessable", TEXT_TOO_GUESSABLE },
	{ "history", TEXT_HISTORY },
	{ "too-young", TEXT_TOO_YOUNG },
	{ "directory-policy", TEXT_DIRECTORY_POLICY },
};

static const Code hint_codes[] = {
	{ "longer", TEXT_HINT_LONGER },
	{ "more-words", TEXT_HINT_MORE_WORDS },
	{ "no-personal", TEXT_HINT_NO_PERSONAL },
	{ "no-pattern", TEXT_HINT_NO_PATTERN },
	{ "no-substitution", TEXT_HINT_NO_SUBSTITUTION },
	{ "not-derived", TEXT_HINT_NOT_DERIVED },
	{ "other-characters", TEXT_HINT_OTHER_CHARACTERS },
};

static const char *const tags[LANGUAGE_N] = { "en", "es", "de", "fr" };

_Static_assert(ARRAY_SIZE(texts) == TEXT_N, "a text is missing");

const char *text_get(TextId id, Language language)
{
	return texts[id][language];
}

static TextId code_find(const Code *codes, size_t n, const char *code, TextId otherwise)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(codes[i].code, code) == 0)
			return codes[i].text;
	return otherwise;
}

TextId text_of_reason(const char *code)
{
	return code_find(reason_codes, ARRAY_SIZE(reason_codes), code, TEXT_TOO_GUESSABLE);
}

TextId text_of_hint(const char *code)
{
	return code_find(hint_codes, ARRAY_SIZE(hint_codes), code, TEXT_N);
}

void text_wrap(char *text)
{
	char *space = NULL;
	size_t width = 0; /* characters since the last break */

	for (char *p = text; *p; p++) {
		/* Not the bytes that continue a character. */
		if (((unsigned char)*p & 0xc0) == 0x80)
			continue;
		width++;
		if (*p == ' ')
			space = p;
		if (width < TEXT_LINE_MAX || !space)
			continue;
		*space = '\n';
		width = 0;
		for (const char *q = space + 1; q <= p; q++)
			width += ((unsigned char)*q & 0xc0) != 0x80;
		space = NULL;
	}
}

Language language_of_program(void)
{
	/* nl_langinfo() sees the calling thread's locale, as gettext would. */
	const char *name = nl_langinfo(NL_LOCALE_NAME(LC_MESSAGES));

	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		return LANGUAGE_EN;
	for (Language language = 0; language < LANGUAGE_N; language++)
		if (strncmp(name, tags[language], 2) == 0 && strcspn(name, "_.@") == 2)
			return language;
	return LANGUAGE_EN;
}

const char *language_tag(Language language)
{
	return tags[language];
}
