/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The password policy with the shipped files: verdicts, reasons, text rules, and files that are
 * wrong. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "policy.h"
#include "unit.h"

static const char *blocklist_path, *words_path;

static int setup(void **state)
{
	const char *site[] = { "Contoso Werke" };
	PolicyConfig config = { .blocklist_path = blocklist_path,
				.words_path = words_path,
				.site_words = site,
				.n_site_words = 1 };
	Policy *policy = NULL;

	assert_int_equal(policy_open(&policy, &config), 0);
	*state = policy;
	return 0;
}

static int teardown(void **state)
{
	policy_free(*state);
	return 0;
}

static const char *const nobody[] = { NULL };
static const char *const mueller[] = { "jmueller", "Jürgen Müller",
				       "juergen.mueller@mail.example.org" };
static const char *const kuznetsov[] = { "ikuzn", "Андрей Кузнецов" };

static PolicyVerdict verdict_of(const Policy *policy, const char *password,
				const char *const *words, size_t n_words, const char *old)
{
	/* Exactly as long as it is, so that a sanitizer sees each byte beyond. */
	size_t n = strlen(password);
	uint8_t *copy = malloc(n > 0 ? n : 1);
	PolicyInput input = { .password = copy,
			      .n_password = n,
			      .person_words = words,
			      .n_person_words = n_words,
			      .old_password = (const uint8_t *)old,
			      .n_old_password = old ? strlen(old) : 0 };
	PolicyVerdict verdict;

	assert_non_null(copy);
	memcpy(copy, password, n);
	policy_check(policy, &input, &verdict);
	free(copy);
	assert_int_equal(verdict.accepted, verdict.reasons == 0);
	return verdict;
}

static void refused(const Policy *policy, const char *password, uint32_t reason)
{
	PolicyVerdict verdict = verdict_of(policy, password, nobody, 0, NULL);

	if ((verdict.reasons & reason) != reason)
		fail_msg("%s: reasons %x, bits %u, wanted %x", password, verdict.reasons,
			 verdict.bits, reason);
}

static void refuses_words_of_many_languages(void **state)
{
	static const char *const weak[] = {
		"Summer2024!",    "P@ssw0rd123",        "Sonnenschein99", "geburtstag1987",
		"Größe12345",     "Groesse12345",       "groesse12345",   "Bonjour2019",
		"çavabien123",    "Ferrari1986!",       "arrivederci1",   "contraseña2020",
		"contrasena2020", "MotDePasse1!",       "saudade2011!",   "zażółć123",
		"dziękuję99",     "dziekuje99",         "пароль123",      "Привет2024!",
		"gfhjkm12345",    "Ghbdtn2024",         "любовь1990",     "k.,jdm1990",
		"здравствуйте1",  "privetprivet1",      "κωδικός123",     "סיסמה1234",
		"drowssap123",    "lightninglightning", "зфыыцщкв123",    "krümelmonster1",
		"Fußball2006!",
	};

	for (size_t i = 0; i < sizeof(weak) / sizeof(*weak); i++)
		refused(*state, weak[i], POLICY_TOO_GUESSABLE);
}

/* Words and forms that the shipped lists do not have, and what people put between and around. */
static void refuses_what_only_looks_long(void **state)
{
	static const char *const weak[] = {
		"откъртвашоткъртваш!", "Sospiranteadagiav!", "p.a.s.s.w.o.r.d",  "p-a-s-s-w-o-r-d1",
		"ppaasssswwoorrdd",    "Lehrer12.03.1985",   "1985-03-12berlin", "0171/3948572",
		"+491713948572",       "P_A_R_O_L_A_2024",
	};

	for (size_t i = 0; i < sizeof(weak) / sizeof(*weak); i++)
		refused(*state, weak[i], POLICY_TOO_GUESSABLE);
}

