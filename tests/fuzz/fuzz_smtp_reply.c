/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Replies of a hostile server: bounded, the same however they are cut into pieces, and clean when
 * told. */

#include "fuzz.h"
#include "reply.h"
#include "trace.h"
#include "validate.h"

static int feed(Reply *reply, const char *text, size_t size, size_t piece, size_t *ret_used)
{
	size_t done = 0;

	reply_init(reply);
	while (done < size && !reply->complete) {
		size_t n = size - done < piece ? size - done : piece, used = 0;
		int r = reply_feed(reply, text + done, n, &used);

		if (r < 0)
			return r;
		assert(used <= n && (used == n || reply->complete));
		done += used;
	}
	*ret_used = done;
	return 0;
}

static void check_told(const Reply *reply)
{
	char text[REPLY_TEXT_MAX + 16], code[32];
	const char *rest;
	Trace trace;
	Buf out;

	buf_init(&out, text, sizeof(text));
	reply_print(reply, &out);
	assert(!out.overflow && utf8_valid(text, out.len) && !strpbrk(text, "\r\n\t\x1b"));
	buf_init(&out, code, sizeof(code));
	reply_print_code(reply, &out);
	assert(!out.overflow && strlen(code) <= 15);
	if (reply_offers(reply, "AUTH", &rest))
		reply_parameter(rest, "PLAIN");
	trace_init(&trace);
	trace_hide(&trace, "7KQ4-M2XD");
	trace_hide(&trace, "https://example.com/r/abcdefghijklmnopqrstuvwxyz");
	trace_ok(&trace, "step", text);
	assert(!strstr(trace.steps[0].text, "7KQ4-M2XD") &&
	       !strstr(trace.steps[0].text, "abcdefgh"));
	assert(utf8_valid(trace.steps[0].text, strlen(trace.steps[0].text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static Reply whole, torn;
	char *text = fuzz_copy(data, size);
	size_t used = 0, used_torn = 0;
	int r, q;

	r = feed(&whole, text, size, SIZE_MAX, &used);
	q = feed(&torn, text, size, 3, &used_torn);
	assert(r == q && (r == 0 || r == -EBADMSG || r == -EMSGSIZE));
	if (r == 0) {
		assert(used == used_torn && whole.complete == torn.complete &&
		       whole.code == torn.code);
		assert(strcmp(whole.text, torn.text) == 0 && strlen(whole.text) == whole.text_len);
		if (whole.complete) {
			assert(whole.code >= 200 && whole.code <= 599);
			check_told(&whole);
		}
	}
	free(text);
	return 0;
}
