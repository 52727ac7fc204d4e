/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store says which entries of which directories matter and how they were before it looked
 * (lib/stamp.h). An event only makes us compare: if an entry is still as it was seen, nothing has
 * happened. So what a look itself does leads to no other, and what happened before the directory
 * was watched is not missed.
 *
 * A database that another program has locked is the exception: nothing about it changes when the
 * lock goes. There the end of any writer counts, as long as a reader waits to try again; and that
 * it does with growing pauses anyway.
 *
 * Looks that change nothing about what is to be watched come less and less often, whoever causes
 * them; so do, after a few, those that do. Without a card there is nothing to put anywhere: nothing
 * is watched.
 */

#include "vigil.h"

#include <string.h>

#include "dirwatch.h"
#include "log.h"
#include "manager.h"
#include "stamp.h"

#define PAUSE_FIRST_MS 300u /* a program that makes a profile makes many files */
#define PAUSE_LAST_MS  60000u
#define PLACES_MAX     64u
#define HASTES_MAX     4u /* a minute: a directory may come and go without end */

struct Vigil {
	Manager *manager;
	Dirwatch *watch;
	GPtrArray *cues; /* ReportCue */
	char *shape;     /* which cues they are, to tell whether a look has changed anything */
	bool due;
	bool unlocked; /* perhaps; it counts if somebody waits for that */
	guint pause_source;
	unsigned pause_ms;
	gint64 looked_at; /* monotonic */
	gint64 hasty_since;
	unsigned n_hastes; /* since then: how often the pause became short again */
	bool told;         /* that something is not watched */
};

static void on_event(const char *dir, const char *name, bool ended, gpointer data);

static void on_done(gpointer data)
{
	vigil_consider(data);
}

Vigil *vigil_new(Manager *manager)
{
	static const DirwatchFuncs funcs = {.event = on_event, .done = on_done};
	Vigil *vigil = g_new0(Vigil, 1);

	vigil->manager = manager;
	vigil->watch = dirwatch_new(&funcs, PLACES_MAX, vigil);
	vigil->cues = report_cues_new();
	vigil->pause_ms = PAUSE_FIRST_MS;
	return vigil;
}

static void stop(Vigil *vigil)
{
	g_clear_handle_id(&vigil->pause_source, g_source_remove);
	dirwatch_stop(vigil->watch);
	g_ptr_array_set_size(vigil->cues, 0);
	g_clear_pointer(&vigil->shape, g_free);
	vigil->due = vigil->unlocked = false;
	vigil->pause_ms = PAUSE_FIRST_MS;
}

Vigil *vigil_free(Vigil *vigil)
{
	if (vigil == NULL)
		return NULL;

	stop(vigil);
	dirwatch_free(vigil->watch);
	g_ptr_array_unref(vigil->cues);
	g_free(vigil);
	return NULL;
}

/* What the manager has to say */

static bool has_card(const Reader *reader)
{
	return (reader->flags & WIRE_READER_PRESENT) != 0;
}

/* Its certificates can be put somewhere. */
static bool is_read(const Reader *reader)
{
	return has_card(reader) && reader->known && reader->tokens->len > 0;
}

/* And could not be put everywhere. */
static bool is_waiting(const Reader *reader)
{
	return is_read(reader) && reader->store_again;
}

static bool any_reader(const Vigil *vigil, bool (*is_so)(const Reader *reader))
{
	const GPtrArray *endpoints = vigil->manager->endpoints;

	for (guint i = 0; i < endpoints->len; i++) {
		const Endpoint *endpoint = g_ptr_array_index(endpoints, i);

		for (guint j = 0; j < endpoint->readers->len; j++) {
			if (is_so(g_ptr_array_index(endpoint->readers, j)))
				return true;
		}
	}
	return false;
}

/* A store runs, or is about to. */
static bool is_busy(const Vigil *vigil)
{
	const GPtrArray *endpoints = vigil->manager->endpoints;

	for (guint i = 0; i < endpoints->len; i++) {
		if (endpoint_busy(g_ptr_array_index(endpoints, i)))
			return true;
	}
	return batch_running(vigil->manager->batch);
}

/* Looks */

/* What happens from now on is news, also to who does not report in this look. */
static void restamp(Vigil *vigil)
{
	for (guint i = 0; i < vigil->cues->len; i++) {
		ReportCue *cue = g_ptr_array_index(vigil->cues, i);

		g_free(cue->stamp);
		cue->stamp = stamp_take(cue->dir, cue->name);
	}
}

static gboolean on_pause_over(gpointer data)
{
	Vigil *vigil = data;

	vigil->pause_source = 0;
	if (is_busy(vigil))
		return G_SOURCE_REMOVE; /* its end considers again */
	restamp(vigil);
	vigil->due = false;
	vigil->pause_ms = MIN(vigil->pause_ms * 2, PAUSE_LAST_MS);
	vigil->looked_at = g_get_monotonic_time();
	manager_look_cards(vigil->manager);
	manager_settle(vigil->manager);
	return G_SOURCE_REMOVE;
}

