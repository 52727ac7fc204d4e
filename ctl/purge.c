/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl purge: the store finds what the selectors name and sends it, whole; it becomes a
 * backup file here; only when that is on the disk the store is told to go on.
 *
 * Certificates without our marker are somebody's, as far as anybody can tell, so for those a person
 * has to have seen the list: a dry run makes it, and the purge that follows is called off if it
 * would take anything that was not on it.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "ctl.h"
#include "emit.h"
#include "error.h"
#include "key.h"
#include "live.h"
#include "names.h"
#include "outcome.h"
#include "paint.h"
#include "pipeline.h"
#include "progress.h"
#include "select.h"
#include "tell.h"

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

/* One store. */
typedef struct Purge {
	Pipeline *pipeline;
	const Report *report; /* the pipeline's */
	GPtrArray *failures;  /* char * */
	Backup *backup;
	char *file;         /* where that is, once it is written */
	GHashTable *agreed; /* names of what may go; NULL: anything */
	bool done;
} Purge;

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

/* One store */

static void fail(Purge *purge, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void fail(Purge *purge, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(purge->failures, g_strdup_vprintf(format, args));
	va_end(args);
}

static char *agreed_name(const char *path, const char *sha256)
{
	return g_strdup_printf("%s %s", sha256, path);
}

/* Is everything that would go something that was agreed to? */
static bool is_agreed(const Purge *purge)
{
	for (guint i = 0; purge->agreed != NULL && i < purge->backup->objects->len; i++) {
		const BackupObject *object = g_ptr_array_index(purge->backup->objects, i);
		g_autofree char *name = agreed_name(object->path, object->sha256);

		if (!g_hash_table_contains(purge->agreed, name))
			return false;
	}

	return true;
}

static bool on_object(Pipeline *pipeline, const ReportDatabase *database, WireReader *frame,
	gpointer data, GError **error)
{
	const Purge *purge = data;

	return backup_add_frame(purge->backup, database->path, frame, error);
}

static void on_pending(Pipeline *pipeline, unsigned n, gpointer data)
{
	Purge *purge = data;
	g_autoptr(GError) error = NULL;

	if (!is_agreed(purge)) {
		fail(purge, "nothing was taken away: the databases have changed since you were "
			    "asked; run it again");
		pipeline_confirm(pipeline, false, "not what was agreed to");
		return;
	}
	if (purge->backup->objects->len > 0)
		purge->file = backup_write(purge->backup, &error);
	if (error != NULL)
		fail(purge, "nothing was taken away: %s", error->message);
	pipeline_confirm(pipeline, error == NULL, error != NULL ? "no backup" : "");
}

static void on_done(Pipeline *pipeline, const Report *report, const GError *scan_error,
	const GError *store_error, gpointer data)
{
	Purge *purge = data;

	purge->done = true;
	purge->report = report;
	if (store_error != NULL)
		fail(purge, "%s", store_error->message);
	for (guint i = 0; i < report->errors->len; i++)
		fail(purge, "%s", (const char *)g_ptr_array_index(report->errors, i));
}

static Purge *purge_free(Purge *purge)
{
	if (purge == NULL)
		return NULL;

	pipeline_free(purge->pipeline);
	backup_free(purge->backup);
	g_ptr_array_unref(purge->failures);
	g_free(purge->file);
	g_free(purge);

	return NULL;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Purge, purge_free)

/* From beginning to end. */
static Purge *purge_run(const Config *config, const GPtrArray *frames, const Tell *tell,
	bool dry_run, GHashTable *agreed)
{
	const PipelineFuncs funcs = {.pending = on_pending, .object = on_object, .done = on_done};
	const PipelineRequest request = {
		.mode = WIRE_STORE_PURGE,
		.flags = dry_run ? WIRE_STORE_DRY_RUN : 0,
		.config = config,
		.endpoints = tell->endpoints,
		.present = tell->present,
		.frames = frames,
	};
	Purge *purge = g_new0(Purge, 1);

	purge->failures = g_ptr_array_new_with_free_func(g_free);
	purge->backup = backup_new();
	purge->agreed = agreed;
	purge->pipeline = pipeline_start(&request, &funcs, purge);
	progress_start("going through the databases …");
	while (!purge->done)
		g_main_context_iteration(NULL, TRUE);
	progress_stop();

	return purge;
}

/* Asking */

static GHashTable *everything_in(const Report *report)
{
	GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		for (guint j = 0; j < database->steps->len; j++) {
			const ReportStep *step = g_ptr_array_index(database->steps, j);

			g_hash_table_add(names, agreed_name(database->path, step->sha256));
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

/* The names of what may go, or NULL: nothing. */
static GHashTable *agree(const Config *config, const GPtrArray *frames, const Tell *tell)
{
	g_autoptr(Purge) trial = purge_run(config, frames, tell, true, NULL);
	guint n = list_unmarked(trial->report);

	if (n > 0 && !ask(n))
		return NULL;

	return everything_in(trial->report);
}

/* Telling */

static void warn_of(GPtrArray *lines, const ReportClaim *claim, const Live *live)
{
	g_autofree char *line = NULL;

	if (seen_find_token(live->endpoints, claim->token) == NULL)
		return;
	line = g_strdup_printf("the card \"%s\" (serial number %s) is in a reader and " NAME_DAEMON
			       " runs: at its next look at it, it propagates its certificates "
			       "again; take the card out first to be rid of them",
		claim->token->label, claim->token->serial);
	if (!g_ptr_array_find_with_equal_func(lines, line, g_str_equal, NULL))
		g_ptr_array_add(lines, g_steal_pointer(&line));
}

/* Cards that are in, with a daemon that will look at them again: each once. */
static GPtrArray *warnings(const Report *report, const Live *live)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; live->answers && i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		for (guint j = 0; j < database->certs->len; j++) {
			const ReportCert *cert = g_ptr_array_index(database->certs, j);

			for (guint k = 0; k < cert->claims->len; k++)
				warn_of(lines, g_ptr_array_index(cert->claims, k), live);
		}
	}

	return lines;
}

static void put_token(Json *json, const ReportClaim *claim, const Live *live)
{
	json_open_object(json, NULL);
	json_put_text(json, "manufacturer", claim->token->manufacturer);
	json_put_text(json, "model", claim->token->model);
	json_put_text(json, "serial", claim->token->serial);
	json_put_text(json, "label", claim->token->label);
	json_put_text(json, "endpoint", claim->endpoint);
	json_put_text(json, "host", claim->host);
	json_put_text(json, "key", key_word(key_of_claim(claim, live->endpoints, live->host)));
	json_close_object(json);
}

static gboolean is_same_owner(gconstpointer x, gconstpointer y)
{
	const ReportClaim *a = x, *b = y;

	return token_equal(a->token, b->token) && strcmp(a->endpoint, b->endpoint) == 0 &&
	       strcmp(a->host, b->host) == 0;
}

/* The owners whose claims go, each once. */
static void put_tokens(Json *json, const Report *report, const Live *live)
{
	g_autoptr(GPtrArray) told = g_ptr_array_new();

	json_open_array(json, "tokens");
	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		for (guint j = 0; j < database->certs->len; j++) {
			const ReportCert *cert = g_ptr_array_index(database->certs, j);

			for (guint k = 0; k < cert->claims->len; k++) {
				ReportClaim *claim = g_ptr_array_index(cert->claims, k);

				if (g_ptr_array_find_with_equal_func(
					    told, claim, is_same_owner, NULL))
					continue;
				g_ptr_array_add(told, claim);
				put_token(json, claim, live);
			}
		}
	}
	json_close_array(json);
}

