/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl purge: selectors from the command line, and a question where one is needed.
 *
 * Certificates without our marker are somebody's, as far as anybody can tell, so for those a
 * person has to have seen the list: a dry run makes it, and the purge that follows is called off if
 * it would take anything that was not on it.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "live.h"
#include "names.h"
#include "paint.h"
#include "progress.h"
#include "purging.h"
#include "select.h"
#include "tell.h"

#define AGAIN_MAX 3 /* purges that are begun anew because a card or a reader changed */

static char *option_token, *option_subject, *option_issuer, *option_endpoint, *option_older_than;
static gboolean option_absent, option_expired, option_all, option_unmarked, option_yes;

const GOptionEntry purge_entries[] = {
	{"token", 0, 0, G_OPTION_ARG_STRING, &option_token,
		"What this card put there, by its serial number or label", "CARD"},
	{"subject", 0, 0, G_OPTION_ARG_STRING, &option_subject,
		"Certificates with this in their subject", "TEXT"},
	{"issuer", 0, 0, G_OPTION_ARG_STRING, &option_issuer,
		"Certificates with this in their issuer", "TEXT"},
	{"endpoint", 0, 0, G_OPTION_ARG_STRING, &option_endpoint,
		"What came through it: local, xrdp, xrdp:10, ...", "NAME"},
	{"absent", 0, 0, G_OPTION_ARG_NONE, &option_absent, "What came from cards that are not in",
		NULL},
	{"expired", 0, 0, G_OPTION_ARG_NONE, &option_expired, "Certificates that have expired",
		NULL},
	{"older-than", 0, 0, G_OPTION_ARG_STRING, &option_older_than,
		"What came before a date, or longer ago than 90d, 12w, 6m, 1y", "AGE"},
	{"all", 0, 0, G_OPTION_ARG_NONE, &option_all, "Everything that was propagated", NULL},
	{"unmarked", 0, 0, G_OPTION_ARG_NONE, &option_unmarked,
		"And selected certificates that certprop did not put there", NULL},
	{"yes", 0, 0, G_OPTION_ARG_NONE, &option_yes, "Do not ask before --unmarked", NULL},
	{NULL},
};

/* Selectors */

typedef bool (*SelectorFunc)(const char *kind, const char *value, gpointer data, GError **error);

/* Calls it for each selector that was given, until one fails. */
static bool each_selector(SelectorFunc func, gpointer data, GError **error)
{
	const struct {
		const char *kind, *value;
	} given[] = {
		{"token", option_token},
		{"subject", option_subject},
		{"issuer", option_issuer},
		{"endpoint", option_endpoint},
		{"older-than", option_older_than},
		{"absent", option_absent ? "" : NULL},
		{"expired", option_expired ? "" : NULL},
		{"all", option_all ? "" : NULL},
		{"unmarked", option_unmarked ? "" : NULL},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(given); i++)
		if (given[i].value != NULL && !func(given[i].kind, given[i].value, data, error))
			return false;

	return true;
}

static bool try_selector(const char *kind, const char *value, gpointer data, GError **error)
{
	return select_add(data, kind, value, g_get_real_time() / G_USEC_PER_SEC, error);
}

static bool add_frame(const char *kind, const char *value, gpointer data, GError **error)
{
	g_ptr_array_add(data, wire_pack(WIRE_STORE_SELECT, "tt", kind, value));
	return true;
}

/* NULL after telling what is wrong with them. */
static GPtrArray *selectors(void)
{
	g_autoptr(Select) select = select_new();
	g_autoptr(GError) error = NULL;
	GPtrArray *frames;

	if (!each_selector(try_selector, select, &error) || !select_check(select, &error)) {
		paint_complain("%s; see " NAME_CTL " purge --help", error->message);
		return NULL;
	}

	frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
	(void)each_selector(add_frame, frames, NULL);
	return frames;
}

/* Asking */

static GHashTable *everything_in(const Report *report)
{
	GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		for (guint j = 0; j < database->steps->len; j++) {
			const ReportStep *step = g_ptr_array_index(database->steps, j);

			g_hash_table_add(names, purging_name(database->path, step->sha256));
		}
	}

	return names;
}