static void accepts_what_is_random(void **state)
{
	static const char *const strong[] = {
		"correct-umbrella-violin-thirteen",
		"pikante Wolken tragen Gummistiefel",
		"яркий велосипед читает облако",
		"кит дым лес сон мак пух зуб",
		"X7#qLw9$mZ2p",
		"kT4vWz8nQ2xJ",
		"妒兴嗮哶呤垢塿厝",
		"wildness repaint drudge 🐋🐑🐘😂",
		"2081736495560318",
		"ban=fun3Manner",
	};

	for (size_t i = 0; i < sizeof(strong) / sizeof(*strong); i++) {
		PolicyVerdict verdict = verdict_of(*state, strong[i], nobody, 0, NULL);

		if (!verdict.accepted)
			fail_msg("%s: reasons %x, bits %u", strong[i], verdict.reasons,
				 verdict.bits);
		assert_in_range(verdict.bits, 40, 511 * 12);
	}
}

static void names_the_pattern(void **state)
{
	refused(*state, "zxcvbnm,./12", POLICY_KEYBOARD_WALK);
	refused(*state, "qsdfghjklm", POLICY_TOO_GUESSABLE);
	refused(*state, "yxcvbnmlkj", POLICY_KEYBOARD_WALK);
	refused(*state, "кенгшщапролд", POLICY_KEYBOARD_WALK);
	refused(*state, "aoeuidhtns", POLICY_TOO_GUESSABLE);
	refused(*state, "6yhnMJU&8ik,", POLICY_KEYBOARD_WALK);
	refused(*state, "fcgvhbjnkm", POLICY_KEYBOARD_WALK);
	refused(*state, "xkxkxkxkxkxkxkxk", POLICY_REPEATS);
	refused(*state, "hijklmnopqrs", POLICY_SEQUENCE);
	refused(*state, "iloveyou", POLICY_COMMON);
	refused(*state, "ILOVEYOU", POLICY_COMMON);
	refused(*state, "contosowerke1", POLICY_SITE_WORD);
	refused(*state, "k0nrad", POLICY_TOO_SHORT);
}

static void knows_the_person(void **state)
{
	static const char *const weak[] = { "Mueller1978!",  "müllerJÜRGEN",   "relleum2024",
					    "jmueller#2023", "Ju3rg3nMu3ll3r", "mail.example!1" };
	static const char *const russian[] = { "Кузнецов1990", "kuznetsov90!", "Repytwjd1990",
					       "fylhtq1990" };

	for (size_t i = 0; i < sizeof(weak) / sizeof(*weak); i++) {
		PolicyVerdict verdict = verdict_of(*state, weak[i], mueller, 3, NULL);

		if (!(verdict.reasons & POLICY_PERSONAL) ||
		    !(verdict.hints & POLICY_HINT_NO_PERSONAL))
			fail_msg("%s: reasons %x", weak[i], verdict.reasons);
	}
	for (size_t i = 0; i < sizeof(russian) / sizeof(*russian); i++) {
		PolicyVerdict verdict = verdict_of(*state, russian[i], kuznetsov, 2, NULL);

		if (!(verdict.reasons & POLICY_PERSONAL))
			fail_msg("%s: reasons %x", russian[i], verdict.reasons);
	}
}

static void sees_the_old_password_in_the_new(void **state)
{
	static const char old[] = "vT9#kQ2$mXw7Lp";
	static const char *const variations[] = { "vT9#kQ2$mXw7Lp",  "vT9#kQ2$mXw7Lq",
						  "vT9#kQ2$mXw7Lp1", "VT9#KQ2$MXW7LP",
						  "pL7wXm$2Qk#9Tv",  "1vT9#kQ2$mXw8Lp" };
	PolicyVerdict verdict;

	for (size_t i = 0; i < sizeof(variations) / sizeof(*variations); i++) {
		verdict = verdict_of(*state, variations[i], nobody, 0, old);
		if (!(verdict.reasons & POLICY_OLD_PASSWORD))
			fail_msg("%s: reasons %x, bits %u", variations[i], verdict.reasons,
				 verdict.bits);
	}
	verdict = verdict_of(*state, "aH3!zRb8@nYc5Ud", nobody, 0, old);
	assert_true(verdict.accepted);
}

