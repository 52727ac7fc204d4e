/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The desired side of the plan: every certificate of every token that was read, with the policy's
 * verdict on it. Tokens and certificates come in the order in which readers answered; here they get
 * one that depends on their content only, because the plan must not depend on who was faster.
 */

#include <string.h>

#include "plan-internal.h"

static int compare_bytes(GBytes *a, GBytes *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	return g_bytes_compare(a, b);
}

static int compare_certs(const PlanCert *a, const PlanCert *b)
{
	int order = compare_bytes(a->id, b->id);

	if (order == 0)
		order = memcmp(a->cert->sha256, b->cert->sha256, CERT_SHA256_LEN);
	if (order == 0)
		order = g_strcmp0(a->object, b->object);
	return order;
}

/* All tokens of one kind without identity are one owner, however they write their nothing. */
static const char *identity(const Token *token)
{
	return token_has_identity(token) ? token->serial : "";
}

static int compare_owners(const PlanToken *a, const PlanToken *b)
{
	int order = g_strcmp0(a->endpoint, b->endpoint);

	if (order == 0)
		order = strcmp(a->token->manufacturer, b->token->manufacturer);
	if (order == 0)
		order = strcmp(a->token->model, b->token->model);
	if (order == 0)
		order = strcmp(identity(a->token), identity(b->token));
	return order;
}

static int compare_offers(gconstpointer x, gconstpointer y)
{
	const PlanOffer *a = x;
	const PlanOffer *b = y;
	int order = memcmp(a->cert->cert->sha256, b->cert->cert->sha256, CERT_SHA256_LEN);

	if (order == 0)
		order = compare_owners(a->token, b->token);
	if (order == 0)
		order = (a->verdict != POLICY_PROPAGATE) - (b->verdict != POLICY_PROPAGATE);
	if (order == 0)
		order = compare_certs(a->cert, b->cert);
	/* Owners are the same, and still not alike in what is only for people. */
	if (order == 0)
		order = strcmp(a->token->token->serial, b->token->token->serial);
	if (order == 0)
		order = strcmp(a->token->token->label, b->token->token->label);
	if (order == 0)
		order = g_strcmp0(a->token->reader, b->token->reader);
	if (order == 0)
		order = g_strcmp0(a->token->module, b->token->module);
	if (order == 0)
		order = (int)a->verdict - (int)b->verdict;
	return order;
}

static int compare_cert_pointers(gconstpointer a, gconstpointer b)
{
	return compare_certs(*(const PlanCert *const *)a, *(const PlanCert *const *)b);
}

static void add_offers(const PlanInput *input, const PlanToken *token, GArray *offers)
{
	guint n = token->certs->len;
	g_autoptr(GPtrArray) certs = g_ptr_array_sized_new(n);
	g_autofree PolicyItem *items = g_new0(PolicyItem, n);

	/* The cap on their number takes the first by CKA_ID. */
	for (guint i = 0; i < n; i++)
		g_ptr_array_add(certs, token->certs->pdata[i]);
	g_ptr_array_sort(certs, compare_cert_pointers);

	for (guint i = 0; i < n; i++) {
		const PlanCert *cert = certs->pdata[i];

		items[i].cert = cert->cert;
		items[i].key = cert->key;
	}
	policy_judge(input->config, token->endpoint, input->now, items, n);

	for (guint i = 0; i < n; i++) {
		PlanOffer offer = {
			.token = token, .cert = certs->pdata[i], .verdict = items[i].verdict};

		g_array_append_val(offers, offer);
	}
}

GArray *plan_offers(const PlanInput *input)
{
	GArray *offers = g_array_new(FALSE, FALSE, sizeof(PlanOffer));

	for (guint i = 0; i < input->tokens->len; i++)
		add_offers(input, input->tokens->pdata[i], offers);
	g_array_sort(offers, compare_offers);
	return offers;
}

bool plan_same_owner(const PlanOffer *a, const PlanOffer *b)
{
	return compare_owners(a->token, b->token) == 0;
}
