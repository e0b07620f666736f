/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The certificate and key of the page's own TLS. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "secret.h"
#include "tls.h"

static TlsMark mark_of(const struct stat *st)
{
	return (TlsMark){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.changed_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
	};
}

static int refuse(const char *path, const char *message, int error, IniComplaint complain,
		  void *userdata)
{
	complain(&(IniPlace){ .file = path }, message, userdata);
	return error;
}

static void pem_free(char *pem)
{
	if (pem)
		memory_wipe(pem, strlen(pem));
	free(pem);
}

static int pem_read(const char *path, mode_t forbidden, char **ret, TlsMark *ret_mark,
		    IniComplaint complain, void *userdata)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	size_t len = 0, size;
	char *pem;

	if (fd < 0 || fstat(fd, &st) < 0) {
		int error = -errno;

		return refuse(
			path,
			error == -EACCES
				? "The file cannot be read; let the group pwreset-web read it."
				: "The file cannot be opened; is it in /etc/pwreset/tls, or "
				  "where a drop-in shows it to pwreset-web.service?",
			error, complain, userdata);
	}
	if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > TLS_FILE_MAX)
		return refuse(path, "This is no PEM file.", -EBADMSG, complain, userdata);
	if (st.st_mode & forbidden)
		return refuse(
			path,
			"Others have access to the file; chmod it to 0640 (key) or 0644 (certificate).",
			-EPERM, complain, userdata);
	size = (size_t)st.st_size;
	pem = calloc(1, size + 1);
	if (!pem)
		return -ENOMEM;
	while (len < size) {
		ssize_t n = read(fd, pem + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (len < size) {
		pem_free(pem);
		return refuse(path, "The file changed while it was read.", -EAGAIN, complain,
			      userdata);
	}
	*ret_mark = mark_of(&st);
	*ret = pem;
	return 0;
}

int tls_files_load(TlsFiles *files, IniComplaint complain, void *userdata)
{
	TlsMark marks[2] = { 0 };
	char *certificate = NULL, *key = NULL;
	int r = pem_read(files->certificate_path, S_IWGRP | S_IWOTH, &certificate, &marks[0],
			 complain, userdata);

	if (r < 0)
		return r;
	r = pem_read(files->key_path, S_IWGRP | S_IRWXO, &key, &marks[1], complain, userdata);
	if (r < 0) {
		pem_free(certificate);
		return r;
	}
	tls_files_deinit(files);
	files->certificate = certificate;
	files->key = key;
	memcpy(files->marks, marks, sizeof(marks));
	return 0;
}

static bool file_changed(const char *path, const TlsMark *mark)
{
	struct stat st;
	TlsMark now;

	/* Between the removal of the old file and the arrival of the new one there is nothing to
	 * load. */
	if (stat(path, &st) < 0)
		return false;
	now = mark_of(&st);
	return now.device != mark->device || now.inode != mark->inode || now.size != mark->size ||
	       now.changed_ns != mark->changed_ns;
}

bool tls_files_changed(const TlsFiles *files)
{
	return file_changed(files->certificate_path, &files->marks[0]) ||
	       file_changed(files->key_path, &files->marks[1]);
}

void tls_files_deinit(TlsFiles *files)
{
	pem_free(files->certificate);
	pem_free(files->key);
	files->certificate = NULL;
	files->key = NULL;
}
