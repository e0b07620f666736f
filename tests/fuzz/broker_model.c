/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules as a table of words, the shares as tokens that drip into jars. */

#include <arpa/inet.h>

#include "broker_model.h"
#include "fuzz.h"

#define FAILURE "org.pwreset.Failure."
#define RECOVERY "org.pwreset.Recovery."
#define PASSWORD "org.pwreset.Password."
#define ACCOUNT "org.pwreset.Account."
#define ADMIN "org.pwreset.Admin."
#define SERVICE "org.pwreset.Service."
#define U FAILURE "Unavailable"
#define X FAILURE "OutcomeUnknown"
#define R FAILURE "Refused"

static const Rule rules[] = {
	{ "org.varlink.service.GetInfo", "pwcr", "", 'b', 0, 0, '-', "", NULL, NULL, "", "" },
	{ "org.varlink.service.GetInterfaceDescription", "pwcr", "", 'b', 0, 0, '-', "", NULL, NULL,
	  "", "" },
	{ "org.pwreset.Relay.Hello", "r", "", 'b', 0, 0, '-', "", NULL, NULL, "", "" },
	{ RECOVERY "RequestCode", "pwr", "", 's', 10, 0, '-', "", NULL, U, "", "code" },
	{ RECOVERY "RequestLink", "w", "", 's', 10, 0, '-', "", NULL, U, "", "link" },
	{ RECOVERY "RemindUserName", "w", "", 's', 10, 0, '-', "", NULL, U, "", "username" },
	{ RECOVERY "VerifyCode", "pwr", "", 'd', 10, 20, 'f', "pwr", R, U, "", "" },
	{ RECOVERY "GetQuestions", "pr", "", 'd', 10, 0, 'f', "pr", U, U, "", "" },
	{ RECOVERY "AnswerQuestions", "pr", "", 'd', 10, 20, 'f', "pr", R, U, "", "" },
	{ RECOVERY "VerifySavedCode", "pwr", "", 'd', 10, 20, 'f', "pwr", R, U, "", "" },
	{ RECOVERY "InspectLink", "w", "", 'd', 5, 20, 'f', "w", U, U, "", "" },
	{ RECOVERY "SetPassword", "pwr", "", 'd', 10, 20, 'r', "pwr", NULL, X, "changed ", "" },
	{ RECOVERY "RevokeLink", "w", "", 'd', 10, 0, 'r', "w", NULL, X, "", "" },
	{ PASSWORD "Verify", "pr", "", 'd', 10, 20, 'r', "r", NULL, U, "", "" },
	{ PASSWORD "Exists", "pr", "", 'd', 1, 0, '-', "", NULL, U, "", "" },
	{ PASSWORD "Change", "pwr", "", 'd', 10, 20, 'r', "wr", NULL, X, "changed ", "" },
	{ PASSWORD "SetByRoot", "", "", 'd', 0, 0, '-', "", NULL, X, "changed ",
	  "" }, /* off unless configured */
	{ PASSWORD "Check", "pwcr", "", 'd', 1, 0, '-', "", NULL, U, "", "" },
	{ PASSWORD "GetPolicy", "pwcr", "", 'b', 0, 0, '-', "", NULL, NULL, "", "" },
	{ ACCOUNT "Status", "pwc", "", 'd', 1, 20, 'r', "w", NULL, U, "", "" },
	{ ACCOUNT "ListQuestions", "wc", "", 'd', 1, 0, '-', "", NULL, U, "", "" },
	{ ACCOUNT "EnrollQuestions", "wc", "", 'd', 10, 20, 'r', "w", NULL, X, "enrolled ", "" },
	{ ACCOUNT "EnrollCodes", "wc", "", 'd', 10, 20, 'r', "w", NULL, X, "enrolled ", "" },
	{ ACCOUNT "EnrollMail", "wc", "", 'd', 10, 20, 'r', "w", NULL, X,
	  "mail-confirm mail-changed ", "" },
	{ ACCOUNT "ConfirmMail", "wc", "", 'd', 10, 20, 'r', "w", NULL, X, "", "" },
	{ ADMIN "Show", "c", "rhao", 'd', 0, 0, '-', "", NULL, U, "", "" },
	{ ADMIN "SendLink", "c", "rhao", 'd', 0, 0, '-', "", NULL, U, "", "link" },
	{ ADMIN "Revoke", "c", "rhao", 'd', 0, 0, '-', "", NULL, X, "", "" },
	{ ADMIN "Unlock", "c", "rhao", 'd', 0, 0, '-', "", NULL, X, "", "" },
	{ ADMIN "SetMail", "c", "rhao", 'd', 0, 0, '-', "", NULL, X, "mail-changed ", "" },
	{ ADMIN "SetPassword", "c", "rao", 'd', 0, 0, '-', "", NULL, X, "changed ", "temporary" },
	{ ADMIN "SetPin", "c", "rao", 'd', 0, 0, '-', "", NULL, X, "", "" },
	{ ADMIN "VerifyPin", "c", "rhao", 'd', 10, 20, '-', "", NULL, U, "", "" },
	{ ADMIN "RemindUserName", "c", "rhao", 'd', 0, 0, '-', "", NULL, U, "", "username" },
	{ ADMIN "Find", "c", "rhao", 'd', 0, 0, '-', "", NULL, U, "", "" },
	{ ADMIN "RemindExpiry", "c", "rao", 'd', 0, 0, '-', "", NULL, U, "", "expiry" },
	{ SERVICE "GetStatus", "c", "rao", 'b', 0, 0, '-', "", NULL, NULL, "", "" },
	{ SERVICE "GetHost", "c", "rao", 'b', 0, 0, '-', "", NULL, NULL, "", "" },
	{ SERVICE "CutHost", "c", "rao", 'b', 0, 0, '-', "", NULL, NULL, "", "" },
	{ SERVICE "LiftHost", "c", "rao", 'b', 0, 0, '-', "", NULL, NULL, "", "" },
	{ SERVICE "Diagnose", "c", "r", 'd', 0, 0, '-', "", NULL, U, "", "" },
	{ SERVICE "TestMail", "c", "r", 'm', 0, 0, '-', "", NULL, U, "", "" },
};

