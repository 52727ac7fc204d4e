/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two rounds. In the first, everything is only read: what is selected goes out as a report, whole,
 * object by object, and a database in which nothing is selected has cost no more than that. Then
 * the caller is asked, who writes a backup of it before he says yes. The second round lists and
 * selects anew, since others may have written meanwhile, and takes away only what is, attribute by
 * attribute, as it went into the backup: nothing is lost that was not seen to be kept.
 *
 * Dying half-way costs nothing: what is gone is in the backup, what is not gone is selected again.
 */

#include "purge.h"

#include <unistd.h>

#include "apply.h"
#include "error.h"
#include "fanout.h"
#include "lock.h"
#include "objects.h"
#include "run.h"

#define OBJECTS_MAX 4096u /* in one purge: what the caller has to hold in memory */

/* What is to go from one database. */
typedef struct Going {
	Plan *marked;
	GPtrArray *objects; /* PlanObject, those without a marker */
	Plan *unmarked;     /* borrows from them */
} Going;

typedef struct Purge {
	const Request *request;
	Reports *reports;
	GHashTable *kept; /* row_name() of what went out */
	bool dry_run;
} Purge;

static void going_clear(Going *going)
{
	g_clear_pointer(&going->marked, plan_free);
	g_clear_pointer(&going->unmarked, plan_free);
	g_clear_pointer(&going->objects, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Going, going_clear)

static SelectInput select_input(const Purge *purge, const Run *run)
{
	return (SelectInput){
		.select = purge->request->select,
		.host = purge->request->host,
		.now = purge->request->now,
		.endpoints = purge->request->endpoints,
		.present = purge->request->present,
		.objects = run->objects,
	};
}

/* Without a marker */

static void destroy_object(gpointer data)
{
	plan_object_free(data);
}

/* An empty CKA_URL is none: that is what a released certificate has. */
static bool has_no_url(Nssdb *db, gulong handle, bool *ret_none, GError **error)
{
	g_autoptr(Row) row = nssdb_row(db, handle, error);
	GBytes *url;

	if (row == NULL)
		return false;
	url = row_get(row, ROW_URL);
	*ret_none = url == NULL || g_bytes_get_size(url) == 0;
	return true;
}

/* Adds it to `objects` if it is one. */
static bool look_at(
	Run *run, const SelectInput *input, gulong handle, GPtrArray *objects, GError **error)
{
	g_autoptr(PlanObject) object = objects_read(run->db, handle, NULL, error);
	bool none = false;

	if (object == NULL)
		return false;
	/* The cheap question first: it is asked of everything that is in the database. */
	if (!select_unmarked(input, object))
		return true;
	if (!has_no_url(run->db, handle, &none, error) ||
		!objects_read_ties(run->db, object, error))
		return false;

	if (none && select_unmarked(input, object))
		g_ptr_array_add(objects, g_steal_pointer(&object));
	return true;
}

static GPtrArray *find_unmarked(Run *run, const SelectInput *input, GError **error)
{
	g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func(destroy_object);
	g_autoptr(GArray) handles = NULL;

	if (run->db == NULL || !input->select->unmarked)
		return g_steal_pointer(&objects);

	handles = nssdb_certs(run->db, false, error);
	for (guint i = 0; handles != NULL && i < handles->len; i++) {
		g_autoptr(GError) local = NULL;

		if (look_at(run, input, g_array_index(handles, gulong, i), objects, &local) ||
			g_error_matches(local, CERTPROP_ERROR, CERTPROP_ERROR_CHANGED))
			continue;
		g_propagate_error(error, g_steal_pointer(&local));
		return NULL;
	}

	return handles != NULL ? g_steal_pointer(&objects) : NULL;
}

static bool find_going(const Purge *purge, Run *run, Going *ret_going, GError **error)
{
	SelectInput input = select_input(purge, run);

	ret_going->objects = find_unmarked(run, &input, error);
	if (ret_going->objects == NULL)
		return false;

	ret_going->marked = select_plan(&input);
	ret_going->unmarked = select_plan_unmarked(ret_going->objects);
	return true;
}

/* The first round */

/* What is in the backup is known by its content and its place. */
static char *row_name(const Run *run, const Row *row)
{
	g_autofree char *sum = row_sum(row);

	return g_strdup_printf("%s %s", sum, run->database->dir);
}

/* Sends the object of a step, whole, unless it has gone meanwhile. */
static void keep(Purge *purge, Run *run, const PlanStep *step)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Row) row = NULL;
	g_autoptr(Cert) cert = NULL; /* what could not be put back stays */

	if (g_hash_table_size(purge->kept) >= OBJECTS_MAX)
		return;
	row = nssdb_row(run->db, step->object->handle, &error);
	cert = row != NULL ? row_cert(row, &error) : NULL;
	if (cert != NULL) {
		reports_object(purge->reports, step, row);
		g_hash_table_add(purge->kept, row_name(run, row));
	} else if (!g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_CHANGED)) {
		reports_error(purge->reports, error);
	}
}

