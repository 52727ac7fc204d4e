/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library is compared by the file that its path leads to in the end, and by that file's name:
 * OpenSC from another directory is still OpenSC. A name without a slash is left to the dynamic
 * linker by NSS, so there only the name counts.
 */

#include "reach.h"

#include <stdlib.h>
#include <string.h>

#include "modlist.h"

#define ONEPIN "onepin-" /* OpenSC without the slots of signature PINs */

static const char *const words[] = {
	[REACH_OWN] = "certprop",
	[REACH_DIRECT] = "direct",
	[REACH_PROXY] = "p11-kit",
	[REACH_POLICY] = "crypto-policy",
	[REACH_BROKEN] = "broken",
};

const char *reach_word(ReachHow how)
{
	return words[how];
}

static void reach_free(gpointer data)
{
	Reach *reach = data;

	g_free(reach->name);
	g_free(reach->library);
	g_free(reach->file);
	g_free(reach);
}

/* "opensc-pkcs11" of "/usr/lib/pkcs11/onepin-opensc-pkcs11.so.1". */
static char *stem_of(const char *path)
{
	g_autofree char *base = g_path_get_basename(path);
	char *so = strstr(base, ".so");

	if (so != NULL)
		*so = '\0';

	return g_strdup(g_str_has_prefix(base, ONEPIN) ? base + strlen(ONEPIN) : base);
}

static char *real_of(const char *path)
{
	char *real = strchr(path, '/') != NULL ? realpath(path, NULL) : NULL;

	return real != NULL ? real : g_strdup(path);
}

bool reach_same(const char *path, const char *other)
{
	g_autofree char *real = real_of(path);
	g_autofree char *other_real = real_of(other);
	g_autofree char *stem = stem_of(path);
	g_autofree char *other_stem = stem_of(other);
	g_autofree char *real_stem = stem_of(real);
	g_autofree char *other_real_stem = stem_of(other_real);

	return strcmp(real, other_real) == 0 || strcmp(stem, other_stem) == 0 ||
	       strcmp(real_stem, other_real_stem) == 0;
}

static bool is_proxy(const char *library)
{
	g_autofree char *real = real_of(library);
	g_autofree char *stem = stem_of(library);
	g_autofree char *real_stem = stem_of(real);

	return strcmp(stem, "p11-kit-proxy") == 0 || strcmp(real_stem, "libp11-kit") == 0;
}

static bool is_gone(const char *library)
{
	return strchr(library, '/') != NULL && !g_file_test(library, G_FILE_TEST_EXISTS);
}

static void add(GPtrArray *found, ReachHow how, const ModlistEntry *entry, const char *file)
{
	Reach *reach = g_new0(Reach, 1);

	reach->how = how;
	reach->name = g_strdup(entry->name);
	reach->library = g_strdup(entry->library);
	reach->file = g_strdup(file);
	g_ptr_array_add(found, reach);
}

typedef struct Search {
	GPtrArray *found;
	const char *path;
	const GPtrArray *proxied; /* ProxyModule */
	const char *policy;       /* the file that is searched, or NULL for pkcs11.txt */
} Search;

static void search_proxy(const Search *search, const ModlistEntry *entry)
{
	for (guint i = 0; i < search->proxied->len; i++) {
		const ProxyModule *module = g_ptr_array_index(search->proxied, i);

		if (is_gone(module->path) || !reach_same(module->path, search->path))
			continue;
		if (is_gone(entry->library))
			add(search->found, REACH_BROKEN, entry,
				search->policy != NULL ? search->policy : "");
		else if (search->policy != NULL)
			add(search->found, REACH_POLICY, entry, search->policy);
		else
			add(search->found, REACH_PROXY, entry, module->file);
		return;
	}
}

static void search_text(const Search *search, const char *text)
{
	g_autoptr(GPtrArray) entries = modlist_entries(text);

	for (guint i = 0; i < entries->len; i++) {
		const ModlistEntry *entry = g_ptr_array_index(entries, i);

		if (*entry->library == '\0')
			continue;
		if (is_proxy(entry->library))
			search_proxy(search, entry);
		else if (!reach_same(entry->library, search->path))
			continue;
		else if (is_gone(entry->library))
			add(search->found, REACH_BROKEN, entry,
				search->policy != NULL ? search->policy : "");
		else if (search->policy != NULL)
			add(search->found, REACH_POLICY, entry, search->policy);
		else
			add(search->found, entry->ours ? REACH_OWN : REACH_DIRECT, entry, "");
	}
}

GPtrArray *reach_find(
	const char *text, const char *path, const ReachPlaces *places, const char *program)
{
	g_autoptr(GPtrArray) proxied = proxy_modules(&places->proxy, program);
	GPtrArray *found = g_ptr_array_new_with_free_func(reach_free);
	Search search = {.found = found, .path = path, .proxied = proxied};
	g_autofree char *policy = NULL;
	gsize len;

	search_text(&search, text);
	if (g_file_test(places->policy, G_FILE_TEST_IS_REGULAR) &&
		g_file_get_contents(places->policy, &policy, &len, NULL) &&
		len <= MODLIST_FILE_MAX) {
		search.policy = places->policy;
		search_text(&search, policy);
	}

	return found;
}
