/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl: what certprop did, does and would do. A table of commands, the options that each of
 * them takes, and help that is made from the same table; a test compares it with the man page and
 * the completions.
 *
 * Every command works with and without a running certpropd, through the same pipeline as the
 * daemon, with the user's own rights. Nothing here opens a database, a reader or a module.
 */

#include <errno.h>
#include <gio/gio.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "fleet.h"
#include "helper.h"
#include "log.h"
#include "names.h"
#include "paint.h"
#include "suggest.h"

#define REAP_MS 1000

typedef enum {
	VERB_JSON = 1 << 0,
	VERB_DRY_RUN = 1 << 1,
	VERB_ALL_USERS = 1 << 2,
} VerbOptions;

typedef struct Verb {
	const char *name;
	const char *arguments; /* as in the usage line, or NULL */
	unsigned min, max;     /* how many of them */
	unsigned options;      /* VerbOptions */
	const char *help;
	int (*run)(Ctl *ctl, char **args);
	const GOptionEntry *entries;  /* options of its own, or NULL */
	int (*check)(const Ctl *ctl); /* of those, once for all users; or NULL */
} Verb;

static const Verb verbs[] = {
	{"status", NULL, 0, 0, VERB_JSON, "what runs, which cards are in, what was propagated",
		verb_status},
	{"list", NULL, 0, 0, VERB_JSON | VERB_ALL_USERS, "propagated certificates of each database",
		verb_list},
	{"show", "CERT", 1, 1, VERB_JSON, "where one certificate came from, and what becomes of it",
		verb_show},
	{"sync", NULL, 0, 0, VERB_JSON | VERB_DRY_RUN,
		"look at every card now and bring the databases up to date", verb_sync},
	{"purge", NULL, 0, 0, VERB_JSON | VERB_DRY_RUN | VERB_ALL_USERS,
		"take away propagated certificates that fit every selector; one is needed",
		verb_purge, purge_entries, purge_check},
	{"undo", "[FILE]", 0, 1, VERB_JSON | VERB_DRY_RUN, "put back what a purge took away",
		verb_undo, undo_entries},
	{"monitor", NULL, 0, 0, VERB_JSON, "report events as they happen", verb_monitor},
	{"databases", NULL, 0, 0, VERB_JSON, "databases that certificates go to", verb_databases},
	{"module", "[ACTION]", 0, 1, VERB_JSON | VERB_DRY_RUN,
		"status, enable or disable: the way by which programs reach the cards' keys",
		verb_module, module_entries},
	{"setup", NULL, 0, 0, VERB_DRY_RUN, "start certpropd at login, and bring keys into reach",
		verb_setup, setup_entries},
	{"doctor", NULL, 0, 0, VERB_JSON, "what does not work, why, and the command that mends it",
		verb_doctor},
	{"config", "[KEY]", 0, 1, VERB_JSON, "effective configuration and where it comes from",
		verb_config},
};

/* Option values; g_option wants gboolean. */
static gboolean option_json, option_dry_run, option_no_color, option_version, option_all_users;
static char *option_homes;
static int option_timeout = FLEET_SECONDS_DEFAULT;

static const GOptionEntry entry_no_color = {"no-color", 0, 0, G_OPTION_ARG_NONE, &option_no_color,
	"No colours, also on a terminal", NULL};
static const GOptionEntry entry_version = {
	"version", 0, 0, G_OPTION_ARG_NONE, &option_version, "Print the version and exit", NULL};
static const GOptionEntry entry_json = {
	"json", 0, 0, G_OPTION_ARG_NONE, &option_json, "Print JSON", NULL};
static const GOptionEntry entry_dry_run = {"dry-run", 0, 0, G_OPTION_ARG_NONE, &option_dry_run,
	"Say what would be done, do nothing", NULL};
static const GOptionEntry entries_all_users[] = {
	{"all-users", 0, 0, G_OPTION_ARG_NONE, &option_all_users,
		"As root: go over the homes of all users", NULL},
	{"homes", 0, 0, G_OPTION_ARG_FILENAME, &option_homes,
		"With --all-users: each entry of DIR is a home, its owner the user", "DIR"},
	{"timeout", 0, 0, G_OPTION_ARG_INT, &option_timeout,
		"With --all-users: end a user's process after so long (300)", "SECONDS"},
	{NULL},
};

static const Verb *verb_find(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];

	return NULL;
}

static GOptionContext *verb_context(const Verb *verb)
{
	g_autofree char *program = g_strdup_printf(NAME_CTL " %s", verb->name);
	g_autofree char *summary = g_strdup_printf("%s: %s.", verb->name, verb->help);
	GOptionEntry entries[4] = {0};
	gsize n = 0;

	if ((verb->options & VERB_JSON) != 0)
		entries[n++] = entry_json;
	if ((verb->options & VERB_DRY_RUN) != 0)
		entries[n++] = entry_dry_run;
	entries[n++] = entry_no_color;

	g_set_prgname(program); /* stands in the usage line */
	GOptionContext *context = g_option_context_new(verb->arguments);
	g_option_context_set_summary(context, summary);
	g_option_context_add_main_entries(context, entries, NULL);
	if ((verb->options & VERB_ALL_USERS) != 0)
		g_option_context_add_main_entries(context, entries_all_users, NULL);
	if (verb->entries != NULL)
		g_option_context_add_main_entries(context, verb->entries, NULL);

	return context;
}

