/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The operations: search, modify, a check of a password; and the one place where filters are
 * escaped.
 */
#include "ldap_private.h"

#include <string.h>
#include <strings.h>

void filter_escape(Buf *buf, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '*' || c == '(' || c == ')' || c == '\\' || c < ' ' || c >= 0x7f)
			buf_printf(buf, "\\%02x", c);
		else
			buf_putc(buf, (char)c);
	}
}

/*
 * Of userPassword only what hands the check to somebody else may come in: whatever the site's
 * access rules let us read, a hash is never kept.
 */
static bool value_welcome(const Attribute *attribute, const struct berval *value)
{
	static const char delegated[] = "{SASL}";

	return strcasecmp(attribute->name, "userPassword") != 0 ||
	       (value->bv_len >= strlen(delegated) &&
		strncasecmp(value->bv_val, delegated, strlen(delegated)) == 0);
}

static int attribute_copy(Attribute *attribute, const struct berval *name,
			  const struct berval *values)
{
	const char *options = memchr(name->bv_val, ';', name->bv_len);
	size_t n = 0;

	while (values && values[n].bv_val)
		if (++n > ENTRY_VALUES_MAX)
			return -E2BIG;
	attribute->name =
		strndup(name->bv_val, options ? (size_t)(options - name->bv_val) : name->bv_len);
	attribute->values = calloc(n > 0 ? n : 1, sizeof(Value));
	if (!attribute->name || !attribute->values)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		char *bytes;

		if (values[i].bv_len > ENTRY_VALUE_MAX || !value_welcome(attribute, &values[i]))
			continue;
		bytes = malloc(values[i].bv_len + 1);
		if (!bytes)
			return -ENOMEM;
		memcpy(bytes, values[i].bv_val, values[i].bv_len);
		bytes[values[i].bv_len] = '\0';
		attribute->values[attribute->n++] =
			(Value){ .len = values[i].bv_len, .bytes = bytes };
	}
	return 0;
}

/*
 * These of libldap's functions tell the end of an entry from no memory and from nonsense. With the
 * others a lock or a token that there was no memory for is like one that is not there.
 */
static int entry_fill(Entry *entry, LDAP *ld, LDAPMessage *message, BerElement *ber)
{
	int r = 0;

	while (r == 0) {
		struct berval name, *values = NULL;

		if (ldap_get_attribute_ber(ld, message, ber, &name, &values) != LDAP_SUCCESS)
			r = -EBADMSG;
		else if (!name.bv_val)
			break;
		else if (entry->n == ENTRY_ATTRIBUTES_MAX)
			r = -E2BIG;
		else
			r = attribute_copy(&entry->attributes[entry->n++], &name, values);
		/* What they point to is the message's. */
		ber_memfree(values);
	}
	return r;
}

int directory_entry_copy(Entry **ret, LDAP *ld, LDAPMessage *message)
{
	CLEANUP(entry_freep) Entry *entry = calloc(1, sizeof(*entry));
	BerElement *ber = NULL;
	struct berval dn;
	int r;

	if (!entry)
		return -ENOMEM;
	entry->attributes = calloc(ENTRY_ATTRIBUTES_MAX, sizeof(Attribute));
	if (!entry->attributes)
		return -ENOMEM;
	if (ldap_get_dn_ber(ld, message, &ber, &dn) != LDAP_SUCCESS)
		return -EBADMSG;
	entry->dn = strndup(dn.bv_val, dn.bv_len);
	r = entry->dn ? entry_fill(entry, ld, message, ber) : -ENOMEM;
	ber_free(ber, 0);
	if (r < 0)
		return r;
	*ret = STEAL(entry);
	return 0;
}

