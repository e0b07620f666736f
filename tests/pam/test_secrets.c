/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Case 30, the canaries: after pam_end() nothing that a person typed, nor the grant, is anywhere in
 * the memory of the process, plain or as base64. The test itself knows them only masked, and hands
 * each out in memory that libpam or the module is bound to wipe.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fixture.h"

#define MASK 0x55
#define CANARY_SIZE 256
#define NEEDLE 9 /* bytes of it that are looked for */
#define PERIOD                                                                                     \
	21 /* after which they come again: a part that survives is found, and base64 repeats too   \
	    */
#define PERIODS 9
#define STACK_SIZE (512 * 1024)

static void canary_make(char *out, size_t kind)
{
	static const unsigned char needle[NEEDLE] = { 'Q' ^ MASK, 'z' ^ MASK, '7' ^ MASK,
						      'v' ^ MASK, 'X' ^ MASK, 'k' ^ MASK,
						      'T' ^ MASK, 'w' ^ MASK, '9' ^ MASK };

	for (size_t n = 0; n < PERIODS; n++) {
		for (size_t i = 0; i < PERIOD; i++)
			out[n * PERIOD + i] =
				(char)(i < NEEDLE ? needle[i] ^ MASK : 'a' + (char)kind);
	}
	out[PERIODS * PERIOD] = '\0';
}

/* Nine bytes are twelve symbols of base64, wherever a password begins. */
static void needle_make(unsigned char plain[NEEDLE], unsigned char base64[12])
{
	char canary[CANARY_SIZE];
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	canary_make(canary, 0);
	for (size_t i = 0; i < NEEDLE; i++)
		plain[i] = (unsigned char)(canary[i] ^ MASK);
	for (size_t i = 0, o = 0; i < NEEDLE; i += 3, o += 4) {
		unsigned n = (unsigned)(unsigned char)canary[i] << 16 |
			     (unsigned)(unsigned char)canary[i + 1] << 8 |
			     (unsigned)(unsigned char)canary[i + 2];

		for (unsigned k = 0; k < 4; k++)
			base64[o + k] = (unsigned char)(alphabet[n >> (18 - 6 * k) & 63] ^ MASK);
	}
	explicit_bzero(canary, sizeof(canary));
}

static const unsigned char *masked_find(const unsigned char *p, size_t len,
					const unsigned char *needle, size_t n)
{
	for (size_t i = 0; i + n <= len; i++) {
		size_t k = 0;

		while (k < n && (p[i + k] ^ MASK) == needle[k])
			k++;
		if (k == n)
			return p + i;
	}
	return NULL;
}

/* What PAM holds while a stack runs, and wipes itself. */
typedef struct Held {
	const char *text[2];
} Held;

static const unsigned char *held_skip(const Held *held, const unsigned char *hit)
{
	for (size_t i = 0; i < ARRAY_SIZE(held->text); i++) {
		const unsigned char *text = (const unsigned char *)held->text[i];

		if (text && hit >= text && hit < text + strlen(held->text[i]))
			return text + strlen(held->text[i]);
	}
	return NULL;
}

static const unsigned char *range_scan(const unsigned char *p, const unsigned char *end,
				       const unsigned char *needle, size_t n, const Held *held)
{
	while (p < end) {
		const unsigned char *hit = masked_find(p, (size_t)(end - p), needle, n);

		p = hit ? held_skip(held, hit) : NULL;
		if (!p)
			return hit;
	}
	return NULL;
}

/* Every writable mapping. */
static unsigned memory_scan(const Held *held)
{
	unsigned char plain[NEEDLE], base64[12];
	unsigned found = 0;
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "re");

	assert_non_null(maps);
	needle_make(plain, base64);
	while (fgets(line, sizeof(line), maps)) {
		const unsigned char *hit;
		unsigned long start, end;
		char mode[5];

		if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) != 3 || mode[0] != 'r' ||
		    mode[1] != 'w' || strstr(line, "/dev/zero"))
			continue;
		hit = range_scan((const unsigned char *)start, (const unsigned char *)end, plain,
				 sizeof(plain), held);
		if (!hit)
			hit = range_scan((const unsigned char *)start, (const unsigned char *)end,
					 base64, sizeof(base64), held);
		if (hit) {
			found++;
			print_error("found at %p in %s", (const void *)hit, line);
		}
	}
	fclose(maps);
	return found;
}