static void takes_text_as_it_is_or_not_at_all(void **state)
{
	static const struct {
		const char *password;
		uint32_t reason;
	} cases[] = {
		{ "\xffnot text at all here", POLICY_NOT_UTF8 },
		{ "\xed\xa0\x80 surrogate here", POLICY_NOT_UTF8 },
		{ "overlong \xc0\xaf here now", POLICY_NOT_UTF8 },
		{ "decomposed u\xcc\x88 here now", POLICY_NOT_NFC },
		{ "a\ttab in the middle of it", POLICY_CONTROL },
		{ "zero\xe2\x80\x8bwidth space hidden", POLICY_CONTROL },
		{ "right\xe2\x80\xaeleft override in", POLICY_CONTROL },
		{ "no\xc2\xa0"
		  "break space in it",
		  POLICY_SPACE },
		{ "ideographic\xe3\x80\x80space in it", POLICY_SPACE },
		{ "unassigned \xcd\xb8 code point", POLICY_UNASSIGNED },
		{ "not a character \xef\xbf\xbf at all", POLICY_UNASSIGNED },
		{ "", POLICY_TOO_SHORT },
	};
	char longest[POLICY_PASSWORD_MAX + 2];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		refused(*state, cases[i].password, cases[i].reason);

	/* Random enough for either length; no window ends it early. */
	for (size_t i = 0; i <= POLICY_PASSWORD_MAX; i++)
		longest[i] = (char)('!' + (i * i * 7 + i * 31 + i / 7) % 90);
	longest[POLICY_PASSWORD_MAX + 1] = '\0';
	refused(*state, longest, POLICY_TOO_LONG);
	longest[POLICY_PASSWORD_MAX] = '\0';
	assert_true(verdict_of(*state, longest, nobody, 0, NULL).accepted);
	memset(longest, 'a', POLICY_PASSWORD_MAX);
	refused(*state, longest, POLICY_REPEATS);
}

static void ignores_strange_words(void **state)
{
	char long_word[4096];
	const char *words[] = { "\xff\xfe", "", NULL, long_word, "ab" };
	PolicyVerdict verdict;

	memset(long_word, 'x', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	verdict = verdict_of(*state, "X7#qLw9$mZ2p", words, 5, "\xff\xff");
	assert_true(verdict.accepted);
}

static void codes_are_complete(void **state)
{
	char buf[512];

	(void)state;
	for (uint32_t bit = 1; bit <= _POLICY_REASON_MAX; bit <<= 1) {
		assert_non_null(policy_reason_code((PolicyReason)bit));
		assert_non_null(policy_reason_text((PolicyReason)bit));
	}
	for (uint32_t bit = 1; bit <= _POLICY_HINT_MAX; bit <<= 1) {
		assert_non_null(policy_hint_code((PolicyHint)bit));
		assert_non_null(policy_hint_text((PolicyHint)bit));
	}
	assert_null(policy_reason_code((PolicyReason)(_POLICY_REASON_MAX << 1)));
	assert_null(policy_reason_code((PolicyReason)(POLICY_COMMON | POLICY_LEAKED)));
	assert_true(policy_reasons_format(UINT32_MAX, buf, sizeof(buf)));
	assert_true(policy_reasons_format(POLICY_COMMON | POLICY_LEAKED, buf, 14));
	assert_string_equal(buf, "common leaked");
	assert_false(policy_reasons_format(POLICY_COMMON | POLICY_LEAKED, buf, 13));
	assert_false(policy_reasons_format(0, buf, 0));
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_words_of_many_languages),
		cmocka_unit_test(refuses_what_only_looks_long),
		cmocka_unit_test(accepts_what_is_random),
		cmocka_unit_test(names_the_pattern),
		cmocka_unit_test(knows_the_person),
		cmocka_unit_test(sees_the_old_password_in_the_new),
		cmocka_unit_test(takes_text_as_it_is_or_not_at_all),
		cmocka_unit_test(ignores_strange_words),
		cmocka_unit_test(codes_are_complete),
	};

	if (argc != 3) {
		fprintf(stderr, "usage: test_policy BLOCKLIST WORDS\n");
		return EXIT_FAILURE;
	}
	blocklist_path = argv[1];
	words_path = argv[2];
	return cmocka_run_group_tests(tests, setup, teardown);
}