static int list_copy(EntryList *ret, LDAP *ld, LDAPMessage *result, unsigned limit)
{
	AUTO_ENTRY_LIST EntryList list = { 0 };
	int n = ldap_count_entries(ld, result);

	if (n < 0)
		return -EBADMSG;
	list.entries = calloc(n > 0 ? (size_t)n : 1, sizeof(Entry *));
	if (!list.entries)
		return -ENOMEM;
	for (LDAPMessage *m = ldap_first_entry(ld, result); m && list.n < limit;
	     m = ldap_next_entry(ld, m)) {
		int r = directory_entry_copy(&list.entries[list.n], ld, m);

		if (r < 0)
			return r;
		list.n++;
	}
	*ret = list;
	list = (EntryList){ 0 };
	return (unsigned)n > limit ? DIRECTORY_E_SIZE_LIMIT : 0;
}

/*
 * An answer that did not come makes the connection useless: a late one would be taken for the next.
 */
static bool connection_lost(int r)
{
	return r == -ECONNRESET || r == -ETIMEDOUT || r == LDAP_UNAVAILABLE;
}

/*
 * libldap (seen in 2.5) leaves out the part of a filter that it has no memory to copy, and sends
 * the rest as if it were the whole: then other entries are found. Only errno tells.
 */
static bool filter_was_cut(int rc)
{
	return rc == LDAP_SUCCESS && errno == ENOMEM;
}

int directory_search_send(Directory *directory, const DirectoryQuery *query, LDAPControl **controls,
			  int *ret_id)
{
	static const char *const none[] = { LDAP_NO_ATTRS, NULL };
	static const int scopes[] = { LDAP_SCOPE_BASE, LDAP_SCOPE_ONELEVEL, LDAP_SCOPE_SUBTREE };
	const char *const *attributes = query->attributes ? query->attributes : none;
	int rc;

	errno = 0;
	rc = ldap_search_ext(directory->ld, query->base, scopes[query->scope],
			     query->filter ? query->filter : "(objectClass=*)",
			     (char **)(uintptr_t)attributes, 0, controls, NULL, NULL,
			     (int)query->limit, ret_id);
	if (!filter_was_cut(rc))
		return directory_result(directory, directory->ld, rc, "search");
	directory_disconnect(directory);
	return directory_result(directory, NULL, LDAP_NO_MEMORY, "search");
}

static int search_wait(Directory *directory, int id, LDAPMessage **ret)
{
	int ms = directory_operation_time(directory), rc, code = LDAP_OTHER;
	struct timeval time = { .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };

	if (ms < 0)
		return ms;
	rc = ldap_result(directory->ld, id, LDAP_MSG_ALL, &time, ret);
	if (rc <= 0)
		return directory_result(directory, directory->ld,
					rc == 0 ? LDAP_TIMEOUT : LDAP_SERVER_DOWN, "search");
	rc = ldap_parse_result(directory->ld, *ret, &code, NULL, NULL, NULL, NULL, 0);
	return directory_result(directory, directory->ld, rc == LDAP_SUCCESS ? code : rc, "search");
}

static int search_once(Directory *directory, const DirectoryQuery *query, EntryList *ret)
{
	LDAPMessage *result = NULL;
	int r, id;

	r = directory_connect(directory);
	if (r != 0)
		return r;
	r = directory_arm(directory, directory->ld);
	if (r < 0)
		return r;
	r = directory_search_send(directory, query, NULL, &id);
	if (r == 0)
		r = search_wait(directory, id, &result);
	if (r == 0) {
		r = list_copy(ret, directory->ld, result, query->limit);
	} else if (r == DIRECTORY_E_SIZE_LIMIT) {
		int copied = list_copy(ret, directory->ld, result, query->limit);

		r = copied < 0 ? copied : r;
	}
	ldap_msgfree(result);
	if (connection_lost(r))
		directory_disconnect(directory);
	return r;
}

int directory_search(Directory *directory, const DirectoryQuery *query, EntryList *ret)
{
	bool connected = directory->ld != NULL;
	int r = search_once(directory, query, ret);

	/* The server may have closed an idle connection: a read can be asked for twice. */
	if (r == -ECONNRESET && connected)
		r = search_once(directory, query, ret);
	return r;
}