/*
 * Which kind of canary answers which prompt. The Talk is what pam_probe.so finds behind the
 * conversation.
 */
typedef struct Script {
	Talk talk;
	const char *answers; /* a letter a prompt: e empty, y yes, x aborts, or a digit: another
				canary */
	size_t at;
} Script;

static char *script_answer(Script *script)
{
	char letter = script->answers[script->at];
	char *answer = calloc(1, CANARY_SIZE);

	if (letter == '\0' || letter == 'x') {
		free(answer);
		return NULL;
	}
	script->at++;
	if (letter == 'y')
		strcpy(answer, "y");
	else if (letter != 'e')
		canary_make(answer, (size_t)(letter - '0'));
	return answer;
}

static int script_conv(int n, const struct pam_message **messages, struct pam_response **ret,
		       void *data)
{
	struct pam_response *responses = calloc((size_t)n, sizeof(*responses));

	for (int i = 0; i < n; i++) {
		int style = messages[i]->msg_style;

		if (style != PAM_PROMPT_ECHO_OFF && style != PAM_PROMPT_ECHO_ON)
			continue;
		responses[i].resp = script_answer(data);
		if (!responses[i].resp) {
			free(responses);
			return PAM_CONV_ERR;
		}
	}
	*ret = responses;
	return PAM_SUCCESS;
}

static void *scan_thread(void *data)
{
	return memory_scan(data) > 0 ? data : NULL;
}

/*
 * Below the module, as soon as it has returned: nothing but what PAM holds. In another thread,
 * because this one's stack is where the module's was.
 */
static int scan_below(pam_handle_t *pamh)
{
	Held held = { 0 };
	void *found = &held;
	const void *item;
	pthread_t thread;

	if (pam_get_item(pamh, PAM_AUTHTOK, &item) == PAM_SUCCESS)
		held.text[0] = item;
	if (pam_get_item(pamh, PAM_OLDAUTHTOK, &item) == PAM_SUCCESS)
		held.text[1] = item;
	if (pthread_create(&thread, NULL, scan_thread, &held) != 0)
		return PAM_SYSTEM_ERR;
	pthread_join(thread, &found);
	return found ? PAM_SYSTEM_ERR : PAM_SUCCESS;
}

typedef struct Run {
	Fixture *f;
	const char *answers;
	int flags;
} Run;

static void *script_thread(void *data)
{
	const Run *run = data;
	Script script = { .answers = run->answers, .talk = { .below = scan_below } };
	struct pam_conv conv = { script_conv, &script };
	pam_handle_t *pamh = NULL;
	int r;

	if (pam_start_confdir("login", "alice", &conv, run->f->stage.folder, &pamh) != PAM_SUCCESS)
		return data;
	r = run->flags ? pam_chauthtok(pamh, run->flags) : pam_authenticate(pamh, 0);
	pam_end(pamh, r);
	return r == PAM_SYSTEM_ERR ? data : NULL;
}

/* On a stack of its own, so that the scan does not overwrite what it looks for. */
static void script_run(Fixture *f, const char *answers, int flags)
{
	const Held nothing = { 0 };
	Run run = { f, answers, flags };
	void *stack =
		mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attributes;
	void *failed = f;
	pthread_t thread;

	assert_ptr_not_equal(stack, MAP_FAILED);
	pthread_attr_init(&attributes);
	assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK_SIZE), 0);
	assert_int_equal(pthread_create(&thread, &attributes, script_thread, &run), 0);
	pthread_join(thread, &failed);
	pthread_attr_destroy(&attributes);
	assert_null(failed);
	if (memory_scan(&nothing) > 0)
		fail_msg("after the dialogue %s", answers);
	munmap(stack, STACK_SIZE);
}

