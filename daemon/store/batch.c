/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of things. While the scan runs, the first database is opened, listed and planned for
 * again and again, so that at the scan's end nothing is left but to write. Nothing is written
 * before the scan has said that it is complete. Then each database gets what it lacks, and only
 * after that, and only if the daemon confirms that the card has not changed, all of them lose what
 * they should not have: with a new listing and a new plan, because the wait may have been long. If
 * the daemon says no, what was added is taken back; if it cannot tell, because the line to the card
 * broke, all stays as it is until it can.
 *
 * What is wrong with one database is told and does not stop the others; nor does one that another
 * program has locked make them wait (fanout.h).
 */

#include "batch.h"

#include <string.h>
#include <unistd.h>

#include "apply.h"
#include "cues.h"
#include "databases.h"
#include "fanout.h"
#include "lock.h"
#include "look.h"
#include "modules.h"
#include "purge.h"
#include "route.h"
#include "run.h"
#include "undo.h"

typedef struct Batch {
	const Request *request;
	Intake *intake;
	Reports *reports;
	Scanned *scanned;
	GPtrArray *present; /* PlanPresent: the request's, and what was just scanned */
	GPtrArray *runs;    /* Run */
	Cues *cues;         /* NULL: nobody wants to know */
	bool dry_run;
	bool refused; /* the scan was not confirmed */
	unsigned n_waiting;
} Batch;

/* Planning */

static PlanInput plan_input(const Batch *batch)
{
	const Request *request = batch->request;

	return (PlanInput){
		.config = request->config,
		.host = request->host,
		.now = request->now,
		.session = request->session,
		.logout = (request->flags & WIRE_STORE_LOGOUT) != 0,
		.expecting = (request->flags & WIRE_STORE_EXPECTING) != 0,
		.reading = (request->flags & WIRE_STORE_HAS_SCAN) != 0,
		.tokens = batch->scanned->tokens,
		.endpoints = request->endpoints,
		.present = batch->present,
	};
}

static Plan *make_plan(const Batch *batch, Run *run)
{
	PlanInput input = plan_input(batch);

	if (batch->refused)
		input.doubted = run->added;
	return run_plan(run, &input);
}

/* While the scan runs: more certificates have come. */
static void on_look(gpointer data)
{
	Batch *batch = data;
	Run *run = batch->runs->len > 0 ? g_ptr_array_index(batch->runs, 0) : NULL;
	g_autoptr(Plan) plan = NULL;

	if (route_redirected(batch->request->endpoint) && batch->scanned->n_certs > 0)
		reports_progress(batch->reports, batch->scanned->n_certs);
	if (run != NULL)
		run->patient = false;
	/* What goes wrong here is met again, and told, when the scan is through. */
	if (run == NULL || !run_ready(run, batch->scanned->tokens, false, NULL) ||
		run_prepared(run) || batch->dry_run)
		return;

	plan = make_plan(batch, run);
	if (plan_additions(plan) > 0)
		run_prepare(run, batch->scanned->tokens);
}

/* Writing */

/* Opens for writing and plans again, if that changed what is there. Takes the writers' lock. */
static Plan *plan_to_write(Batch *batch, Run *run, int *ret_lock, GError **error)
{
	int lock = lock_writer(error);

	if (lock < 0)
		return NULL;
	if (!run_ready(run, batch->scanned->tokens, true, error)) {
		close(lock);
		return NULL;
	}

	*ret_lock = lock;
	return make_plan(batch, run);
}

/* Plans; opens for writing and takes the writers' lock only if there is something to add. */
static Plan *plan_to_add(Batch *batch, Run *run, int *ret_lock, GError **error)
{
	g_autoptr(Plan) plan = NULL;

	/* Prepared is who was seen to have something to add: no need to plan for that again. */
	if (run_prepared(run))
		return plan_to_write(batch, run, ret_lock, error);
	if (!run_ready(run, batch->scanned->tokens, false, error))
		return NULL;

	plan = make_plan(batch, run);
	if (plan_additions(plan) == 0 || batch->dry_run)
		return g_steal_pointer(&plan);

	/* It borrows from a listing that is about to go. */
	g_clear_pointer(&plan, plan_free);
	return plan_to_write(batch, run, ret_lock, error);
}

/* What it will have added if all goes well. What a claim that was there says anew is not taken
   back: the claim would go with it, and with that a certificate that nothing was wrong with. */
static void note_additions(Run *run, const Plan *plan)
{
	for (guint i = 0; i < plan->steps->len; i++) {
		const PlanStep *step = g_ptr_array_index(plan->steps, i);

		if (step->action != PLAN_CREATE &&
			(step->action != PLAN_CLAIM || strcmp(step->reason, "new") != 0))
			continue;
		if (run->added == NULL)
			run->added = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		g_hash_table_add(run->added, g_strdup(step->cert->cert->sha256_hex));
	}
}

static void add(Batch *batch, Run *run, const Plan *plan)
{
	Apply apply = {.db = run->db, .reports = batch->reports, .dry_run = batch->dry_run};

	batch->n_waiting += plan->n_waiting;
	apply_additions(&apply, plan);
	if (batch->dry_run) {
		apply_removals(&apply, plan);
	} else {
		note_additions(run, plan);
		run->n_removals = plan_removals(plan);
	}
}

