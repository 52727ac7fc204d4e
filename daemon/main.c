/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropd: options, configuration, the lock, signals, and then the main loop. What it does is in
 * manager.c.
 */

#include <gio/gio.h>
#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "bus.h"
#include "config.h"
#include "environment.h"
#include "event.h"
#include "helper.h"
#include "lock.h"
#include "log.h"
#include "manager.h"
#include "names.h"
#include "notify.h"
#include "route.h"
#include "runtime.h"

#define REAP_MS 1000u /* for helpers that were killed at the end */

typedef struct Daemon {
	GMainLoop *loop;
	Manager *manager;
	Bus *bus;
	bool ending;
	bool forced;
} Daemon;

static void on_event(const Event *event, gpointer data)
{
	Daemon *daemon = data;

	event_log(event);
	if (daemon->bus != NULL)
		bus_emit(daemon->bus, event);
}

static gboolean on_reload(gpointer data)
{
	Daemon *daemon = data;

	if (!daemon->ending)
		(void)manager_reload(daemon->manager);
	return G_SOURCE_CONTINUE;
}

static void on_ended(gpointer data)
{
	Daemon *daemon = data;

	g_main_loop_quit(daemon->loop);
}

static gboolean on_end(gpointer data)
{
	Daemon *daemon = data;

	if (daemon->ending) {
		daemon->forced = true;
		g_main_loop_quit(daemon->loop);
		return G_SOURCE_CONTINUE;
	}

	daemon->ending = true;
	notify_send("STOPPING=1");
	daemon->bus = bus_free(daemon->bus);
	manager_end(daemon->manager, on_ended, daemon);
	return G_SOURCE_CONTINUE;
}

/* Says all that the configuration's loading had to say. Returns NULL if it is faulty. */
static Config *load_config(GPtrArray **ret_faults)
{
	g_autofree char *user_dir = config_user_dir();
	Config *config = config_load(CERTPROP_SYSCONFDIR "/" NAME_CONFIG_DIR, user_dir, ret_faults);

	if (user_dir == NULL)
		log_say(G_LOG_LEVEL_WARNING, NULL,
			"HOME or XDG_CONFIG_HOME is no absolute path: the user's configuration was "
			"not read");
	for (guint i = 0; i < (*ret_faults)->len; i++) {
		const ConfigFault *fault = g_ptr_array_index(*ret_faults, i);
		g_autofree char *text = config_fault_text(fault);

		log_say(fault->warning ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_CRITICAL, NULL, "%s",
			text);
	}

	return config;
}

static gboolean on_reap_deadline(gpointer data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

/* The helpers are killed; wait until the last is reaped. */
static void reap(void)
{
	bool late = false;
	guint source = g_timeout_add(REAP_MS, on_reap_deadline, &late);

	while (helper_living() > 0 && !late)
		(void)g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(source);
}

static void warn_of_stray_socket(void)
{
	const char *socket = environment_stray_socket();

	if (socket != NULL)
		log_say(G_LOG_LEVEL_WARNING, &(const LogContext){.endpoint = ROUTE_LOCAL},
			"PCSCLITE_CSOCK_NAME names %s, which is not root's and so not this "
			"machine's pcscd: it is not used; a forwarded socket belongs into "
			"[redirected] forwarded",
			socket);
}

static int run(Config *config, GPtrArray *faults)
{
	g_autofree char *dir = runtime_dir();
	g_autoptr(GError) error = NULL;
	Daemon daemon = {0};
	int lock = -1;

	if (runtime_make(dir, &error))
		lock = lock_take(dir, &error);
	if (lock < 0) {
		log_say(G_LOG_LEVEL_CRITICAL, NULL, "%s", error->message);
		config_free(config);
		g_ptr_array_unref(faults);
		return EXIT_STATUS_FAILED;
	}

	daemon.loop = g_main_loop_new(NULL, FALSE);
	daemon.manager = manager_new(config, faults, on_event, &daemon);
	daemon.bus = bus_new(dir, daemon.manager);
	(void)g_unix_signal_add(SIGHUP, on_reload, &daemon);
	(void)g_unix_signal_add(SIGTERM, on_end, &daemon);
	(void)g_unix_signal_add(SIGINT, on_end, &daemon);
	warn_of_stray_socket();
	manager_start(daemon.manager);
	notify_send("READY=1");
	g_main_loop_run(daemon.loop);

	daemon.bus = bus_free(daemon.bus);
	daemon.manager = manager_free(daemon.manager);
	if (!daemon.forced)
		reap();
	g_main_loop_unref(daemon.loop);
	return daemon.forced ? EXIT_STATUS_FAILED : EXIT_STATUS_DONE;
}

int main(int argc, char **argv)
{
	gboolean verbose = FALSE, version = FALSE;
	const GOptionEntry entries[] = {
		{"verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "Say more", NULL},
		{"version", 0, 0, G_OPTION_ARG_NONE, &version, "Show the version", NULL},
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	GPtrArray *faults;
	Config *config;

	setlocale(LC_ALL, "");
	g_option_context_set_summary(
		context, "Puts the certificates of smart cards into this user's NSS databases.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1) {
		fprintf(stderr, NAME_DAEMON ": %s\n",
			error != NULL ? error->message : "takes no arguments; see --help");
		return EXIT_STATUS_USAGE;
	}
	if (version) {
		puts(NAME_DAEMON " " CERTPROP_VERSION);
		return EXIT_STATUS_DONE;
	}

	log_init(NAME_DAEMON, verbose);
	(void)signal(SIGPIPE, SIG_IGN); /* a log that nobody reads is no reason to end */
	config = load_config(&faults);
	if (config == NULL) {
		g_ptr_array_unref(faults);
		return EXIT_STATUS_CONFIG;
	}
	return run(config, faults);
}
