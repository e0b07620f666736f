/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files are read, in what order, and what is true of all of them together. */

#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "config_table.h"
#include "version.h"

#define CONFIG_FILES_MAX 128
#define CONFIG_NAME "pwreset.conf"
#define CONFIG_DROPINS CONFIG_NAME ".d"

static const char *const folders[] = { PWRESET_CONFDIR, PWRESET_RUNDIR, "/usr/lib/pwreset" };

typedef struct Loader {
	Config *config;
	const char *root;
	IniComplaint complain;
	void *userdata;
	int error; /* the first */
	bool any_file;
	char *files[CONFIG_FILES_MAX]; /* paths, which the places point to */
	size_t n_files;
	IniPlace places[CONFIG_KEYS_MAX]; /* where each key was set last */
	unsigned lines[CONFIG_KEYS_MAX];  /* in the file that is read now */
} Loader;

typedef struct Dropin {
	char name[NAME_MAX + 1];
	size_t folder;
} Dropin;

static void loader_complain(Loader *loader, const IniPlace *place, const char *message, int error)
{
	if (loader->complain)
		loader->complain(place, message, loader->userdata);
	if (loader->error == 0)
		loader->error = error;
}

static int on_assignment(const IniPlace *place, const char *section, const char *key,
			 const char *value, void *userdata)
{
	Loader *loader = userdata;
	char why[512];
	size_t i = 0;
	int r;

	while (config_keys[i].section && (strcmp(config_keys[i].section, section) != 0 ||
					  strcmp(config_keys[i].key, key) != 0))
		i++;
	if (!config_keys[i].section) {
		config_key_unknown(section, key, why, sizeof(why));
		loader_complain(loader, place, why, -EBADMSG);
		return 0;
	}
	if (loader->lines[i] > 0) {
		snprintf(why, sizeof(why), "%s= was set in line %u already: remove one of the two.",
			 key, loader->lines[i]);
		loader_complain(loader, place, why, -EBADMSG);
		return 0;
	}
	loader->lines[i] = place->line;
	loader->places[i] = *place;
	r = config_key_set(loader->config, &config_keys[i], value, why, sizeof(why));
	if (r == -EINVAL) {
		loader_complain(loader, place, why, -EBADMSG);
		return 0;
	}
	return r;
}

/* Handlers get the loader, complaints the caller's data. */
static void on_complaint(const IniPlace *place, const char *message, void *userdata)
{
	loader_complain(userdata, place, message, -EBADMSG);
}

/* 0 when the file was read (complaints or not), -ENOENT when there is none, -ENOMEM. */
static int load_file(Loader *loader, const char *folder, const char *subfolder, const char *name)
{
	AUTO_FREE char *text = NULL;
	char *path;
	size_t len;
	int r;

	if (loader->n_files == CONFIG_FILES_MAX)
		return -EMFILE;
	if (asprintf(&path, "%s%s%s/%s", loader->root, folder, subfolder, name) < 0)
		return -ENOMEM;
	loader->files[loader->n_files++] = path;
	r = ini_read_file(path, false, &text, &len, loader->complain, loader->userdata);
	if (r == -ENOENT || r == -ENOMEM)
		return r;
	loader->any_file = true;
	memset(loader->lines, 0, sizeof(loader->lines));
	if (r == 0)
		r = ini_parse(path, text, len, on_assignment, on_complaint, loader);
	if (r == -ENOMEM)
		return r;
	if (r < 0 && loader->error == 0)
		loader->error = r;
	return 0;
}

static int dropin_compare(const void *a, const void *b)
{
	return strcmp(((const Dropin *)a)->name, ((const Dropin *)b)->name);
}

/* A link to /dev/null hides what has its name further down, in systemd's manner. */
static bool dropin_is_mask(const Loader *loader, const Dropin *dropin)
{
	char path[PATH_MAX], target[16];
	ssize_t n;

	snprintf(path, sizeof(path), "%s%s/" CONFIG_DROPINS "/%s", loader->root,
		 folders[dropin->folder], dropin->name);
	n = readlink(path, target, sizeof(target));
	return n == 9 && memcmp(target, "/dev/null", 9) == 0;
}

