/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which certificates and claims the selectors name. What cannot be told ("is its card here?",
 * "since when?") is not selected.
 *
 * The rules for deleting are the planner's (plan.c): the last claim takes the certificate along,
 * unless its owner made it his own or somebody else's lines stand in the marker.
 */

#include <string.h>

#include "select.h"
#include "text.h"

/* Texts */

static bool contains(const char *text, const char *part)
{
	g_autofree char *folded = g_utf8_casefold(text, -1);
	g_autofree char *wanted = g_utf8_casefold(part, -1);

	return strstr(folded, wanted) != NULL;
}

static bool same(const char *a, const char *b)
{
	g_autofree char *folded_a = g_utf8_casefold(a, -1);
	g_autofree char *folded_b = g_utf8_casefold(b, -1);

	return strcmp(folded_a, folded_b) == 0;
}

/* "xrdp:10" is meant by itself and by "xrdp". */
static bool is_endpoint(const char *name, const char *wanted)
{
	gsize len = strlen(wanted);

	return strncmp(name, wanted, len) == 0 && (name[len] == '\0' || name[len] == ':');
}

/* The raw common name too: in the subject's text some characters are escaped. */
static bool is_subject(const Cert *cert, const char *wanted)
{
	return contains(cert->subject, wanted) ||
	       (cert->common_name != NULL && contains(cert->common_name, wanted));
}

static bool is_cert(const SelectInput *input, const Cert *cert)
{
	const Select *select = input->select;

	return (select->subject == NULL || is_subject(cert, select->subject)) &&
	       (select->issuer == NULL || contains(cert->issuer, select->issuer)) &&
	       (!select->expired || cert->not_after < input->now);
}

/* Claims */

static bool is_token(const Select *select, const Claim *claim)
{
	return same(claim->token->serial, select->token) ||
	       same(claim->token->label, select->token);
}

/* In whatever reader; of tokens without identity any one of the kind may be it. */
static bool is_present(const SelectInput *input, const Token *token)
{
	for (guint i = 0; i < input->present->len; i++) {
		const PlanPresent *present = g_ptr_array_index(input->present, i);

		if (claim_same_token(token, present->token))
			return true;
	}
	return false;
}

/* Known to be: of a claim of this host, whose endpoint answers and has had all its cards read. */
static bool is_absent(const SelectInput *input, const Claim *claim)
{
	if (g_strcmp0(claim->host, input->host) != 0 || is_present(input, claim->token))
		return false;

	for (guint i = 0; i < input->endpoints->len; i++) {
		const PlanEndpoint *endpoint = g_ptr_array_index(input->endpoints, i);

		if (g_strcmp0(endpoint->name, claim->endpoint) == 0)
			return endpoint->live && endpoint->settled;
	}
	return false;
}

static bool is_before(const Select *select, const Claim *claim)
{
	gint64 since;

	return text_time_parse(claim->since, &since) && since < select->before;
}

static bool is_claim(const SelectInput *input, const Claim *claim)
{
	const Select *select = input->select;

	return (select->token == NULL || is_token(select, claim)) &&
	       (select->endpoint == NULL || is_endpoint(claim->endpoint, select->endpoint)) &&
	       (!select->absent || is_absent(input, claim)) &&
	       (!select->has_before || is_before(select, claim));
}

/* The plan */

static void step_free(gpointer data)
{
	PlanStep *step = data;

	marker_free(step->marker);
	g_free(step);
}

static Plan *plan_new(void)
{
	Plan *plan = g_new0(Plan, 1);

	plan->steps = g_ptr_array_new_with_free_func(step_free);
	return plan;
}

static void plan_object(const SelectInput *input, Plan *plan, const PlanObject *object)
{
	g_autoptr(Marker) marker = marker_dup(object->marker);
	guint before = marker->claims->len;
	bool adopted = plan_object_adopted(object);
	PlanStep *step;

	for (guint i = 0; i < marker->claims->len;) {
		if (is_claim(input, marker->claims->pdata[i]))
			g_ptr_array_remove_index(marker->claims, i);
		else
			i++;
	}
	if (marker->claims->len == before)
		return;

	step = g_new0(PlanStep, 1);
	step->object = object;
	step->reason = "purged";
	step->trust = plan_object_trust_after(object, marker);
	step->action = PLAN_DELETE;
	if (marker->claims->len == 0 && adopted)
		step->reason = "adopted";
	if (marker->claims->len > 0 || marker->others->len > 0 || adopted) {
		step->action = PLAN_RELEASE;
		step->marker = g_steal_pointer(&marker);
	}
	g_ptr_array_add(plan->steps, step);
}

Plan *select_plan(const SelectInput *input)
{
	Plan *plan = plan_new();

	for (guint i = 0; i < input->objects->len; i++) {
		const PlanObject *object = g_ptr_array_index(input->objects, i);

		if (object->cert != NULL && object->marker != NULL &&
			marker_is_ours(object->marker) && is_cert(input, object->cert))
			plan_object(input, plan, object);
	}
	return plan;
}

/* Look-alikes */

/* The token carries a certificate of the same holder and issuer: this is an older one of them, or a
   copy of it that another tool made. */
static bool is_like_tokens(const SelectInput *input, const Cert *cert)
{
	for (guint i = 0; i < input->objects->len; i++) {
		const PlanObject *object = g_ptr_array_index(input->objects, i);

		if (object->cert == NULL || object->marker == NULL ||
			!g_bytes_equal(object->cert->subject_der, cert->subject_der) ||
			!g_bytes_equal(object->cert->issuer_der, cert->issuer_der))
			continue;
		for (guint j = 0; j < object->marker->claims->len; j++) {
			if (is_token(input->select, object->marker->claims->pdata[j]))
				return true;
		}
	}
	return false;
}

bool select_unmarked(const SelectInput *input, const PlanObject *object)
{
	const Select *select = input->select;
	const Cert *cert = object->cert;

	if (!select->unmarked || cert == NULL || cert->ca || object->has_trust || object->has_key)
		return false;
	/* Somebody else's lines are a marker too. */
	if (object->marker != NULL)
		return false;

	return is_cert(input, cert) && (select->token == NULL || is_like_tokens(input, cert));
}

Plan *select_plan_unmarked(const GPtrArray *objects)
{
	Plan *plan = plan_new();

	for (guint i = 0; i < objects->len; i++) {
		PlanStep *step = g_new0(PlanStep, 1);

		step->action = PLAN_DELETE;
		step->object = g_ptr_array_index(objects, i);
		step->reason = "unmarked";
		g_ptr_array_add(plan->steps, step);
	}
	return plan;
}
