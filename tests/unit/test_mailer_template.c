/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates: what is refused at load and where, what is rendered, escaping by place; dates and
 * durations. */

#include "unit.h"

#include <string.h>

#include "language.h"
#include "template.h"

#define ALL ((ValueSet)(VALUE_BIT(_VALUE_MAX) - 1))

static unsigned complained_line;
static char complaint[1024];

static void on_complaint(const IniPlace *place, const char *message, void *userdata)
{
	(void)userdata;
	complained_line = place->line;
	snprintf(complaint, sizeof(complaint), "%s", message);
}

static Template *parsed(TemplateForm form, const char *text, ValueSet known, ValueSet *used)
{
	const IniPlace place = { .file = "test", .line = 1 };
	Template *t = NULL;

	complained_line = 0;
	if (template_parse(&t, form, &place, text, strlen(text), known, used, on_complaint, NULL) <
	    0) {
		assert_true(complained_line > 0);
		return NULL;
	}
	assert_int_equal(complained_line, 0);
	return t;
}

static void renders(TemplateForm form, const char *text, const Values *values, const char *wanted)
{
	char memory[4096];
	ValueSet used;
	Template *t = parsed(form, text, ALL, &used);
	Buf out;

	assert_non_null(t);
	buf_init(&out, memory, sizeof(memory));
	template_render(t, values, &out);
	assert_false(out.overflow);
	assert_string_equal(memory, wanted);
	template_free(t);
}

static void refused(TemplateForm form, const char *text, unsigned line)
{
	ValueSet used;

	assert_null(parsed(form, text, ALL & ~VALUE_BIT(VALUE_PASSWORD), &used));
	assert_int_equal(complained_line, line);
}

static void test_plain(void **state)
{
	const Values v = { .text = { [VALUE_USER] = "<alice>", [VALUE_HOST] = "" } };

	(void)state;
	renders(TEMPLATE_PLAIN, "", &v, "");
	renders(TEMPLATE_PLAIN, "a {{user}} b", &v, "a <alice> b");
	renders(TEMPLATE_PLAIN, "{{user}}{{user}}", &v, "<alice><alice>");
	renders(TEMPLATE_PLAIN, "[{{host}}{{code}}]", &v, "[]");
	renders(TEMPLATE_PLAIN, "a { b } } {a}", &v, "a { b } } {a}");
	renders(TEMPLATE_PLAIN, "{{#user}}yes{{/user}}{{^user}}no{{/user}}", &v, "yes");
	renders(TEMPLATE_PLAIN, "{{#host}}yes{{/host}}{{^host}}no{{/host}}", &v, "no");
	renders(TEMPLATE_PLAIN, "{{#user}}a{{#host}}b{{/host}}c{{/user}}d", &v, "acd");
	renders(TEMPLATE_PLAIN, "{{#host}}a{{#user}}b{{/user}}c{{/host}}d", &v, "d");
}

static void test_lines_of_section_tags(void **state)
{
	const Values v = { .text = { [VALUE_USER] = "x" } };

	(void)state;
	renders(TEMPLATE_PLAIN, "a\n{{#user}}\nb\n{{/user}}\nc\n", &v, "a\nb\nc\n");
	renders(TEMPLATE_PLAIN, "a\n  {{#host}}  \nb\n\t{{/host}}\nc\n", &v, "a\nc\n");
	renders(TEMPLATE_PLAIN, "a\n{{#user}} b\n{{/user}}\n", &v, "a\n b\n");
	renders(TEMPLATE_PLAIN, "{{#user}}\nb\n{{/user}}\n", &v, "b\n");
	renders(TEMPLATE_PLAIN, "a {{#user}}\nb{{/user}}\n", &v, "a \nb\n");
	renders(TEMPLATE_PLAIN, "{{user}}\n", &v, "x\n");
}

static void test_html(void **state)
{
	const Values v = { .text = { [VALUE_USER] = "<a href=\"x\">&'",
				     [VALUE_LINK] = "https://e/?a=1&b='",
				     [VALUE_BODY] = "<p>" } };

	(void)state;
	renders(TEMPLATE_HTML, "<p>{{user}}</p>", &v,
		"<p>&lt;a href=&quot;x&quot;&gt;&amp;&#39;</p>");
	renders(TEMPLATE_HTML, "<a href=\"{{link}}\">", &v,
		"<a href=\"https://e/?a=1&amp;b=&#39;\">");
	renders(TEMPLATE_HTML, "<a class=x  HREF = '{{link}}' >{{link}}", &v,
		"<a class=x  HREF = 'https://e/?a=1&amp;b=&#39;' >https://e/?a=1&amp;b=&#39;");
	renders(TEMPLATE_HTML, "<p title=\"a {{user}} b\">", &v,
		"<p title=\"a &lt;a href=&quot;x&quot;&gt;&amp;&#39; b\">");
	renders(TEMPLATE_HTML, "<title>{{user}}</title><br/>{{body}}", &v,
		"<title>&lt;a href=&quot;x&quot;&gt;&amp;&#39;</title><br/><p>");
	renders(TEMPLATE_HTML, "<!doctype html><!-- > --><style>a{}</style>{{#user}}a < b{{/user}}",
		&v, "<!doctype html><!-- > --><style>a{}</style>a < b");
	renders(TEMPLATE_HTML, "<script>if (a<b) '</p>'</script>{{code}}", &v,
		"<script>if (a<b) '</p>'</script>");
}

