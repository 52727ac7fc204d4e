/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carrying out a plan, one transaction of NSS per step. Between the listing and the step somebody
 * may have touched the object, so before it is changed it is read again, and if anything about it
 * is not as it was, it is left alone: the next look sees what there is then. Deleting goes by
 * handle, of an object whose marker, CKA_ID and label were seen to be ours a moment ago.
 *
 * A long batch is paced: NSS in other programs fails to start when a database is written to without
 * a pause.
 */

#include "apply.h"

#include <string.h>

#include "error.h"
#include "objects.h"
#include "trust.h"

#define NICKNAMES_MAX 16u /* tries, before we give up on a certificate */

/* Nothing more will succeed in this database. */
static bool is_final(const GError *error)
{
	return g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_BUSY) ||
	       g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_READ_ONLY) ||
	       g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED);
}

static void skip(Apply *apply, const PlanStep *step, const char *reason)
{
	reports_step(apply->reports, PLAN_SKIP, step, NULL, reason, !apply->dry_run);
}

static const char *planned_nickname(const PlanStep *step)
{
	const Claim *claim = g_ptr_array_index(step->marker->claims, 0);

	return claim->nickname;
}

/* NSS refuses a nickname that a certificate of another subject has: the next one, in all claims. */
static void rename_marker(const PlanStep *step, unsigned attempt)
{
	g_autofree char *name = cert_nickname(
		step->cert->cert, step->cert->object, step->token->token->label, attempt);

	for (guint i = 0; i < step->marker->claims->len; i++) {
		Claim *claim = g_ptr_array_index(step->marker->claims, i);

		g_free(claim->nickname);
		claim->nickname = g_strdup(name);
	}
}

static NssdbOutcome create_once(Apply *apply, const PlanStep *step, GError **error)
{
	const Cert *cert = step->cert->cert;
	g_autofree char *url = marker_format(step->marker, error);
	guint8 id[CERT_ID_LEN];
	g_autoptr(GBytes) id_bytes = NULL;

	if (url == NULL)
		return NSSDB_FAILED;

	cert_id(cert, id);
	id_bytes = g_bytes_new(id, sizeof id);
	return nssdb_create(apply->db,
		&(const NssdbNew){
			.der = cert->der,
			.subject = cert->subject_der,
			.issuer = cert->issuer_der,
			.serial = cert->serial_der,
			.id = id_bytes,
			.label = planned_nickname(step),
			.url = url,
			.email = cert->email,
		},
		error);
}

static NssdbOutcome create_named(Apply *apply, const PlanStep *step, GError **error)
{
	for (unsigned attempt = 0; attempt < NICKNAMES_MAX; attempt++) {
		NssdbOutcome outcome;

		if (attempt > 0)
			rename_marker(step, attempt);
		outcome = create_once(apply, step, error);
		if (outcome != NSSDB_NICKNAME_TAKEN)
			return outcome;
	}

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
		"Storing a certificate failed: \"%s\" and %u names like it are taken",
		planned_nickname(step), NICKNAMES_MAX - 1);
	return NSSDB_FAILED;
}

/* A certificate of the same issuer and serial is there: to NSS it is the same one. */
static bool is_there(Apply *apply, const PlanStep *step, bool *ret_there, GError **error)
{
	const Cert *cert = step->cert->cert;
	g_autoptr(GArray) handles = NULL;

	*ret_there = false;
	if (apply->db == NULL)
		return true;
	handles = nssdb_find(apply->db, cert->issuer_der, cert->serial_der, error);
	if (handles == NULL)
		return false;

	*ret_there = handles->len > 0;
	return true;
}

/* A trust object of somebody's is there without a certificate: what he says of it, or takes from
   it, is his, and a marker that claims that trust would be wrong. */
static bool is_judged(Apply *apply, const PlanStep *step, bool *ret_judged, GError **error)
{
	bool own;

	*ret_judged = false;
	return apply->db == NULL || step->trust != PLAN_TRUST_GIVE ||
	       trust_look(apply->db, step->cert->cert, ret_judged, &own, error);
}

static bool create(Apply *apply, const PlanStep *step, GError **error)
{
	const Cert *cert = step->cert->cert;
	g_autoptr(GError) local = NULL;
	bool there = false;
	bool judged = false;

	if (!is_there(apply, step, &there, error) || !is_judged(apply, step, &judged, error))
		return false;
	/* The planner knows of those with the same content: this one has another. */
	if (there) {
		skip(apply, step, "conflict");
		return true;
	}
	if (judged) {
		skip(apply, step, "users-own");
		return true;
	}
	if (!apply->dry_run && create_named(apply, step, &local) != NSSDB_CREATED) {
		/* NSS tests and inserts in one transaction: somebody was quicker. */
		if (!is_final(local) && is_there(apply, step, &there, NULL) && there) {
			skip(apply, step, "conflict");
			return true;
		}
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}

	reports_step(
		apply->reports, PLAN_CREATE, step, planned_nickname(step), NULL, !apply->dry_run);
	/* The marker says that it is to come: what fails here is made good by the next look. */
	return apply->dry_run || step->trust != PLAN_TRUST_GIVE ||
	       trust_give(apply->db, cert, error);
}