void vigil_consider(Vigil *vigil)
{
	if (vigil->cues->len > 0 && !any_reader(vigil, has_card))
		stop(vigil);
	if (vigil->unlocked && !is_busy(vigil)) {
		vigil->due = vigil->due || any_reader(vigil, is_waiting);
		vigil->unlocked = false;
	}
	if (!vigil->due || vigil->pause_source != 0 || is_busy(vigil))
		return;

	/* It was quiet for long. */
	if (g_get_monotonic_time() - vigil->looked_at > PAUSE_LAST_MS * 1000)
		vigil->pause_ms = PAUSE_FIRST_MS;
	vigil->pause_source = g_timeout_add(vigil->pause_ms, on_pause_over, vigil);
}

static void make_due(Vigil *vigil, const ReportCue *cue)
{
	if (!vigil->due)
		log_say(G_LOG_LEVEL_INFO, NULL,
			"Something has changed in %s%s%s; the databases are looked for again",
			cue->dir, *cue->name != '\0' ? ": " : "", cue->name);
	vigil->due = true;
}

static void compare(Vigil *vigil, const ReportCue *cue)
{
	g_autofree char *now = stamp_take(cue->dir, cue->name);

	if (strcmp(now, cue->stamp) != 0)
		make_due(vigil, cue);
}

/* Events */

/* `name` is the cue's entry, or a file that comes and goes beside it, as SQLite's journals do. */
static bool concerns(const ReportCue *cue, const char *name)
{
	return *cue->name == '\0' ? *name == '\0' : g_str_has_prefix(name, cue->name);
}

static void on_event(const char *dir, const char *name, bool ended, gpointer data)
{
	Vigil *vigil = data;

	for (guint i = 0; i < vigil->cues->len; i++) {
		const ReportCue *cue = g_ptr_array_index(vigil->cues, i);

		if (strcmp(cue->dir, dir) != 0 || (*name != '\0' && !concerns(cue, name)))
			continue;
		compare(vigil, cue);
		if (ended && (cue->flags & WIRE_CUE_LOCK) != 0)
			vigil->unlocked = true;
	}
}

/* What is watched */

static DirwatchWhat what_of(const ReportCue *cue)
{
	if (*cue->name == '\0')
		return DIRWATCH_MODES;
	/* A home directory sees a lot. */
	return *cue->stamp == '\0' ? DIRWATCH_COMES : DIRWATCH_CHANGES;
}

/* Said once: it costs nobody anything but time. */
static void say_unwatched(Vigil *vigil, unsigned n, const GError *error)
{
	if (!vigil->told)
		log_say(G_LOG_LEVEL_WARNING, NULL,
			"%u places are not watched (%s): a database that appears there is served "
			"when a card is put in next",
			n, error->message);
	vigil->told = true;
}

static void set_watches(Vigil *vigil)
{
	g_autoptr(GError) error = NULL;
	unsigned left_out = 0;

	if (!dirwatch_begin(vigil->watch, &error)) {
		say_unwatched(vigil, vigil->cues->len, error);
		return;
	}
	for (guint i = 0; i < vigil->cues->len; i++) {
		const ReportCue *cue = g_ptr_array_index(vigil->cues, i);

		if (!dirwatch_add(
			    vigil->watch, cue->dir, what_of(cue), error == NULL ? &error : NULL))
			left_out++;
	}
	dirwatch_end(vigil->watch);
	if (left_out > 0)
		say_unwatched(vigil, left_out, error);
}

static bool has_locked(const Vigil *vigil)
{
	for (guint i = 0; i < vigil->cues->len; i++) {
		const ReportCue *cue = g_ptr_array_index(vigil->cues, i);

		if ((cue->flags & WIRE_CUE_LOCK) != 0)
			return true;
	}
	return false;
}

static char *shape_of(const GPtrArray *cues)
{
	GString *shape = g_string_new(NULL);

	for (guint i = 0; i < cues->len; i++) {
		const ReportCue *cue = g_ptr_array_index(cues, i);

		g_string_append_printf(shape, "%s\n%s\n%u\n", cue->dir, cue->name, cue->flags);
	}
	return g_string_free(shape, FALSE);
}

/* There is more to come, as it seems. */
static void make_haste(Vigil *vigil)
{
	gint64 now = g_get_monotonic_time();

	if (now - vigil->hasty_since > PAUSE_LAST_MS * 1000) {
		vigil->hasty_since = now;
		vigil->n_hastes = 0;
	}
	if (vigil->n_hastes == HASTES_MAX)
		return;
	vigil->n_hastes++;
	vigil->pause_ms = PAUSE_FIRST_MS;
}

static void exchange(Vigil *vigil, const GPtrArray *cues)
{
	char *shape = shape_of(cues);
	bool locked = has_locked(vigil);

	if (g_strcmp0(shape, vigil->shape) != 0)
		make_haste(vigil);
	g_free(vigil->shape);
	vigil->shape = shape;
	g_ptr_array_set_size(vigil->cues, 0);
	for (guint i = 0; i < cues->len; i++)
		g_ptr_array_add(vigil->cues, report_cue_dup(g_ptr_array_index(cues, i)));
	vigil->unlocked = vigil->unlocked || (locked && !has_locked(vigil));
}

void vigil_take(Vigil *vigil, const GPtrArray *cues)
{
	if (!any_reader(vigil, has_card)) {
		stop(vigil);
		return;
	}

	dirwatch_drain(vigil->watch);
	exchange(vigil, cues);
	set_watches(vigil);
	/* What has changed before they were watched. */
	for (guint i = 0; i < vigil->cues->len; i++)
		compare(vigil, g_ptr_array_index(vigil->cues, i));
}
