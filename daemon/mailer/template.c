/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parses templates into a list of parts and renders them. */

#include <string.h>

#include "html.h"
#include "template.h"

typedef enum PartType {
	PART_LITERAL,
	PART_VALUE,   /* as it is */
	PART_ESCAPED, /* for HTML */
	PART_IF,
	PART_UNLESS,
	PART_END,
} PartType;

typedef struct Part {
	PartType type;
	ValueName name;
	size_t start; /* literal: bytes [start, end) of the text; IF and UNLESS: end is the part
			 that closes it */
	size_t end;
} Part;

struct Template {
	char *text;
	size_t n_parts;
	Part *parts;
};

typedef struct Parser {
	Template *template;
	TemplateForm form;
	const IniPlace *place;
	IniComplaint complain;
	void *userdata;
	ValueSet known;
	ValueSet used;
	Html html;
	bool whole; /* a link has filled the attribute: only the closing quote may follow */
	size_t len;
	size_t at;      /* what lies before is done */
	size_t literal; /* start of the literal that is being collected */
	size_t depth;
	size_t open[TEMPLATE_DEPTH_MAX]; /* parts */
} Parser;

static int refuse(const Parser *p, const char *message)
{
	IniPlace place = *p->place;

	for (size_t i = 0; i < p->at; i++)
		place.line += p->template->text[i] == '\n';
	p->complain(&place, message, p->userdata);
	return -EBADMSG;
}

static int part_add(Parser *p, PartType type, ValueName name, size_t start, size_t end)
{
	if (p->template->n_parts == TEMPLATE_PARTS_MAX)
		return refuse(p, "The template has too many parts.");
	p->template->parts[p->template->n_parts++] =
		(Part){ .type = type, .name = name, .start = start, .end = end };
	return 0;
}

static int literal_end(Parser *p, size_t end)
{
	return end > p->literal ? part_add(p, PART_LITERAL, 0, p->literal, end) : 0;
}

/* Walks over text that is no tag. */
static int literal_step(Parser *p)
{
	char c = p->template->text[p->at];

	if (p->form == TEMPLATE_HTML) {
		html_step(&p->html, c);
		if (p->whole && html_in_value(&p->html))
			return refuse(
				p, "A link fills its attribute: close the quotes right behind it.");
		p->whole = false;
	}
	p->at++;
	return 0;
}

static int refuse_name(const Parser *p, const char *name, size_t len)
{
	char text[1024];
	Buf message;

	buf_init(&message, text, sizeof(text));
	buf_printf(&message, "{{%.*s}} means nothing here. Known are:", (int)(len < 40 ? len : 40),
		   name);
	for (size_t i = 0; i < _VALUE_MAX; i++)
		if (p->known & VALUE_BIT(i))
			buf_printf(&message, " %s", value_name((ValueName)i));
	return refuse(p, text);
}