static unsigned keep_all(Purge *purge, Run *run, const Plan *plan)
{
	for (guint i = 0; i < plan->steps->len; i++)
		reports_going(purge->reports, g_ptr_array_index(plan->steps, i));
	for (guint i = 0; !purge->dry_run && i < plan->steps->len; i++)
		keep(purge, run, g_ptr_array_index(plan->steps, i));
	return plan->steps->len;
}

static void apply(Purge *purge, Run *run, const Going *going)
{
	Apply apply = {.db = run->db, .reports = purge->reports, .dry_run = purge->dry_run};

	apply_removals(&apply, going->marked);
	apply.unmarked = true;
	apply_removals(&apply, going->unmarked);
}

static bool look_into(Run *run, bool last, gpointer data)
{
	Purge *purge = data;
	g_autoptr(GPtrArray) no_tokens = g_ptr_array_new();
	g_autoptr(GError) error = NULL;
	g_auto(Going) going = {0};
	bool good;

	if (purge->reports->broken)
		return true;

	good = run_ready(run, no_tokens, false, &error) && find_going(purge, run, &going, &error);
	if (fanout_comes_again(error, last)) {
		run_close(run);
		return false;
	}

	reports_about(purge->reports, run->database, error);
	if (good) {
		run->n_removals =
			keep_all(purge, run, going.marked) + keep_all(purge, run, going.unmarked);
		if (purge->dry_run)
			apply(purge, run, &going);
	}
	going_clear(&going);
	run_close(run);
	return true;
}

/* The second round */

static bool is_kept(const Purge *purge, Run *run, const PlanStep *step)
{
	g_autoptr(Row) row = nssdb_row(run->db, step->object->handle, NULL);
	g_autofree char *name = row != NULL ? row_name(run, row) : NULL;

	return name != NULL && g_hash_table_contains(purge->kept, name);
}

/* Steps whose object is not in the backup as it is now go from the plan. */
static void drop_unkept(Purge *purge, Run *run, Plan *plan)
{
	for (guint i = 0; i < plan->steps->len;) {
		const PlanStep *step = g_ptr_array_index(plan->steps, i);

		if (is_kept(purge, run, step)) {
			i++;
			continue;
		}
		reports_step(purge->reports, PLAN_SKIP, step, NULL,
			g_hash_table_size(purge->kept) >= OBJECTS_MAX ? "too-many" : "changed",
			true);
		g_ptr_array_remove_index(plan->steps, i);
	}
}

/* Opens for writing and selects again. Takes the writers' lock. */
static bool find_again(
	const Purge *purge, Run *run, Going *ret_going, int *ret_lock, GError **error)
{
	g_autoptr(GPtrArray) no_tokens = g_ptr_array_new();
	int lock = lock_writer(error);

	if (lock < 0)
		return false;
	if (!run_ready(run, no_tokens, true, error) || !find_going(purge, run, ret_going, error)) {
		close(lock);
		return false;
	}

	*ret_lock = lock;
	return true;
}

static bool take_from(Run *run, bool last, gpointer data)
{
	Purge *purge = data;
	g_autoptr(GError) error = NULL;
	g_auto(Going) going = {0};
	int lock = -1;
	bool good;

	if (purge->reports->broken || run->n_removals == 0)
		return true;

	good = find_again(purge, run, &going, &lock, &error);
	if (fanout_comes_again(error, last)) {
		run_close(run);
		return false;
	}

	reports_about(purge->reports, run->database, error);
	if (good) {
		drop_unkept(purge, run, going.marked);
		drop_unkept(purge, run, going.unmarked);
		apply(purge, run, &going);
		close(lock);
	}
	going_clear(&going);
	run_close(run);
	return true;
}

void purge_run(const Request *request, Intake *intake, Reports *reports, const GPtrArray *runs)
{
	g_autoptr(GHashTable) kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	Purge purge = {
		.request = request,
		.reports = reports,
		.kept = kept,
		.dry_run = (request->flags & WIRE_STORE_DRY_RUN) != 0,
	};
	unsigned sum = 0;

	fanout(runs, look_into, &purge);
	for (guint i = 0; i < runs->len; i++)
		sum += ((const Run *)g_ptr_array_index(runs, i))->n_removals;
	if (sum == 0 || purge.dry_run)
		return;

	reports_pending(reports, sum, 0);
	if (intake_confirmed(intake, request) == WIRE_CONFIRM_YES)
		fanout(runs, take_from, &purge);
}
