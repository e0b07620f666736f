/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwreset-blocklist [-H sha1|ntlm] [-m COUNT] [-q] OUTPUT [FILE...]: a site's own filter, which
 * "pwresetctl blocklist build" runs. A program of its own, because this is the policy engine's
 * code, which nothing else in pwresetctl needs.
 */
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>

#include "output.h"
#include "policy_blocklist_build.h"
#include "progress.h"
#include "version.h"

#define COUNT_DIGITS_MAX 9
#define TERMINAL_MS 200
#define PLAIN_MS 10000

typedef struct Site {
	const char *output;
	BlocklistInput input;
	FilterKey key;
	unsigned long min_count;
	bool quiet;
	uint64_t total;  /* bytes of all files; 0: not known */
	uint64_t before; /* lines of the files that are done */
	Progress progress;
} Site;

static int usage(void)
{
	fputs("pwreset-blocklist [-H sha1|ntlm] [-m COUNT] [-q] OUTPUT [FILE...]\n", stderr);
	return EXIT_USAGE;
}

static int on_progress(uint64_t n_bytes, uint64_t n_lines, void *userdata)
{
	Site *site = userdata;
	uint64_t now = monotonic_ms(), took = now - site->progress.started;
	char left[32] = "?";

	if (site->quiet ||
	    now - site->progress.shown < (site->progress.terminal ? TERMINAL_MS : PLAIN_MS))
		return 0;
	site->progress.shown = now;
	if (n_bytes > 0 && site->total > n_bytes)
		span_format((int64_t)((double)took * (double)(site->total - n_bytes) /
				      (double)n_bytes / 1000),
			    left, sizeof(left));
	progress_clear(&site->progress);
	fprintf(stderr, _("%llu lines, %llu of %llu MiB, %s left"), (unsigned long long)n_lines,
		(unsigned long long)(n_bytes >> 20), (unsigned long long)(site->total >> 20), left);
	site->progress.on_screen = site->progress.terminal;
	if (!site->progress.terminal)
		fputc('\n', stderr);
	return 0;
}

static int complain_build(const Site *site, const BlocklistBuild *build, const char *file,
			  int error)
{
	switch (error) {
	case BLOCKLIST_E_SYNTAX:
		fprintf(stderr,
			_("%s:%llu: This is no %s digest in hexadecimal (with :COUNT behind it or not). Nothing was written.\n"),
			file, (unsigned long long)(blocklist_build_line(build) - site->before),
			site->key == FILTER_KEY_NTLM ? "NTLM" : "SHA-1");
		return EXIT_USAGE;
	case BLOCKLIST_E_FULL:
		fputs(_("There are more entries than a filter takes: leave rare ones out by --min-count=.\n"),
		      stderr);
		return EXIT_USAGE;
	case BLOCKLIST_E_EMPTY:
		fputs(_("There is nothing in the list. Nothing was written.\n"), stderr);
		return EXIT_USAGE;
	default:
		fprintf(stderr, _("%s: %s. Nothing was written.\n"), file,
			error < 0 ? strerrordesc_np(-error) : "?");
		return EXIT_FAILED;
	}
}

static int read_file(Site *site, BlocklistBuild *build, const char *file)
{
	AUTO_CLOSE int opened = -1;
	int fd = STDIN_FILENO, r;

	if (strcmp(file, "-") != 0) {
		opened = open(file, O_RDONLY | O_CLOEXEC);
		if (opened < 0)
			return complain_build(site, build, file, -errno);
		fd = opened;
	}
	site->before = blocklist_build_line(build);
	r = blocklist_build_read(build, fd, site->input);
	progress_clear(&site->progress);
	return r == 0 ? 0 : complain_build(site, build, file, r);
}

static void sum_sizes(Site *site, char **files, int n)
{
	for (int i = 0; i < n; i++) {
		struct stat st;

		if (stat(files[i], &st) == 0 && S_ISREG(st.st_mode))
			site->total += (uint64_t)st.st_size;
	}
}

static int build_all(Site *site, char **files, int n)
{
	static char dash[] = "-";
	char *only[] = { dash };
	CLEANUP(blocklist_build_freep) BlocklistBuild *build = NULL;
	uint64_t entries = 0;
	int r;

	if (n == 0) {
		files = only;
		n = 1;
	}
	sum_sizes(site, files, n);
	progress_start(&site->progress, 0, site->quiet);
	r = blocklist_build_new(&build, site->output, site->key, on_progress, site);
	if (r != 0)
		return complain_build(site, NULL, site->output, r);
	blocklist_build_set_min_count(build, site->min_count);
	for (int i = 0; i < n; i++) {
		r = read_file(site, build, files[i]);
		if (r != 0)
			return r;
	}
	r = blocklist_build_finish(build, &entries);
	if (r != 0)
		return complain_build(site, build, site->output, r);
	if (!site->quiet)
		printf(_("%llu entries in %s. Name it in pwreset.conf: [policy] site-blocklist=%s\n"),
		       (unsigned long long)entries, site->output, site->output);
	return 0;
}

static int option_take(Site *site, int letter, const char *value)
{
	const char *text = value ? value : "";
	size_t len = strlen(text);

	switch (letter) {
	case 'H':
		site->input = BLOCKLIST_HASHES;
		site->key = strcmp(text, "ntlm") == 0 ? FILTER_KEY_NTLM : FILTER_KEY_SHA1;
		return strcmp(text, "ntlm") == 0 || strcmp(text, "sha1") == 0 ? 0 : -EINVAL;
	case 'm':
		site->min_count = strtoul(text, NULL, 10);
		return len > 0 && len <= COUNT_DIGITS_MAX && strspn(text, "0123456789") == len
			       ? 0
			       : -EINVAL;
	case 'q':
		site->quiet = true;
		return 0;
	default:
		return -EINVAL;
	}
}

int main(int argc, char **argv)
{
	Site site = { .input = BLOCKLIST_PASSWORDS, .key = FILTER_KEY_SHA1 };
	int letter;

	setlocale(LC_ALL, "");
	bindtextdomain("pwreset", PWRESET_LOCALEDIR);
	textdomain("pwreset");
	while ((letter = getopt(argc, argv, "H:m:q")) != -1)
		if (option_take(&site, letter, optarg) < 0)
			return usage();
	if (optind == argc)
		return usage();
	site.output = argv[optind];
	return build_all(&site, argv + optind + 1, argc - optind - 1);
}