/* The scan has to be able to find one. */
static void test_scan_finds(void **state)
{
	const Held nothing = { 0 };
	char *canary = malloc(CANARY_SIZE);

	(void)state;
	canary_make(canary, 1);
	assert_int_equal(memory_scan(&nothing), 1);
	explicit_bzero(canary, CANARY_SIZE);
	free(canary);
	assert_int_equal(memory_scan(&nothing), 0);
}

static void test_no_canary(void **state)
{
	/* Each whole, wrong, refused and given up at every step. */
	static const char *const dialogues[] = {
		"eyy011",   "eyy0x",     "eyy01x",  "eyyx",   "eyex",   "eyey333",
		"eyey33x",  "eyey33311", "eyee411", "eyee4x", "eyy000", "eyy012",
		"eyy01212", "1",         "2",       "ee1",    "eyy0e2",
	};
	static const PeerRule refusing[] = {
		{ "Recovery.SetPassword", NULL,
		  "!org.pwreset.Failure.PasswordRefused {\"reasons\":[\"common\"]}" },
		{ "Password.Change", NULL,
		  "!org.pwreset.Failure.PasswordRefused {\"reasons\":[\"common\"]}" },
		{ "Password.Exists", NULL, "{\"exists\":true}" },
		{ NULL, NULL,
		  "{\"grant\":\"Qz7vXkTw9------------Qz7vXkTw9-grant\",\"seconds\":9,\"needsCode\":"
		  "true,\"questions\":"
		  "[{\"text\":\"a\"},{\"text\":\"b\"},{\"text\":\"c\"}]}" },
		{ 0 },
	};
	static const PeerRule closing[] = {
		{ "Recovery.SetPassword", NULL, NULL, PEER_HALF },
		{ "Password.Change", NULL, NULL, PEER_CLOSES },
		{ "Password.Exists", NULL, "{\"exists\":true}" },
		{ NULL, NULL,
		  "{\"grant\":\"Qz7vXkTw9------------Qz7vXkTw9-grant\",\"seconds\":9,\"needsCode\":"
		  "false,\"questions\":"
		  "[{\"text\":\"a\"},{\"text\":\"b\"},{\"text\":\"c\"}]}" },
		{ 0 },
	};
	static const PeerRule *const peers[] = { peer_good, refusing, closing, NULL };
	Fixture *f = *state;

	stage_service(&f->stage, "login",
		      "auth [conv_err=die default=ignore] %M socket=%S timeout=1\n"
		      "auth [system_err=die default=ignore] %P\n"
		      "auth required pam_deny.so\n"
		      "password optional %M socket=%S timeout=1\n"
		      "password [system_err=die default=ignore] %P\n"
		      "password required pam_deny.so");
	for (size_t p = 0; p < ARRAY_SIZE(peers); p++) {
		fixture_peer(f, peers[p], 0);
		for (size_t i = 0; i < ARRAY_SIZE(dialogues); i++)
			script_run(f, dialogues[i], 0);
		script_run(f, "2", PAM_CHANGE_EXPIRED_AUTHTOK);
		script_run(f, "211", PAM_CHANGE_EXPIRED_AUTHTOK);
		script_run(f, "21212x", PAM_CHANGE_EXPIRED_AUTHTOK);
	}
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scan_finds),
		FIXTURE_TEST(test_no_canary),
	};

	/*
	 * libc binds its own calls of realloc() lazily, once in a process, and the linker then
	 * saves the vector registers on the stack, with whatever strlen() or memcpy() left in them.
	 * That is no doing of the module's; everything is bound at the start, as in the programs
	 * that it is made for.
	 */
	if (argc > 0 && !getenv("LD_BIND_NOW")) {
		setenv("LD_BIND_NOW", "1", 1);
		execv("/proc/self/exe", argv);
		return 1;
	}
	return FIXTURE_MAIN("pam-secrets", tests);
}
