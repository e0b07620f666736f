/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the template folders. A file that nobody would read is a mistake, and said to be one. */

#include <dirent.h>
#include <string.h>
#include <strings.h>

#include "library_private.h"
#include "validate.h"

#define PATH_MAX_LEN 1280
#define SUBJECT_WORD "Subject: "
#define FILES_MAX 128 /* in one folder */

typedef struct Loader {
	Library *library;
	const char *folders[2]; /* the site's, the shipped one */
	IniComplaint complain;
	void *userdata;
} Loader;

/* A template file, read. */
typedef struct Source {
	char path[PATH_MAX_LEN];
	char *text;
	size_t len;
} Source;

static void source_deinit(Source *source)
{
	free(source->text);
}

static int refuse(const Loader *loader, const char *file, unsigned line, const char *message)
{
	const IniPlace place = { .file = file, .line = line };

	loader->complain(&place, message, loader->userdata);
	return -EBADMSG;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && strcmp(name + len - n, suffix) == 0;
}

static bool name_known(const char *name)
{
	static const char *const fixed[] = { "language.conf", "layout.txt", "layout.html" };
	char stem[32];
	const char *dot = strrchr(name, '.');
	MailKind kind;

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (strcmp(name, fixed[i]) == 0)
			return true;
	if (!dot || (size_t)(dot - name) >= sizeof(stem) ||
	    (!has_suffix(name, ".txt") && !has_suffix(name, ".html")))
		return false;
	snprintf(stem, sizeof(stem), "%.*s", (int)(dot - name), name);
	return kind_from_name(stem, &kind) == 0;
}

/* Files that an editor or a package manager leaves behind. */
static bool name_passed_over(const char *name)
{
	return *name == '.' || has_suffix(name, "~") || has_suffix(name, ".bak") ||
	       has_suffix(name, ".dpkg-old") || has_suffix(name, ".dpkg-dist") ||
	       has_suffix(name, ".rpmnew") || has_suffix(name, ".rpmsave");
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int folder_check(const Loader *loader, const char *folder, const char *tag)
{
	CLEANUP(closedirp) DIR *dir = NULL;
	char path[PATH_MAX_LEN];
	unsigned n = 0;
	int r = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, tag);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : refuse(loader, path, 0, "The folder cannot be read.");
	for (struct dirent *d; (d = readdir(dir)) && n < FILES_MAX; n++) {
		char file[PATH_MAX_LEN + 260];

		if (name_passed_over(d->d_name) || name_known(d->d_name))
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, d->d_name);
		r = refuse(loader, file, 0,
			   "No mail uses a file of this name: correct the name or remove it.");
	}
	return r;
}

static int language_add(Loader *loader, const char *tag)
{
	Library *library = loader->library;

	for (size_t i = 0; i < library->n_languages; i++)
		if (strcasecmp(library->languages[i].tag, tag) == 0)
			return 0;
	if (library->n_languages == LIBRARY_LANGUAGES_MAX)
		return refuse(loader, tag, 0, "There are too many languages.");
	snprintf(library->languages[library->n_languages++].tag, LIBRARY_TAG_MAX + 1, "%s", tag);
	return 0;
}

static int languages_find(Loader *loader, const char *folder)
{
	CLEANUP(closedirp) DIR *dir = opendir(folder);
	unsigned n = 0;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0
				       : refuse(loader, folder, 0, "The folder cannot be read.");
	for (struct dirent *d; r == 0 && (d = readdir(dir)) && n < FILES_MAX; n++) {
		if (d->d_name[0] == '.' || !language_valid(d->d_name) ||
		    (d->d_type != DT_DIR && d->d_type != DT_LNK && d->d_type != DT_UNKNOWN))
			continue;
		r = folder_check(loader, folder, d->d_name);
		if (r == 0)
			r = language_add(loader, d->d_name);
	}
	return r;
}

/* The site's file, else the shipped one. -ENOENT: neither. */
static int source_read(const Loader *loader, const Language *language, const char *name,
		       const char *suffix, Source *ret)
{
	int r = -ENOENT;

	for (size_t i = 0; r == -ENOENT && i < ARRAY_SIZE(loader->folders); i++) {
		if (*loader->folders[i] == '\0')
			continue;
		snprintf(ret->path, sizeof(ret->path), "%s/%s/%s%s", loader->folders[i],
			 language->tag, name, suffix);
		r = ini_read_file(ret->path, false, &ret->text, &ret->len, loader->complain,
				  loader->userdata);
	}
	return r;
}

static int words_load(const Loader *loader, Language *language)
{
	CLEANUP(source_deinit) Source s = { .text = NULL };
	int r;

	r = source_read(loader, language, "language", ".conf", &s);
	if (r == -ENOENT)
		return refuse(loader, s.path, 0,
			      "Each language needs this file: copy that of en and translate it.");
	if (r < 0)
		return r;
	return language_parse(&language->words, s.path, s.text, s.len, loader->complain,
			      loader->userdata);
}

static int layout_load(const Loader *loader, Language *language, const char *suffix,
		       TemplateForm form, Template **ret)
{
	CLEANUP(source_deinit) Source s = { .text = NULL };
	IniPlace place = { .file = s.path, .line = 1 };
	ValueSet all = (VALUE_BIT(_VALUE_MAX) - 1) &
		       ~(VALUE_BIT(VALUE_LINK) | VALUE_BIT(VALUE_CODE) | VALUE_BIT(VALUE_PASSWORD));
	ValueSet used;
	int r;

	r = source_read(loader, language, "layout", suffix, &s);
	if (r == -ENOENT)
		return refuse(loader, s.path, 0,
			      "Each language needs this file: copy that of en and translate it.");
	if (r < 0)
		return r;
	r = template_parse(ret, form, &place, s.text, s.len, all, &used, loader->complain,
			   loader->userdata);
	if (r == 0 && !(used & VALUE_BIT(VALUE_BODY)))
		r = refuse(loader, s.path, 0, "{{body}} is missing: mails would be empty.");
	return r;
}

