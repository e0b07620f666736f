/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sequences of calls, valid, nearly valid and hostile, by peers of every kind on every socket,
 * against the real broker, while workers answer, lie, hang and die, time passes, and the broker is
 * killed or asked to go. Beside it a model says who may what, how often, when the answer comes, and
 * what must become of it. The bytes are a script of steps.
 */

#include "broker_play.h"
#include "fuzz.h"

#define STEPS_MAX 150
#define STEP_US (50 * INT64_C(1000)) /* the grain of time: a quarter of a slot */
#define LEAPS 8                      /* in which a long time passes */
#define RAW_MAX 200
#define DRAIN_MAX 3000
#define DRAIN_STEP_US (15 * 60 * WORLD_SECOND)
#define CALL_MAX 16384
#define COLLECT_MAX 64
#define INTERRUPT_MAX 24 /* looks at the clock, of which a call takes a handful */
/* well below a person's request's life: [recovery] mail-minutes= */
#define IN_TIME_US (20 * 60 * WORLD_SECOND)

uint8_t script_byte(Script *script)
{
	if (script->size == 0)
		return 0;
	script->size--;
	return *script->data++;
}

/* Players first: what they are told is what the workers may be asked to do. */
static void collect(void)
{
	for (unsigned i = 0; i < COLLECT_MAX; i++) {
		bool any;

		world_run();
		any = players_collect();
		workers_collect();
		/*
		 * Twice at least; then until those who take their answers in small pieces have them
		 * all.
		 */
		if (i > 0 && !any)
			break;
	}
	players_settle();
}

static void put_wrong(JsonWriter *w, const VarlinkField *field)
{
	static char lengthy[2001];

	memset(lengthy, 'x', sizeof(lengthy) - 1);
	if (field->type == JSON_STRING && field->max > 0 && field->max < sizeof(lengthy))
		json_put_string(w, field->name, lengthy + sizeof(lengthy) - 2 - field->max);
	else
		json_put_null(w, field->name);
}

static const char *string_for(const char *name, uint8_t choice)
{
	/* clang-format off */
	static const struct {
		const char *name;
		const char *values[8];
	} table[] = {
		{ "user",
		  { "alice", "bob", "carol", "ALICE", "dave@example.com", "nobody", "a b", "" } },
		{ "address", { "alice@example.com", "bob@example.org", "Alice@Example.com",
		  "no address", "x@", "a@b.c", "", "alice@example.com" } },
		{ "language", { "en", "de", "pt-BR", "!!", "fr", "es", "zz", "" } },
		{ "code",
		  { "7KQ4-M2XD", "AAAA-BBBB", "x", "", "7kq4m2xd", "7KQ4-M2XD", "0000", "1" } },
		{ "password", { WORLD_CANARY_64 "LXBhc3N3b3Jk", WORLD_CANARY_64, WORLD_CANARY_64,
		  WORLD_CANARY_64, "", "*", "Q0E=", WORLD_CANARY_64 } },
		{ "current", { WORLD_CANARY_64, WORLD_CANARY_64, WORLD_CANARY_64, WORLD_CANARY_64,
		  "", "x", "Q0E=", WORLD_CANARY_64 } },
		{ "pin", { "1234", "123456789012", "12", "", "abcd", "0000", "1111", "1234" } },
		{ "batch", { "b1", "b2", "b\n", "", "b1", "b2", "b3", "b4" } },
		{ "host", { "web1.example.com", "web2", "bad host", "", "WEB1.example.com", "h",
		  "web1.example.com", "a:b" } },
		{ "interface", { "org.pwreset.Admin", "org.varlink.service",
		  "org.pwreset.Directory", "", "x", "org.pwreset.Recovery", "a.b", "." } },
		{ "filter", { "(uid=*)", "", "(", "x", "(uid=a)", "*", ")", "(uid=*)" } },
		{ "service", { "sshd", "web", "login", "a\nb", "", "x", "sshd", "sshd" } },
		{ "terminal", { "tty1", "tty2", "", "pts/1", "tty1", "tty1", "x", "y" } },
	};
	/* clang-format on */
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return table[i].values[choice % 8];
	if (strcmp(name, "ticket") == 0 || strcmp(name, "link") == 0)
		return choice % 8 < 6 ? workers_ticket(choice) : "AXZ";
	return strcmp(name, "old") == 0 ? WORLD_CANARY_64 : "m";
}

static void put_origin(JsonWriter *w, uint8_t choice)
{
	static const char *const addresses[] = { "192.0.2.1",        "192.0.2.2",
						 "2001:db8::1",      "2001:db8::2",
						 "2001:db8:0:1::1",  "unknown",
						 "::ffff:192.0.2.1", "10.0.0.1" };

	json_open(w, "origin", '{');
	if (choice & 1)
		json_put_string(w, "address", addresses[choice >> 5]);
	if (choice & 2)
		json_put_string(w, "service", string_for("service", choice >> 5));
	if (choice & 4)
		json_put_string(w, "terminal", string_for("terminal", choice >> 5));
	if (choice == 0xf8)
		json_put_integer(w, "uid", 0);
	json_close(w, '}');
}