static void put_cert(Json *json, const ReportCert *cert)
{
	json_open_object(json, NULL);
	json_put_text(json, "nickname", cert->nickname);
	emit_cert(json, cert);
	json_open_array(json, "claims");
	for (guint i = 0; i < cert->claims->len; i++) {
		json_open_object(json, NULL);
		emit_claim(json, g_ptr_array_index(cert->claims, i));
		json_close_object(json);
	}
	json_close_array(json);
	json_close_object(json);
}

static void put_texts(Json *json, const char *key, const GPtrArray *texts)
{
	json_open_array(json, key);
	for (guint i = 0; i < texts->len; i++)
		json_put_text(json, NULL, g_ptr_array_index(texts, i));
	json_close_array(json);
}

static const ReportDatabase *find_report(const Report *report, const char *path)
{
	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *database = g_ptr_array_index(report->databases, i);

		if (strcmp(database->path, path) == 0)
			return database;
	}

	return NULL;
}

static void print_json(const Ctl *ctl, const Purge *purge, const GPtrArray *databases,
	const GPtrArray *warned, const Live *live)
{
	g_autoptr(Json) json = json_new();

	json_open_object(json, NULL);
	json_put_bool(json, "dry_run", ctl->dry_run);
	put_tokens(json, purge->report, live);
	json_open_array(json, "databases");
	for (guint i = 0; i < databases->len; i++) {
		const OutcomeDatabase *database = g_ptr_array_index(databases, i);
		const ReportDatabase *told = find_report(purge->report, database->path);

		json_open_object(json, NULL);
		outcome_emit(json, database);
		json_open_array(json, "certificates");
		for (guint j = 0; told != NULL && j < told->certs->len; j++)
			put_cert(json, g_ptr_array_index(told->certs, j));
		json_close_array(json);
		json_close_object(json);
	}
	json_close_array(json);
	json_put_text(json, "backup", purge->file);
	put_texts(json, "warnings", warned);
	put_texts(json, "errors", purge->failures);
	json_close_object(json);
	json_print(json);
}

