/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chooses among languages and puts layout and text together. */

#include <string.h>
#include <strings.h>

#include "library_private.h"
#include "validate.h"

#define SUBJECT_MAX 1024
#define TEXT_MAX (24 * 1024)
#define HTML_MAX (64 * 1024)
#define TEXT_COLUMNS 72
#define CHOICES_MAX 16 /* items of an Accept-Language that are looked at */

static const Language *language_exact(const Library *library, MailKind kind, const char *tag)
{
	for (size_t i = 0; i < library->n_languages; i++)
		if (strcasecmp(library->languages[i].tag, tag) == 0)
			return library->languages[i].kinds[kind].text ? &library->languages[i]
								      : NULL;
	return NULL;
}

/* pt-BR, then pt. */
static const Language *language_find(const Library *library, MailKind kind, const char *tag)
{
	char part[LANGUAGE_MAX + 1];

	if (!language_valid(tag))
		return NULL;
	snprintf(part, sizeof(part), "%s", tag);
	for (;;) {
		const Language *found = language_exact(library, kind, part);
		char *hyphen = strrchr(part, '-');

		if (found || !hyphen)
			return found;
		*hyphen = '\0';
	}
}

/* "q=0.8" as 800; what is no such thing counts in full. */
static unsigned weight(const char *text)
{
	unsigned n = 0, scale = 1000;

	text += strspn(text, " \t");
	if (strncasecmp(text, "q=", 2) != 0 || (text[2] != '0' && text[2] != '1'))
		return 1000;
	if (text[2] == '1')
		return 1000;
	if (text[3] != '.')
		return 0;
	for (text += 4; *text >= '0' && *text <= '9' && scale > 1; text++) {
		scale /= 10;
		n += (unsigned)(*text - '0') * scale;
	}
	return n;
}

const Language *library_choose(const Library *library, MailKind kind, const char *wanted)
{
	const Language *best = NULL;
	unsigned best_weight = 0;

	for (size_t i = 0; i < CHOICES_MAX && wanted && *wanted != '\0'; i++) {
		char tag[LANGUAGE_MAX + 1] = "";
		const Language *found;
		size_t len;

		wanted += strspn(wanted, " \t,");
		len = strcspn(wanted, " \t,;");
		if (len <= LANGUAGE_MAX) {
			memcpy(tag, wanted, len);
			tag[len] = '\0';
		}
		wanted += len;
		wanted += strspn(wanted, " \t");
		found = language_find(library, kind, tag);
		if (found) {
			unsigned w = *wanted == ';' ? weight(wanted + 1) : 1000;

			if (w > best_weight) {
				best = found;
				best_weight = w;
			}
		}
		wanted += strcspn(wanted, ",");
	}
	return best ? best : language_exact(library, kind, LIBRARY_FALLBACK);
}

/*
 * Templates have a paragraph on one line, because only here it is known how long the values are.
 * Lines that begin with a blank are left alone, and so is what has no blank, such as a link.
 */
static void put_wrapped(Buf *out, const char *text)
{
	size_t column = 0;
	bool indented = false;

	while (*text != '\0') {
		size_t len = strcspn(text, " \n"), columns = 0;

		if (column == 0)
			indented = *text == ' ';
		for (size_t i = 0; i < len; i++)
			columns += ((unsigned char)text[i] & 0xc0) != 0x80;
		/* The blank before this word is already there: it becomes the end of the line. */
		if (!indented && column > 0 && column + columns > TEXT_COLUMNS && out->len > 0 &&
		    !out->overflow) {
			out->data[out->len - 1] = '\n';
			column = 0;
		}
		buf_append(out, text, len);
		text += len;
		column += columns;
		if (*text == '\0')
			break;
		/* What absent values leave is one empty line, not several. */
		if (*text != '\n' || out->len < 2 || out->data[out->len - 1] != '\n' ||
		    out->data[out->len - 2] != '\n')
			buf_putc(out, *text);
		column = *text++ == '\n' ? 0 : column + 1;
	}
}

static void framed(const Template *layout, const Template *inner, Values *values, Buf *scratch,
		   Buf *out)
{
	buf_init(scratch, scratch->data, scratch->size);
	template_render(inner, values, scratch);
	out->overflow = out->overflow || scratch->overflow;
	values->text[VALUE_BODY] = scratch->data;
	template_render(layout, values, out);
	values->text[VALUE_BODY] = NULL;
	buf_wipe(scratch);
}

static void text_framed(const Language *language, const Template *inner, Values *values,
			Buf *scratch, Buf *out)
{
	char memory[TEXT_MAX];
	Buf raw;

	buf_init(&raw, memory, sizeof(memory));
	framed(language->layout_text, inner, values, scratch, &raw);
	out->overflow = raw.overflow;
	put_wrapped(out, raw.data);
	buf_wipe(&raw);
}

int library_render(const Library *library, const Language *language, MailKind kind,
		   const Values *values, int64_t now, MailText *ret)
{
	char when[LANGUAGE_WHEN_MAX] = "", until[LANGUAGE_WHEN_MAX] = "",
	     lasts[LANGUAGE_LASTS_MAX] = "";
	const KindTemplates *kt = &language->kinds[kind];
	Values v = *values;
	Buf scratch = library->scratch;

	mail_text_wipe(ret);
	if (values_has(&v, VALUE_TIME) &&
	    language_date(&language->words, v.time, when, sizeof(when)) < 0)
		return -EMSGSIZE;
	if (values_has(&v, VALUE_MINUTES)) {
		language_duration(&language->words, v.minutes, lasts, sizeof(lasts));
		if (language_date(&language->words, now + v.minutes * 60, until, sizeof(until)) < 0)
			return -EMSGSIZE;
	}
	v.text[VALUE_WHEN] = when;
	v.text[VALUE_UNTIL] = until;
	v.text[VALUE_LASTS] = lasts;
	v.text[VALUE_LANGUAGE] = language->tag;
	v.text[VALUE_DIRECTION] = language->words.direction;

	ret->language = language->tag;
	template_render(kt->subject, &v, &ret->subject);
	v.text[VALUE_SUBJECT] = ret->subject.data;
	text_framed(language, kt->text, &v, &scratch, &ret->text);
	framed(language->layout_html, kt->html, &v, &scratch, &ret->html);
	return ret->subject.overflow || ret->text.overflow || ret->html.overflow ? -EMSGSIZE : 0;
}

int mail_text_init(MailText *text)
{
	char *memory = malloc(SUBJECT_MAX + TEXT_MAX + HTML_MAX);

	if (!memory)
		return -ENOMEM;
	text->language = NULL;
	buf_init(&text->subject, memory, SUBJECT_MAX);
	buf_init(&text->text, memory + SUBJECT_MAX, TEXT_MAX);
	buf_init(&text->html, memory + SUBJECT_MAX + TEXT_MAX, HTML_MAX);
	return 0;
}

void mail_text_wipe(MailText *text)
{
	buf_wipe(&text->subject);
	buf_wipe(&text->text);
	buf_wipe(&text->html);
}

void mail_text_deinit(MailText *text)
{
	if (!text->subject.data)
		return;
	mail_text_wipe(text);
	free(text->subject.data);
	text->subject.data = NULL;
}
