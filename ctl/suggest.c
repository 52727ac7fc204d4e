/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The distance is Levenshtein's, over bytes, ignoring case; near enough is a third of the word. A
 * word that the user broke off early ("data" for "databases") counts as near if only one begins so.
 */

#include "suggest.h"

#include <string.h>

#define SUGGEST_MAX 64 /* bytes; longer words are no mistyping of ours */

static unsigned distance(const char *a, const char *b)
{
	unsigned row[SUGGEST_MAX + 1];
	gsize n_b = strlen(b);

	for (gsize j = 0; j <= n_b; j++)
		row[j] = (unsigned)j;

	for (gsize i = 0; a[i] != '\0'; i++) {
		unsigned corner = row[0];

		row[0] = (unsigned)i + 1;
		for (gsize j = 0; j < n_b; j++) {
			unsigned above = row[j + 1];
			unsigned changed =
				corner + (g_ascii_tolower(a[i]) != g_ascii_tolower(b[j]) ? 1 : 0);

			row[j + 1] = MIN(changed, MIN(above, row[j]) + 1);
			corner = above;
		}
	}

	return row[n_b];
}

static const char *only_beginning(const char *word, const char *const *words)
{
	const char *found = NULL;

	for (gsize i = 0; words[i] != NULL; i++) {
		if (!g_str_has_prefix(words[i], word))
			continue;
		if (found != NULL)
			return NULL;
		found = words[i];
	}

	return found;
}

const char *suggest_word(const char *word, const char *const *words)
{
	const char *best = NULL;
	unsigned best_distance = G_MAXUINT;

	if (*word == '\0' || strlen(word) > SUGGEST_MAX)
		return NULL;

	for (gsize i = 0; words[i] != NULL; i++) {
		if (strlen(words[i]) > SUGGEST_MAX)
			continue;

		unsigned d = distance(word, words[i]);
		if (d < best_distance && d <= MAX(1, strlen(words[i]) / 3)) {
			best = words[i];
			best_distance = d;
		}
	}

	return best != NULL ? best : only_beginning(word, words);
}
