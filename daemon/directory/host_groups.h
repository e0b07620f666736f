/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Groups in this host's name service. With SSSD or nslcd behind it a look is a call to another
 * process, and a run over ten thousand people asks for the same few each time: what was found is
 * believed for HOST_GROUPS_KEEP_MS.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HOST_GROUPS_KEEP_MS 2000

typedef struct HostGroups HostGroups;

HostGroups *host_groups_free(HostGroups *groups);

/* 1: a member; 0: not, or no such group here; negative errno: not known. *groups: NULL at first. */
int host_groups_member(HostGroups **groups, const char *group, const char *name, bool has_gid,
		       int64_t gid);
