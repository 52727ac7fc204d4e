/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of a claim. The question is asked of every claim of ours at every look, and the
 * answer is "it stays" unless there is knowledge, not absence of it, that says otherwise: the token
 * was read to its end and does not carry the certificate; the endpoint is known to be gone; all its
 * cards were read and this one is not among them. A failed scan, a reader that does not answer, a
 * host that is not this one: none of these is knowledge.
 *
 * A token without identity is any of its kind. Another one of them may well carry other
 * certificates, so what one of them lacks says nothing about the claims of the next; their claims
 * end with policy, presence and session only.
 */

#include <string.h>

#include "plan-internal.h"
#include "route.h"
#include "text.h"

bool plan_owns(const PlanInput *input, const PlanToken *token, const Claim *claim)
{
	return g_strcmp0(claim->host, input->host) == 0 &&
	       g_strcmp0(claim->endpoint, token->endpoint) == 0 &&
	       claim_same_token(claim->token, token->token);
}

/* What the tokens of this look that are the claim's owner say of the certificate. */
typedef struct Word {
	bool read;    /* the owner was read at all */
	bool whole;   /* and to its end, by every module that showed it */
	bool any;     /* it carries some certificate */
	bool carried; /* it carries this one */
	bool wanted;  /* and policy wants it */
} Word;

static Word ask_tokens(
	const PlanInput *input, const GArray *offers, const Cert *cert, const Claim *claim)
{
	Word word = {.whole = true};

	for (guint i = 0; i < input->tokens->len; i++) {
		const PlanToken *token = input->tokens->pdata[i];

		if (!plan_owns(input, token, claim))
			continue;
		word.read = true;
		word.whole = word.whole && token->whole;
		word.any = word.any || token->certs->len > 0;
	}

	for (guint i = 0; word.any && i < offers->len; i++) {
		const PlanOffer *offer = &g_array_index(offers, PlanOffer, i);

		if (memcmp(offer->cert->cert->sha256, cert->sha256, CERT_SHA256_LEN) != 0 ||
			!plan_owns(input, offer->token, claim))
			continue;
		word.carried = true;
		word.wanted = word.wanted || offer->verdict == POLICY_PROPAGATE;
	}
	return word;
}

static const char *read_fate(const Word *word, const Claim *claim)
{
	if (!word->read || !word->whole || !word->any || word->wanted)
		return NULL;
	if (word->carried)
		return "policy";
	return token_has_identity(claim->token) ? "superseded" : NULL;
}

static const PlanEndpoint *find_endpoint(const PlanInput *input, const char *name)
{
	for (guint i = 0; i < input->endpoints->len; i++) {
		const PlanEndpoint *endpoint = input->endpoints->pdata[i];

		if (strcmp(endpoint->name, name) == 0)
			return endpoint;
	}
	return NULL;
}

static bool is_present(const PlanInput *input, const Claim *claim)
{
	const Token *token = claim->token;

	for (guint i = 0; i < input->present->len; i++) {
		const PlanPresent *present = input->present->pdata[i];

		if (strcmp(present->endpoint, claim->endpoint) != 0)
			continue;
		if (token_has_identity(token)
				? token_equal(token, present->token)
				: strcmp(token->manufacturer, present->token->manufacturer) == 0 &&
					  strcmp(token->model, present->token->model) == 0)
			return true;
	}
	return false;
}

/*
 * Who is where is told of the moment in which the look began. While a card is being read others may
 * come, and are claimed by looks of their own. So whoever reads judges what he has read and no
 * more; what the three below say is said when nobody reads.
 */

/* The endpoint can be asked, all its cards were read, and this is none of them. */
static bool is_absent(const PlanInput *input, const Claim *claim)
{
	const PlanEndpoint *endpoint = find_endpoint(input, claim->endpoint);

	return !input->reading && endpoint != NULL && endpoint->live && endpoint->settled &&
	       !is_present(input, claim);
}

