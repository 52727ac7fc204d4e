/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl databases: where certificates go, which program reads each database, and whether it
 * can be written. The store finds them; this prints.
 */

#include "ctl.h"
#include "emit.h"
#include "listing.h"
#include "names.h"
#include "table.h"

static void print_json(const Report *report)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	json_open_array(json, "databases");
	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		json_open_object(json, NULL);
		emit_database(json, database->path, database->application, database->profile,
			database->status, database->reason);
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
	json_print(json);
}

static void print_text(const Report *report)
{
	g_autoptr(Table) table = table_new(0);

	if (report->databases->len == 0) {
		paint_line(PAINT_PLAIN, "no database was found, and none may be created "
					"([databases] discover, create-shared)");
		return;
	}

	table_row(table, PAINT_FAINT, "DATABASE", "APPLICATION", "PROFILE", "STATUS", "", NULL);
	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		table_cell(table, PAINT_STRONG, database->path);
		table_cell(table, PAINT_PLAIN, database->application);
		table_cell(table, PAINT_PLAIN, database->profile);
		table_cell(table, paint_of_status(database->status), database->status);
		table_cell(table, PAINT_PLAIN, database->reason);
		table_end_row(table);
	}
	table_print(table);
}

int verb_databases(Ctl *ctl, char **args)
{
	const Config *config = ctl_config(ctl);
	g_autoptr(GError) error = NULL;

	if (config == NULL)
		return EXIT_STATUS_FAILED;

	g_autoptr(Listing) listing = listing_start(config, WIRE_STORE_DATABASES, 0);
	const Report *report = listing_wait(listing, &error);
	if (report == NULL) {
		paint_complain("cannot look for databases: %s", error->message);
		return EXIT_STATUS_FAILED;
	}

	if (ctl->json)
		print_json(report);
	else
		print_text(report);

	return report_complain(report);
}
