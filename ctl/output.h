/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results on stdout: JSON as it came, or text for people that can do a terminal no harm. */
#pragma once

#include "ctl.h"

/* Text of others with its controls made visible as "?"; *ret is malloc'ed, NULL without memory. */
char *text_clean(const char *text);
void text_print(FILE *f, const char *text);
/* Columns that valid UTF-8 takes on a terminal. */
size_t text_width(const char *text);

void json_print(FILE *f, const JsonNode *node, OutputMode mode);
/* With --json: prints the reply and returns true. */
bool output_json(const Ctl *ctl, const JsonNode *parameters);

/* "2026-11-21 19:40:02 CET"; size of ret: TIME_TEXT. */
#define TIME_TEXT 48
void time_format(int64_t seconds, char *ret, size_t size);
/* "3 min", "2 h 5 min", "4 days" */
void span_format(int64_t seconds, char *ret, size_t size);

/* A table whose columns are as wide as their widest cell. */
typedef struct Table Table;

/* headers: n of them, translated. */
Table *table_new(const char *const *headers, size_t n);
Table *table_free(Table *table);
DEFINE_CLEANUP(Table *, table_free)
/* The next cell, row by row; NULL is shown as "-". Copies. */
void table_add(Table *table, const char *text);
void table_add_time(Table *table, int64_t seconds);
void table_print(const Table *table, FILE *f, bool legend);
size_t table_rows(const Table *table);

/* "  Label: value" lines with the values in one column. */
void field_print(FILE *f, const char *label, const char *value);
