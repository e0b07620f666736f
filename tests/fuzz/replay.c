/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a fuzz target over files and folders of files: the corpora as ordinary tests, with any
 * compiler.
 */

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz.h"

#define INPUT_MAX (1024 * 1024)

static unsigned n_replayed;

static bool replay_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *f = fopen(path, "rbe");
	size_t n;

	if (!f) {
		perror(path);
		return false;
	}
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	/* The last line of a crash names the input. */
	fprintf(stderr, "%s (%zu bytes)\n", path, n);
	LLVMFuzzerTestOneInput(data, n);
	n_replayed++;
	return true;
}

static bool replay_folder(const char *path)
{
	struct dirent *entry;
	bool good = true;
	DIR *dir = opendir(path);

	if (!dir) {
		perror(path);
		return false;
	}
	while ((entry = readdir(dir))) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		good = replay_file(name) && good;
	}
	closedir(dir);
	return good;
}

int main(int argc, char **argv)
{
	bool good = true;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) < 0) {
			perror(argv[i]);
			good = false;
			continue;
		}
		good = (S_ISDIR(st.st_mode) ? replay_folder(argv[i]) : replay_file(argv[i])) &&
		       good;
	}
	printf("%u inputs replayed\n", n_replayed);
	/* An empty corpus proves nothing. */
	return good && n_replayed > 0 ? 0 : 1;
}
