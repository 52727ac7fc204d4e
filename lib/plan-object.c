/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the planner is given, and what a user's hand on a certificate looks like. NSS tells nobody
 * who changed an object; three traces tell all the same: CKA_ID is not what we derived from the DER
 * any more (every import by NSS overwrites it), the label is not the one that our claims remember,
 * or there is something that only a user makes: a key, or a trust object that is not the one which
 * a claim says is ours.
 */

#include <string.h>

#include "plan.h"

static const char *const words[] = {
	[PLAN_CREATE] = "create",
	[PLAN_CLAIM] = "claim",
	[PLAN_RELEASE] = "release",
	[PLAN_DELETE] = "delete",
	[PLAN_KEEP] = "keep",
	[PLAN_SKIP] = "skip",
};

const char *plan_word(PlanAction action)
{
	return words[action];
}

PlanObject *plan_object_free(PlanObject *object)
{
	if (object == NULL)
		return NULL;

	cert_unref(object->cert);
	g_free(object->label);
	g_clear_pointer(&object->id, g_bytes_unref);
	marker_free(object->marker);
	g_free(object);
	return NULL;
}

PlanCert *plan_cert_free(PlanCert *cert)
{
	if (cert == NULL)
		return NULL;

	cert_unref(cert->cert);
	g_clear_pointer(&cert->id, g_bytes_unref);
	g_free(cert->object);
	g_free(cert);
	return NULL;
}

PlanToken *plan_token_free(PlanToken *token)
{
	if (token == NULL)
		return NULL;

	token_free(token->token);
	g_free(token->endpoint);
	g_free(token->reader);
	g_free(token->module);
	g_clear_pointer(&token->certs, g_ptr_array_unref);
	g_free(token);
	return NULL;
}

bool plan_object_reimported(const PlanObject *object)
{
	guint8 ours[CERT_ID_LEN];
	gsize len = 0;
	const void *id = object->id != NULL ? g_bytes_get_data(object->id, &len) : NULL;

	if (object->has_key || object->cert == NULL || len != sizeof(ours))
		return true;
	cert_id(object->cert, ours);
	return memcmp(id, ours, sizeof(ours)) != 0;
}

/* The label is as one of the claims says that we wrote it. They all say the same, unless somebody
   copied lines about. */
static bool is_renamed(const PlanObject *object)
{
	for (guint i = 0; object->marker != NULL && i < object->marker->claims->len; i++) {
		const Claim *claim = object->marker->claims->pdata[i];

		if (g_strcmp0(claim->nickname, object->label) == 0)
			return false;
	}
	return true;
}

bool plan_object_trusted(const PlanObject *object)
{
	return object->has_trust && object->own_trust && object->marker != NULL &&
	       marker_trusts(object->marker);
}

bool plan_object_adopted(const PlanObject *object)
{
	return (object->has_trust && !plan_object_trusted(object)) ||
	       plan_object_reimported(object) || is_renamed(object);
}

/* Who imports a certificate says what he thinks of it: then the trust is his too. */
PlanTrust plan_object_trust_after(const PlanObject *object, const Marker *after)
{
	bool stays = (after != NULL && marker_trusts(after)) || plan_object_reimported(object);

	return plan_object_trusted(object) && !stays ? PLAN_TRUST_TAKE : PLAN_TRUST_LEAVE;
}

Plan *plan_free(Plan *plan)
{
	if (plan == NULL)
		return NULL;

	g_ptr_array_unref(plan->steps);
	g_free(plan);
	return NULL;
}

static unsigned count(const Plan *plan, PlanAction one, PlanAction other)
{
	unsigned n = 0;

	for (guint i = 0; i < plan->steps->len; i++) {
		const PlanStep *step = plan->steps->pdata[i];

		n += step->action == one || step->action == other;
	}
	return n;
}

unsigned plan_additions(const Plan *plan)
{
	return count(plan, PLAN_CREATE, PLAN_CLAIM);
}

unsigned plan_removals(const Plan *plan)
{
	return count(plan, PLAN_RELEASE, PLAN_DELETE);
}