static GOptionContext *main_context(void)
{
	const GOptionEntry entries[] = {entry_version, entry_no_color, {NULL}};
	GOptionContext *context = g_option_context_new("COMMAND");
	GString *commands = g_string_new("Commands:\n");

	for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++) {
		g_autofree char *usage = g_strjoin(" ", verbs[i].name,
			verbs[i].arguments != NULL ? verbs[i].arguments : "", NULL);

		g_string_append_printf(commands, "  %-16s %s\n", usage, verbs[i].help);
	}
	g_string_append(commands, "\n" NAME_CTL " COMMAND --help tells the options of a command.");

	g_option_context_set_strict_posix(context, TRUE); /* stop at the command */
	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_description(context, commands->str);
	g_string_free(commands, TRUE);

	return context;
}

static int usage_error(const char *command, const char *message)
{
	paint_complain("%s; see " NAME_CTL "%s%s --help", message, command != NULL ? " " : "",
		command != NULL ? command : "");
	return EXIT_STATUS_USAGE;
}

static int unknown_command(const char *name)
{
	const char *names[G_N_ELEMENTS(verbs) + 1] = {NULL};

	for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++)
		names[i] = verbs[i].name;

	const char *meant = suggest_word(name, names);
	if (meant == NULL)
		paint_complain("unknown command \"%s\"; see " NAME_CTL " --help", name);
	else
		paint_complain("unknown command \"%s\"; did you mean \"%s\"?", name, meant);

	return EXIT_STATUS_USAGE;
}

const Config *ctl_config(const Ctl *ctl)
{
	if (ctl->config != NULL)
		return ctl->config;

	for (guint i = 0; i < ctl->faults->len; i++) {
		const ConfigFault *fault = g_ptr_array_index(ctl->faults, i);
		g_autofree char *text = config_fault_text(fault);

		if (!fault->warning)
			paint_complain("%s", text);
	}
	paint_complain("cannot tell what to do: the configuration is faulty; correct it as said "
		       "above, then try again");

	return NULL;
}

static gboolean on_reap_deadline(gpointer data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

/* Helpers that were killed when their work was done: wait until the last is gone. */
static void reap(void)
{
	bool late = false;
	guint source = g_timeout_add(REAP_MS, on_reap_deadline, &late);

	while (helper_living() > 0 && !late)
		g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(source);
}

/* Everything that was to be said has been written? A reader who has gone is told nothing more. */
static bool flush_output(void)
{
	errno = 0;
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return true;
	if (errno != EPIPE)
		paint_complain("cannot write to standard output: %s", g_strerror(errno));

	return false;
}

typedef struct Call {
	const Verb *verb;
	char **args;
	bool in_fleet;
} Call;

/* The command itself: for the user who we are. */
static int call_run(gpointer data)
{
	const Call *call = data;
	g_autofree char *user_dir = config_user_dir();
	Ctl ctl = {
		.json = option_json || call->in_fleet,
		.dry_run = option_dry_run,
		.in_fleet = call->in_fleet,
	};

	ctl.config = config_load(CERTPROP_SYSCONFDIR "/" NAME_CONFIG_DIR, user_dir, &ctl.faults);

	int status = call->verb->run(&ctl, call->args);
	if (!flush_output())
		status = EXIT_STATUS_FAILED;
	reap();

	config_free(ctl.config);
	g_ptr_array_unref(ctl.faults);

	return status;
}

static int call_fleet(Call *call)
{
	const Fleet fleet = {
		.verb = call->verb->name,
		.homes = option_homes,
		.seconds = option_timeout,
		.json = option_json,
		.dry_run = option_dry_run,
		.func = call_run,
		.data = call,
	};

	const Ctl ctl = {.dry_run = option_dry_run, .in_fleet = true};
	int status = call->verb->check != NULL ? call->verb->check(&ctl) : EXIT_STATUS_DONE;

	if (status != EXIT_STATUS_DONE)
		return status;
	call->in_fleet = true;
	status = fleet_run(&fleet);
	return flush_output() ? status : EXIT_STATUS_FAILED;
}

static int verb_run(const Verb *verb, char **words)
{
	g_autoptr(GOptionContext) context = verb_context(verb);
	g_autoptr(GError) error = NULL;

	if (!g_option_context_parse_strv(context, &words, &error))
		return usage_error(verb->name, error->message);
	if (option_homes != NULL && !option_all_users)
		return usage_error(verb->name, "--homes goes with --all-users");
	if (option_timeout < 1 || option_timeout > FLEET_SECONDS_MAX)
		return usage_error(verb->name, "--timeout takes 1 to 86400 seconds");

	char **args = words + 1;
	if (*args != NULL && strcmp(*args, "--") == 0)
		args++;
	if (g_strv_length(args) < verb->min || g_strv_length(args) > verb->max)
		return usage_error(verb->name, verb->max == 0 ? "this command takes no argument"
							      : "wrong number of arguments");

	Call call = {.verb = verb, .args = args};
	paint_setup(option_no_color);
	log_init(NAME_CTL, false);

	return option_all_users ? call_fleet(&call) : call_run(&call);
}

int main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = main_context();
	g_auto(GStrv) words = NULL;
	g_autoptr(GError) error = NULL;

	setlocale(LC_ALL, "");
	(void)signal(SIGPIPE, SIG_IGN); /* a helper that dies must not take us along */
	g_set_prgname(NAME_CTL);
	words = g_strdupv(argv);

	if (!g_option_context_parse_strv(context, &words, &error))
		return usage_error(NULL, error->message);
	if (option_version) {
		paint_raw(NAME_CTL " " CERTPROP_VERSION "\n");
		return EXIT_STATUS_DONE;
	}
	if (words[0] == NULL || words[1] == NULL)
		return usage_error(NULL, "a command is needed");

	const Verb *verb = verb_find(words[1]);
	if (verb == NULL)
		return unknown_command(words[1]);

	/* the command's own parser takes the first word for a program's name */
	g_auto(GStrv) rest = g_strdupv(words + 1);
	return verb_run(verb, rest);
}
