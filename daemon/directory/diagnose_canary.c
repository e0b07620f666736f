/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole way on an entry that is nobody's: a grant is made, redeemed by a random password, and
 * the password is tried. It finds what no look at the configuration can: a server that takes a hash
 * but cannot check it locks everybody out.
 */
#include <string.h>
#include <strings.h>

#include "diagnose.h"
#include "generate.h"
#include "write.h"

#define CLOCKS_APART_S 60

static bool dn_is_sample(const Diagnosis *diagnosis, const Account *canary)
{
	return strcasecmp(canary->dn, diagnosis->sample.dn) == 0;
}

/* A grant for the canary, as after a right code. */
static int canary_grant(Call *call, Account *canary, Ticket *ret_ticket, StoredToken *ret_token)
{
	AUTO_CHANGES Changes changes = { 0 };
	char text[TICKET_TEXT_MAX + 1], id_text[TOKEN_ID_TEXT + 1];
	uint8_t id[TOKEN_ID_SIZE];
	StoredTokens tokens;
	int r;

	randombytes_buf(id, sizeof(id));
	base64url_encode(id, sizeof(id), id_text, sizeof(id_text));
	stored_add_class(&changes, canary);
	r = grant_make(call, canary, id, &changes, text);
	if (r == 0)
		r = directory_modify(call->worker->directory, canary->dn, &changes, NULL);
	if (r == 0)
		r = account_reload(call, canary);
	if (r == 0)
		r = ticket_parse(ret_ticket, text);
	memory_wipe(text, sizeof(text));
	if (r != 0)
		return r;
	stored_read(canary->entry, &tokens);
	for (size_t i = 0; i < tokens.n; i++)
		if (strcmp(tokens.list[i].id, id_text) == 0 && tokens.list[i].kind == TOKEN_GRANT) {
			*ret_token = tokens.list[i];
			return 0;
		}
	return -ENOENT;
}

/*
 * With hash=server: a value can be deleted by its exact text alone, so a password that can be
 * deleted as it was sent was not hashed. (389 compares with the hash: there it tells nothing.)
 */
static void canary_stored(Diagnosis *diagnosis, const Account *canary, const Secret *password)
{
	Directory *directory = diagnosis->call->worker->directory;
	AUTO_CHANGES Changes changes = { 0 };
	int r;

	if (diagnosis->call->worker->config->directory.hash != CONFIG_HASH_SERVER ||
	    directory_server(directory)->is_389ds)
		return;
	changes_add(&changes, CHANGE_DELETE, "userPassword", password->bytes);
	r = directory_modify(directory, canary->dn, &changes, NULL);
	if (r != 0 && r != DIRECTORY_E_NO_SUCH_ATTRIBUTE)
		return;
	diagnosis->hashing_seen = true;
	if (r == 0)
		finding(diagnosis, SEVERITY_ERROR, "server-hashing",
			"hash=server, but the directory stored a password as it was sent: whoever "
			"reads its "
			"data has everybody's password.",
			canary->dn,
			"slapd: ppolicy_hash_cleartext (olcPPolicyHashCleartext: TRUE), or "
			"[directory] "
			"hash=argon2id; and everybody who has recovered here needs a new password");
	else
		finding(diagnosis, SEVERITY_OK, "server-hashing",
			"The directory hashes what is written.", canary->dn, NULL);
}

/* What was written a moment ago has the server's time on it. */
static void canary_clock(Diagnosis *diagnosis, Account *canary)
{
	int64_t changed, apart;
	char seen[320];

	if (account_reload(diagnosis->call, canary) != 0 ||
	    (!entry_time(canary->entry, "pwdChangedTime", &changed) &&
	     !entry_time(canary->entry, "pwdUpdateTime", &changed)))
		return;
	apart = changed - diagnosis->call->caller.now;
	if (apart <= CLOCKS_APART_S && apart >= -CLOCKS_APART_S)
		return;
	snprintf(seen, sizeof(seen), "%+lld s: %s", (long long)apart,
		 directory_server(diagnosis->call->worker->directory)->uri);
	finding(diagnosis, SEVERITY_WARNING, "directory-clock",
		"The directory's clock is not the service's: what ends by time ends early or late, and "
		"providers keep the wrong one of two writes.",
		seen, "timedatectl set-ntp true");
}

static void canary_redeem(Diagnosis *diagnosis, Account *canary, const Ticket *ticket,
			  const StoredToken *token)
{
	AUTO_SECRET Secret password = SECRET_NULL;
	Call *call = diagnosis->call;
	Directory *directory = call->worker->directory;
	History history;
	WriteResult result;
	int r;

	password_generate(&password);
	r = history_open(call, canary, &password, &history);
	if (r < 0)
		return;
	result = password_write(call, canary,
				&(PasswordWrite){
					.password = &password,
					.history = &history,
					.token = token,
					.ticket = ticket,
					.what = "changed",
					.by = "",
				});
	if (result != WRITE_DONE) {
		finding(diagnosis, SEVERITY_ERROR, "canary",
			"A redemption on the entry of decoy-dn= was refused.",
			directory_error(directory),
			"see the findings above; the entry needs the rights of an ordinary person");
		return;
	}
	r = directory_check_password(directory, canary->dn, &password);
	if (r == 0) {
		finding(diagnosis, SEVERITY_OK, "canary", "A password that was set here logs in.",
			canary->dn, NULL);
		if (!diagnosis->exposed && !dn_is_sample(diagnosis, canary))
			diagnose_exposed(diagnosis, canary->dn, &password);
		canary_clock(diagnosis, canary);
		canary_stored(diagnosis, canary, &password);
	} else
		finding(diagnosis, SEVERITY_ERROR, "canary",
			"The directory took a password that was set here, but does not let it log "
			"in: everybody who recovers "
			"would be locked out.",
			directory_error(directory),
			"slapd: 'moduleload argon2' for hash=argon2id; otherwise another "
			"[directory] hash=, and who may "
			"authenticate ('by anonymous auth')");
}

void diagnose_canary(Diagnosis *diagnosis)
{
	const char *dn = diagnosis->call->worker->config->directory.decoy_dn;
	AUTO_ACCOUNT Account canary = ACCOUNT_NULL;
	AUTO_TICKET Ticket ticket = { 0 };
	StoredToken token;
	int r;

	if (!*dn) {
		if (diagnosis->call->worker->config->directory.hash != CONFIG_HASH_SERVER)
			finding(diagnosis, SEVERITY_NOTICE, "hash-untried",
				"Whether the directory can check the hashes that are written here was not "
				"tried: there is no entry to try it on.",
				NULL,
				"[directory] decoy-dn= with the name of an entry that nobody uses");
		return;
	}
	r = account_find_dn(diagnosis->call, dn, &canary);
	if (r == 0)
		r = canary_grant(diagnosis->call, &canary, &ticket, &token);
	if (r != 0)
		finding(diagnosis, SEVERITY_ERROR, "canary",
			"The entry of decoy-dn= cannot be used.",
			r == ACCOUNT_E_NONE ? "there is no such entry, or it has no name"
					    : directory_error(diagnosis->call->worker->directory),
			"an entry among the people, with the attributes of an ordinary person, "
			"that nobody uses");
	else
		canary_redeem(diagnosis, &canary, &ticket, &token);
}
