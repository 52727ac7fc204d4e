/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A backup says how an object was, the database says what there is now; what is done is what is
 * missing, so that doing it twice does nothing the second time, and what came meanwhile stays. A
 * certificate that is gone is created with every attribute that it had. One that was only released
 * gets its claims back, beside those that it may have got since. One that the user put there
 * himself meanwhile is his.
 *
 * The backup was in a file, and files can be edited: only rows that are certificates and nothing
 * else are put back, and only into databases that we look after anyway.
 */

#include "undo.h"

#include <string.h>
#include <unistd.h>

#include "error.h"
#include "fanout.h"
#include "lock.h"
#include "pace.h"
#include "run.h"

#define PATH_PREFIX "sql:"

typedef struct Undo {
	const Request *request;
	Reports *reports;
	bool dry_run;
} Undo;

/* What is to be done about one object. */
typedef struct Todo {
	PlanAction action;  /* CREATE, CLAIM, KEEP, SKIP */
	const char *reason; /* static */
	gulong handle;      /* CLAIM */
	char *url;          /* CLAIM */
} Todo;

static void todo_clear(Todo *todo)
{
	g_clear_pointer(&todo->url, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Todo, todo_clear)

static Todo todo_none(PlanAction action, const char *reason)
{
	return (Todo){.action = action, .reason = reason};
}

/* Markers */

static Marker *marker_of(const Row *row)
{
	GBytes *url = row_get(row, ROW_URL);
	gsize len = 0;
	const void *data = url != NULL ? g_bytes_get_data(url, &len) : NULL;

	return marker_parse(data, len, NULL);
}

static bool has_line(const Marker *marker, const char *line)
{
	return g_ptr_array_find_with_equal_func(marker->others, line, g_str_equal, NULL);
}

/* Everything that is in `part` is in `whole`. */
static bool holds(const Marker *whole, const Marker *part)
{
	for (guint i = 0; i < part->claims->len; i++) {
		if (marker_find(whole, part->claims->pdata[i]) == NULL)
			return false;
	}
	for (guint i = 0; i < part->others->len; i++) {
		if (!has_line(whole, part->others->pdata[i]))
			return false;
	}
	return true;
}

/* The claims of `then`, which are older, and what there is besides now. */
static char *merge(const Marker *then, const Marker *now, GError **error)
{
	g_autoptr(Marker) marker = marker_dup(then);

	for (guint i = 0; i < now->claims->len; i++) {
		if (marker_find(marker, now->claims->pdata[i]) == NULL)
			g_ptr_array_add(marker->claims, claim_dup(now->claims->pdata[i]));
	}
	for (guint i = 0; i < now->others->len; i++) {
		if (!has_line(marker, now->others->pdata[i]))
			g_ptr_array_add(marker->others, g_strdup(now->others->pdata[i]));
	}
	return marker_format(marker, error);
}

/* The marker as it should be; byte for byte as it was if nothing came since. */
static char *new_url(const Row *row, const Marker *then, const Marker *now, GError **error)
{
	GBytes *url = row_get(row, ROW_URL);
	gsize len;
	const char *data = g_bytes_get_data(url, &len);

	return holds(then, now) ? g_strndup(data, len) : merge(then, now, error);
}

/* Deciding */

/* The same certificate is there. */
static bool decide_present(
	const Row *row, const Row *now, gulong handle, Todo *ret_todo, GError **error)
{
	g_autofree char *sum = row_sum(row);
	g_autofree char *sum_now = row_sum(now);
	g_autoptr(Marker) then = marker_of(row);
	g_autoptr(Marker) marker = marker_of(now);
	bool marked = then != NULL && marker_is_ours(then);

	*ret_todo = todo_none(PLAN_KEEP, "known");
	if (strcmp(sum, sum_now) == 0)
		return true;

	/* Without CKA_URL, or with NSS's own CKA_ID, it is an import of the user's. */
	if (!marked || row_get(now, ROW_URL) == NULL || marker == NULL ||
		!g_bytes_equal(row_get(row, ROW_ID), row_get(now, ROW_ID))) {
		*ret_todo = todo_none(PLAN_SKIP, "users-own");
		return true;
	}
	if (holds(marker, then))
		return true;

	*ret_todo = todo_none(PLAN_CLAIM, "restored");
	ret_todo->handle = handle;
	ret_todo->url = new_url(row, then, marker, error);
	return ret_todo->url != NULL;
}

static bool decide(Run *run, const Row *row, const Cert *cert, Todo *ret_todo, GError **error)
{
	g_autoptr(GArray) handles = NULL;

	*ret_todo = todo_none(PLAN_CREATE, "restored");
	if (run->db == NULL)
		return true; /* the whole database is not there: it will be */
	handles = nssdb_find(run->db, cert->issuer_der, cert->serial_der, error);
	if (handles == NULL)
		return false;
	if (handles->len == 0)
		return true;

	*ret_todo = todo_none(PLAN_SKIP, "conflict");
	for (guint i = 0; i < handles->len; i++) {
		gulong handle = g_array_index(handles, gulong, i);
		g_autoptr(Row) now = nssdb_row(run->db, handle, error);
		GBytes *der = now != NULL ? row_get(now, ROW_VALUE) : NULL;

		if (now == NULL)
			return false;
		if (der != NULL && g_bytes_equal(der, cert->der))
			return decide_present(row, now, handle, ret_todo, error);
	}
	return true;
}

/* Doing */

static char *label_of(const Row *row)
{
	GBytes *label = row_get(row, ROW_LABEL);
	gsize len = 0;
	const char *data = label != NULL ? g_bytes_get_data(label, &len) : NULL;

	return g_utf8_make_valid(data != NULL ? data : "", (gssize)len);
}

static bool restore(Run *run, const Row *row, GError **error)
{
	NssdbOutcome outcome = nssdb_restore(run->db, row, error);

	if (outcome == NSSDB_NICKNAME_TAKEN)
		g_set_error_literal(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"its nickname belongs to a certificate of another subject now");
	return outcome == NSSDB_CREATED;
}

static bool carry_out(Run *run, const Row *row, const Todo *todo, GError **error)
{
	if (todo->action == PLAN_CREATE)
		return restore(run, row, error);
	if (todo->action == PLAN_CLAIM)
		return nssdb_set_url(run->db, todo->handle, todo->url, error);
	return true;
}

static bool is_write(const Todo *todo)
{
	return todo->action == PLAN_CREATE || todo->action == PLAN_CLAIM;
}

static void tell_error(Undo *undo, const char *nickname, const GError *why)
{
	g_autoptr(GError) error = g_error_new(CERTPROP_ERROR, why->code,
		"Putting \"%s\" back failed: %s", nickname, why->message);

	reports_error(undo->reports, error);
}

static void put_back(Undo *undo, Run *run, const Row *row, Pace *pace)
{
	g_autofree char *nickname = label_of(row);
	g_autoptr(GError) error = NULL;
	g_autoptr(Cert) cert = row_cert(row, &error);
	g_auto(Todo) todo = {0};
	bool good = cert != NULL && decide(run, row, cert, &todo, &error);

	if (good && is_write(&todo) && !undo->dry_run) {
		pace_before(pace);
		good = carry_out(run, row, &todo, &error);
		pace_after(pace);
	}
	if (good)
		reports_restore(
			undo->reports, todo.action, cert, nickname, todo.reason, !undo->dry_run);
	else
		tell_error(undo, nickname, error);
}

/* One database */

static bool is_for(const RequestObject *object, const Run *run)
{
	return g_str_has_prefix(object->path, PATH_PREFIX) &&
	       strcmp(object->path + strlen(PATH_PREFIX), run->database->dir) == 0;
}

/* There are objects for it, and of these one at least is not as it was. */
static bool is_lacking(const Undo *undo, Run *run)
{
	const GPtrArray *objects = undo->request->objects;

	for (guint i = 0; i < objects->len; i++) {
		const RequestObject *object = g_ptr_array_index(objects, i);
		g_autoptr(Cert) cert = is_for(object, run) ? row_cert(object->row, NULL) : NULL;
		g_auto(Todo) todo = {0};

		if (cert != NULL && decide(run, object->row, cert, &todo, NULL) && is_write(&todo))
			return true;
	}
	return false;
}

static bool is_concerned(const Undo *undo, const Run *run)
{
	const GPtrArray *objects = undo->request->objects;

	for (guint i = 0; i < objects->len; i++) {
		if (is_for(g_ptr_array_index(objects, i), run))
			return true;
	}
	return false;
}

/* Opens it, for writing only if there is something to write; then with the writers' lock. */
static bool open_for(const Undo *undo, Run *run, int *ret_lock, GError **error)
{
	g_autoptr(GPtrArray) no_tokens = g_ptr_array_new();

	if (!run_ready(run, no_tokens, false, error))
		return false;
	if (undo->dry_run || !is_lacking(undo, run))
		return true;

	*ret_lock = lock_writer(error);
	return *ret_lock >= 0 && run_ready(run, no_tokens, true, error);
}

static void put_all_back(Undo *undo, Run *run)
{
	const GPtrArray *objects = undo->request->objects;
	Pace pace = {0};

	for (guint i = 0; i < objects->len && !undo->reports->broken; i++) {
		const RequestObject *object = g_ptr_array_index(objects, i);

		if (is_for(object, run))
			put_back(undo, run, object->row, &pace);
	}
}

static bool do_database(Run *run, bool last, gpointer data)
{
	Undo *undo = data;
	g_autoptr(GError) error = NULL;
	int lock = -1;
	bool good;

	if (undo->reports->broken || !is_concerned(undo, run))
		return true;

	good = open_for(undo, run, &lock, &error);
	if (good || last || !g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY)) {
		reports_database(undo->reports, run->database, error);
		if (good)
			put_all_back(undo, run);
		else
			reports_error(undo->reports, error);
		last = true;
	}
	if (lock >= 0)
		close(lock);
	run_close(run);
	return last;
}

/* Objects of databases that we do not look after, or that are gone: once for each place. */
static void tell_strays(Undo *undo, const GPtrArray *runs)
{
	const GPtrArray *objects = undo->request->objects;
	g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < objects->len; i++) {
		const RequestObject *object = g_ptr_array_index(objects, i);
		g_autoptr(GError) error = NULL;
		bool stray = true;

		for (guint j = 0; j < runs->len && stray; j++)
			stray = !is_for(object, g_ptr_array_index(runs, j));
		if (!stray || !g_hash_table_add(told, object->path))
			continue;
		error = g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_MISSING,
			"%s is not among the databases that certificates go to (any more); if it "
			"is there, add it to [databases] include",
			object->path);
		reports_error(undo->reports, error);
	}
}

void undo_run(const Request *request, Reports *reports, const GPtrArray *runs)
{
	Undo undo = {
		.request = request,
		.reports = reports,
		.dry_run = (request->flags & WIRE_STORE_DRY_RUN) != 0,
	};

	tell_strays(&undo, runs);
	fanout(runs, do_database, &undo);
}
