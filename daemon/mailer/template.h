/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A text with {{name}}, {{#name}}…{{/name}} (only when the value is there) and {{^name}}…{{/name}}
 * (only when it is not). Every name is resolved and every place judged when the template is loaded,
 * so that rendering cannot fail but for room.
 *
 * In HTML a value may stand in text, in href="" as a whole (links only) and in lang="", dir="",
 * title="" and alt=""; anywhere else (other attributes, no quotes, scripts, styles, comments) the
 * template is refused. Sections stand in text. A section tag alone on its line takes the line with
 * it.
 */
#pragma once

#include "buf.h"
#include "ini.h"
#include "values.h"

#define TEMPLATE_SIZE_MAX (64 * 1024)
#define TEMPLATE_PARTS_MAX 512
#define TEMPLATE_DEPTH_MAX 8

typedef enum TemplateForm {
	TEMPLATE_PLAIN, /* the text part and subjects: as it is */
	TEMPLATE_HTML,  /* escaped by place */
} TemplateForm;

typedef struct Template Template;

/*
 * place: where the text starts, for complaints. known: what may be used. *ret_used: the names whose
 * values it shows. text is copied. 0, -ENOMEM, or
 * -EBADMSG after a complaint that names file and line.
 */
int template_parse(Template **ret, TemplateForm form, const IniPlace *place, const char *text,
		   size_t len, ValueSet known, ValueSet *ret_used, IniComplaint complain,
		   void *userdata);
Template *template_free(Template *template);
DEFINE_CLEANUP(Template *, template_free)

/* What does not fit sets out->overflow. */
void template_render(const Template *template, const Values *values, Buf *out);

/* The one function that escapes HTML, for text and quoted attributes. */
void html_escape(const char *text, Buf *out);
