/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The future of a certificate, in the words of `certpropctl show`. The session's end takes all
 * claims of this host at once, a card that is pulled only its own; that is the whole difference.
 */

#include "fate.h"

#include <string.h>

const char *fate_word(Fate fate)
{
	static const char *const words[] = {
		[FATE_STAYS] = "stays",
		[FATE_SHARED] = "shared",
		[FATE_HANDED] = "handed-over",
		[FATE_DELETED] = "deleted",
		[FATE_ELSEWHERE] = "elsewhere",
	};

	return words[fate];
}

const char *fate_sentence(Fate fate)
{
	static const char *const sentences[] = {
		[FATE_STAYS] = "it stays",
		[FATE_SHARED] = "it stays, because another card, session or host claims it too",
		[FATE_HANDED] = "it stays and becomes your own, because you changed it",
		[FATE_DELETED] = "it is deleted",
		[FATE_ELSEWHERE] = "the host that propagated it decides",
	};

	return sentences[fate];
}

/* Its card leaves, or its session ends. */
static bool leaves(
	const Config *config, const ReportCert *cert, const ReportClaim *claim, FateEvent event)
{
	if (strcmp(claim->endpoint, "local") != 0)
		return config->redirected != CONFIG_REDIRECTED_KEEP;
	if ((cert->flags & WIRE_CERT_CA) != 0 && config->cleanup == CONFIG_CLEANUP_KEEP)
		return false;
	return (event == FATE_ON_REMOVAL ? config->on_removal : config->on_logout) == CONFIG_REMOVE;
}

/* Does the event take this claim of this host? */
static bool goes(
	const Config *config, const ReportCert *cert, const ReportClaim *claim, FateEvent event)
{
	switch (event) {
	case FATE_ON_REMOVAL:
	case FATE_ON_LOGOUT:
		return leaves(config, cert, claim, event);
	case FATE_ON_RENEWAL:
		/* Without a serial number the next card may be another one. */
		return token_has_identity(claim->token);
	case FATE_ON_EXPIRY:
		return config->time_invalid == CONFIG_SKIP;
	}

	return false;
}

static bool another_holds(const Config *config, const ReportCert *cert, const ReportClaim *claim,
	const char *host, FateEvent event)
{
	for (guint i = 0; i < cert->claims->len; i++) {
		const ReportClaim *other = g_ptr_array_index(cert->claims, i);

		if (other == claim)
			continue;
		if (event == FATE_ON_LOGOUT && strcmp(other->host, host) == 0 &&
			goes(config, cert, other, event))
			continue;

		return true;
	}

	return false;
}

Fate fate_of_claim(const Config *config, const ReportCert *cert, const ReportClaim *claim,
	const char *host, FateEvent event)
{
	if (strcmp(claim->host, host) != 0)
		return FATE_ELSEWHERE;
	if (!goes(config, cert, claim, event))
		return FATE_STAYS;
	if (another_holds(config, cert, claim, host, event))
		return FATE_SHARED;
	if ((cert->flags & WIRE_CERT_ADOPTED) != 0)
		return FATE_HANDED;

	return FATE_DELETED;
}
