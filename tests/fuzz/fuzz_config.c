/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A whole configuration file of any content: refused with a word, or complete and within its
 * bounds.
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "config_table.h"
#include "fuzz.h"
#include "version.h"

/* In memory where that is possible: a disk costs forty times the reading. */
static char root[64];
static unsigned complaints;

static void on_complaint(const IniPlace *place, const char *message, void *userdata)
{
	assert(place->file && strlen(message) > 10 && userdata == root);
	complaints++;
}

static void path_of(const char *name, char *ret, size_t size)
{
	int n = snprintf(ret, size, "%s%s", root, name);

	assert(n > 0 && (size_t)n < size);
}

static void clean_up(void)
{
	static const char *const names[] = { PWRESET_CONFDIR "/pwreset.conf", PWRESET_CONFDIR,
					     "/etc", "" };
	char path[256];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		path_of(names[i], path, sizeof(path));
		remove(path);
	}
}

static void prepare(void)
{
	char path[256];
	int r;

	snprintf(root, sizeof(root), "%s/fuzz_config.XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert(mkdtemp(root));
	atexit(clean_up);
	path_of("/etc", path, sizeof(path));
	r = mkdir(path, 0755);
	assert(r == 0);
	path_of(PWRESET_CONFDIR, path, sizeof(path));
	r = mkdir(path, 0755);
	assert(r == 0);
}

static void check(const Config *config)
{
	for (const ConfigKey *k = config_keys; k->section; k++) {
		const void *at = (const char *)config + k->offset;
		const char *text;
		unsigned number;

		switch (k->type) {
		case CONFIG_TEXT:
			text = *(char *const *)at;
			assert(text && (text[0] == '\0' ? k->fallback && k->fallback[0] == '\0'
							: k->valid(text)));
			break;
		case CONFIG_NUMBER:
			number = *(const unsigned *)at;
			assert(number >= k->min && number <= k->max);
			break;
		case CONFIG_BOOL:
		case CONFIG_WORD:
			break;
		}
	}
	for (const ConfigCheck *c = config_checks; c->section; c++)
		assert(!c->broken(config));
	assert(config->directory.hash != CONFIG_HASH_UNSET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool prepared;
	Config *config = NULL;
	char path[256];
	int fd, r;

	if (!prepared)
		prepare();
	prepared = true;
	path_of(PWRESET_CONFDIR "/pwreset.conf", path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0);
	assert(write(fd, data, size) == (ssize_t)size);
	close(fd);

	complaints = 0;
	r = config_load(&config, root, on_complaint, root);
	assert((r == 0) == (config != NULL) && (r == 0) == (complaints == 0));
	if (config)
		check(config);
	config_free(config);
	return 0;
}