static bool same_marker(const Marker *a, const Marker *b)
{
	g_autofree char *text_a = a != NULL ? marker_format(a, NULL) : NULL;
	g_autofree char *text_b = b != NULL ? marker_format(b, NULL) : NULL;

	return text_a != NULL && g_strcmp0(text_a, text_b) == 0;
}

static bool as_marked(const Apply *apply, const PlanObject *now, const PlanObject *then)
{
	return apply->unmarked ? now->marker == NULL && then->marker == NULL
			       : same_marker(now->marker, then->marker);
}

/* Somebody made it his own, or it always was. */
static bool is_somebodys(const Apply *apply, const PlanObject *object)
{
	return apply->unmarked ? object->has_trust || object->has_key || object->cert->ca
			       : plan_object_adopted(object);
}

/* Is the object still the one that the plan was made for? *ret_same says. */
static bool check(Apply *apply, const PlanStep *step, bool *ret_same, GError **error)
{
	const PlanObject *then = step->object;
	g_autoptr(GError) local = NULL;
	g_autoptr(PlanObject) now = objects_read(apply->db, then->handle, then->cert, &local);

	*ret_same = false;
	if (now == NULL) {
		if (g_error_matches(local, CERTPROP_ERROR, CERTPROP_ERROR_CHANGED))
			return true;
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}

	if (apply->unmarked && now->cert != NULL && !objects_read_ties(apply->db, now, error))
		return false;

	*ret_same = now->cert == then->cert && as_marked(apply, now, then) &&
		    strcmp(now->label, then->label) == 0 && g_bytes_equal(now->id, then->id) &&
		    now->has_trust == then->has_trust && now->own_trust == then->own_trust &&
		    now->has_key == then->has_key;
	return true;
}

static bool write_marker(Apply *apply, const PlanStep *step, GError **error)
{
	g_autofree char *url = marker_format(step->marker, error);

	return url != NULL && nssdb_set_url(apply->db, step->object->handle, url, error);
}

/* Trust is there only as long as a marker says that it is ours. */
static bool do_change(Apply *apply, const PlanStep *step, GError **error)
{
	const PlanObject *object = step->object;
	bool done;

	if (step->trust == PLAN_TRUST_TAKE && !trust_take(apply->db, object->cert, error))
		return false;
	if (step->action == PLAN_DELETE)
		done = nssdb_destroy(apply->db, object->handle, error);
	else
		done = write_marker(apply, step, error);
	if (done && step->trust == PLAN_TRUST_GIVE)
		done = trust_give(apply->db, object->cert, error);
	return done;
}

/* CLAIM, RELEASE and DELETE. */
static bool change(Apply *apply, const PlanStep *step, GError **error)
{
	bool same = false;

	if (!apply->dry_run) {
		if (!check(apply, step, &same, error))
			return false;
		if (!same || (step->action == PLAN_DELETE && is_somebodys(apply, step->object))) {
			skip(apply, step, "changed");
			return true;
		}
		if (!do_change(apply, step, error))
			return false;
	}

	reports_step(apply->reports, step->action, step, NULL, NULL, !apply->dry_run);
	return true;
}

/* Returns false when there is no point in going on. */
static bool do_write(Apply *apply, const PlanStep *step)
{
	g_autoptr(GError) error = NULL;
	bool done;

	if (!apply->dry_run)
		pace_before(&apply->pace);
	done = step->action == PLAN_CREATE ? create(apply, step, &error)
					   : change(apply, step, &error);
	pace_after(&apply->pace);
	if (!done)
		reports_error(apply->reports, error);

	return (done || !is_final(error)) && !apply->reports->broken;
}

void apply_additions(Apply *apply, const Plan *plan)
{
	bool writing = true;

	for (guint i = 0; i < plan->steps->len; i++) {
		const PlanStep *step = g_ptr_array_index(plan->steps, i);

		switch (step->action) {
		case PLAN_CREATE:
		case PLAN_CLAIM:
			writing = writing && do_write(apply, step);
			break;
		case PLAN_KEEP:
		case PLAN_SKIP:
			reports_step(
				apply->reports, step->action, step, NULL, NULL, !apply->dry_run);
			break;
		case PLAN_RELEASE:
		case PLAN_DELETE:
			break;
		}
	}
}

void apply_removals(Apply *apply, const Plan *plan)
{
	for (guint i = 0; i < plan->steps->len; i++) {
		const PlanStep *step = g_ptr_array_index(plan->steps, i);

		if (step->action != PLAN_RELEASE && step->action != PLAN_DELETE)
			continue;
		if (!do_write(apply, step))
			return;
	}
}