static void test_refused(void **state)
{
	static const char *const plain[] = { "{{nonsense}}", "{{ user }}",
					     "{{user",       "{{}}",
					     "{{user}",      "{{#user}}",
					     "{{/user}}",    "{{#user}}{{/code}}",
					     "{{password}}", "{{#password}}{{/password}}",
					     "{{User}}",     "{{user\n}}",
					     "{{{user}}}" };
	static const char *const html[] = { "<p {{user}}>",
					    "<{{user}}>",
					    "<p class={{user}}>",
					    "<p class=\"{{user}}\">",
					    "<a href={{link}}>",
					    "<a href=\"{{user}}\">",
					    "<a href=\"x{{link}}\">",
					    "<a href=\"{{link}}x\">",
					    "<img src=\"{{link}}\">",
					    "<script>{{user}}</script>",
					    "<style>{{user}}</style>",
					    "<!-- {{user}} -->",
					    "<p>{{#user}}<a{{/user}}>",
					    "<p",
					    "<a href=\"{{link}}",
					    "<p onclick=\"{{user}}\">",
					    "<p title='{{user}}",
					    "<p title=\"{{body}}\">",
					    "<!x {{user}}>",
					    "<p title=\"a\"{{user}}>",
					    "<<p {{user}}>",
					    "</p {{user}}>",
					    "<script >\"</scrip\"{{user}}" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		refused(TEMPLATE_PLAIN, plain[i], 1);
		snprintf(text, sizeof(text), "one\ntwo\n%s", plain[i]);
		refused(TEMPLATE_PLAIN, text, 3);
	}
	for (size_t i = 0; i < ARRAY_SIZE(html); i++) {
		snprintf(text, sizeof(text), "<p>\n%s", html[i]);
		refused(TEMPLATE_HTML, text, 2);
	}
	refused(TEMPLATE_PLAIN, "{{nonsense}}", 1);
	assert_non_null(strstr(complaint, "{{nonsense}}"));
	assert_non_null(strstr(complaint, " user "));
	assert_null(strstr(complaint, "password"));
}

static void test_used(void **state)
{
	ValueSet used = 0;
	Template *t = parsed(TEMPLATE_PLAIN, "{{user}}{{#code}}{{/code}}{{link}}", ALL, &used);

	(void)state;
	assert_non_null(t);
	/* A section alone shows nothing. */
	assert_int_equal(used, VALUE_BIT(VALUE_USER) | VALUE_BIT(VALUE_LINK));
	template_free(t);
}

static void test_too_large(void **state)
{
	size_t size = TEMPLATE_SIZE_MAX + 1;
	char *text = malloc(size + 1);
	ValueSet used;
	Buf out;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', size);
	text[size] = '\0';
	assert_null(parsed(TEMPLATE_PLAIN, text, ALL, &used));
	buf_init(&out, text, size);
	for (size_t i = 0; i < TEMPLATE_PARTS_MAX + 1; i++)
		buf_puts(&out, "{{user}}");
	assert_null(parsed(TEMPLATE_PLAIN, text, ALL, &used));
	free(text);
}

static void test_overflow_shows(void **state)
{
	const Values v = { .text = { [VALUE_USER] = "0123456789" } };
	char memory[16];
	ValueSet used;
	Template *t = parsed(TEMPLATE_HTML, "{{user}}{{user}}", ALL, &used);
	Buf out;

	(void)state;
	buf_init(&out, memory, sizeof(memory));
	template_render(t, &v, &out);
	assert_true(out.overflow);
	template_free(t);
}

