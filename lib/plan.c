/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * desired − actual = plan. Everything that certprop ever does to a database is decided here, by
 * looking at what is there and at what was read, and nowhere else; nothing is remembered from the
 * last time. That is why it is a pure function, and why every rule is in one of three files: what
 * the tokens offer (plan-offers.c), when a claim ends (plan-fate.c), and here what follows from
 * both for the certificate.
 *
 * Additions and removals of one object are separate steps, because the store carries out removals
 * only after the daemon has said that the reader did not change in the meantime. A removal's marker
 * is what stands after the additions.
 *
 * Ownership ends in the user's favour. An object without a claim of ours is the user's. One that he
 * imported again is handed back with all its claims; one that he renamed or trusted loses its
 * marker instead of its existence when the last claim goes.
 */

#include "plan.h"

#include <string.h>

#include "plan-internal.h"
#include "text.h"

static bool is_ours(const PlanObject *object)
{
	return object->cert != NULL && object->marker != NULL && marker_is_ours(object->marker);
}

/* Work in progress. */
typedef struct Planner {
	const PlanInput *input;
	GArray *offers;      /* PlanOffer */
	GHashTable *by_sha;  /* sha256_hex → the PlanObject that stands for the certificate */
	GHashTable *markers; /* PlanObject → Marker after the additions; borrowed from the steps */
	Plan *plan;
} Planner;

static PlanStep *add_step(Planner *planner, PlanAction action, const char *reason)
{
	PlanStep *step = g_new0(PlanStep, 1);

	step->action = action;
	step->reason = reason;
	g_ptr_array_add(planner->plan->steps, step);
	return step;
}

static PlanStep *add_token_step(Planner *planner, PlanAction action, const char *reason,
	const PlanOffer *offer, const PlanObject *object)
{
	PlanStep *step = add_step(planner, action, reason);

	step->cert = offer->cert;
	step->token = offer->token;
	step->object = object;
	return step;
}

/* Trust */

/* What stands for the certificate is there by us alone. */
static bool may_trust(const PlanObject *object)
{
	return object == NULL || (is_ours(object) && !plan_object_adopted(object));
}

/* Its root is pinned, and nothing that is the user's is in the way. */
static bool should_trust(const Planner *planner, const PlanOffer *offer)
{
	const Cert *cert = offer->cert->cert;

	return offer->verdict == POLICY_PROPAGATE &&
	       policy_trusts(planner->input->config, offer->token->endpoint, cert) &&
	       may_trust(g_hash_table_lookup(planner->by_sha, cert->sha256_hex));
}

static bool lacks_trust(const PlanObject *object)
{
	return object == NULL || !object->has_trust;
}

static bool gets_trust(const Planner *planner, const PlanOffer *offer)
{
	const PlanObject *object =
		g_hash_table_lookup(planner->by_sha, offer->cert->cert->sha256_hex);

	return should_trust(planner, offer) && (planner->input->can_trust || !lacks_trust(object));
}

/* Additions */

static Claim *make_claim(const Planner *planner, const PlanOffer *offer, const char *nickname)
{
	Claim *claim = g_new0(Claim, 1);

	claim->token = token_dup(offer->token->token);
	claim->id = offer->cert->id != NULL ? g_bytes_ref(offer->cert->id) : NULL;
	claim->object = g_strdup(offer->cert->object);
	claim->module = g_strdup(offer->token->module);
	claim->endpoint = g_strdup(offer->token->endpoint);
	claim->reader = g_strdup(offer->token->reader);
	claim->host = g_strdup(planner->input->host);
	claim->since = text_time(planner->input->now);
	claim->nickname = g_strdup(nickname);
	claim->trust = gets_trust(planner, offer);
	return claim;
}

/* The claim tells of the certificate as one of the owner's offers shows it now. */
static bool still_true(const Claim *claim, const PlanOffer *offers, guint n)
{
	for (guint i = 0; i < n; i++) {
		if (offers[i].verdict == POLICY_PROPAGATE &&
			claim_same_object(claim, offers[i].cert->id, offers[i].cert->object))
			return true;
	}
	return false;
}

/* Sees to the claim of one owner, whose offers these are. Returns why it was written, or NULL. */
static const char *claim_for(const Planner *planner, Marker *marker, const PlanOffer *offers,
	guint n, const char *nickname)
{
	const Cert *cert = offers[0].cert->cert;
	const PlanObject *object = g_hash_table_lookup(planner->by_sha, cert->sha256_hex);
	Claim *fresh = make_claim(planner, &offers[0], nickname);
	Claim *old = marker_find(marker, fresh);
	const char *reason = NULL;

	/* One that ended with its session is not the one that begins now. */
	if (old != NULL && plan_outlived(planner->input, cert, old)) {
		/* The trust that came with it is still ours. */
		fresh->trust = fresh->trust || old->trust;
		g_ptr_array_remove(marker->claims, old);
		old = NULL;
	}
	if (old == NULL) {
		g_ptr_array_add(marker->claims, fresh);
		return "new";
	}
	if (fresh->trust && (!old->trust || lacks_trust(object)))
		reason = "pinned";
	old->trust = old->trust || fresh->trust;
	if (still_true(old, offers, n)) {
		claim_free(fresh);
		return reason;
	}
	/* Since when, and through which reader it first came, is not today's business. */
	claim_set_object(old, fresh->id, fresh->object);
	claim_free(fresh);
	return "changed";
}