static void print_text(const Ctl *ctl, const Purge *purge, const GPtrArray *databases)
{
	guint n = 0;

	for (guint i = 0; i < databases->len; i++) {
		const OutcomeDatabase *database = g_ptr_array_index(databases, i);

		if (database->steps->len + database->skipped->len == 0 &&
			strcmp(database->status, "ok") == 0)
			continue;
		outcome_print(database, find_report(purge->report, database->path));
		n += database->steps->len + database->skipped->len;
	}
	if (n == 0 && purge->failures->len == 0)
		paint_line(PAINT_PLAIN, "nothing that was propagated is selected");
	if (purge->file != NULL)
		paint_line(PAINT_PLAIN, "kept in %s; \"" NAME_CTL " undo\" brings it back",
			purge->file);
}

/* What was selected and is there still, because somebody else was at it or there is too much. */
static void count_skipped(Purge *purge, const GPtrArray *databases)
{
	guint n = 0;

	for (guint i = 0; i < databases->len; i++)
		n += ((const OutcomeDatabase *)g_ptr_array_index(databases, i))->skipped->len;
	if (n > 0)
		fail(purge,
			"%u selected certificates are still there: they were changed meanwhile, "
			"or are too many for one run; run it again",
			n);
}

static int tell_all(const Ctl *ctl, Purge *purge, const Live *live)
{
	g_autoptr(GPtrArray) reports = g_ptr_array_new();
	g_autoptr(GPtrArray) warned = warnings(purge->report, live);
	g_autoptr(GPtrArray) databases = NULL;

	g_ptr_array_add(reports, (gpointer)purge->report);
	databases = outcome_merge(reports);
	count_skipped(purge, databases);
	if (ctl->json)
		print_json(ctl, purge, databases, warned, live);
	else
		print_text(ctl, purge, databases);
	for (guint i = 0; i < warned->len; i++)
		paint_complain("%s", (const char *)g_ptr_array_index(warned, i));

	return outcome_complain(databases, purge->failures);
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

	g_autoptr(Live) live = live_start(config, option_absent ? LIVE_LOOK : LIVE_ASK);
	progress_start("reading the cards …");
	live_wait(live);
	progress_stop();
	g_autoptr(Tell) tell = tell_new();
	tell_add_all(tell, live->endpoints);

	if (must_ask(ctl)) {
		agreed = agree(config, frames, tell);
		if (agreed == NULL) {
			paint_complain("nothing was taken away");
			return EXIT_STATUS_FAILED;
		}
	}

	g_autoptr(Purge) purge = purge_run(config, frames, tell, ctl->dry_run, agreed);
	return tell_all(ctl, purge, live);
}