/* What a value becomes at this place of an HTML document. */
static int value_place(Parser *p, ValueName name, PartType *ret)
{
	static const char *const plain[] = { "lang", "dir", "title", "alt" };

	*ret = PART_ESCAPED;
	if (name == VALUE_BODY) {
		if (p->html.place != HTML_TEXT)
			return refuse(p, "{{body}} stands in text only.");
		*ret = PART_VALUE;
		return 0;
	}
	if (p->html.place == HTML_TEXT)
		return 0;
	if (!html_in_value(&p->html))
		return refuse(p, "A value may stand in text and between the quotes of an "
				 "attribute, not here.");
	if (strcmp(p->html.attribute, "href") == 0) {
		if (!value_is_link(name) || p->html.value_len > 0)
			return refuse(p, "href= takes one of the links, as a whole.");
		p->whole = true;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (strcmp(p->html.attribute, plain[i]) == 0)
			return 0;
	return refuse(p, "A value may stand in the attributes href, lang, dir, title and alt, not "
			 "in this one.");
}

static int value_add(Parser *p, ValueName name, size_t next)
{
	PartType type = PART_VALUE;
	int r;

	if (p->form == TEMPLATE_HTML) {
		r = value_place(p, name, &type);
		if (r < 0)
			return r;
		p->html.value_len++;
	}
	r = literal_end(p, p->at);
	if (r == 0)
		r = part_add(p, type, name, 0, 0);
	p->used |= VALUE_BIT(name);
	p->at = p->literal = next;
	return r;
}

/* Whether the tag has its line for itself; then the line goes with it. */
static bool line_alone(const Parser *p, size_t next, size_t *ret_start, size_t *ret_next)
{
	const char *text = p->template->text;
	size_t start = p->at;

	while (start > 0 && (text[start - 1] == ' ' || text[start - 1] == '\t'))
		start--;
	while (text[next] == ' ' || text[next] == '\t')
		next++;
	if ((start > 0 && text[start - 1] != '\n') || text[next] != '\n')
		return false;
	*ret_start = start;
	*ret_next = next + 1;
	return true;
}

static int section_add(Parser *p, char sign, ValueName name, size_t next)
{
	size_t end = p->at;
	int r;

	if (p->form == TEMPLATE_HTML && p->html.place != HTML_TEXT)
		return refuse(p, "A section stands in text, not within a tag.");
	line_alone(p, next, &end, &next);
	r = literal_end(p, end);
	if (r < 0)
		return r;
	if (sign == '/') {
		Part *opening = p->depth > 0 ? &p->template->parts[p->open[p->depth - 1]] : NULL;

		if (!opening || opening->name != name)
			return refuse(p, "This ends a section that is not the last one opened.");
		opening->end = p->template->n_parts;
		p->depth--;
		r = part_add(p, PART_END, name, 0, 0);
	} else {
		if (p->depth == TEMPLATE_DEPTH_MAX)
			return refuse(p, "Sections are nested too deeply.");
		p->open[p->depth++] = p->template->n_parts;
		r = part_add(p, sign == '#' ? PART_IF : PART_UNLESS, name, 0, 0);
	}
	p->at = p->literal = next;
	return r;
}

static int tag_take(Parser *p)
{
	const char *start = p->template->text + p->at + 2, *end = strstr(start, "}}"),
		   *line = strchr(start, '\n');
	char sign = '\0';
	ValueName name;
	size_t next;

	if (!end || (line && line < end))
		return refuse(p, "{{ without }} on the same line.");
	next = (size_t)(end + 2 - p->template->text);
	if (*start == '#' || *start == '^' || *start == '/')
		sign = *start++;
	if (value_from_name(start, (size_t)(end - start), &name) < 0 ||
	    !(p->known & VALUE_BIT(name)))
		return refuse_name(p, start, (size_t)(end - start));
	return sign != '\0' ? section_add(p, sign, name, next) : value_add(p, name, next);
}

static int parse(Parser *p)
{
	int r;

	while (p->at < p->len) {
		r = strncmp(p->template->text + p->at, "{{", 2) == 0 ? tag_take(p)
								     : literal_step(p);
		if (r < 0)
			return r;
	}
	if (p->depth > 0)
		return refuse(p, "A section is not ended.");
	if (p->form == TEMPLATE_HTML && p->html.place != HTML_TEXT)
		return refuse(p, "The template ends within a tag.");
	return literal_end(p, p->len);
}

int template_parse(Template **ret, TemplateForm form, const IniPlace *place, const char *text,
		   size_t len, ValueSet known, ValueSet *ret_used, IniComplaint complain,
		   void *userdata)
{
	CLEANUP(template_freep) Template *template = calloc(1, sizeof(*template));
	Parser p = { .template = template,
		     .form = form,
		     .place = place,
		     .complain = complain,
		     .userdata = userdata,
		     .known = known,
		     .html = HTML_START,
		     .len = len };
	Part *parts;
	int r;

	if (!template || !(template->text = strndup(text, len)) ||
	    !(template->parts = calloc(TEMPLATE_PARTS_MAX, sizeof(Part))))
		return -ENOMEM;
	if (len > TEMPLATE_SIZE_MAX || memchr(text, '\0', len))
		return refuse(&p, "The template is too long or holds a NUL.");
	r = parse(&p);
	if (r < 0)
		return r;
	parts = realloc(template->parts, (template->n_parts + 1) * sizeof(Part));
	if (parts)
		template->parts = parts;
	*ret = STEAL(template);
	*ret_used = p.used;
	return 0;
}

Template *template_free(Template *template)
{
	if (!template)
		return NULL;
	free(template->text);
	free(template->parts);
	free(template);
	return NULL;
}

void html_escape(const char *text, Buf *out)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			buf_puts(out, "&amp;");
			break;
		case '<':
			buf_puts(out, "&lt;");
			break;
		case '>':
			buf_puts(out, "&gt;");
			break;
		case '"':
			buf_puts(out, "&quot;");
			break;
		case '\'':
			buf_puts(out, "&#39;");
			break;
		default:
			buf_putc(out, *text);
		}
}

void template_render(const Template *template, const Values *values, Buf *out)
{
	for (size_t i = 0; i < template->n_parts; i++) {
		const Part *part = &template->parts[i];
		const char *text = values->text[part->name] ? values->text[part->name] : "";

		switch (part->type) {
		case PART_LITERAL:
			buf_append(out, template->text + part->start, part->end - part->start);
			break;
		case PART_VALUE:
			buf_puts(out, text);
			break;
		case PART_ESCAPED:
			html_escape(text, out);
			break;
		case PART_IF:
			if (*text == '\0')
				i = part->end;
			break;
		case PART_UNLESS:
			if (*text != '\0')
				i = part->end;
			break;
		case PART_END:
			break;
		}
	}
}
