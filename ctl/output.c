/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text for a terminal. Names and events come out of the directory, where others may write: an
 * escape sequence in a person's name must not reach the terminal of the administrator who looks at
 * it.
 */

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#include "output.h"
#include "validate.h"

/* The bytes of one character that may be shown, or 0. */
static size_t shown_length(const char *text, size_t len)
{
	size_t n = utf8_length(text, len);
	char one[5];

	if (n == 0)
		return 0;
	memcpy(one, text, n);
	one[n] = '\0';
	return text_valid(one, n) ? n : 0;
}

char *text_clean(const char *text)
{
	size_t len = strlen(text), done = 0;
	char *ret = malloc(len + 1);

	if (!ret)
		return NULL;
	for (size_t i = 0; i < len;) {
		size_t n = shown_length(text + i, len - i), skip = utf8_length(text + i, len - i);

		if (n > 0)
			memcpy(ret + done, text + i, n);
		else
			ret[done] = '?';
		done += n > 0 ? n : 1;
		i += skip > 0 ? skip : 1;
	}
	ret[done] = '\0';
	return ret;
}

void text_print(FILE *f, const char *text)
{
	AUTO_FREE char *clean = text_clean(text);

	fputs(clean ? clean : "?", f);
}

size_t text_width(const char *text)
{
	size_t width = 0, len = strlen(text);

	for (size_t i = 0, n; i < len; i += n) {
		const unsigned char *p = (const unsigned char *)text + i;
		wchar_t c;
		int w;

		n = utf8_length(text + i, len - i);
		if (n == 0)
			n = 1;
		c = n == 1 ? p[0] : (wchar_t)(p[0] & (0x7fU >> n));
		for (size_t j = 1; j < n; j++)
			c = (wchar_t)(c << 6 | (p[j] & 0x3f));
		w = wcwidth(c);
		width += w < 0 ? 1 : (size_t)w;
	}
	return width;
}

/* The writer leaves C1 controls as they are, which some terminals obey. */
static void json_print_string(FILE *f, const JsonNode *node)
{
	size_t size = 6 * (size_t)node->n + 3;
	AUTO_FREE char *memory = malloc(size);
	JsonWriter w;
	Buf buf;

	buf_init(&buf, memory, memory ? size : 0);
	w = JSON_WRITER(&buf);
	json_put_string_n(&w, NULL, node->string, node->n);
	for (size_t i = 0, n; i < buf.len; i += n) {
		n = utf8_length(buf.data + i, buf.len - i);
		if (n == 2 && shown_length(buf.data + i, n) == 0)
			fprintf(f, "\\u%04x", (unsigned)(unsigned char)buf.data[i + 1]);
		else
			fwrite(buf.data + i, 1, n, f);
	}
}

static void json_indent(FILE *f, OutputMode mode, unsigned depth)
{
	if (mode == OUTPUT_PRETTY)
		fprintf(f, "\n%*s", (int)(2 * depth), "");
}

static void json_print_at(FILE *f, const JsonNode *node, OutputMode mode, unsigned depth)
{
	const JsonNode *it = json_first(node);

	switch (node->type) {
	case JSON_NULL:
		fputs("null", f);
		break;
	case JSON_BOOL:
		fputs(node->boolean ? "true" : "false", f);
		break;
	case JSON_INTEGER:
		fprintf(f, "%" PRId64, node->integer);
		break;
	case JSON_STRING:
		json_print_string(f, node);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		fputc(node->type == JSON_ARRAY ? '[' : '{', f);
		for (uint32_t i = 0; i < node->n; i++) {
			if (i > 0)
				fputc(',', f);
			json_indent(f, mode, depth + 1);
			if (node->type == JSON_OBJECT) {
				json_print_string(f, it);
				fputs(mode == OUTPUT_PRETTY ? ": " : ":", f);
				it = json_next(it);
			}
			json_print_at(f, it, mode, depth + 1);
			it = json_next(it);
		}
		if (node->n > 0)
			json_indent(f, mode, depth);
		fputc(node->type == JSON_ARRAY ? ']' : '}', f);
		break;
	}
}

void json_print(FILE *f, const JsonNode *node, OutputMode mode)
{
	json_print_at(f, node, mode, 0);
	fputc('\n', f);
}

bool output_json(const Ctl *ctl, const JsonNode *parameters)
{
	if (ctl->options.output == OUTPUT_TABLE)
		return false;
	if (parameters)
		json_print(stdout, parameters, ctl->options.output);
	else
		puts("{}");
	return true;
}

void time_format(int64_t seconds, char *ret, size_t size)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!localtime_r(&t, &tm) || strftime(ret, size, "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		snprintf(ret, size, "%" PRId64, seconds);
}

void span_format(int64_t seconds, char *ret, size_t size)
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 120)
		snprintf(ret, size, _("%lld s"), (long long)seconds);
	else if (seconds < 7200)
		snprintf(ret, size, _("%lld min"), (long long)seconds / 60);
	else if (seconds < 2 * 86400)
		snprintf(ret, size, _("%lld h %lld min"), (long long)seconds / 3600,
			 (long long)seconds / 60 % 60);
	else
		snprintf(ret, size, _("%lld days"), (long long)seconds / 86400);
}

/* Translated labels differ in width, and printf() counts bytes. */
#define LABEL_WIDTH 22

void field_print(FILE *f, const char *label, const char *value)
{
	size_t width = text_width(label);

	/* The next of several values stands below the first. */
	fprintf(f, "%*s%s%s ", (int)(width < LABEL_WIDTH ? LABEL_WIDTH - width : 0), "", label,
		label[0] != '\0' ? ":" : " ");
	text_print(f, value);
	fputc('\n', f);
}
