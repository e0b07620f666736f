/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwreset.conf(5): every key of every section in one table, because an unknown key is refused and
 * so each process has to know all. No secrets are in it.
 *
 * Read in systemd's manner: the first of /etc/pwreset/pwreset.conf, /run/pwreset/pwreset.conf and
 * /usr/lib/pwreset/pwreset.conf that exists; then pwreset.conf.d/ beside each: *.conf, in order of
 * file names, a name in /etc hiding the same in /run and /usr/lib; a later assignment replaces an
 * earlier one (only within one file is a repeated key an error).
 */
#pragma once

#include "ini.h"

typedef enum ConfigHash {
	CONFIG_HASH_UNSET,
	CONFIG_HASH_ARGON2ID,
	CONFIG_HASH_YESCRYPT,
	CONFIG_HASH_SERVER
} ConfigHash;
typedef enum ConfigTls { CONFIG_TLS_NONE, CONFIG_TLS_STARTTLS, CONFIG_TLS_TLS } ConfigTls;
typedef enum ConfigBind { CONFIG_BIND_EXTERNAL, CONFIG_BIND_SIMPLE } ConfigBind;
typedef enum ConfigQuestions {
	CONFIG_QUESTIONS_OFF,
	CONFIG_QUESTIONS_ALONE,
	CONFIG_QUESTIONS_WITH_CODE,
	CONFIG_QUESTIONS_AUTO, /* alone at a console or greeter, with-code over the network */
} ConfigQuestions;

/*
 * All strings are owned by the Config and never NULL: "" when unset. Lists are separated by blanks.
 */
typedef struct Config {
	struct {           /* [directory] */
		char *uri; /* list, tried in order; writes go to the first reachable */
		/* replicas polled for the marker before "changed" is said */
		char *read_uri;
		char *base;           /* search base of people; mandatory */
		char *people_filter;  /* (objectClass=posixAccount) */
		char *name_attribute; /* uid */
		char *mail_attribute; /* mail */
		/* external (ldapi) | simple (bind-dn and the credential ldap-password) */
		ConfigBind bind;
		char *bind_dn;
		bool start_tls; /* for ldap:// URIs */
		char *tls_ca_file;
		ConfigHash hash;        /* mandatory: argon2id | yescrypt | server */
		unsigned argon2_memory; /* KiB, 19456 */
		unsigned argon2_passes; /* 2 */
		unsigned timeout;       /* seconds a single LDAP operation may take, 5 */
		unsigned connections;   /* directory workers at most, 4 */
		/* names of groups whose members, nested too, have no self-service */
		char *privileged_groups;
		char *group_base;          /* search base of groups; base when empty */
		unsigned privileged_below; /* uidNumber below this is privileged, 1000 */
		/* entries that match were never activated or are disabled */
		char *inactive_filter;
		/* entry charged for names that do not exist; none when empty */
		char *decoy_dn;
	} directory;
	struct {                        /* [mail] */
		char *relay;            /* host:port, 127.0.0.1:25 */
		ConfigTls tls;          /* none (loopback only) | starttls | tls */
		char *tls_ca_file;      /* the system's when empty */
		char *user;             /* SMTP AUTH; needs the credential smtp-password and TLS */
		char *from;             /* address, or "Name <address>"; mandatory */
		char *helo_name;        /* the host's name when empty */
		unsigned timeout;       /* seconds for a whole session, 60 */
		unsigned connections;   /* mailer workers at most, 2 */
		char *helpdesk_domains; /* domains into which helpdesk may set an address */
		char *template_dir;     /* /etc/pwreset/templates, over the shipped ones */
	} mail;
	struct { /* [web] */
		/* https://host[:port], mandatory; mails carry it, Host never counts */
		char *origin;
		char *certificate; /* PEM files for own TLS; empty behind a proxy */
		char *certificate_key;
		char *site_name;
		char *logo;   /* file, svg or png */
		char *colour; /* #rrggbb */
		char *help_text;
		char *contact;     /* whom to ask, in page and mail */
		bool behind_proxy; /* X-Forwarded-For is believed (on a Unix socket only) */
	} web;
	struct {                           /* [recovery] */
		unsigned link_minutes;     /* 30; above 1440 refused */
		unsigned code_minutes;     /* 10 */
		unsigned code_tries;       /* 5 */
		unsigned grant_minutes;    /* 5 */
		unsigned live_requests;    /* 3 */
		ConfigQuestions questions; /* auto */
		unsigned questions_asked;  /* 3 */
		/* milliseconds after which an answer that asked the directory is given, 1000 */
		unsigned answer_slot;
		/* how long a request to mail something stays worth doing, 30 */
		unsigned mail_minutes;
	} recovery;
	struct {                     /* [policy] */
		unsigned min_length; /* code points, 8 */
		unsigned min_bits;   /* 40 */
		char *site_words;
		char *blocklist; /* file; the shipped one by default */
		char *site_blocklist;
	} policy;
	struct { /* [roles] names of Unix groups; nobody holds a role whose group is empty */
		char *helpdesk;
		char *administrator;
		char *owner;
		bool root_sets_passwords; /* root's "passwd USER" for somebody else, no */
	} roles;
	struct { /* [limits] sustained calls a minute, the burst being as many again */
		unsigned per_source; /* an address, a host, a uid; 30 */
		unsigned per_user;   /* one name tried from anywhere; 20 */
		unsigned total;      /* all sources together; 3000 */
		/* an hour: wrong ones of a fleet's host before it is cut off; 100 */
		unsigned host_guesses;
		unsigned clients;         /* connections at a time; 512 */
		unsigned clients_per_uid; /* of a uid, or a host of the fleet; 64 */
		unsigned spool;           /* requests waiting; 100000 */
		unsigned idle_exit;       /* seconds, 30 */
	} limits;
} Config;

/*
 * Reads, checks each value and what goes together. -EBADMSG/-EPERM/-ENOENT after at least one
 * complaint. root: "" or a folder that stands for / (tests). A Config that loads is complete:
 * defaults are filled in.
 */
int config_load(Config **ret, const char *root, IniComplaint complain, void *userdata);
Config *config_free(Config *config);
DEFINE_CLEANUP(Config *, config_free)

/* Complaints to stderr as "file:line: message", which systemd puts into the journal. */
void config_complain_stderr(const IniPlace *place, const char *message, void *userdata);

/*
 * A named credential: $CREDENTIALS_DIRECTORY/NAME when systemd passed one, else
 * /etc/pwreset/credentials/NAME (a regular file of this user or root, no access for others). One
 * trailing newline is cut. -ENOENT when there is none.
 */
int credential_read(const char *name, void *ret, size_t size, size_t *ret_len,
		    IniComplaint complain, void *userdata);