static void test_values(void **state)
{
	Values v = { .minutes = 0 };

	(void)state;
	assert_int_equal(values_set(&v, "user", "alice"), 0);
	assert_int_equal(values_set(&v, "minutes", "30"), 0);
	assert_int_equal(v.minutes, 30);
	assert_int_equal(values_set(&v, "minutes", "0"), 0);
	assert_false(values_has(&v, VALUE_MINUTES));
	assert_string_equal(values_missing(&v, KIND_LINK), "link");
	assert_int_equal(values_set(&v, "link", "https://e/x"), 0);
	assert_string_equal(values_missing(&v, KIND_LINK), "minutes");
	assert_int_equal(values_set(&v, "nonsense", "x"), -ENOENT);
	assert_int_equal(values_set(&v, "until", "x"), -ENOENT);
	assert_int_equal(values_set(&v, "link", "ftp://e/x"), -EBADMSG);
	assert_int_equal(values_set(&v, "user", "a\nb"), -EBADMSG);
	assert_int_equal(values_set(&v, "pin", "no"), -EBADMSG);
	assert_int_equal(values_set(&v, "minutes", "-1"), -EBADMSG);
	assert_int_equal(values_set(&v, "minutes", "99999999999999999999"), -EBADMSG);
	assert_string_equal(v.text[VALUE_USER], "alice");
}

static const char conf[] = "[language]\ndirection = ltr\nmonths = m1 m2 m3 m4 m5 m6 m7 m8 m9 m10 "
			   "m11 m12\nfirst = 1er\n"
			   "date = {day} {month} {year} {hour}:{minute} ({offset})\nminute = "
			   "minute\nminutes = minutes\nhour = hour\n"
			   "hours = hours\nday = day\ndays = days\n";

static void test_language(void **state)
{
	static const struct {
		int64_t minutes;
		const char *text;
	} durations[] = { { 1, "1 minute" },    { 30, "30 minutes" },   { 60, "1 hour" },
			  { 90, "90 minutes" }, { 119, "119 minutes" }, { 120, "2 hours" },
			  { 150, "2 hours" },   { 1440, "24 hours" },   { 2879, "47 hours" },
			  { 2880, "2 days" },   { 7205, "5 days" } };
	LanguageWords w;
	char text[LANGUAGE_WHEN_MAX];

	(void)state;
	assert_int_equal(language_parse(&w, "test", conf, strlen(conf), on_complaint, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		language_duration(&w, durations[i].minutes, text, sizeof(text));
		assert_string_equal(text, durations[i].text);
	}
	assert_int_equal(language_date(&w, 1795286400, text, sizeof(text)), 0);
	assert_string_equal(text, "21 m11 2026 18:40 (UTC)");
	assert_int_equal(language_date(&w, 1793491200, text, sizeof(text)), 0);
	assert_string_equal(text, "1er m11 2026 00:00 (UTC)");
	assert_int_equal(language_date(&w, 1793491200, text, 8), -EOVERFLOW);
	setenv("TZ", "XXX-5:30", 1);
	tzset();
	assert_int_equal(language_date(&w, 1795286400, text, sizeof(text)), 0);
	assert_string_equal(text, "22 m11 2026 00:10 (UTC+05:30)");
	setenv("TZ", "XXX+3:30", 1);
	tzset();
	assert_int_equal(language_date(&w, 1795286400, text, sizeof(text)), 0);
	assert_string_equal(text, "21 m11 2026 15:10 (UTC-03:30)");
	setenv("TZ", "UTC", 1);
	tzset();
}

/* Each line left out, doubled, or with a bad value. */
static void test_language_refused(void **state)
{
	LanguageWords w;
	char text[1024];

	(void)state;
	for (const char *line = conf; *line != '\0';) {
		size_t start = (size_t)(line - conf), len = strcspn(line, "\n") + 1;

		/* "first" has a default. */
		if (strncmp(line, "first", 5) != 0) {
			snprintf(text, sizeof(text), "%.*s%s", (int)start, conf, line + len);
			assert_int_equal(
				language_parse(&w, "test", text, strlen(text), on_complaint, NULL),
				-EBADMSG);
		}
		if (*line != '[') {
			snprintf(text, sizeof(text), "%s%.*s", conf, (int)len, line);
			assert_int_equal(
				language_parse(&w, "test", text, strlen(text), on_complaint, NULL),
				-EBADMSG);
		}
		line += len;
	}
	snprintf(text, sizeof(text), "%sunknown = 1\n", conf);
	assert_int_equal(language_parse(&w, "test", text, strlen(text), on_complaint, NULL),
			 -EBADMSG);
	assert_int_equal(complained_line, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),          cmocka_unit_test(test_lines_of_section_tags),
		cmocka_unit_test(test_html),           cmocka_unit_test(test_refused),
		cmocka_unit_test(test_used),           cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_overflow_shows), cmocka_unit_test(test_values),
		cmocka_unit_test(test_language),       cmocka_unit_test(test_language_refused),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
