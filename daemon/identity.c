/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names to numbers in a child; numbers to roles. */

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "identity.h"
#include "log.h"

#define USER_WEB "pwreset-web"
#define USER_RELAY "pwreset-relay"
#define GROUPS_USUAL 64
#define LOOKUP_MAX_S 30 /* after which the child ends itself */

static const struct {
	Role role;
	const char *name;
} role_names[ROLES] = {
	{ ROLE_ROOT, "root" },
	{ ROLE_HELPDESK, "helpdesk" },
	{ ROLE_ADMINISTRATOR, "administrator" },
	{ ROLE_OWNER, "owner" },
};

void roles_write(JsonWriter *w, const char *key, unsigned roles)
{
	json_open(w, key, '[');
	for (size_t i = 0; i < ROLES; i++)
		if (roles & role_names[i].role)
			json_put_string(w, NULL, role_names[i].name);
	json_close(w, ']');
}

int roles_parse(const JsonNode *array, unsigned *ret)
{
	unsigned roles = 0;

	JSON_FOREACH(element, array) {
		size_t i = 0;

		if (element->type != JSON_STRING)
			return -EBADMSG;
		while (i < ROLES && strcmp(role_names[i].name, element->string) != 0)
			i++;
		if (i == ROLES)
			return -EBADMSG;
		roles |= role_names[i].role;
	}
	*ret = roles;
	return 0;
}

int identity_user(const char *root, const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	AUTO_FCLOSE FILE *f = NULL;
	struct passwd *p = NULL;
	char path[PATH_MAX];

	if (*root == '\0') {
		p = getpwnam(name);
	} else {
		snprintf(path, sizeof(path), "%s/etc/passwd", root);
		f = fopen(path, "re");
		while (f && (p = fgetpwent(f)) && strcmp(p->pw_name, name) != 0)
			;
	}
	if (!p)
		return -ENOENT;
	*ret_uid = p->pw_uid;
	*ret_gid = p->pw_gid;
	return 0;
}

/* Both have been made by the installation: one that is not there is one that could not be read. */
static uid_t user_find(const char *root, const char *name, bool *complete)
{
	uid_t uid;
	gid_t gid;

	if (identity_user(root, name, &uid, &gid) == 0)
		return uid;
	*complete = false;
	return IDENTITY_NOBODY;
}

static gid_t group_find(const char *root, const char *name)
{
	AUTO_FCLOSE FILE *f = NULL;
	char path[PATH_MAX];
	struct group *g;

	if (*root == '\0') {
		g = getgrnam(name);
		return g ? g->gr_gid : IDENTITY_NOBODY;
	}
	snprintf(path, sizeof(path), "%s/etc/group", root);
	f = fopen(path, "re");
	while (f && (g = fgetgrent(f)))
		if (strcmp(g->gr_name, name) == 0)
			return g->gr_gid;
	return IDENTITY_NOBODY;
}

/* Nobody holds a role that has no group, or one that cannot be found. */
static gid_t role_find(const char *root, const char *key, const char *name, bool tell,
		       bool *complete)
{
	gid_t gid;

	if (*name == '\0')
		return IDENTITY_NOBODY;
	gid = group_find(root, name);
	if (gid != IDENTITY_NOBODY)
		return gid;
	*complete = false;
	if (tell)
		log_line(LOG_WARNING, "[roles] %s=%s: no such group; nobody holds this role.", key,
			 name);
	return gid;
}

static void identities_find(const char *root, const Config *config, bool tell, Identities *ret)
{
	*ret = (Identities){ .complete = true };
	ret->web = user_find(root, USER_WEB, &ret->complete);
	ret->relay = user_find(root, USER_RELAY, &ret->complete);
	ret->helpdesk = role_find(root, "helpdesk", config->roles.helpdesk, tell, &ret->complete);
	ret->administrator =
		role_find(root, "administrator", config->roles.administrator, tell, &ret->complete);
	ret->owner = role_find(root, "owner", config->roles.owner, tell, &ret->complete);
}

static void child_run(int fd, const char *root, const Config *config, bool tell)
	__attribute__((__noreturn__));

static void child_run(int fd, const char *root, const Config *config, bool tell)
{
	Identities found;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The lock of the state folder is inherited; it must not outlive the parent. */
	if (fd > 3)
		close_range(3, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, UINT_MAX, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(LOOKUP_MAX_S);
	identities_find(root, config, tell, &found);
	_exit(write(fd, &found, sizeof(found)) == sizeof(found) ? EXIT_SUCCESS : EXIT_FAILURE);
}

int identity_query_start(IdentityQuery *query, const char *root, const Config *config, bool tell)
{
	AUTO_CLOSE int in = -1, out = -1;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	in = fds[0];
	out = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		child_run(out, root, config, tell);
	*query = (IdentityQuery){ .pid = pid, .fd = steal_fd(&in) };
	return 0;
}

int identity_query_finish(IdentityQuery *query, unsigned timeout_ms, Identities *ret)
{
	struct pollfd p = { .fd = query->fd, .events = POLLIN };
	Identities found;
	int n, r = 0;

	do
		n = poll(&p, 1, (int)timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		r = -errno;
	else if (n == 0)
		r = -ETIMEDOUT;
	else if (read(query->fd, &found, sizeof(found)) != sizeof(found))
		r = -EIO;
	kill(query->pid, SIGKILL);
	while (waitpid(query->pid, NULL, 0) < 0 && errno == EINTR)
		;
	closep(&query->fd);
	*query = IDENTITY_QUERY_NULL;
	if (r < 0)
		return r;
	*ret = found;
	return 0;
}

static unsigned group_roles(const Identities *identities, gid_t gid)
{
	unsigned roles = 0;

	if (gid == IDENTITY_NOBODY)
		return 0;
	if (gid == identities->helpdesk)
		roles |= ROLE_HELPDESK;
	if (gid == identities->administrator)
		roles |= ROLE_ADMINISTRATOR;
	if (gid == identities->owner)
		roles |= ROLE_OWNER;
	return roles;
}

unsigned identity_roles(const Identities *identities, int fd, uid_t uid, gid_t gid)
{
	gid_t usual[GROUPS_USUAL];
	AUTO_FREE gid_t *many = NULL;
	gid_t *groups = usual;
	socklen_t len = sizeof(usual);
	unsigned roles;

	/* su and sudo leave the caller's groups: for root they say nothing. */
	if (uid == 0)
		return ROLE_ROOT;
	roles = group_roles(identities, gid);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, usual, &len) < 0) {
		if (errno != ERANGE)
			return 0;
		groups = many = malloc(len);
		if (!many || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, many, &len) < 0)
			return 0;
	}
	for (size_t i = 0; i < len / sizeof(*groups); i++)
		roles |= group_roles(identities, groups[i]);
	return roles;
}