static int essential_check(const Loader *loader, const Source *source, MailKind kind, ValueSet used)
{
	ValueSet absent = kind_essential(kind) & ~used;
	char message[128];

	if (absent == 0)
		return 0;
	snprintf(message, sizeof(message), "{{%s}} is missing: the mail would be of no use.",
		 value_name((ValueName)__builtin_ctz(absent)));
	return refuse(loader, source->path, 0, message);
}

/* "Subject: …", an empty line, the text. */
static int text_parse(const Loader *loader, KindTemplates *kt, MailKind kind, const Source *s)
{
	const ValueSet known = kind_values(kind);
	const IniPlace first = { .file = s->path, .line = 1 },
		       third = { .file = s->path, .line = 3 };
	const char *line = memchr(s->text, '\n', s->len), *subject = s->text + strlen(SUBJECT_WORD);
	ValueSet used;
	int r;

	if (!line || strncmp(s->text, SUBJECT_WORD, strlen(SUBJECT_WORD)) != 0 || line == subject ||
	    line[1] != '\n')
		return refuse(loader, s->path, 1,
			      "The first line is \"Subject: …\", the second is empty.");
	/* A subject is shown on a locked telephone. */
	r = template_parse(&kt->subject, TEMPLATE_PLAIN, &first, subject, (size_t)(line - subject),
			   known & ~(VALUE_BIT(VALUE_LINK) | VALUE_BIT(VALUE_CODE) |
				     VALUE_BIT(VALUE_PASSWORD) | VALUE_BIT(VALUE_REVOKE)),
			   &used, loader->complain, loader->userdata);
	if (r < 0)
		return r;
	r = template_parse(&kt->text, TEMPLATE_PLAIN, &third, line + 2,
			   s->len - (size_t)(line + 2 - s->text), known, &used, loader->complain,
			   loader->userdata);
	return r < 0 ? r : essential_check(loader, s, kind, used);
}

static int kind_load(const Loader *loader, Language *language, MailKind kind)
{
	CLEANUP(source_deinit) Source text = { .text = NULL };
	CLEANUP(source_deinit) Source html = { .text = NULL };
	KindTemplates *kt = &language->kinds[kind];
	const IniPlace place = { .file = html.path, .line = 1 };
	ValueSet used;
	int r, q;

	r = source_read(loader, language, kind_name(kind), ".txt", &text);
	q = source_read(loader, language, kind_name(kind), ".html", &html);
	if (r == -ENOENT && q == -ENOENT)
		return strcmp(language->tag, LIBRARY_FALLBACK) != 0
			       ? 0
			       : refuse(loader, text.path, 0,
					"English is what all else falls back to: it needs this "
					"file.");
	if (r == -ENOENT || q == -ENOENT)
		return refuse(loader, r == -ENOENT ? text.path : html.path, 0,
			      "A mail has a text and an HTML part: this file is missing beside the "
			      "other.");
	if (r < 0 || q < 0)
		return r < 0 ? r : q;
	r = text_parse(loader, kt, kind, &text);
	if (r < 0)
		return r;
	r = template_parse(&kt->html, TEMPLATE_HTML, &place, html.text, html.len, kind_values(kind),
			   &used, loader->complain, loader->userdata);
	return r < 0 ? r : essential_check(loader, &html, kind, used);
}

static int language_load(const Loader *loader, Language *language)
{
	int r;

	r = words_load(loader, language);
	if (r == 0)
		r = layout_load(loader, language, ".txt", TEMPLATE_PLAIN, &language->layout_text);
	if (r == 0)
		r = layout_load(loader, language, ".html", TEMPLATE_HTML, &language->layout_html);
	for (size_t i = 0; r == 0 && i < _KIND_MAX; i++)
		r = kind_load(loader, language, (MailKind)i);
	return r;
}

int library_load(Library **ret, const char *shipped, const char *site, IniComplaint complain,
		 void *userdata)
{
	CLEANUP(library_freep) Library *library = calloc(1, sizeof(*library));
	Loader loader = { .library = library,
			  .folders = { site, shipped },
			  .complain = complain,
			  .userdata = userdata };
	char *scratch = malloc(LIBRARY_SCRATCH_SIZE);
	int r;

	if (!library || !scratch) {
		free(scratch);
		return -ENOMEM;
	}
	buf_init(&library->scratch, scratch, LIBRARY_SCRATCH_SIZE);
	/* English first and always, so that its absence is said. */
	r = language_add(&loader, LIBRARY_FALLBACK);
	for (size_t i = ARRAY_SIZE(loader.folders); r == 0 && i > 0; i--)
		if (*loader.folders[i - 1] != '\0')
			r = languages_find(&loader, loader.folders[i - 1]);
	for (size_t i = 0; r == 0 && i < library->n_languages; i++)
		r = language_load(&loader, &library->languages[i]);
	if (r < 0)
		return r;
	*ret = STEAL(library);
	return 0;
}

Library *library_free(Library *library)
{
	if (!library)
		return NULL;
	for (size_t i = 0; i < library->n_languages; i++) {
		Language *l = &library->languages[i];

		template_free(l->layout_text);
		template_free(l->layout_html);
		for (size_t k = 0; k < _KIND_MAX; k++) {
			template_free(l->kinds[k].subject);
			template_free(l->kinds[k].text);
			template_free(l->kinds[k].html);
		}
	}
	free(library->scratch.data);
	free(library);
	return NULL;
}
