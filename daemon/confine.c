/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files: everything is forbidden by Landlock, then a short list is allowed again. Paths that do not
 * exist are passed over. */

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "confine.h"
#include "macros.h"

/* Since version 3 of the interface; the headers may be older than the kernel. */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_EXECUTE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)
#define ACCESS_DEVICE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define ACCESS_STATE                                                                               \
	(ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE |                           \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* What means something for a file; the rest is for folders, and the kernel refuses it elsewhere. */
#define ACCESS_OF_FILES                                                                            \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |                            \
	 LANDLOCK_ACCESS_FS_EXECUTE | ACCESS_TRUNCATE)

/* Version 1 knows the bits up to MAKE_SYM, each of the two after it one more. */
#define ACCESS_ALL(version)                                                                        \
	((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1) |                                                 \
		((version) >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) |                                  \
		((version) >= 3 ? ACCESS_TRUNCATE : 0)

/* Where libraries, name service and TLS find what they need. No folder of programs is among them.
 */
static const char *const system_reads[] = {
	"/lib",
	"/lib64",
	"/usr/lib",
	"/usr/lib64",
	"/usr/local/lib",
	"/usr/share",
	"/usr/local/share",
	"/etc",
	"/var/lib/sss",
	"/var/lib/ca-certificates",
	"/run/systemd/resolve",
	"/run/resolvconf",
	"/run/NetworkManager",
	"/proc/self",
	"/dev/urandom",
};
/* The same below --root. */
static const char *const root_reads[] = { "/etc", "/usr/share", "/usr/lib/pwreset",
					  "/run/pwreset" };

/* glibc has no functions for these. */
static int ruleset_create(const struct landlock_ruleset_attr *attr, size_t size, uint32_t flags)
{
	return (int)syscall(SYS_landlock_create_ruleset, attr, size, flags);
}

static int ruleset_version(void)
{
	return ruleset_create(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

int confine_files_supported(void)
{
	return ruleset_version() < 0 ? -errno : 0;
}

/* access: as far as the ruleset and the kind of the file know it. */
static int path_allow(int ruleset, uint64_t handled, const char *root, const char *path,
		      uint64_t access)
{
	AUTO_CLOSE int fd = -1;
	struct landlock_path_beneath_attr rule;
	char full[PATH_MAX];
	struct stat st;
	int n = snprintf(full, sizeof(full), "%s%s", root, path);

	if (n < 0 || (size_t)n >= sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == EACCES || errno == ENOTDIR ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	rule = (struct landlock_path_beneath_attr){
		.allowed_access =
			access & handled & (S_ISDIR(st.st_mode) ? ~UINT64_C(0) : ACCESS_OF_FILES),
		.parent_fd = fd,
	};
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

/* The loader that we were started with: the program has the same, and the kernel opens it as an
 * executable. */
static int loader_find(struct dl_phdr_info *info, size_t size UNUSED, void *userdata)
{
	const char **ret = userdata;

	/* The first object is the program. */
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_INTERP)
			/* Where the loader has put the segment is a number until here.
			 * */
			*ret = (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	return 1;
}

static int program_allow(int ruleset, uint64_t handled, const char *program)
{
	const char *loader = NULL;
	int r = path_allow(ruleset, handled, "", program, ACCESS_EXECUTE);

	(void)dl_iterate_phdr(loader_find, &loader);
	return r < 0 || !loader ? r : path_allow(ruleset, handled, "", loader, ACCESS_EXECUTE);
}

static int list_allow(int ruleset, uint64_t handled, const char *root, const char *const paths[],
		      size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && paths[i] && r == 0; i++)
		r = path_allow(ruleset, handled, root, paths[i], ACCESS_READ);
	return r;
}

int confine_files(const Confine *confine)
{
	int version = ruleset_version(), r;
	const struct landlock_ruleset_attr attr = { .handled_access_fs = ACCESS_ALL(version) };
	const uint64_t handled = attr.handled_access_fs;
	AUTO_CLOSE int ruleset = -1;

	if (version < 0)
		return -errno;
	ruleset = ruleset_create(&attr, sizeof(attr), 0);
	if (ruleset < 0)
		return -errno;
	r = program_allow(ruleset, handled, confine->program);
	if (r == 0)
		r = list_allow(ruleset, handled, "", system_reads, ARRAY_SIZE(system_reads));
	if (r == 0)
		r = list_allow(ruleset, handled, confine->root, root_reads, ARRAY_SIZE(root_reads));
	if (r == 0)
		r = list_allow(ruleset, handled, "", confine->reads, ARRAY_SIZE(confine->reads));
	if (r == 0)
		r = path_allow(ruleset, handled, "", "/dev/null", ACCESS_DEVICE);
	if (r == 0 && confine->writes)
		r = path_allow(ruleset, handled, confine->root, confine->writes, ACCESS_STATE);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r;
}

int confine_enter(const Confine *confine)
{
	int r = confine_files(confine);

	if (r == -ENOSYS || r == -EOPNOTSUPP)
		r = 0;
	return r == 0 ? confine_calls(confine) : r;
}
