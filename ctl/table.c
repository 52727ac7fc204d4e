/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text columns. Rows are kept until all are known, since a column is as wide as its widest cell.
 * The last cell of a row is never padded, so no line ends in blanks. Nothing is cut: a long
 * nickname makes a long line, and a terminal that is too narrow folds it.
 */

#include "table.h"

#include <string.h>

#include "text.h"

typedef struct Cell {
	char *text; /* escaped */
	Paint paint;
	gsize width;
} Cell;

struct Table {
	unsigned indent;
	GPtrArray *rows; /* GPtrArray of Cell */
	GPtrArray *row;  /* the one that is being filled */
};

static void cell_free(gpointer data)
{
	Cell *cell = data;

	g_free(cell->text);
	g_free(cell);
}

Table *table_new(unsigned indent)
{
	Table *table = g_new0(Table, 1);

	table->indent = indent;
	table->rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
	table->row = g_ptr_array_new_with_free_func(cell_free);

	return table;
}

Table *table_free(Table *table)
{
	if (table == NULL)
		return NULL;

	g_ptr_array_unref(table->rows);
	g_ptr_array_unref(table->row);
	g_free(table);

	return NULL;
}

gsize table_width(const char *text)
{
	gsize width = 0;

	for (const char *at = text; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (!g_unichar_iszerowidth(c))
			width += g_unichar_iswide(c) ? 2 : 1;
	}

	return width;
}

void table_cell(Table *table, Paint paint, const char *text)
{
	Cell *cell = g_new0(Cell, 1);

	cell->text = text_escape(text);
	cell->paint = paint;
	cell->width = table_width(cell->text);
	g_ptr_array_add(table->row, cell);
}

void table_cellf(Table *table, Paint paint, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);

	table_cell(table, paint, text);
}

void table_end_row(Table *table)
{
	g_ptr_array_add(table->rows, table->row);
	table->row = g_ptr_array_new_with_free_func(cell_free);
}

void table_row(Table *table, Paint paint, ...)
{
	const char *text;
	va_list args;

	va_start(args, paint);
	while ((text = va_arg(args, const char *)) != NULL)
		table_cell(table, paint, text);
	va_end(args);

	table_end_row(table);
}

void table_field(Table *table, const char *name, const char *text)
{
	table_cell(table, PAINT_FAINT, name);
	table_cell(table, PAINT_PLAIN, text);
	table_end_row(table);
}

static GArray *column_widths(const Table *table)
{
	GArray *widths = g_array_new(FALSE, TRUE, sizeof(gsize));

	for (guint r = 0; r < table->rows->len; r++) {
		const GPtrArray *row = g_ptr_array_index(table->rows, r);

		if (row->len > widths->len)
			g_array_set_size(widths, row->len);
		for (guint c = 0; c < row->len; c++) {
			const Cell *cell = g_ptr_array_index(row, c);
			gsize *width = &g_array_index(widths, gsize, c);

			*width = MAX(*width, cell->width);
		}
	}

	return widths;
}

static void append_blanks(GString *text, gsize n)
{
	for (gsize i = 0; i < n; i++)
		g_string_append_c(text, ' ');
}

/* How many cells of the row there are up to its last one that is not empty. */
static guint row_length(const GPtrArray *row)
{
	guint n = row->len;

	while (n > 0 && ((const Cell *)g_ptr_array_index(row, n - 1))->width == 0)
		n--;

	return n;
}

char *table_text(const Table *table)
{
	g_autoptr(GArray) widths = column_widths(table);
	GString *text = g_string_new(NULL);

	for (guint r = 0; r < table->rows->len; r++) {
		const GPtrArray *row = g_ptr_array_index(table->rows, r);
		guint n = row_length(row);

		append_blanks(text, n > 0 ? table->indent : 0);
		for (guint c = 0; c < n; c++) {
			const Cell *cell = g_ptr_array_index(row, c);

			g_string_append(text, paint_begin(cell->paint));
			g_string_append(text, cell->text);
			g_string_append(text, paint_end(cell->paint));
			if (c + 1 < n)
				append_blanks(
					text, g_array_index(widths, gsize, c) - cell->width + 2);
		}
		g_string_append_c(text, '\n');
	}

	return g_string_free(text, FALSE);
}

void table_print(const Table *table)
{
	g_autofree char *text = table_text(table);

	paint_raw(text);
}
