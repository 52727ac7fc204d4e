/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The marker on any bytes: what was read can be written, and comes back the same; a claim is one
 * line of printable ASCII; text is UTF-8.
 */

#include "marker.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static void check(bool condition)
{
	if (!condition)
		abort();
}

static void check_claim(const Claim *claim)
{
	g_autofree char *line = claim_format(claim, NULL);
	g_autoptr(Claim) back = NULL;
	const char *texts[] = {claim->object, claim->module, claim->endpoint, claim->reader,
		claim->host, claim->since, claim->nickname, claim->token->label,
		claim->token->serial};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
		check(texts[i] != NULL && g_utf8_validate(texts[i], -1, NULL));

	check(line != NULL);
	for (const char *p = line; *p != '\0'; p++)
		check(g_ascii_isgraph(*p));
	back = claim_parse(line);
	check(back != NULL && claim_same_owner(claim, back));
	check(claim_same_object(claim, back->id, back->object));
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	g_autoptr(Marker) marker = marker_parse(data, size, NULL);
	g_autofree char *text = NULL;
	g_autofree char *again = NULL;
	g_autoptr(Marker) back = NULL;

	/* Only what is over the caps; and escaping may lift it over them. */
	if (marker == NULL)
		return 0;
	for (guint i = 0; i < marker->claims->len; i++)
		check_claim(marker->claims->pdata[i]);
	text = marker_format(marker, NULL);
	if (text == NULL)
		return 0;

	back = marker_parse(text, strlen(text), NULL);
	check(back != NULL && back->claims->len == marker->claims->len);
	check(back->others->len == marker->others->len);
	again = marker_format(back, NULL);
	check(again != NULL && strcmp(again, text) == 0);
	return 0;
}
