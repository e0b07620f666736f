/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the configuration makes of every page: style sheet in the site's colour, script, logo,
 * origin. */
#pragma once

#include "config.h"

#define ASSET_URL_MAX 32

/* A file that pages refer to. Its address carries a digest of its content, so that browsers may
 * keep it. */
typedef struct Asset {
	const char *type;
	char *data;
	size_t len;
	char url[ASSET_URL_MAX];
} Asset;

typedef struct Site {
	const Config *config; /* not owned */
	Asset style;
	Asset script;
	Asset logo;
} Site;

/* -EBADMSG, -ENOENT or -EPERM after a complaint. */
int site_new(Site **ret, const Config *config, IniComplaint complain, void *userdata);
Site *site_free(Site *site);
DEFINE_CLEANUP(Site *, site_free)

/* The asset at that path, without its query; NULL when it is none. */
const Asset *site_asset(const Site *site, const char *path);
