/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwreset-words-build OUTPUT: reads word lists (README.md) on standard input, writes the dictionary
 * of the password policy. A tool of the build; it is not installed and trusts its input.
 */
#include "words_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "policy_file.h"

#define LINE_MAX_BYTES 512
#define WORD_MIN 2U
/* Rarer passwords are no words to build others from. */
#define PASSWORD_WORD_COST_MAX 17U
#define PASSWORD_MIXED_COST_MAX 15U
#define PASSWORD_WORD_MIN 4U
/* Transliterating inflected rarities would more than double the file for little. */
#define TRANSLIT_COST_MAX 15U

typedef struct Build {
	Entries entries;
	Spelling *spelling;
	unsigned cost;
	bool passwords; /* the lines are passwords rather than words */
} Build;

_Noreturn void die(const char *message, const char *detail)
{
	fprintf(stderr, "pwreset-words-build: %s%s%s\n", message, detail ? ": " : "",
		detail ? detail : "");
	exit(EXIT_FAILURE);
}

void *grown(void *old, size_t need, size_t *size, size_t element)
{
	void *larger;

	if (need <= *size)
		return old;
	while (*size < need)
		*size = *size ? *size * 2 : 1 << 20;
	larger = realloc(old, *size * element);
	if (!larger)
		die("out of memory", NULL);
	return larger;
}

void entries_add(Entries *entries, const uint32_t *symbols, size_t n, unsigned cost)
{
	uint8_t utf8[WORD_SYMBOLS_MAX * 4];
	size_t n_utf8 = 0;

	for (size_t i = 0; i < n; i++)
		n_utf8 += (size_t)u8_uctomb(utf8 + n_utf8, symbols[i],
					    (ptrdiff_t)(sizeof(utf8) - n_utf8));
	entries->bytes =
		grown(entries->bytes, entries->n_bytes + n_utf8 + 1, &entries->size_bytes, 1);
	entries->entries = grown(entries->entries, entries->n + 1, &entries->size, sizeof(Entry));
	entries->entries[entries->n++] =
		(Entry){ .offset = (uint32_t)entries->n_bytes, .cost = (uint8_t)cost };
	memcpy(entries->bytes + entries->n_bytes, utf8, n_utf8);
	entries->n_bytes += n_utf8;
	entries->bytes[entries->n_bytes++] = '\0';
}

static void add_translit(Build *build, const uint32_t *symbols, size_t n)
{
	for (unsigned scheme = 0; scheme < TRANSLIT_SCHEMES; scheme++) {
		uint32_t out[WORD_SYMBOLS_MAX];
		size_t n_out = 0;

		for (size_t i = 0; i < n; i++) {
			const char *latin = fold_translit(symbols[i], scheme);

			if (!latin)
				return;
			for (; *latin && n_out < WORD_SYMBOLS_MAX; latin++)
				out[n_out++] = (uint8_t)*latin;
		}
		if (n_out >= WORD_MIN + 1)
			entries_add(&build->entries, out, n_out, build->cost);
	}
}

static bool is_word(const Build *build, const uint32_t *symbols, size_t n)
{
	bool letters = true;

	for (size_t i = 0; i < n; i++)
		letters = letters && symbol_is_letter(symbols[i]);
	if (!build->passwords)
		return letters && n >= WORD_MIN;
	return n >= PASSWORD_WORD_MIN &&
	       build->cost <= (letters ? PASSWORD_WORD_COST_MAX : PASSWORD_MIXED_COST_MAX);
}

/* The word without what stands between its parts. */
static void add_word(Build *build, const char *line)
{
	uint32_t symbols[WORD_SYMBOLS_MAX + 1], word[WORD_SYMBOLS_MAX];
	size_t n_symbols = fold_word(line, strlen(line), symbols, WORD_SYMBOLS_MAX + 1), n = 0;

	if (n_symbols > WORD_SYMBOLS_MAX)
		return;
	for (size_t i = 0; i < n_symbols; i++)
		if (build->passwords || (symbols[i] != '\'' && symbols[i] != '-'))
			word[n++] = symbols[i];
	if (!is_word(build, word, n))
		return;
	entries_add(&build->entries, word, n, build->cost);
	if (build->passwords)
		return;
	spelling_learn(build->spelling, word, n, build->cost);
	if (build->cost <= TRANSLIT_COST_MAX && word[0] >= 0x80)
		add_translit(build, word, n);
}