bool plan_waits(const PlanInput *input, const Claim *claim)
{
	return input->expecting && route_redirected(claim->endpoint) &&
	       input->config->redirected == CONFIG_REDIRECTED_SESSION &&
	       g_strcmp0(claim->host, input->host) == 0 &&
	       find_endpoint(input, claim->endpoint) == NULL;
}

/* Knowing nothing of any endpoint is not knowing that this one is gone. */
static bool is_dead(const PlanInput *input, const Claim *claim)
{
	const PlanEndpoint *endpoint = find_endpoint(input, claim->endpoint);

	return !input->reading && input->endpoints->len > 0 &&
	       (endpoint == NULL ? !input->expecting : !endpoint->live);
}

static const char *redirected_fate(const PlanInput *input, const Claim *claim)
{
	switch (input->config->redirected) {
	case CONFIG_REDIRECTED_KEEP:
		return NULL;
	case CONFIG_REDIRECTED_IGNORE:
		return "policy";
	case CONFIG_REDIRECTED_SESSION:
		break;
	}

	if (input->logout)
		return "logout";
	if (is_dead(input, claim))
		return "swept";
	return is_absent(input, claim) ? "removed" : NULL;
}

static bool cleanup_keeps(const PlanInput *input, const Cert *cert)
{
	return cert->ca && input->config->cleanup == CONFIG_CLEANUP_KEEP;
}

/* The session's end takes claims only if somebody is there to do it: after a crash or a power cut
   it is made good later. What was claimed before this session began is then left over, unless the
   card is there to claim it anew. */
bool plan_outlived(const PlanInput *input, const Cert *cert, const Claim *claim)
{
	/* A clock that was set back does not make what was claimed since older than it is. */
	g_autofree char *began = text_time(MIN(input->session, input->now));

	return input->session != 0 && input->config->on_logout == CONFIG_REMOVE &&
	       !route_redirected(claim->endpoint) && !cleanup_keeps(input, cert) &&
	       g_strcmp0(claim->host, input->host) == 0 && g_strcmp0(claim->since, began) < 0;
}

/* Not while its endpoint's cards are being read, of which one may be the one. */
static bool is_left_over(const PlanInput *input, const Cert *cert, const Claim *claim)
{
	const PlanEndpoint *endpoint = find_endpoint(input, claim->endpoint);

	return !input->reading && (endpoint == NULL || !endpoint->live || endpoint->settled) &&
	       !is_present(input, claim) && plan_outlived(input, cert, claim);
}

static const char *local_fate(const PlanInput *input, const Cert *cert, const Claim *claim)
{
	if (cleanup_keeps(input, cert))
		return NULL;
	if (input->logout && input->config->on_logout == CONFIG_REMOVE)
		return "logout";
	if (is_left_over(input, cert, claim))
		return "logout";
	if (input->config->on_removal == CONFIG_REMOVE && is_absent(input, claim))
		return "removed";
	return NULL;
}

/* What a look has added that is not confirmed. What was claimed before has another time. */
static bool is_doubted(const PlanInput *input, const Cert *cert, const Claim *claim)
{
	g_autofree char *now = text_time(input->now);

	if (g_strcmp0(claim->since, now) != 0)
		return false;
	if (!g_hash_table_contains(input->doubted, cert->sha256_hex))
		return false;
	for (guint i = 0; i < input->tokens->len; i++) {
		if (plan_owns(input, input->tokens->pdata[i], claim))
			return true;
	}
	return false;
}

const char *plan_fate(
	const PlanInput *input, const GArray *offers, const Cert *cert, const Claim *claim)
{
	const char *reason;
	Word word;

	if (g_strcmp0(claim->host, input->host) != 0)
		return NULL;
	if (input->doubted != NULL)
		return is_doubted(input, cert, claim) ? "unconfirmed" : NULL;

	word = ask_tokens(input, offers, cert, claim);
	reason = read_fate(&word, claim);
	if (reason != NULL)
		return reason;
	return route_redirected(claim->endpoint) ? redirected_fate(input, claim)
						 : local_fate(input, cert, claim);
}