static void put_array(JsonWriter *w, const VarlinkField *field, const char *method, uint8_t choice)
{
	unsigned n = choice % 4;
	bool objects = strstr(method, "EnrollQuestions") != NULL;

	json_open(w, field->name, '[');
	for (unsigned i = 0; i < n; i++) {
		if (objects) {
			json_open(w, NULL, '{');
			json_put_string(w, "id", "q1");
			json_put_string(w, "answer", WORLD_CANARY);
			json_close(w, '}');
		} else {
			json_put_string(w, NULL,
					strcmp(field->name, "users") == 0
						? string_for("user", choice + i)
						: WORLD_CANARY);
		}
	}
	json_close(w, ']');
}

static void put_field(JsonWriter *w, const VarlinkField *field, const char *method, Script *script)
{
	uint8_t how = script_byte(script), choice = script_byte(script);

	if (how < 8) {
		put_wrong(w, field);
		return;
	}
	if (!field->mandatory && how < 96)
		return;
	if (field->mandatory && how == 255)
		return;
	switch (field->type) {
	case JSON_STRING:
		json_put_string(w, field->name, string_for(field->name, choice));
		break;
	case JSON_INTEGER:
		json_put_integer(w, field->name, choice - 1);
		break;
	case JSON_BOOL:
		json_put_bool(w, field->name, choice & 1);
		break;
	case JSON_ARRAY:
		put_array(w, field, method, choice);
		break;
	default:
		put_origin(w, choice);
	}
}

void call_write(JsonWriter *w, const Method *method, Script *script)
{
	uint8_t extra = script_byte(script);

	json_open(w, NULL, '{');
	json_put_string(w, "method", method->name);
	json_open(w, "parameters", '{');
	for (const VarlinkField *field = method->fields; field->name; field++)
		put_field(w, field, method->name, script);
	if (extra == 1) {
		json_open(w, "caller", '{');
		json_put_integer(w, "uid", 0);
		json_close(w, '}');
	}
	json_close(w, '}');
	if (extra == 2)
		json_put_bool(w, "oneway", true);
	if (extra == 3)
		json_put_bool(w, "more", true);
	if (extra == 4)
		json_put_bool(w, "upgrade", true);
	json_close(w, '}');
}

static size_t call_make(Script *script, char *text, size_t size)
{
	static const char *const strange[] = { "org.pwreset.Recovery.Nothing",
					       "org.pwreset.Directory.Mint",
					       "org.pwreset.Mailer.Send", "a.b", "x" };
	uint8_t number = script_byte(script);
	const Method *method = method_find(rule_at(number)->method);
	Method odd = { .name = strange[number % ARRAY_SIZE(strange)], .fields = fields_user };
	Buf buf;
	JsonWriter w;

	assert(method);
	buf_init(&buf, text, size);
	w = JSON_WRITER(&buf);
	call_write(&w, number >= 250 ? &odd : method, script);
	assert(!buf.overflow);
	return buf.len + 1;
}

/* One byte of a good call is another, or missing, or the end comes early. */
static size_t call_spoil(Script *script, char *text, size_t len)
{
	uint8_t how = script_byte(script), with = script_byte(script);
	size_t at = (size_t)(script_byte(script) << 8 | script_byte(script)) % len;

	switch (how % 4) {
	case 0:
		text[at] = (char)with;
		return len;
	case 1:
		text[at] = (char)(text[at] ^ (1 << with % 8));
		return len;
	case 2:
		memmove(text + at, text + at + 1, len - at - 1);
		return len - 1;
	default:
		return at;
	}
}

static void step_raw(Player *player, Script *script)
{
	size_t n = script_byte(script) % RAW_MAX;

	if (n > script->size)
		n = script->size;
	/* A secret that is spelt out here would stand where none may. */
	if (!memmem(script->data, n, WORLD_CANARY, 4) &&
	    !memmem(script->data, n, WORLD_CANARY_64, 4))
		player_send(player, (const char *)script->data, n);
	script->data += n;
	script->size -= n;
}

static void step_time(Script *script)
{
	static const int64_t steps[] = { 1000,     10000,     50000,      150000,
					 199000,   250000,    1000000,    3000000,
					 6000000,  11000000,  20000000,   31000000,
					 61000000, 301000000, 1000000000, 3700000000 };
	int64_t us = steps[script_byte(script) % ARRAY_SIZE(steps)];

	world_advance(us, us > 2 * WORLD_SECOND ? us / LEAPS : STEP_US, collect);
}

