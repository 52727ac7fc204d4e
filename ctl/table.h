/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Columns of text. Widths are what a terminal shows, not bytes; every cell is escaped.
 */

#include <glib.h>

#include "paint.h"

G_BEGIN_DECLS

typedef struct Table Table;

/* `indent` blanks before each row. */
Table *table_new(unsigned indent);
Table *table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)

/* Cells are added from left to right; table_end_row() begins the next row. NULL is an empty cell.
 */
void table_cell(Table *table, Paint paint, const char *text);
void table_cellf(Table *table, Paint paint, const char *format, ...) G_GNUC_PRINTF(3, 4);
void table_end_row(Table *table);
/* A row of titles, or of anything else that is all of one kind; ends with NULL. */
void table_row(Table *table, Paint paint, ...) G_GNUC_NULL_TERMINATED;
/* A row of a name and what is said to it. */
void table_field(Table *table, const char *name, const char *text);

/* All rows. */
char *table_text(const Table *table) G_GNUC_WARN_UNUSED_RESULT;
/* To standard output. */
void table_print(const Table *table);

/* Columns that valid UTF-8 takes on a terminal. */
gsize table_width(const char *text);

G_END_DECLS