const Rule *rule_find(const char *method)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (strcmp(rules[i].method, method) == 0)
			return rules + i;
	return NULL;
}

const Rule *rule_at(unsigned number)
{
	return rules + number % ARRAY_SIZE(rules);
}

char door_of(Socket socket)
{
	return socket_name(socket)[0];
}

static bool in_group(const Who *who, gid_t gid)
{
	return who->gid == gid || who->groups[0] == gid || who->groups[1] == gid;
}

void roles_of(Socket socket, const Who *who, char ret[5])
{
	const Identities *groups = &world_broker()->identities;
	char *p = ret;

	if (socket == SOCKET_CTL && who->uid == 0) {
		*p++ = 'r';
	} else if (socket == SOCKET_CTL) {
		if (in_group(who, groups->helpdesk))
			*p++ = 'h';
		if (in_group(who, groups->administrator))
			*p++ = 'a';
		if (in_group(who, groups->owner))
			*p++ = 'o';
	}
	*p = '\0';
}

bool rule_allows(const Rule *rule, Socket socket, const Who *who, bool hello)
{
	char roles[5];

	if (!strchr(rule->doors, door_of(socket)) || *rule->doors == '\0')
		return false;
	/* A relay says once, and first, whose it is. */
	if (socket == SOCKET_RELAY &&
	    (strcmp(rule->method, "org.pwreset.Relay.Hello") == 0) == hello)
		return false;
	roles_of(socket, who, roles);
	return *rule->roles == '\0' || strpbrk(rule->roles, roles);
}

bool rule_holds(const Rule *rule, Socket socket)
{
	return rule->slot != '-' && strchr(rule->slot_doors, door_of(socket));
}

/* ---- shares: jars that hold a minute's worth and fill at a steady pace */

#define JARS_MAX 512
#define JAR_KEY_MAX 640
#define MINUTE 60e6
#define HOUR 3600e6
#define UNITS 10.0 /* of one call */
#define DOUBT 0.05 /* units by which rounding may differ */

typedef struct Jar {
	char key[JAR_KEY_MAX];
	double missing; /* units; may be a minute's worth beyond empty */
	int64_t at;
} Jar;

typedef struct Shares {
	Jar jars[JARS_MAX];
	unsigned n;
} Shares;

static LimitRates rates;
static Shares shares, shares_kept;

static void key_put(char *key, const char *text)
{
	size_t len = strlen(key);
	struct in6_addr six;
	bool blank = true;

	if (inet_pton(AF_INET6, text, &six) == 1) {
		if (IN6_IS_ADDR_V4MAPPED(&six))
			inet_ntop(AF_INET, six.s6_addr + 12, key + len, INET_ADDRSTRLEN);
		else
			for (unsigned i = 0; i < 8; i++)
				len += (size_t)snprintf(key + len, JAR_KEY_MAX - len, ":%02x",
							six.s6_addr[i]);
		return;
	}
	for (const char *p = text; *p && len < JAR_KEY_MAX - 1; p++) {
		if (*p == ' ' && (blank || p[1] == '\0' || p[1] == ' '))
			continue;
		blank = false;
		key[len++] = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
	}
	key[len] = '\0';
}