static void step_restart(bool killed)
{
	if (killed) {
		players_cut();
		workers_cut();
		world_restart(true);
		return;
	}
	/* Asked to go it finishes what it has in hand, and here nobody answers. */
	players_cut();
	workers_cut();
	world_run();
	collect();
	workers_cut();
	world_restart(false);
	workers_cut();
}

/* Whoever does not read, and what happens while the broker is in the middle of something. */
static void step_trouble(Script *script, uint8_t kind)
{
	static void (*const interrupts[])(void) = { player_hang_up, worker_hang_up,
						    players_stand_still };
	uint8_t choice = script_byte(script);

	if (kind < 8)
		player_turn_deaf(player_at(choice));
	else if (kind < 10)
		player_turn_back(player_at(choice));
	else
		world_interrupt(1 + choice % INTERRUPT_MAX,
				interrupts[kind % ARRAY_SIZE(interrupts)]);
}

static void step(Script *script)
{
	char text[CALL_MAX];
	uint8_t what = script_byte(script), whom = what >> 4;
	Player *player = player_at(whom);
	size_t len;

	switch (what % 16) {
	case 0:
	case 1:
		len = script_byte(script);
		player_connect(player, (Socket)(1U << len % 4), world_people + (len >> 2) % WHO_N,
			       len >> 5 == 7);
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		len = call_make(script, text, sizeof(text));
		player_send(player, text, len);
		break;
	case 6:
		len = call_make(script, text, sizeof(text));
		len = call_spoil(script, text, len);
		player_send(player, text, len);
		break;
	case 7:
		step_raw(player, script);
		break;
	case 8:
		player_leave(player);
		break;
	case 9:
		step_time(script);
		break;
	case 10:
	case 11:
	case 12:
		workers_act(script, false, whom < 8);
		break;
	case 13:
		workers_act(script, true, whom < 8);
		break;
	case 14:
		if (whom == 0)
			world_reload();
		else if (whom < 4)
			step_restart(whom < 3);
		else
			step_trouble(script, whom);
		break;
	default:
		/* Two at once: the second waits in the socket. */
		len = call_make(script, text, sizeof(text));
		player_send(player, text, len);
		len = call_make(script, text, sizeof(text));
		player_send(player, text, len);
	}
	collect();
}

static bool spool_is_empty(void)
{
	return spool_count(world_broker()->spool) == 0;
}

/* All that waits for something gets it now. */
static void drain(void)
{
	Script nothing = { 0 };

	for (unsigned i = 0; i < DRAIN_MAX; i++) {
		int64_t due = INT64_MAX, wait = WORLD_SECOND;

		while (workers_act(&nothing, false, true) || workers_act(&nothing, true, true))
			collect();
		if (i > 2 && spool_is_empty() && !players_wait())
			return;
		for (SpoolWho who = 0; who < _SPOOL_WHO_MAX; who++)
			if (spool_next_due(world_broker()->spool, who) < due)
				due = spool_next_due(world_broker()->spool, who);
		if (i > 2 && due != INT64_MAX)
			wait = due * 1000 - mark_now_us(&world_broker()->mark) + 1000;
		if (wait < STEP_US)
			wait = STEP_US;
		world_advance(wait < DRAIN_STEP_US ? wait : DRAIN_STEP_US,
			      wait < WORLD_SECOND * 2 ? STEP_US : DRAIN_STEP_US, collect);
	}
	abort(); /* something is never done */
}

/* Whatever has happened to it, it serves. */
static void still_there(void)
{
	static const char call[] = "{\"method\":\"org.varlink.service.GetInfo\"}";
	Player *player = player_at(0);

	assert(world_broker()->peers.n == 0);
	player_connect(player, SOCKET_CTL, world_people + WHO_ROOT, false);
	assert(player->fd >= 0);
	player_send(player, call, sizeof(call));
	collect();
	assert(!players_wait());
	player_leave(player);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const WorldHooks hooks = { .charged = players_charged,
					  .fined = players_fined,
					  .host_wrong = players_host_wrong,
					  .host_set = players_host_set,
					  .host_asked = records_asked,
					  .loaded = shares_loaded,
					  .saved = shares_saved };
	Script script = { .data = data, .size = size };
	bool in_time;

	shares_forget();
	players_open();
	workers_open();
	world_open(script_byte(&script), &hooks);
	for (unsigned i = 0; i < STEPS_MAX && script.size > 0; i++)
		step(&script);
	world_interrupt(0, NULL);
	for (unsigned i = 0; i < PEERS_MAX; i++)
		player_turn_back(player_at(i));
	in_time = world_now() < IN_TIME_US;
	drain();
	promises_check(in_time);
	players_close();
	collect();
	still_there();
	workers_close();
	world_close();
	return 0;
}