/* Claims for all owners that want the certificate. NULL if there is nothing to write; "new" if any
   of them is. */
static const char *claim_for_all(const Planner *planner, Marker *marker, const PlanOffer *offers,
	guint n, const char *nickname)
{
	const char *reason = NULL;

	for (guint i = 0, next; i < n; i = next) {
		const char *why = NULL;

		for (next = i + 1; next < n && plan_same_owner(&offers[i], &offers[next]);)
			next++;
		if (offers[i].verdict == POLICY_PROPAGATE)
			why = claim_for(planner, marker, &offers[i], next - i, nickname);
		if (reason == NULL || g_strcmp0(why, "new") == 0)
			reason = why;
	}
	return reason;
}

/* Takes the marker. */
static void add_marker_step(Planner *planner, PlanAction action, const char *reason,
	const PlanOffer *offer, const PlanObject *object, Marker *marker)
{
	PlanStep *step = add_token_step(planner, action, reason, offer, object);

	step->marker = marker;
	if (gets_trust(planner, offer) && lacks_trust(object))
		step->trust = PLAN_TRUST_GIVE;
}

static bool fits(const Marker *marker)
{
	g_autofree char *text = marker_format(marker, NULL);

	return text != NULL;
}

static void create(Planner *planner, const PlanOffer *first, const PlanOffer *offers, guint n)
{
	g_autofree char *nickname = cert_nickname(
		first->cert->cert, first->cert->object, first->token->token->label, 0);
	g_autoptr(Marker) marker = marker_new();
	const char *reason;

	(void)claim_for_all(planner, marker, offers, n, nickname);
	if (!fits(marker)) {
		add_token_step(planner, PLAN_SKIP, "marker-full", first, NULL);
		return;
	}
	reason = marker_trusts(marker) ? "pinned" : "new";
	add_marker_step(planner, PLAN_CREATE, reason, first, NULL, g_steal_pointer(&marker));
}

static void claim(Planner *planner, const PlanOffer *first, const PlanOffer *offers, guint n,
	const PlanObject *object)
{
	g_autoptr(Marker) marker = marker_dup(object->marker);
	const Claim *oldest = marker->claims->pdata[0];
	g_autofree char *nickname = g_strdup(oldest->nickname);
	const char *reason = claim_for_all(planner, marker, offers, n, nickname);

	if (reason == NULL) {
		add_token_step(planner, PLAN_KEEP, "known", first, object);
		return;
	}
	if (!fits(marker)) {
		add_token_step(planner, PLAN_SKIP, "marker-full", first, object);
		return;
	}
	g_hash_table_insert(planner->markers, (gpointer)object, marker);
	add_marker_step(planner, PLAN_CLAIM, reason, first, object, g_steal_pointer(&marker));
}

/* All offers of one certificate. */
static void plan_cert(Planner *planner, const PlanOffer *offers, guint n)
{
	const PlanOffer *first = NULL;
	const PlanObject *object =
		g_hash_table_lookup(planner->by_sha, offers[0].cert->cert->sha256_hex);

	for (guint i = 0; i < n && first == NULL; i++) {
		if (offers[i].verdict == POLICY_PROPAGATE)
			first = &offers[i];
	}

	if (first == NULL)
		add_token_step(
			planner, PLAN_SKIP, policy_word(offers[0].verdict), &offers[0], object);
	else if (object == NULL)
		create(planner, first, offers, n);
	else if (!is_ours(object) || plan_object_reimported(object))
		add_token_step(planner, PLAN_SKIP, "users-own", first, object);
	else
		claim(planner, first, offers, n, object);

	if (first != NULL && should_trust(planner, first) && !gets_trust(planner, first))
		add_token_step(planner, PLAN_SKIP, "trust-needs-password", first, object);
}

static void plan_additions_of(Planner *planner)
{
	const PlanOffer *offers = (const PlanOffer *)(void *)planner->offers->data;
	guint n = planner->offers->len;

	for (guint i = 0, next; i < n; i = next) {
		for (next = i + 1; next < n && strcmp(offers[i].cert->cert->sha256_hex,
						       offers[next].cert->cert->sha256_hex) == 0;)
			next++;
		plan_cert(planner, &offers[i], next - i);
	}
}

/* Removals */

static void release_all(Planner *planner, const PlanObject *object)
{
	PlanStep *step = add_step(planner, PLAN_RELEASE, "adopted");

	step->object = object;
	step->marker = marker_dup(object->marker);
	g_ptr_array_set_size(step->marker->claims, 0);
}