/* Appends the names of one folder that no folder before it has. */
static int dropins_list(const Loader *loader, size_t folder, Dropin *dropins, size_t *n)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s%s/" CONFIG_DROPINS, loader->root, folders[folder]);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		size_t len = strlen(entry->d_name), i = 0;

		if (entry->d_name[0] == '.' || len <= 5 ||
		    strcmp(entry->d_name + len - 5, ".conf") != 0)
			continue;
		while (i < *n && strcmp(dropins[i].name, entry->d_name) != 0)
			i++;
		if (i < *n)
			continue;
		if (*n == CONFIG_FILES_MAX - ARRAY_SIZE(folders)) {
			closedir(dir);
			return -EMFILE;
		}
		memcpy(dropins[*n].name, entry->d_name, len + 1);
		dropins[*n].folder = folder;
		++*n;
	}
	closedir(dir);
	return 0;
}

static int load_dropins(Loader *loader)
{
	AUTO_FREE Dropin *dropins = calloc(CONFIG_FILES_MAX, sizeof(*dropins));
	size_t n = 0;
	int r;

	if (!dropins)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		r = dropins_list(loader, i, dropins, &n);
		if (r < 0) {
			char message[160];
			const IniPlace place = { .file = folders[i] };

			snprintf(message, sizeof(message), CONFIG_DROPINS " cannot be listed: %s.",
				 r == -EMFILE ? "too many files, merge some" : strerrordesc_np(-r));
			loader_complain(loader, &place, message, r);
			return 0;
		}
	}
	qsort(dropins, n, sizeof(*dropins), dropin_compare);
	for (size_t i = 0; i < n; i++) {
		if (dropin_is_mask(loader, &dropins[i]))
			continue;
		r = load_file(loader, folders[dropins[i].folder], "/" CONFIG_DROPINS,
			      dropins[i].name);
		/* Gone since it was listed. */
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int load_files(Loader *loader)
{
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(folders) && r == -ENOENT; i++)
		r = load_file(loader, folders[i], "", CONFIG_NAME);
	if (r < 0 && r != -ENOENT)
		return r;
	return load_dropins(loader);
}

static int fill_defaults(Loader *loader)
{
	const IniPlace main_file = { .file = PWRESET_CONFDIR "/" CONFIG_NAME };
	char why[512];
	int r;

	for (size_t i = 0; config_keys[i].section; i++) {
		const ConfigKey *k = &config_keys[i];

		if (loader->places[i].file)
			continue;
		if (!k->fallback) {
			snprintf(why, sizeof(why), "[%s] %s= is missing: set it to %s.", k->section,
				 k->key, k->wanted);
			loader_complain(loader, &main_file, why, -EBADMSG);
			continue;
		}
		r = config_key_set(loader->config, k, k->fallback, why, sizeof(why));
		if (r < 0)
			return r;
	}
	return 0;
}

/* Only when each value for itself is in order, lest one mistake is told twice. */
static void check_together(Loader *loader)
{
	const IniPlace main_file = { .file = PWRESET_CONFDIR "/" CONFIG_NAME };

	for (const ConfigCheck *c = config_checks; c->section; c++) {
		size_t i = 0;

		if (!c->broken(loader->config))
			continue;
		while (strcmp(config_keys[i].section, c->section) != 0 ||
		       strcmp(config_keys[i].key, c->key) != 0)
			i++;
		loader_complain(loader, loader->places[i].file ? &loader->places[i] : &main_file,
				c->message, -EBADMSG);
	}
}

static int load(Loader *loader)
{
	const IniPlace main_file = { .file = PWRESET_CONFDIR "/" CONFIG_NAME };
	int r;

	r = load_files(loader);
	if (r < 0)
		return r;
	if (!loader->any_file) {
		loader_complain(
			loader, &main_file,
			"There is no configuration: write one with [directory] base= and hash=, [mail] from= and "
			"[web] origin= (pwreset.conf(5)).",
			-ENOENT);
		return -ENOENT;
	}
	r = fill_defaults(loader);
	if (r < 0)
		return r;
	if (loader->error == 0)
		check_together(loader);
	return loader->error;
}

int config_load(Config **ret, const char *root, IniComplaint complain, void *userdata)
{
	CLEANUP(config_freep) Config *config = calloc(1, sizeof(*config));
	AUTO_FREE Loader *loader = calloc(1, sizeof(*loader));
	int r;

	if (!config || !loader)
		return -ENOMEM;
	loader->config = config;
	loader->root = root;
	loader->complain = complain;
	loader->userdata = userdata;
	r = load(loader);
	for (size_t i = 0; i < loader->n_files; i++)
		free(loader->files[i]);
	if (r < 0)
		return r;
	*ret = STEAL(config);
	return 0;
}
