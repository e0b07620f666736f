/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The texts of the page: read at start and checked, so that no person meets a hole in a page. */
#include <dirent.h>
#include <limits.h>
#include <string.h>

#include "texts.h"

static const struct {
	const char *section;
	const char *key;
	const char *names;
} text_table[] = {
#define TEXT(id, section, key, names) { section, key, names },
#include "texts.def"
#undef TEXT
};

typedef struct Loader {
	Texts *texts;
	Language *language;   /* the one whose file is being read */
	bool seen[_TEXT_MAX]; /* in this file */
	IniComplaint complain;
	void *userdata;
} Loader;

int text_lookup(const char *section, const char *key)
{
	for (int i = 0; i < _TEXT_MAX; i++)
		if (strcmp(text_table[i].section, section) == 0 &&
		    strcmp(text_table[i].key, key) == 0)
			return i;
	return -1;
}

static int complain(Loader *loader, const IniPlace *place, const char *before, const char *what,
		    const char *after)
{
	char message[256];

	snprintf(message, sizeof(message), "%s%.128s%s", before, what, after);
	loader->complain(place, message, loader->userdata);
	return -EBADMSG;
}

/* The {names} of a text have to be exactly those of the table: one that is missing would hide a
 * fact, an unknown one would stand there in braces. */
static bool names_match(const char *text, const char *names)
{
	unsigned n = 0;

	for (;;) {
		const char *open = strchr(text, '{');
		const char *close = strchr(text, '}');

		if (!open)
			return !close && n == (*names ? 1 : 0);
		if (!close || close < open || (size_t)(close - open - 1) != strlen(names) ||
		    strncmp(open + 1, names, strlen(names)) != 0)
			return false;
		n++;
		text = close + 1;
	}
}

static int text_set(const IniPlace *place, const char *section, const char *key, const char *value,
		    void *userdata)
{
	Loader *loader = userdata;
	int id = text_lookup(section, key);

	if (id < 0)
		return complain(loader, place, "There is no text \"", key,
				"\" in this section; remove the line.");
	if (loader->seen[id])
		return complain(loader, place, "The text \"", key,
				"\" stands here twice; remove one.");
	if (!*value || !text_valid(value, INI_LINE_MAX))
		return complain(loader, place, "The text \"", key, "\" is empty or no UTF-8 text.");
	if (!names_match(value, text_table[id].names))
		return complain(loader, place,
				"The text has to contain exactly these names in braces: \"",
				text_table[id].names, "\".");
	loader->seen[id] = true;
	free(loader->language->texts[id]);
	loader->language->texts[id] = strdup(value);
	return loader->language->texts[id] ? 0 : -ENOMEM;
}

static Language *language_add(Loader *loader, const char *tag)
{
	Texts *texts = loader->texts;

	for (size_t i = 0; i < texts->n; i++)
		if (strcmp(texts->languages[i].tag, tag) == 0)
			return &texts->languages[i];
	if (texts->n == LANGUAGES_MAX)
		return NULL;
	snprintf(texts->languages[texts->n].tag, sizeof(texts->languages[0].tag), "%s", tag);
	return &texts->languages[texts->n++];
}

/* ini.h hands one pointer to both of its callbacks. */
static void forward(const IniPlace *place, const char *message, void *userdata)
{
	Loader *loader = userdata;

	loader->complain(place, message, loader->userdata);
}

static int language_load(Loader *loader, const char *folder, const char *tag)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *text = NULL;
	IniPlace place = {};
	size_t len;
	int r;

	if (asprintf(&path, "%s/%s/%s", folder, tag, TEXTS_FILE) < 0)
		return -ENOMEM;
	place.file = path;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0; /* a folder for something else */
	loader->language = language_add(loader, tag);
	if (!loader->language)
		return complain(loader, &place, "There are too many languages; remove ", tag, ".");
	r = ini_read_file(path, false, &text, &len, loader->complain, loader->userdata);
	if (r < 0)
		return r;
	memset(loader->seen, 0, sizeof(loader->seen));
	return ini_parse(path, text, len, text_set, forward, loader);
}

static int folder_load(Loader *loader, const char *folder, bool optional)
{
	DIR *dir = opendir(folder);
	int r = 0;

	if (!dir && optional && errno == ENOENT)
		return 0;
	if (!dir)
		return complain(loader, &(IniPlace){ .file = folder },
				"Cannot read the folder of texts: ", strerror(errno), ".");
	for (struct dirent *entry; r == 0 && (entry = readdir(dir));)
		if (language_valid(entry->d_name))
			r = language_load(loader, folder, entry->d_name);
	closedir(dir);
	return r;
}

static int language_compare(const void *a, const void *b)
{
	return strcmp(((const Language *)a)->tag, ((const Language *)b)->tag);
}

/* Says every hole, not only the first: a translator mends them in one go. */
static int texts_check(Loader *loader, const char *shipped)
{
	Texts *texts = loader->texts;
	char message[128];
	int r = 0;

	for (size_t i = 0; i < texts->n; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s/%s", shipped, texts->languages[i].tag,
			 TEXTS_FILE);
		for (int id = 0; id < _TEXT_MAX; id++) {
			if (texts->languages[i].texts[id])
				continue;
			snprintf(message, sizeof(message),
				 "The text \"%s\" of section [%s] is missing.", text_table[id].key,
				 text_table[id].section);
			loader->complain(&(IniPlace){ .file = path }, message, loader->userdata);
			r = -EBADMSG;
		}
	}
	return r;
}

int texts_load(Texts **ret, const char *shipped, const char *site, IniComplaint complaint,
	       void *userdata)
{
	CLEANUP(texts_freep) Texts *texts = calloc(1, sizeof(*texts));
	Loader loader = { .texts = texts, .complain = complaint, .userdata = userdata };
	int fallback, r;

	if (!texts)
		return -ENOMEM;
	texts->languages = calloc(LANGUAGES_MAX, sizeof(Language));
	if (!texts->languages)
		return -ENOMEM;
	r = folder_load(&loader, shipped, false);
	if (r == 0)
		r = folder_load(&loader, site, true);
	if (r == 0)
		r = texts_check(&loader, shipped);
	if (r < 0)
		return r;
	qsort(texts->languages, texts->n, sizeof(Language), language_compare);
	for (size_t i = 0; i < texts->n; i++)
		texts->tags[i] = texts->languages[i].tag;
	fallback = language_match(TEXTS_FALLBACK, strlen(TEXTS_FALLBACK), texts->tags, texts->n);
	if (fallback < 0)
		return complain(
			&loader, &(IniPlace){ .file = shipped },
			"The language that others fall back to is missing: ", TEXTS_FALLBACK, ".");
	texts->fallback = (size_t)fallback;
	*ret = STEAL(texts);
	return 0;
}

Texts *texts_free(Texts *texts)
{
	if (!texts)
		return NULL;
	for (size_t i = 0; i < texts->n; i++)
		for (int id = 0; id < _TEXT_MAX; id++)
			free(texts->languages[i].texts[id]);
	free(texts->languages);
	free(texts);
	return NULL;
}

const Language *texts_negotiate(const Texts *texts, const char *accept)
{
	int found = language_negotiate(accept, texts->tags, texts->n);

	return found < 0 ? NULL : &texts->languages[found];
}

const Language *texts_find(const Texts *texts, const char *tag)
{
	int found = language_match(tag, strlen(tag), texts->tags, texts->n);

	return found < 0 ? NULL : &texts->languages[found];
}