int directory_read(Directory *directory, const char *dn, const char *filter,
		   const char *const *attributes, Entry **ret)
{
	const DirectoryQuery query = { .base = dn,
				       .scope = DIRECTORY_BASE,
				       .filter = filter,
				       .attributes = attributes,
				       .limit = 1 };
	AUTO_ENTRY_LIST EntryList list = { 0 };
	int r = directory_search(directory, &query, &list);

	if (r != 0)
		return r;
	if (list.n == 0)
		return DIRECTORY_E_NO_SUCH_OBJECT;
	*ret = STEAL(list.entries[0]);
	return 0;
}

typedef struct Mods {
	LDAPMod mods[CHANGES_MAX];
	LDAPMod *list[CHANGES_MAX + 1];
	struct berval values[CHANGES_MAX][CHANGE_VALUES_MAX];
	struct berval *pointers[CHANGES_MAX][CHANGE_VALUES_MAX + 1];
} Mods;

static void mods_build(Mods *mods, const Changes *changes)
{
	static const int ops[] = { LDAP_MOD_ADD, LDAP_MOD_DELETE, LDAP_MOD_REPLACE };

	for (size_t i = 0; i < changes->n; i++) {
		const Change *change = &changes->list[i];

		for (size_t j = 0; j < change->n; j++) {
			mods->values[i][j].bv_len = change->values[j].len;
			mods->values[i][j].bv_val = change->values[j].bytes;
			mods->pointers[i][j] = &mods->values[i][j];
		}
		mods->mods[i].mod_op = ops[change->op] | LDAP_MOD_BVALUES;
		mods->mods[i].mod_type = (char *)(uintptr_t)change->attribute;
		mods->mods[i].mod_bvalues = change->n > 0 ? mods->pointers[i] : NULL;
		mods->list[i] = &mods->mods[i];
	}
}

static int write_result(Directory *directory, LDAP *ld, int id, const char *what)
{
	int ms = directory_operation_time(directory), rc, code = LDAP_OTHER;
	struct timeval time;
	LDAPControl **controls = NULL;
	LDAPMessage *message = NULL;

	/*
	 * It has been sent: when there is no time to wait, its outcome is unknown like any other
	 * lost reply.
	 */
	if (ms < 0)
		ms = 0;
	time = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000 };
	rc = ldap_result(ld, id, LDAP_MSG_ALL, &time, &message);
	if (rc == 0)
		return directory_result(directory, ld, LDAP_TIMEOUT, what);
	if (rc < 0)
		return directory_result(directory, ld, LDAP_SERVER_DOWN, what);
	rc = ldap_parse_result(ld, message, &code, NULL, NULL, NULL, &controls, 1);
	if (rc != LDAP_SUCCESS)
		return directory_result(directory, ld, LDAP_SERVER_DOWN, what);
	directory_note_policy(directory, ld, controls);
	ldap_controls_free(controls);
	return directory_result(directory, ld, code, what);
}

static int modify_on(Directory *directory, LDAP *ld, const char *dn, const Changes *changes,
		     const char *assertion)
{
	Mods mods = { 0 };
	LDAPControl *ppolicy = NULL, *assert = NULL, *controls[3] = { 0 };
	size_t n = 0;
	int r, rc, id = 0;

	r = directory_arm(directory, ld);
	if (r < 0)
		return r;
	mods_build(&mods, changes);
	rc = directory->server.ppolicy ? ldap_create_passwordpolicy_control(ld, &ppolicy)
				       : LDAP_SUCCESS;
	if (rc == LDAP_SUCCESS && assertion) {
		errno = 0;
		rc = ldap_create_assertion_control(ld, (char *)(uintptr_t)assertion, 1, &assert);
		rc = filter_was_cut(rc) ? LDAP_NO_MEMORY : rc;
	}
	if (ppolicy)
		controls[n++] = ppolicy;
	if (assert)
		controls[n++] = assert;
	if (rc == LDAP_SUCCESS)
		rc = ldap_modify_ext(ld, dn, mods.list, controls, NULL, &id);
	r = rc == LDAP_SUCCESS ? write_result(directory, ld, id, "modify")
			       : directory_result(directory, ld, rc, "modify");
	if (ppolicy)
		ldap_control_free(ppolicy);
	if (assert)
		ldap_control_free(assert);
	return r;
}

