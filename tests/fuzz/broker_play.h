/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The players around the broker: peers, who know what they have to expect, and workers, who know
 * what they may be asked. What neither of them expects fails the run.
 */
#pragma once

#include "broker_model.h"

#define PEERS_MAX 8
#define QUEUE_MAX 6 /* calls of a peer that are not answered yet */
#define PROMISED_MAX 3

/* The bytes that decide what happens; 0 when there are no more. */
typedef struct Script {
	const uint8_t *data;
	size_t size;
} Script;

uint8_t script_byte(Script *script);

typedef enum Verdict {
	VERDICT_DROP,   /* no call at all: the connection ends */
	VERDICT_ERROR,  /* answered at once with error */
	VERDICT_ANSWER, /* answered at once with success */
	VERDICT_SPOOL,  /* answered at once, when it is on the disk */
	VERDICT_WORKER, /* passed on */
} Verdict;

typedef enum Fate {
	FATE_WAITING, /* no worker has seen it */
	FATE_GIVEN,
	FATE_DONE,    /* the worker said so */
	FATE_REFUSED, /* the worker said no, and nothing has happened */
	FATE_LOST,    /* the worker has not said what happened */
} Fate;

typedef struct Expect {
	Verdict verdict;
	const Rule *rule; /* NULL: there is no such method */
	const char *error;
	bool last; /* the connection ends with the answer */
	bool oneway;
	unsigned cost; /* what it is to be charged, to … */
	char source[ORIGIN_MAX + 16];
	char name[512]; /* "": nobody */
	bool crowd;     /* many people stand behind the source */
	bool charged;
	bool fined;
	unsigned wait; /* what came of it */
	char *text;    /* its parameters */
	RequestKind kind;
	char user[USER_NAME_MAX + 1];
	bool batch;
	int64_t begun; /* -1: not known, something before it is unanswered */
	Fate fate;
	int64_t answered; /* when the worker did */
	char *reply;      /* parameters of that answer */
	char reply_error[VARLINK_NAME_MAX + 1];
	/* who is to get a mail if the answer is success */
	char promised[PROMISED_MAX][USER_NAME_MAX + 1];
	unsigned n_promised;
	unsigned serial;
} Expect;

/* Of whoever comes or says Hello: somebody may have to go for it. */
typedef struct Room {
	bool sure;
	bool full; /* nobody can be made to go: the newcomer is not taken */
	/* one of them goes; those who were silent for the same time */
	struct Player *victims[PEERS_MAX];
	unsigned n;
	int open[PEERS_MAX]; /* the descriptors at that moment */
	unsigned interrupts;
} Room;

typedef struct Player {
	int fd; /* -1: none */
	Socket socket;
	const Who *who;
	bool hello; /* said, or about to be */
	char host[HOST_NAME_MAX_LEN + 1];
	bool ended; /* what follows is not read any more */
	char *half; /* what was sent and has no end yet */
	size_t half_len;
	char *in;
	size_t in_len;
	Expect queue[QUEUE_MAX];
	unsigned n;
	bool unclear; /* answers of oneway calls do not show where it is */
	bool deaf;    /* does not read */
	bool back;    /* does so again, and has not looked yet */
	int64_t deaf_since, deaf_for;
	bool behind;  /* was deaf, or the broker stood still: when a call was begun is not known */
	bool hung_up; /* in the middle of what the broker does for it */
	bool cut;     /* its host is kept out */
	int64_t active; /* when it said or heard something last */
	Room room;      /* what was to become of others when it said Hello */
} Player;

void players_open(void);
void players_close(void);
Player *player_at(unsigned number);
void player_connect(Player *player, Socket socket, const Who *who, bool narrow);
void player_leave(Player *player);
/* Sends bytes, whatever they are, and works out what is to be expected. NULs end messages. */
void player_send(Player *player, const char *bytes, size_t len);
/* Reads no more, or does so again. */
void player_turn_deaf(Player *player);
void player_turn_back(Player *player);
/* For world_interrupt(): one hangs up in this moment; the broker stands still for a while. */
void player_hang_up(void);
void players_stand_still(void);
bool players_stood_still(void); /* since it came to rest last */
/*
 * Takes the answers that are there and holds them against what was expected. True: there were some.
 */
bool players_collect(void);
/* The broker has come to rest: nobody waits who need not, and who hung up is forgotten. */
void players_settle(void);
/* Every connection ends here, without an answer: the broker was killed or has left. */
void players_cut(void);
Expect *players_find(unsigned serial); /* NULL: whoever waited for it has gone */
void players_charged(const LimitSubject *subject, unsigned cost, int64_t now, unsigned wait);
void players_fined(const LimitSubject *subject, unsigned cost, int64_t now);
void players_host_wrong(const char *host, unsigned cost, int64_t now, bool cut);
void players_host_set(const char *host, unsigned seconds, int64_t now);
bool players_wait(void); /* somebody waits for an answer */
/* The call that a worker has got; NULL: nobody has made it. */
Expect *players_match(const char *method, const char *parameters, const char *via, int64_t uid,
		      const char *roles, const char *host);

/* By the broker's table, with values that a person might send, by the script. */
void call_write(JsonWriter *w, const Method *method, Script *script);

/* Workers. */
void workers_open(void);
void workers_close(void);
void workers_collect(void);
/* One of those who have a call in hand does something; good: what is right. False: none has. */
bool workers_act(Script *script, bool mailer, bool good);
void workers_cut(void);
/* For world_interrupt(): one dies in this moment. */
void worker_hang_up(void);
/* So many requests more (or fewer) at least and at most are to reach their end. */
void promise(RequestKind kind, const char *user, int least, int most);
/* in_time: nothing can have been given up because it came too late. */
void promises_check(bool in_time);
/* A ticket that was mailed, or one that never was. */
const char *workers_ticket(unsigned number);

/* The object less one member, by the alphabet of its names. */
char *json_text(const JsonNode *object, const char *except);