/* Who has no umlauts on the keyboard writes two letters. */
static void add_digraphs(Build *build, const char *line)
{
	static const char *const pairs[][2] = {
		{ "ä", "ae" }, { "ö", "oe" }, { "ü", "ue" }, { "å", "aa" }, { "ø", "oe" }
	};
	char out[LINE_MAX_BYTES * 2];
	size_t n = 0;
	bool changed = false;

	for (const char *p = line; *p;) {
		size_t k = 0;

		while (k < 5 && strncmp(p, pairs[k][0], 2) != 0)
			k++;
		if (k < 5) {
			out[n++] = pairs[k][1][0];
			out[n++] = pairs[k][1][1];
			p += 2;
			changed = true;
		} else {
			out[n++] = *p++;
		}
	}
	out[n] = '\0';
	if (changed)
		add_word(build, out);
}

static void read_lists(Build *build)
{
	char line[LINE_MAX_BYTES];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '=' && line[1] == 'p') {
			build->passwords = true;
		} else if (line[0] == '=') {
			build->cost = (unsigned)strtoul(line + 1, NULL, 10);
			if (build->cost <= WORDS_COST_BASE ||
			    build->cost > WORDS_COST_BASE + WORDS_COST_BYTES)
				die("cost out of range", line);
		} else {
			add_word(build, line);
			if (!build->passwords)
				add_digraphs(build, line);
		}
	}
	if (ferror(stdin) || !build->entries.n)
		die("cannot read the lists", NULL);
}

static int entry_compare(const void *a, const void *b, void *bytes)
{
	const Entry *x = a, *y = b;
	int r = strcmp((const char *)bytes + x->offset, (const char *)bytes + y->offset);

	return r ? r : (x->cost > y->cost) - (x->cost < y->cost);
}

/* Of equal words the cheapest stays. */
static void entries_unique(Entries *entries)
{
	size_t n = 1;

	qsort_r(entries->entries, entries->n, sizeof(Entry), entry_compare, entries->bytes);
	for (size_t i = 1; i < entries->n; i++)
		if (strcmp(entries->bytes + entries->entries[i].offset,
			   entries->bytes + entries->entries[n - 1].offset) != 0)
			entries->entries[n++] = entries->entries[i];
	entries->n = n;
}

static void write_file(const char *path, Build *build)
{
	uint32_t parameters[POLICY_FILE_PARAMETERS] = {};
	PolicyFileHeader header;
	size_t n_edges, n_payload;
	uint32_t *edges = automaton_build(&build->entries, &parameters[0], &parameters[1]);
	uint8_t *payload, *p;
	FILE *out;

	parameters[2] = SCRIPT_LATIN_SYMBOLS;
	parameters[3] = SCRIPT_CYRILLIC_SYMBOLS;
	n_edges = (size_t)parameters[0] * sizeof(*edges);
	n_payload = n_edges + script_model_size(SCRIPT_LATIN) + script_model_size(SCRIPT_CYRILLIC);
	payload = p = malloc(n_payload);
	if (!payload)
		die("out of memory", NULL);
	memcpy(p, edges, n_edges);
	p += n_edges;
	for (size_t i = 0; i < _SCRIPT_MAX; i++) {
		uint8_t *model = spelling_model(build->spelling, (Script)i);

		memcpy(p, model, script_model_size((Script)i));
		p += script_model_size((Script)i);
		free(model);
	}
	policy_file_header(&header, POLICY_FILE_WORDS, parameters, n_payload,
			   policy_file_checksum(payload, n_payload));
	out = fopen(path, "we");
	if (!out || fwrite(&header, sizeof(header), 1, out) != 1 ||
	    fwrite(payload, n_payload, 1, out) != 1 || fclose(out) != 0)
		die("cannot write", path);
	printf("%zu words, %u edges, %zu bytes\n", build->entries.n, parameters[0], n_payload);
	free(payload);
	free(edges);
}

int main(int argc, char *argv[])
{
	Build build = { .spelling = spelling_new(), .cost = WORDS_COST_BASE + WORDS_COST_BYTES };

	if (argc != 2 || !build.spelling)
		die("usage: pwreset-words-build OUTPUT < LISTS", NULL);
	read_lists(&build);
	entries_unique(&build.entries);
	affixes_add(&build.entries);
	entries_unique(&build.entries);
	write_file(argv[1], &build);
	spelling_free(build.spelling);
	free(build.entries.bytes);
	free(build.entries.entries);
	return EXIT_SUCCESS;
}
