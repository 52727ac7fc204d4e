/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking without a card: which databases there are, and what is marked in them. Nothing is opened
 * for writing, so nothing is left behind, not even in a database that could be created.
 */

#include "look.h"

#include "error.h"
#include "fanout.h"
#include "objects.h"
#include "run.h"

typedef struct Look {
	const Request *request;
	Reports *reports;
} Look;

/* What is wrong with a database that could be read all the same. */
static GError *reservation(const Run *run)
{
	if (run->db == NULL)
		return g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_MISSING,
			"%s has no NSS database; one is created there when a card offers "
			"something to put into it",
			run->database->dir);
	if (!files_writable(nssdb_files(run->db)))
		return g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_READ_ONLY,
			"The database in %s may not be written to", run->database->dir);

	return NULL;
}

static bool is_ours(const PlanObject *object)
{
	return object->cert != NULL && object->marker != NULL && marker_is_ours(object->marker);
}

static void list_marked(Reports *reports, const Run *run)
{
	for (guint i = 0; i < run->objects->len; i++) {
		const PlanObject *object = g_ptr_array_index(run->objects, i);

		if (is_ours(object))
			reports_cert(reports, object);
	}
}

static void list_all(Reports *reports, const Run *run)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GArray) handles = nssdb_certs(run->db, false, &error);

	for (guint i = 0; handles != NULL && i < handles->len; i++) {
		g_autoptr(PlanObject) object =
			objects_read(run->db, g_array_index(handles, gulong, i), NULL, NULL);

		if (object != NULL && object->cert != NULL)
			reports_cert(reports, object);
	}
	if (error != NULL)
		reports_error(reports, error);
}

static bool look_at(Run *run, bool last, gpointer data)
{
	const Look *look = data;
	g_autoptr(GPtrArray) no_tokens = g_ptr_array_new();
	g_autoptr(GError) error = NULL;

	if (!run_ready(run, no_tokens, false, &error)) {
		run_close(run);
		if (fanout_comes_again(error, last))
			return false;
		reports_about(look->reports, run->database, error);
		return true;
	}

	error = reservation(run);
	reports_database(look->reports, run->database, error);
	if (look->request->mode == WIRE_STORE_LIST && run->db != NULL) {
		if (look->request->flags & WIRE_STORE_ALL)
			list_all(look->reports, run);
		else
			list_marked(look->reports, run);
	}
	run_close(run);
	return true;
}

void look_run(const Request *request, Reports *reports, const GPtrArray *runs)
{
	fanout(runs, look_at, &(Look){.request = request, .reports = reports});
}
