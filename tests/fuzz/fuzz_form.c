/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The body of a POST: whatever comes, a form is whole, within its limits and UTF-8, or it is
 * refused. */

#include "form.h"
#include "fuzz.h"
#include "validate.h"

static const FormField tables[][FORM_FIELDS_MAX] = {
	{ { "user", 8, false }, { "password", 511, false }, { "again", 511, false }, {} },
	{ { "a", 3, true }, { "b", 0, true }, { "", 4, true }, {} },
	{ {} },
};

static void check(const char *body, size_t size, const FormField *fields)
{
	/* One byte more than the body: form_parse() may end a value there, and may not look at it.
	 */
	char *memory = malloc(size + 1);
	Form form;
	int r;

	assert(memory);
	memcpy(memory, body, size);
	memory[size] = '&';
	r = form_parse(&form, memory, size, fields);
	assert(r >= 0 && r <= FORM_E_TOO_LONG);
	for (size_t i = 0; i < FORM_FIELDS_MAX; i++) {
		const char *value = form.values[i];

		assert(r == 0 || !value);
		if (!value)
			continue;
		assert(value > memory && value <= memory + size);
		assert(strlen(value) <= fields[i].max && utf8_valid(value, strlen(value)));
	}
	for (size_t i = 0; r == 0 && fields[i].name; i++)
		assert(form.values[i] || fields[i].optional);
	free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = fuzz_copy(data, size);

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		check(body, size, tables[i]);
	free(body);
	return 0;
}