int directory_modify(Directory *directory, const char *dn, const Changes *changes,
		     const char *assertion)
{
	int r;

	if (changes->error < 0)
		return changes->error;
	r = directory_connect(directory);
	if (r != 0)
		return r;
	r = modify_on(directory, directory->ld, dn, changes, assertion);
	if (connection_lost(r))
		directory_disconnect(directory);
	return r;
}

static int own_open(Directory *directory, const char *dn, const Secret *password, LDAP **ret)
{
	int r = directory_connect(directory);

	if (r == 0)
		r = ldap_handle_open(directory, directory->server.uri, ret);
	if (r == 0)
		r = directory_bind(directory, *ret, dn, password);
	return r;
}

int directory_check_password(Directory *directory, const char *dn, const Secret *password)
{
	AUTO_LDAP LDAP *ld = NULL;

	return own_open(directory, dn, password, &ld);
}

int directory_may_compare(Directory *directory, const char *who, const Secret *password,
			  const char *dn, const char *attribute)
{
	static char none[] = "none";
	struct berval value = { sizeof(none) - 1, none };
	AUTO_LDAP LDAP *ld = NULL;
	int r = directory_connect(directory), rc;

	if (r == 0)
		r = ldap_handle_open(directory, directory->server.uri, &ld);
	if (r == 0 && who)
		r = directory_bind(directory, ld, who, password);
	if (r == 0)
		r = directory_arm(directory, ld);
	if (r != 0)
		return r < 0 ? r : -EACCES;
	rc = ldap_compare_ext_s(ld, dn, attribute, &value, NULL, NULL);
	return rc == LDAP_COMPARE_TRUE || rc == LDAP_COMPARE_FALSE || rc == LDAP_NO_SUCH_ATTRIBUTE;
}

int directory_modify_own(Directory *directory, const char *dn, const Secret *current,
			 const Changes *changes)
{
	AUTO_LDAP LDAP *ld = NULL;
	int r = changes->error;

	if (r == 0)
		r = own_open(directory, dn, current, &ld);
	if (r != 0)
		return r < 0 ? -ECONNREFUSED : r;
	return modify_on(directory, ld, dn, changes, NULL);
}

int directory_passwd_own(Directory *directory, const char *dn, const Secret *current,
			 const Secret *password)
{
	struct berval user = { strlen(dn), (char *)(uintptr_t)dn }, old, new;
	AUTO_LDAP LDAP *ld = NULL;
	LDAPControl *ppolicy = NULL, *controls[2] = { 0 };
	int r = own_open(directory, dn, current, &ld), rc, id = 0;

	if (r != 0)
		return r < 0 ? -ECONNREFUSED : r;
	r = directory_arm(directory, ld);
	if (r < 0)
		return -ECONNREFUSED;
	old = (struct berval){ current->len, (char *)(uintptr_t)current->bytes };
	new = (struct berval){ password->len, (char *)(uintptr_t)password->bytes };
	rc = directory->server.ppolicy ? ldap_create_passwordpolicy_control(ld, &ppolicy)
				       : LDAP_SUCCESS;
	controls[0] = ppolicy;
	if (rc == LDAP_SUCCESS)
		rc = ldap_passwd(ld, &user, &old, &new, controls, NULL, &id);
	r = rc == LDAP_SUCCESS ? write_result(directory, ld, id, "passwd")
			       : directory_result(directory, ld, rc, "passwd");
	if (ppolicy)
		ldap_control_free(ppolicy);
	return r;
}