static bool add_to(Run *run, bool last, gpointer data)
{
	Batch *batch = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(Plan) plan = NULL;
	int lock = -1;

	if (batch->reports->broken)
		return true;

	plan = plan_to_add(batch, run, &lock, &error);
	if (fanout_comes_again(error, last)) {
		run_close(run);
		return false;
	}

	reports_about(batch->reports, run->database, error);
	run_went(run, error);
	if (plan != NULL)
		add(batch, run, plan);
	if (lock >= 0)
		close(lock);
	run_close(run);
	if (error == NULL && !batch->dry_run)
		modules_register(batch->request, run->database, batch->reports);
	return true;
}

/* What was in the way of something new has gone: to NSS two certificates of one issuer and serial
   are the same. */
static void fill_gaps(Batch *batch, Run *run, Apply *apply)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Plan) plan = NULL;

	if (run_ready(run, batch->scanned->tokens, true, &error)) {
		plan = make_plan(batch, run);
		apply_additions(apply, plan);
	} else {
		reports_error(batch->reports, error);
	}
}

static void take(Batch *batch, Run *run, const Plan *plan)
{
	Apply apply = {.db = run->db, .reports = batch->reports};

	apply_removals(&apply, plan);
	if (plan_additions(plan) > 0)
		fill_gaps(batch, run, &apply);
}

/* What has to go by the confirmed scan, or what the refused one has added. */
static bool take_from(Run *run, bool last, gpointer data)
{
	Batch *batch = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(Plan) plan = NULL;
	bool idle = batch->refused ? run->added == NULL : run->n_removals == 0;
	int lock = -1;

	if (batch->reports->broken || idle)
		return true;

	plan = plan_to_write(batch, run, &lock, &error);
	if (fanout_comes_again(error, last)) {
		run_close(run);
		return false;
	}

	reports_about(batch->reports, run->database, error);
	run_went(run, error);
	if (plan != NULL) {
		take(batch, run, plan);
		close(lock);
	}
	run_close(run);
	return true;
}

static void write_all(Batch *batch)
{
	unsigned removals = 0;
	unsigned additions = 0;
	WireConfirm confirm;

	fanout(batch->runs, add_to, batch);
	for (guint i = 0; i < batch->runs->len; i++) {
		const Run *run = g_ptr_array_index(batch->runs, i);

		removals += run->n_removals;
		additions += run->added != NULL ? g_hash_table_size(run->added) : 0;
	}
	if (batch->n_waiting > 0)
		reports_waiting(batch->reports, batch->n_waiting);
	if (removals == 0 && additions == 0)
		return;

	reports_pending(batch->reports, removals, additions);
	confirm = intake_confirmed(batch->intake, batch->request);
	if (confirm == WIRE_CONFIRM_OPEN)
		return;
	batch->refused = confirm == WIRE_CONFIRM_NO;
	fanout(batch->runs, take_from, batch);
}

/* What the request says is present, and the tokens that were just read, whatever it says. */
static void add_present(Batch *batch)
{
	const GPtrArray *told = batch->request->present;

	for (guint i = 0; i < told->len; i++)
		g_ptr_array_add(
			batch->present, g_memdup2(g_ptr_array_index(told, i), sizeof(PlanPresent)));

	for (guint i = 0; i < batch->scanned->tokens->len; i++) {
		const PlanToken *token = g_ptr_array_index(batch->scanned->tokens, i);
		PlanPresent *present = g_new0(PlanPresent, 1);

		present->token = token->token;
		present->endpoint = token->endpoint;
		g_ptr_array_add(batch->present, present);
		reports_token(batch->reports, token);
	}
}

static void apply_request(Batch *batch)
{
	const Request *request = batch->request;
	g_autoptr(GError) error = NULL;

	if (request->flags & WIRE_STORE_HAS_SCAN) {
		on_look(batch); /* opens the first database */
		if (!intake_scan(batch->intake, request, batch->scanned, on_look, batch, &error)) {
			reports_error(batch->reports, error);
			return;
		}
		reports_scanned(batch->reports, g_checksum_get_string(batch->scanned->sum));
	}

	add_present(batch);
	write_all(batch);
	if (batch->cues != NULL)
		cues_tell(batch->cues, batch->runs, batch->reports);
}

static void destroy_run(gpointer data)
{
	run_free(data);
}

void batch_run(const Request *request, Intake *intake, Reports *reports)
{
	bool watched = (request->flags & WIRE_STORE_CUES) != 0;
	/* First: what changes after this is a change. */
	g_autoptr(Cues) cues = watched ? cues_new(request->config) : NULL;
	g_autoptr(GPtrArray) databases = databases_find(request->config);
	g_autoptr(Scanned) scanned = scanned_new();
	g_autoptr(GPtrArray) present = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) runs = g_ptr_array_new_with_free_func(destroy_run);
	Batch batch = {
		.request = request,
		.intake = intake,
		.reports = reports,
		.scanned = scanned,
		.present = present,
		.runs = runs,
		.cues = cues,
		.dry_run = (request->flags & WIRE_STORE_DRY_RUN) != 0,
	};

	for (guint i = 0; i < databases->len; i++)
		g_ptr_array_add(runs, run_new(g_ptr_array_index(databases, i)));
	if (cues != NULL)
		cues_add_databases(cues, runs);

	if (request->mode == WIRE_STORE_APPLY)
		apply_request(&batch);
	else if (request->mode == WIRE_STORE_PURGE)
		purge_run(request, intake, reports, runs);
	else if (request->mode == WIRE_STORE_UNDO)
		undo_run(request, reports, runs);
	else if (request->mode == WIRE_STORE_MODULES)
		modules_run(request, reports, runs);
	else
		look_run(request, reports, runs);
	reports_end(reports);
}
