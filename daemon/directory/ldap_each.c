/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A search for any number of entries, in pages: what ends at a size limit otherwise. */
#include "ldap_private.h"

#include <string.h>

#define PAGE_ENTRIES 500 /* what a server gives anybody by default */

/* One search of directory_each(). */
typedef struct Walk {
	Directory *directory;
	DirectoryEach each;
	void *userdata;
	int id;
	size_t given;
	bool whole; /* without pages */
	/* where the next page begins; NULL: at the start, or there is none */
	struct berval *cookie;
} Walk;

/* The end of a page; what the server says of the next one is kept. */
static int page_end(Walk *walk, LDAPMessage *message)
{
	LDAP *ld = walk->directory->ld;
	LDAPControl **controls = NULL, *page;
	struct berval cookie = { 0 };
	int rc, code = LDAP_OTHER;
	ber_int_t estimate;

	ber_bvfree(STEAL(walk->cookie));
	rc = ldap_parse_result(ld, message, &code, NULL, NULL, NULL, &controls, 0);
	page = rc == LDAP_SUCCESS ? ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL)
				  : NULL;
	if (page && ldap_parse_pageresponse_control(ld, page, &estimate, &cookie) == LDAP_SUCCESS &&
	    cookie.bv_len > 0)
		walk->cookie = ber_bvdup(&cookie);
	ber_memfree(cookie.bv_val);
	ldap_controls_free(controls);
	return directory_result(walk->directory, ld, rc == LDAP_SUCCESS ? code : rc, "search");
}

/* 1: a further entry was given to each(); 0: the end of the page; else what ended it. */
static int each_message(Walk *walk)
{
	Directory *directory = walk->directory;
	int ms = directory_operation_time(directory), type, r;
	CLEANUP(entry_freep) Entry *entry = NULL;
	LDAPMessage *message = NULL;
	struct timeval time;

	if (ms < 0)
		return ms;
	time = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };
	type = ldap_result(directory->ld, walk->id, LDAP_MSG_ONE, &time, &message);
	switch (type) {
	case LDAP_RES_SEARCH_ENTRY:
		r = directory_entry_copy(&entry, directory->ld, message);
		if (r == 0)
			r = walk->each(entry, walk->userdata);
		r = r == 0 ? 1 : r;
		walk->given++;
		break;
	case LDAP_RES_SEARCH_REFERENCE:
		r = 1;
		break;
	case LDAP_RES_SEARCH_RESULT:
		r = page_end(walk, message);
		break;
	default:
		r = directory_result(directory, directory->ld,
				     type == 0 ? LDAP_TIMEOUT : LDAP_SERVER_DOWN, "search");
	}
	ldap_msgfree(message);
	return r;
}

/*
 * Not critical: a server without paged results (RFC 2696) gives all at once, as far as its size
 * limit goes.
 */
static int page_ask(Walk *walk, const DirectoryQuery *query)
{
	Directory *directory = walk->directory;
	LDAPControl *controls[2] = { 0 };
	int rc, r = directory_arm(directory, directory->ld);

	if (r < 0)
		return r;
	if (walk->whole)
		return directory_search_send(directory, query, NULL, &walk->id);
	rc = ldap_create_page_control(directory->ld, PAGE_ENTRIES, walk->cookie, 0, &controls[0]);
	r = rc == LDAP_SUCCESS ? directory_search_send(directory, query, controls, &walk->id)
			       : directory_result(directory, directory->ld, rc, "search");
	if (controls[0])
		ldap_control_free(controls[0]);
	return r;
}

int directory_each(Directory *directory, const DirectoryQuery *query, DirectoryEach each,
		   void *userdata)
{
	Walk walk = { .directory = directory, .each = each, .userdata = userdata };
	int r = directory_connect(directory);

	/* Ends: by the call's deadline, if not before. */
	while (r == 0) {
		r = page_ask(&walk, query);
		if (r == 0)
			do
				r = each_message(&walk);
			while (r == 1);
		/*
		 * The service may be allowed no pages, or only smaller ones, and yet all at once.
		 */
		if (r == DIRECTORY_E_ADMIN_LIMIT && walk.given == 0 && !walk.whole) {
			walk.whole = true;
			r = 0;
		} else if (!walk.cookie) {
			break;
		}
	}
	ber_bvfree(walk.cookie);
	/* What still comes of it belongs to nobody. */
	if (r < 0)
		directory_disconnect(directory);
	return r;
}