/* pace: units in that span of time. What has dripped in since is in it. */
static Jar *jar_find(char kind, const LimitSubject *subject, double pace, double span, int64_t now)
{
	char key[JAR_KEY_MAX] = { kind, '/', '\0' };
	Jar *jar = shares.jars;

	if (kind == 's' || kind == 'p' || kind == 'h')
		key_put(key, subject->source);
	strcat(key, "/");
	if (kind == 'n' || kind == 'p')
		key_put(key, subject->name);
	while (jar < shares.jars + shares.n && strcmp(jar->key, key) != 0)
		jar++;
	if (jar == shares.jars + shares.n) {
		assert(shares.n < JARS_MAX);
		shares.n++;
		*jar = (Jar){ .at = now };
		memcpy(jar->key, key, sizeof(key));
	}
	jar->missing -= pace * (double)(now - jar->at) / span;
	if (jar->missing < 0)
		jar->missing = 0;
	jar->at = now;
	return jar;
}

/* Units by which it falls short: below zero there is enough. A full jar gives whatever is asked. */
static double jar_short(const Jar *jar, double pace, unsigned cost)
{
	return jar->missing <= 0 ? -pace : jar->missing + cost - pace;
}

void shares_loaded(const LimitRates *now)
{
	rates = *now;
	shares = shares_kept;
}

void shares_saved(void)
{
	shares_kept = shares;
}

void shares_forget(void)
{
	shares.n = shares_kept.n = 0;
}

static double source_pace(const LimitSubject *subject)
{
	return rates.per_source * UNITS * (subject->weight > 0 ? subject->weight : 1);
}

/*
 * Whether this jar is why somebody has to wait; one that is short of next to nothing may be or may
 * not.
 */
static bool wait_explained(double lack, unsigned wait)
{
	return wait > 0 && (lack > DOUBT || (lack > -DOUBT && wait == 1));
}

static void wait_check(double lack, double pace, unsigned wait)
{
	double seconds = lack / pace * 60;

	if (wait > 0)
		assert(lack > -DOUBT && wait <= 3600 && wait + 0.5 > seconds && wait < seconds + 2);
	else
		assert(lack < DOUBT);
}

void shares_charged(const LimitSubject *subject, unsigned cost, int64_t now, unsigned wait)
{
	const double name = rates.per_name * UNITS, pair = (rates.per_name + 1) / 2 * UNITS,
		     total = rates.total * UNITS;
	Jar *jars[3] = { NULL };
	double paces[3] = { pair, total, name };

	if (cost == 0)
		return;
	if (subject->source) {
		double pace = source_pace(subject), lack;
		Jar *jar = jar_find('s', subject, pace, MINUTE, now);

		lack = jar_short(jar, pace, cost);
		if (wait_explained(lack, wait)) {
			wait_check(lack, pace, wait);
			return;
		}
		wait_check(lack, pace, 0);
		jar->missing += cost;
	}
	if (subject->source && subject->name)
		jars[0] = jar_find('p', subject, pair, MINUTE, now);
	jars[1] = jar_find('t', subject, total, MINUTE, now);
	if (subject->name)
		jars[2] = jar_find('n', subject, name, MINUTE, now);
	for (size_t i = 0; i < ARRAY_SIZE(jars); i++) {
		double lack = jars[i] ? jar_short(jars[i], paces[i], cost) : -total;

		if (wait_explained(lack, wait)) {
			wait_check(lack, paces[i], wait);
			return;
		}
		wait_check(lack, paces[i], 0);
	}
	/* Somebody had to be short of something. */
	assert(wait == 0);
	for (size_t i = 0; i < ARRAY_SIZE(jars); i++)
		if (jars[i])
			jars[i]->missing += cost;
}

void shares_fined(const LimitSubject *subject, unsigned cost, int64_t now)
{
	double pace;
	Jar *jar;

	if (!subject->source || cost == 0)
		return;
	pace = source_pace(subject);
	jar = jar_find('s', subject, pace, MINUTE, now);
	jar->missing += cost;
	if (jar->missing > 2 * pace)
		jar->missing = 2 * pace;
}

/* ---- records of hosts: an hour's guesses, and as long again without any for one more */

static Jar *record_find(const char *host, int64_t now)
{
	return jar_find('h', &(const LimitSubject){ .source = host }, rates.host_guesses * UNITS,
			HOUR, now);
}

void records_wrong(const char *host, unsigned cost, int64_t now, bool cut)
{
	const double most = rates.host_guesses * UNITS;
	Jar *record = record_find(host, now);

	if (record->missing > most + DOUBT) {
		assert(!cut);
		return;
	}
	record->missing += cost;
	assert(cut ? record->missing > most - DOUBT : record->missing < most + DOUBT);
	if (cut)
		record->missing = 2 * most;
}

void records_set(const char *host, unsigned seconds, int64_t now)
{
	const double most = rates.host_guesses * UNITS;

	record_find(host, now)->missing = seconds > 0 ? most + most * seconds / 3600 : 0;
}

void records_asked(const char *host, int64_t now, unsigned wait)
{
	const double most = rates.host_guesses * UNITS;
	double over = record_find(host, now)->missing - most;

	assert(wait > 0 ? over > -DOUBT : over < DOUBT);
}
