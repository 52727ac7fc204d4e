/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One database through a batch. It is opened for reading first, because a plan with nothing to do
 * must leave no trace, and it is opened again for writing as soon as it is clear that there will be
 * something to write: that can be long before the scan is through, and costs nothing there.
 *
 * Between listing and writing others may have written: SQLite's change counter tells, and then it
 * is listed again.
 */

#include "run.h"

#include "error.h"
#include "objects.h"

Run *run_new(const Database *database)
{
	Run *run = g_new0(Run, 1);

	run->database = database;
	run->patient = true;
	return run;
}

void run_close(Run *run)
{
	g_clear_pointer(&run->objects, g_ptr_array_unref);
	run->n_looked = 0;
	run->db = nssdb_close(run->db);
}

Run *run_free(Run *run)
{
	if (run == NULL)
		return NULL;

	run_close(run);
	newdb_free(run->newdb);
	g_clear_pointer(&run->added, g_hash_table_unref);
	g_free(run);
	return NULL;
}

static bool create(Run *run, GError **error)
{
	if (run->newdb == NULL)
		run->newdb = newdb_build(run->database->dir, error);
	if (run->newdb == NULL || !newdb_install(run->newdb, error))
		return false;

	run->newdb = newdb_free(run->newdb);
	return true;
}

/* Sets *ret_files to NULL if there is no database and none is needed. */
static bool find_files(Run *run, bool write, Files **ret_files, GError **error)
{
	const Database *database = run->database;
	g_autoptr(GError) local = NULL;
	Files *files = files_open(database->dir, &local);

	if (files == NULL && database->creatable && newdb_fits(database->dir)) {
		g_clear_error(&local);
		if (!write) {
			*ret_files = NULL;
			return true;
		}
		if (!create(run, error))
			return false;
		files = files_open(database->dir, &local);
	}
	if (files == NULL) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}

	*ret_files = files;
	return true;
}

static bool list(Run *run, GError **error)
{
	g_clear_pointer(&run->objects, g_ptr_array_unref);
	run->n_looked = 0;
	/* Before, not after: what comes in between then counts as a change. */
	run->generation = files_generation(nssdb_files(run->db));
	run->objects = objects_marked(run->db, error);
	return run->objects != NULL;
}

/* What is new since the last time in what the tokens offer. */
static bool look_up(Run *run, const GPtrArray *tokens, GError **error)
{
	unsigned n = 0;

	for (guint t = 0; t < tokens->len; t++) {
		const PlanToken *token = g_ptr_array_index(tokens, t);

		for (guint c = 0; c < token->certs->len; c++, n++) {
			const PlanCert *planned = g_ptr_array_index(token->certs, c);

			if (n < run->n_looked)
				continue;
			if (!objects_add_equal(run->objects, run->db, planned->cert, error))
				return false;
		}
	}

	run->n_looked = n;
	return true;
}

static bool open_db(Run *run, bool write, GError **error)
{
	Files *files = NULL;

	run_close(run);
	if (run->database->fault != NULL) {
		g_propagate_error(error, g_error_copy(run->database->fault));
		return false;
	}
	if (!find_files(run, write, &files, error))
		return false;
	if (files == NULL) {
		run->objects = g_ptr_array_new();
		return true;
	}

	run->db = nssdb_open(files, write, run->patient, error);
	return run->db != NULL;
}

static bool is_stale(const Run *run)
{
	return run->objects == NULL || run->generation != files_generation(nssdb_files(run->db));
}

bool run_ready(Run *run, const GPtrArray *tokens, bool write, GError **error)
{
	if ((run->db == NULL || (write && !nssdb_writable(run->db))) && !open_db(run, write, error))
		return false;
	if (run->db == NULL)
		return true; /* not there, not needed */
	if (is_stale(run) && !list(run, error))
		return false;

	return look_up(run, tokens, error);
}

void run_prepare(Run *run, const GPtrArray *tokens)
{
	g_autoptr(GError) error = NULL;
	bool done;

	/* What fails here is tried again, and told, when it is really needed. */
	if (run->db == NULL && run->database->creatable && newdb_fits(run->database->dir)) {
		run->newdb = newdb_build(run->database->dir, &error);
		return;
	}
	done = run_ready(run, tokens, true, &error);
	if (!done)
		run_close(run);
}

bool run_prepared(const Run *run)
{
	return run->newdb != NULL || (run->db != NULL && nssdb_writable(run->db));
}

void run_went(Run *run, const GError *error)
{
	run->troubled = error != NULL;
	run->trouble = error != NULL ? error->code : 0;
}

bool run_locked(const Run *run)
{
	g_autoptr(Files) files = files_open(run->database->dir, NULL);

	return files != NULL && files_locked(files, true);
}

Plan *run_plan(Run *run, PlanInput *input)
{
	input->objects = run->objects;
	/* Trying the empty password costs NSS milliseconds, so only where it matters. */
	input->can_trust = run->db == NULL || input->config->trusted_roots == NULL ||
			   input->config->trusted_roots[0] == NULL ||
			   !nssdb_needs_password(run->db);
	return plan_make(input);
}
