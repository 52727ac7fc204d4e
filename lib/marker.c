/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The marker: claims, one a line, in CKA_URL. It is all the memory that certprop has, so reading it
 * must never lose what is not understood: a database can be shared with a newer version, with
 * another program that found the same attribute useful, or with somebody who edits by hand. Such
 * lines are carried along unchanged, and whoever deletes has to respect them.
 *
 * The form is text/uri-list (RFC 2483 section 5) read generously: LF and CRLF, blank lines dropped,
 * comments kept as somebody else's lines. Written with LF between the lines and none at the end, so
 * that the usual marker of one claim is just a URI.
 */

#include "marker.h"

#include <string.h>

#include "error.h"

static void free_claim(gpointer data)
{
	claim_free(data);
}

Marker *marker_new(void)
{
	Marker *marker = g_new0(Marker, 1);

	marker->claims = g_ptr_array_new_with_free_func(free_claim);
	marker->others = g_ptr_array_new_with_free_func(g_free);
	return marker;
}

Marker *marker_free(Marker *marker)
{
	if (marker == NULL)
		return NULL;

	g_ptr_array_unref(marker->claims);
	g_ptr_array_unref(marker->others);
	g_free(marker);
	return NULL;
}

Marker *marker_dup(const Marker *marker)
{
	Marker *copy = marker_new();

	for (guint i = 0; i < marker->claims->len; i++)
		g_ptr_array_add(copy->claims, claim_dup(marker->claims->pdata[i]));
	for (guint i = 0; i < marker->others->len; i++)
		g_ptr_array_add(copy->others, g_strdup(marker->others->pdata[i]));
	return copy;
}

bool marker_is_ours(const Marker *marker)
{
	return marker->claims->len > 0;
}

bool marker_trusts(const Marker *marker)
{
	for (guint i = 0; i < marker->claims->len; i++) {
		const Claim *claim = marker->claims->pdata[i];

		if (claim->trust)
			return true;
	}
	return false;
}

Claim *marker_find(const Marker *marker, const Claim *owner)
{
	for (guint i = 0; i < marker->claims->len; i++) {
		if (claim_same_owner(marker->claims->pdata[i], owner))
			return marker->claims->pdata[i];
	}
	return NULL;
}

static bool over(GError **error, const char *what, unsigned max)
{
	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_LIMIT,
		"The marker of a certificate has too many %s, at most %u are allowed", what, max);
	return false;
}

static bool add_line(Marker *marker, const char *line, GError **error)
{
	g_autoptr(Claim) claim = line[0] != '#' ? claim_parse(line) : NULL;

	if (claim == NULL) {
		if (marker->others->len >= MARKER_OTHERS_MAX)
			return over(error, "lines of others", MARKER_OTHERS_MAX);
		g_ptr_array_add(marker->others, g_strdup(line));
		return true;
	}
	/* One owner owns once: the claim that came first knows since when. */
	if (marker_find(marker, claim) != NULL)
		return true;
	if (marker->claims->len >= MARKER_CLAIMS_MAX)
		return over(error, "claims", MARKER_CLAIMS_MAX);

	g_ptr_array_add(marker->claims, g_steal_pointer(&claim));
	return true;
}

/* We never write a NUL, and a line that has one has no place in a C string. The whole value is then
   somebody else's, as one comment. */
static void add_binary(Marker *marker, const void *data, gsize len)
{
	g_autofree char *escaped = g_uri_escape_bytes(data, len, NULL);

	g_ptr_array_add(marker->others, g_strconcat("#", escaped, NULL));
}

Marker *marker_parse(const void *data, gsize len, GError **error)
{
	g_autoptr(Marker) marker = marker_new();
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (len == 0)
		return g_steal_pointer(&marker);
	if (len > MARKER_MAX) {
		(void)over(error, "bytes", MARKER_MAX);
		return NULL;
	}
	if (memchr(data, '\0', len) != NULL) {
		add_binary(marker, data, len);
		return g_steal_pointer(&marker);
	}

	text = g_strndup(data, len);
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		gsize end = strlen(*line);

		while (end > 0 && (*line)[end - 1] == '\r')
			(*line)[--end] = '\0';
		if ((*line)[strspn(*line, " \t\r")] == '\0')
			continue;
		if (!add_line(marker, *line, error))
			return NULL;
	}
	return g_steal_pointer(&marker);
}

char *marker_format(const Marker *marker, GError **error)
{
	g_autoptr(GString) out = g_string_new(NULL);

	if (marker->claims->len > MARKER_CLAIMS_MAX) {
		(void)over(error, "claims", MARKER_CLAIMS_MAX);
		return NULL;
	}
	for (guint i = 0; i < marker->claims->len; i++) {
		g_autofree char *line = claim_format(marker->claims->pdata[i], error);

		if (line == NULL)
			return NULL;
		g_string_append_printf(out, "%s%s", out->len > 0 ? "\n" : "", line);
	}
	for (guint i = 0; i < marker->others->len; i++)
		g_string_append_printf(out, "%s%s", out->len > 0 ? "\n" : "",
			(const char *)marker->others->pdata[i]);

	if (out->len > MARKER_MAX) {
		(void)over(error, "bytes", MARKER_MAX);
		return NULL;
	}
	return g_strdup(out->str);
}
