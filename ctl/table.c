/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables as loginctl prints them: headers in capitals, two blanks between columns, nothing behind
 * the last.
 */

#include <string.h>

#include "output.h"

#define COLUMNS_MAX 12

struct Table {
	size_t n_columns;
	size_t n_cells;
	size_t n_max;
	char **cells; /* the headers are the first row */
	size_t widths[COLUMNS_MAX];
};

Table *table_new(const char *const *headers, size_t n)
{
	Table *table;

	if (n == 0 || n > COLUMNS_MAX)
		return NULL;
	table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	table->n_columns = n;
	for (size_t i = 0; i < n; i++)
		table_add(table, headers[i]);
	return table;
}

Table *table_free(Table *table)
{
	if (!table)
		return NULL;
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table);
	return NULL;
}

static bool table_grow(Table *table)
{
	size_t n = table->n_max > 0 ? 2 * table->n_max : 64;
	char **cells;

	if (table->n_cells < table->n_max)
		return true;
	cells = reallocarray(table->cells, n, sizeof(*cells));
	if (!cells)
		return false;
	table->cells = cells;
	table->n_max = n;
	return true;
}

void table_add(Table *table, const char *text)
{
	size_t column, width;
	char *cell;

	/* Without memory the rest of the table is missing, which its reader sees. */
	if (!table || !table_grow(table))
		return;
	cell = text_clean(text && text[0] != '\0' ? text : "-");
	if (!cell)
		return;
	column = table->n_cells % table->n_columns;
	width = text_width(cell);
	if (width > table->widths[column])
		table->widths[column] = width;
	table->cells[table->n_cells++] = cell;
}

void table_add_time(Table *table, int64_t seconds)
{
	char text[TIME_TEXT];

	time_format(seconds, text, sizeof(text));
	table_add(table, text);
}

size_t table_rows(const Table *table)
{
	return table->n_cells / table->n_columns - 1;
}

void table_print(const Table *table, FILE *f, bool legend)
{
	for (size_t i = legend ? 0 : table->n_columns; i < table->n_cells; i++) {
		size_t column = i % table->n_columns;

		fputs(table->cells[i], f);
		if (column + 1 < table->n_columns)
			fprintf(f, "%*s",
				(int)(table->widths[column] - text_width(table->cells[i]) + 2), "");
		else
			fputc('\n', f);
	}
}
