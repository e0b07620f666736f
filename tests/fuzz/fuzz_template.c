/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Templates on any bytes: what is refused is complained about once with a line; what loads renders,
 * and in HTML no value comes out as markup. The first byte chooses the form: 'h' HTML, anything
 * else plain.
 */

#include "fuzz.h"
#include "template.h"

#define OUT_SIZE (1024 * 1024)

static unsigned n_complaints;

static void on_complaint(const IniPlace *place, const char *message, void *userdata)
{
	(void)userdata;
	assert(place->line >= 1 && strlen(message) > 5);
	n_complaints++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char memory[OUT_SIZE];
	const IniPlace place = { .file = "fuzz", .line = 1 };
	const TemplateForm form = size > 0 && data[0] == 'h' ? TEMPLATE_HTML : TEMPLATE_PLAIN;
	char *text = fuzz_copy(data + (size > 0), size - (size > 0));
	Values values = { .minutes = 0 };
	Template *t = NULL;
	ValueSet used;
	Buf out;
	int r;

	for (size_t i = 0; i < _VALUE_MAX; i++)
		values.text[i] = i % 3 == 0                    ? NULL
				 : value_is_link((ValueName)i) ? "https://e/#QZ'x&x"
							       : "QZ<QZ\"QZ'QZ>QZ&x";
	values.text[VALUE_BODY] = "body";
	n_complaints = 0;
	r = template_parse(&t, form, &place, text, size - (size > 0),
			   (ValueSet)(VALUE_BIT(_VALUE_MAX) - 1), &used, on_complaint, NULL);
	assert(n_complaints == (r == 0 ? 0 : 1));
	if (r == 0) {
		buf_init(&out, memory, sizeof(memory));
		template_render(t, &values, &out);
		/* The input may hold such words itself. */
		if (form == TEMPLATE_HTML && !memmem(text, size - 1, "QZ", 2))
			assert(!strstr(memory, "QZ<") && !strstr(memory, "QZ\"") &&
			       !strstr(memory, "QZ'") && !strstr(memory, "QZ>"));
		assert(memchr(memory, '\0', sizeof(memory)) == memory + out.len);
	}
	template_free(t);
	free(text);
	return 0;
}