static guint list_unmarked(const Report *report)
{
	guint n = 0;

	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		for (guint j = 0; j < database->steps->len; j++) {
			const ReportStep *step = g_ptr_array_index(database->steps, j);

			if (strcmp(step->reason, "unmarked") != 0)
				continue;
			paint_complain("%s: would delete \"%s\" (SHA-256 %.12s)", database->path,
				step->nickname, step->sha256);
			n++;
		}
	}

	return n;
}

/* A yes from the terminal. */
static bool ask(guint n)
{
	char line[16] = "";

	fprintf(stderr, NAME_CTL ": certprop did not put %s there. Delete %s? [y/N] ",
		n == 1 ? "this certificate" : "these certificates", n == 1 ? "it" : "them");
	fflush(stderr);

	return fgets(line, sizeof line, stdin) != NULL && g_ascii_tolower(*line) == 'y';
}

static Presence *presence_of(const Live *live)
{
	Presence *presence = presence_new();

	tell_add_all(presence, live->endpoints);
	return presence;
}

/* The names of what may go, or NULL: nothing. */
static GHashTable *agree(const Config *config, const GPtrArray *frames, const Live *live)
{
	g_autoptr(Presence) presence = presence_of(live);
	g_autoptr(Purging) trial = purging_run(&(const PurgingRequest){
		.config = config, .frames = frames, .presence = presence, .dry_run = true});
	guint n = list_unmarked(trial->report);

	if (n > 0 && !ask(n))
		return NULL;

	return everything_in(trial->report);
}

/* Somebody has to see what --unmarked means, or to know it. */
static bool must_ask(const Ctl *ctl)
{
	return option_unmarked && !option_yes && !ctl->dry_run;
}

int purge_check(const Ctl *ctl)
{
	g_autoptr(GPtrArray) frames = selectors();

	if (frames == NULL)
		return EXIT_STATUS_USAGE;
	if (must_ask(ctl)) {
		paint_complain("--unmarked takes away what certprop did not put there, and of many "
			       "users nobody is asked: look with --dry-run first, then say --yes");
		return EXIT_STATUS_USAGE;
	}

	return EXIT_STATUS_DONE;
}

static Live *find_out(const Config *config)
{
	Live *live = live_start(config, option_absent ? LIVE_LOOK : LIVE_ASK);

	progress_start("reading the cards …");
	live_wait(live);
	progress_stop();
	return live;
}

/* Once more with what is present now, if that has changed under its hands. */
static Purging *purge(PurgingRequest *request, Live **live)
{
	for (unsigned i = 0;; i++) {
		g_autoptr(Presence) presence = presence_of(*live);
		g_autoptr(Purging) purging = NULL;

		request->presence = presence;
		request->watched = option_absent && (*live)->answers;
		purging = purging_run(request);
		if (!purging->outdated || i == AGAIN_MAX)
			return g_steal_pointer(&purging);
		live_free(*live);
		*live = find_out(request->config);
	}
}

int verb_purge(Ctl *ctl, char **args)
{
	const Config *config = ctl_config(ctl);
	g_autoptr(GPtrArray) frames = config != NULL ? selectors() : NULL;
	g_autoptr(GHashTable) agreed = NULL;

	if (frames == NULL)
		return config != NULL ? EXIT_STATUS_USAGE : EXIT_STATUS_FAILED;
	if (must_ask(ctl) && (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0)) {
		paint_complain("--unmarked takes away what certprop did not put there: look with "
			       "--dry-run first, then say --yes");
		return EXIT_STATUS_USAGE;
	}

	g_autoptr(Live) live = find_out(config);
	if (must_ask(ctl)) {
		agreed = agree(config, frames, live);
		if (agreed == NULL) {
			paint_complain("nothing was taken away");
			return EXIT_STATUS_FAILED;
		}
	}

	PurgingRequest request = {
		.config = config, .frames = frames, .dry_run = ctl->dry_run, .agreed = agreed};
	g_autoptr(Purging) purging = purge(&request, &live);
	return purging_tell(ctl, purging, live);
}