/* A root that was pinned when its claim was made and is not any more: the claim stays, not the
   trust. What another host's administrator thinks of it, his own look sees to. */
static bool unpin(const PlanInput *input, const Cert *cert, Marker *marker)
{
	bool unpinned = false;

	for (guint i = 0; input->doubted == NULL && i < marker->claims->len; i++) {
		Claim *claim = marker->claims->pdata[i];

		if (!claim->trust || g_strcmp0(claim->host, input->host) != 0 ||
			policy_trusts(input->config, claim->endpoint, cert))
			continue;
		claim->trust = false;
		unpinned = true;
	}
	return unpinned;
}

static void plan_removals_of(Planner *planner, const PlanObject *object)
{
	const Marker *after = g_hash_table_lookup(planner->markers, object);
	g_autoptr(Marker) marker = marker_dup(after != NULL ? after : object->marker);
	const char *reason = NULL;
	PlanTrust trust;
	PlanStep *step;

	for (guint i = 0; i < marker->claims->len;) {
		const char *why = plan_fate(
			planner->input, planner->offers, object->cert, marker->claims->pdata[i]);

		if (why == NULL)
			planner->plan->n_waiting +=
				plan_waits(planner->input, marker->claims->pdata[i++]);
		else
			g_ptr_array_remove_index(marker->claims, i);
		if (reason == NULL)
			reason = why;
	}
	if (unpin(planner->input, object->cert, marker) && reason == NULL)
		reason = "unpinned";
	if (reason == NULL)
		return;

	trust = plan_object_trust_after(object, marker);
	if (marker->claims->len > 0 || marker->others->len > 0 || plan_object_adopted(object)) {
		step = add_step(planner, PLAN_RELEASE, reason);
		step->marker = g_steal_pointer(&marker);
	} else {
		step = add_step(planner, PLAN_DELETE, reason);
	}
	step->object = object;
	step->trust = trust;
}

/* The whole */

/* Of several objects of one certificate (NSS allows only one) the one that is ours, then the
 * oldest. */
static bool stands_before(const PlanObject *a, const PlanObject *b)
{
	if (is_ours(a) != is_ours(b))
		return is_ours(a);
	return a->handle < b->handle;
}

static void index_objects(Planner *planner)
{
	for (guint i = 0; i < planner->input->objects->len; i++) {
		PlanObject *object = planner->input->objects->pdata[i];
		const PlanObject *other;

		if (object->cert == NULL)
			continue;
		other = g_hash_table_lookup(planner->by_sha, object->cert->sha256_hex);
		if (other == NULL || stands_before(object, other))
			g_hash_table_replace(planner->by_sha, object->cert->sha256_hex, object);
	}
}

static const Cert *step_cert(const PlanStep *step)
{
	return step->object != NULL ? step->object->cert : step->cert->cert;
}

static int compare_steps(gconstpointer x, gconstpointer y)
{
	const PlanStep *a = *(const PlanStep *const *)x;
	const PlanStep *b = *(const PlanStep *const *)y;
	gulong handle_a = a->object != NULL ? a->object->handle : 0;
	gulong handle_b = b->object != NULL ? b->object->handle : 0;

	if (a->action != b->action)
		return a->action < b->action ? -1 : 1;
	if (memcmp(step_cert(a)->sha256, step_cert(b)->sha256, CERT_SHA256_LEN) != 0)
		return memcmp(step_cert(a)->sha256, step_cert(b)->sha256, CERT_SHA256_LEN);
	return handle_a < handle_b ? -1 : handle_a > handle_b;
}

static void step_free(gpointer data)
{
	PlanStep *step = data;

	marker_free(step->marker);
	g_free(step);
}

static void run(Planner *planner)
{
	const PlanInput *input = planner->input;

	index_objects(planner);
	/* Who logs out gets nothing new. */
	if (!input->logout && input->doubted == NULL)
		plan_additions_of(planner);

	for (guint i = 0; i < input->objects->len; i++) {
		const PlanObject *object = input->objects->pdata[i];

		if (!is_ours(object))
			continue;
		if (plan_object_reimported(object) && input->doubted == NULL)
			release_all(planner, object);
		else
			plan_removals_of(planner, object);
	}
	g_ptr_array_sort(planner->plan->steps, compare_steps);
}

Plan *plan_make(const PlanInput *input)
{
	Planner planner = {.input = input, .plan = g_new0(Plan, 1)};

	planner.plan->steps = g_ptr_array_new_with_free_func(step_free);
	/* Switched off is not "nobody wants these": what is there stays as it is. */
	if (!input->config->enabled)
		return planner.plan;

	planner.offers = plan_offers(input);
	planner.by_sha = g_hash_table_new(g_str_hash, g_str_equal);
	planner.markers = g_hash_table_new(NULL, NULL);
	run(&planner);

	g_hash_table_unref(planner.markers);
	g_hash_table_unref(planner.by_sha);
	g_array_unref(planner.offers);
	return planner.plan;
}
