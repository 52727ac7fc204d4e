/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which certificates of a token are wanted. A verdict is a reason that people can be told, so the
 * order of the questions matters where several would say no: the size first (it needs no parsing to
 * be believed), then what the certificate is, then what the administrator asks of it, and last what
 * can only be told by comparing it with its neighbours.
 *
 * CA certificates are on a card to complete chains, not to be picked: [filter] asks of them only
 * that they are valid now, and [ca] decides the rest. A readers' other end that is not this machine
 * brings user certificates only. Roots come in only when the administrator has pinned them, each by
 * the SHA-256 of the whole certificate, and nothing but these is ever trusted.
 *
 * require-eku follows Windows' default: a certificate without the extension (which RFC 5280 takes
 * as "any purpose") is refused when usages are asked for, because that is what old and hand-made
 * certificates look like; one that says anyExtendedKeyUsage in so many words fits every request.
 */

#include "policy.h"

#include <string.h>

#include "route.h"

#define EKU_ANY "2.5.29.37.0"

static const char *const words[] = {
	[POLICY_PROPAGATE] = "propagate",
	[POLICY_EXPIRED] = "expired",
	[POLICY_NOT_YET_VALID] = "not-yet-valid",
	[POLICY_EKU] = "eku",
	[POLICY_ISSUER] = "issuer",
	[POLICY_ECC] = "ecc",
	[POLICY_WITHOUT_KEY] = "without-key",
	[POLICY_DUPLICATE] = "duplicate",
	[POLICY_INTERMEDIATE] = "intermediate",
	[POLICY_UNPINNED_ROOT] = "unpinned-root",
	[POLICY_REDIRECTED] = "redirected",
	[POLICY_TOO_LARGE] = "too-large",
	[POLICY_TOO_MANY] = "too-many",
};

const char *policy_word(PolicyVerdict verdict)
{
	return words[verdict];
}

static bool has(char **list, const char *text)
{
	return list != NULL && g_strv_contains((const char *const *)list, text);
}

static bool eku_fits(const Config *config, const Cert *cert)
{
	if (config->require_eku == NULL || config->require_eku[0] == NULL)
		return true;
	if (has(cert->eku, EKU_ANY))
		return true;

	for (char **wanted = config->require_eku; *wanted != NULL; wanted++) {
		if (has(cert->eku, *wanted))
			return true;
	}
	return false;
}

/* The same text for any case and any composition of accents. */
static char *fold(const char *text)
{
	g_autofree char *folded = g_utf8_casefold(text, -1);
	char *normal = g_utf8_normalize(folded, -1, G_NORMALIZE_ALL);

	return normal != NULL ? normal : g_strdup(text);
}

static bool issuer_fits(const Config *config, const Cert *cert)
{
	g_autofree char *issuer = NULL;

	if (config->issuers == NULL || config->issuers[0] == NULL)
		return true;

	issuer = fold(cert->issuer);
	for (char **wanted = config->issuers; *wanted != NULL; wanted++) {
		g_autofree char *part = fold(*wanted);

		if (strstr(issuer, part) != NULL)
			return true;
	}
	return false;
}

static bool is_pinned(const Config *config, const Cert *cert)
{
	return has(config->trusted_roots, cert->sha256_hex);
}

bool policy_trusts(const Config *config, const char *endpoint, const Cert *cert)
{
	return !route_redirected(endpoint) && cert->ca && cert->self_issued &&
	       is_pinned(config, cert);
}

static PolicyVerdict judge_ca(const Config *config, bool redirected, const Cert *cert)
{
	if (redirected)
		return POLICY_INTERMEDIATE;
	if (cert->self_issued)
		return is_pinned(config, cert) ? POLICY_PROPAGATE : POLICY_UNPINNED_ROOT;
	return config->intermediates == CONFIG_INTERMEDIATES_IMPORT ? POLICY_PROPAGATE
								    : POLICY_INTERMEDIATE;
}

static PolicyVerdict judge_user(const Config *config, const PolicyItem *item)
{
	if (!eku_fits(config, item->cert))
		return POLICY_EKU;
	if (!issuer_fits(config, item->cert))
		return POLICY_ISSUER;
	if (!config->ecc && item->cert->ecc)
		return POLICY_ECC;
	if (config->without_key == CONFIG_SKIP && item->key == WIRE_KEY_NONE)
		return POLICY_WITHOUT_KEY;
	return POLICY_PROPAGATE;
}

/* What can be said of a certificate by itself. */
static PolicyVerdict judge_one(
	const Config *config, bool redirected, gint64 now, const PolicyItem *item)
{
	const Cert *cert = item->cert;

	if (redirected && config->redirected == CONFIG_REDIRECTED_IGNORE)
		return POLICY_REDIRECTED;
	if (g_bytes_get_size(cert->der) > config->certificate_bytes)
		return POLICY_TOO_LARGE;
	/* Both ends belong to the validity (RFC 5280 section 4.1.2.5). */
	if (config->time_invalid == CONFIG_SKIP && now > cert->not_after)
		return POLICY_EXPIRED;
	if (config->time_invalid == CONFIG_SKIP && now < cert->not_before)
		return POLICY_NOT_YET_VALID;

	return cert->ca ? judge_ca(config, redirected, cert) : judge_user(config, item);
}

/* Duplicates */

static bool same_usages(char **a, char **b)
{
	if (a == NULL || b == NULL)
		return a == b;
	for (char **p = a; *p != NULL; p++) {
		if (!has(b, *p))
			return false;
	}
	for (char **p = b; *p != NULL; p++) {
		if (!has(a, *p))
			return false;
	}
	return true;
}

static bool alike(const Cert *a, const Cert *b)
{
	return a->key_usage == b->key_usage && g_bytes_equal(a->issuer_der, b->issuer_der) &&
	       g_bytes_equal(a->subject_der, b->subject_der) && same_usages(a->eku, b->eku);
}

static bool newer(const Cert *a, const Cert *b)
{
	if (a->not_before != b->not_before)
		return a->not_before > b->not_before;
	if (a->not_after != b->not_after)
		return a->not_after > b->not_after;
	return memcmp(a->sha256, b->sha256, CERT_SHA256_LEN) > 0;
}

/* A newer one counts also when it is a duplicate itself: of three, only the newest stays. */
static bool candidate(const PolicyItem *item)
{
	return !item->cert->ca &&
	       (item->verdict == POLICY_PROPAGATE || item->verdict == POLICY_DUPLICATE);
}

static void drop_duplicates(PolicyItem *items, gsize n_items)
{
	for (gsize i = 0; i < n_items; i++) {
		for (gsize j = 0; candidate(&items[i]) && j < n_items; j++) {
			if (candidate(&items[j]) && alike(items[i].cert, items[j].cert) &&
				newer(items[j].cert, items[i].cert))
				items[i].verdict = POLICY_DUPLICATE;
		}
	}
}

void policy_judge(
	const Config *config, const char *endpoint, gint64 now, PolicyItem *items, gsize n_items)
{
	bool redirected = route_redirected(endpoint);
	guint64 wanted = 0;

	for (gsize i = 0; i < n_items; i++)
		items[i].verdict = judge_one(config, redirected, now, &items[i]);

	if (config->duplicates == CONFIG_DUPLICATES_NEWEST)
		drop_duplicates(items, n_items);

	for (gsize i = 0; i < n_items; i++) {
		if (items[i].verdict == POLICY_PROPAGATE &&
			++wanted > config->certificates_per_token)
			items[i].verdict = POLICY_TOO_MANY;
	}
}
