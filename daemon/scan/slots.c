/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PC/SC knows readers by name, PKCS#11 knows slots by a description of 64 bytes that is meant to be
 * read. OpenSC and most vendors put the reader's name there; some put a number. To take the wrong
 * slot is worse than to take none: a card would be claimed for a reader that it is not in, and
 * swept when that reader is emptied.
 */

#include "slots.h"

#include <string.h>

#include "error.h"

#define DESCRIPTION_LEN 64u

/* What is longer than the description is cut, by OpenSC with three dots at the end. */
static bool named_after(const Slot *slot, const char *reader)
{
	const char *description = slot->description != NULL ? slot->description : "";
	g_autofree char *cut = NULL;

	if (strcmp(description, reader) == 0)
		return true;
	if (strlen(reader) <= DESCRIPTION_LEN)
		return false;
	if (strlen(description) == DESCRIPTION_LEN && g_str_has_suffix(description, "..."))
		return strncmp(description, reader, DESCRIPTION_LEN - 3) == 0;
	cut = g_strndup(reader, DESCRIPTION_LEN);
	for (gsize len = DESCRIPTION_LEN; len > 0 && cut[len - 1] == ' '; len--)
		cut[len - 1] = '\0';
	return strcmp(description, cut) == 0;
}

static bool any_named_after(const Slot *slots, gsize n_slots, const char *reader)
{
	for (gsize i = 0; i < n_slots; i++) {
		if (named_after(&slots[i], reader))
			return true;
	}
	return false;
}

/* Known beforehand, or because the other readers are found by their names. */
static bool named_after_readers(const Slot *slots, gsize n_slots, const P11Request *request)
{
	const char *const *others = request->others;

	if (request->slots_are_readers)
		return true;
	for (gsize i = 0; others != NULL && others[i] != NULL; i++) {
		if (any_named_after(slots, n_slots, others[i]))
			return true;
	}
	return false;
}

/* Two long names that differ only where the description ends look the same here. With OpenSC the
   other one is not shown at all, unless its name is a part of this one's. */
static bool has_twin(const P11Request *request)
{
	const char *const *others = request->others;

	for (gsize i = 0; others != NULL && others[i] != NULL; i++) {
		if (strlen(others[i]) > DESCRIPTION_LEN &&
			strcmp(request->reader, others[i]) != 0 &&
			strncmp(request->reader, others[i], DESCRIPTION_LEN - 3) == 0)
			return !request->slots_are_readers ||
			       strstr(request->reader, others[i]) != NULL;
	}
	return false;
}

/* For a module that names its slots as it likes: the only slot with a token must be the one. */
static bool choose_only(Slot *slots, gsize n_slots, const P11Request *request, GError **error)
{
	gsize n = 0;

	for (gsize i = 0; i < n_slots; i++) {
		slots[i].chosen = slots[i].token;
		n += slots[i].token;
	}
	if (n <= 1)
		return true;

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
		"Cannot tell which slot of %s is the reader %s: it does not name its slots after "
		"the readers, and %" G_GSIZE_FORMAT " of them have a token; leave only one card in",
		request->module, request->reader, n);
	return false;
}

bool slots_choose(Slot *slots, gsize n_slots, const P11Request *request, GError **error)
{
	const char *reader = request->reader;
	bool all = reader == NULL || *reader == '\0';

	if (!all && has_twin(request)) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Cannot tell which slot of %s is the reader %s: another reader's name "
			"begins "
			"with the same bytes, and a slot's name ends there",
			request->module, reader);
		return false;
	}
	if (!all && !any_named_after(slots, n_slots, reader)) {
		if (n_slots > 0 && !named_after_readers(slots, n_slots, request))
			return choose_only(slots, n_slots, request, error);
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_MISSING,
			"%s does not show the reader %s: it went away, the module's configuration "
			"ignores it, or pcscd cannot be reached",
			request->module, reader);
		return false;
	}

	for (gsize i = 0; i < n_slots; i++)
		slots[i].chosen = slots[i].token && (all || named_after(&slots[i], reader));
	return true;
}
