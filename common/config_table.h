/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table behind config.h: for the loader, and for the test that holds the manual page against
 * it.
 */
#pragma once

#include "config.h"

typedef enum ConfigType { CONFIG_TEXT, CONFIG_NUMBER, CONFIG_BOOL, CONFIG_WORD } ConfigType;

typedef struct ConfigKey {
	const char *section;
	const char *key;
	ConfigType type;
	size_t offset;        /* in Config: char *, unsigned, bool, or an enum */
	const char *fallback; /* the default, as it would be written; NULL: the key is mandatory */
	unsigned min, max;    /* CONFIG_NUMBER */
	/* CONFIG_WORD: in the order of the enum, ends with NULL; "" is not accepted */
	const char *const *words;
	/* CONFIG_TEXT, not asked about "", which is valid where it is the default */
	bool (*valid)(const char *value);
	const char *wanted; /* for complaints: what the value should be */
} ConfigKey;

#define CONFIG_KEYS_MAX 128

extern const ConfigKey config_keys[]; /* ends with section NULL */

/* 0, -ENOMEM, or -EINVAL and a sentence in why. */
int config_key_set(Config *config, const ConfigKey *key, const char *value, char *why, size_t size);
/* A sentence about a section and key that do not exist, with a guess at what was meant. */
void config_key_unknown(const char *section, const char *key, char *why, size_t size);

/* What must hold between keys. The complaint is placed at the key named. */
typedef struct ConfigCheck {
	const char *section;
	const char *key;
	bool (*broken)(const Config *config);
	const char *message;
} ConfigCheck;

extern const ConfigCheck config_checks[]; /* ends with section NULL */

/* config_valid.c: the shapes of single values. */
bool config_valid_uris(const char *value);
bool config_valid_dn(const char *value);
bool config_valid_filter(const char *value);
bool config_valid_attribute(const char *value);
bool config_valid_path(const char *value);
bool config_valid_image(const char *value);
bool config_valid_group(const char *value);
bool config_valid_groups(const char *value);
bool config_valid_relay(const char *value);
bool config_valid_from(const char *value);
bool config_valid_domains(const char *value);
bool config_valid_origin(const char *value);
bool config_valid_colour(const char *value);
bool config_valid_name(const char *value); /* 64 bytes of text */
bool config_valid_text(const char *value); /* 1000 bytes of text */
/* localhost, 127.*, [::1], each with a port or without */
bool config_valid_loopback(const char *host);
