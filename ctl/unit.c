/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemctl and not the bus: it installs units, reloads the manager and waits for jobs, all of
 * which would have to be done again here.
 */

#include "unit.h"

#include <gio/gio.h>

#include "error.h"
#include "runtime.h"

#define DEADLINE_SECONDS                                                        \
	60 /* for one call; a start waits until certpropd says that it is ready \
	    */

typedef struct UnitCall {
	GSubprocess *process;
	guint deadline;
	bool late;
	bool done;
	char *said;
} UnitCall;

bool unit_has_manager(void)
{
	g_autofree char *session = runtime_session();
	g_autofree char *socket =
		session != NULL ? g_build_filename(session, "systemd", "private", NULL) : NULL;

	return socket != NULL && g_file_test(socket, G_FILE_TEST_EXISTS);
}

static void on_ended(GObject *source, GAsyncResult *result, gpointer data)
{
	UnitCall *call = data;

	(void)g_subprocess_communicate_utf8_finish(call->process, result, &call->said, NULL, NULL);
	call->done = true;
}

static gboolean on_deadline(gpointer data)
{
	UnitCall *call = data;

	call->deadline = 0;
	call->late = true;
	g_subprocess_force_exit(call->process);
	return G_SOURCE_REMOVE;
}

static GSubprocess *start(const char *const *words, GError **error)
{
	g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
		G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_autofree char *session = runtime_session();
	g_autofree char *program = g_find_program_in_path("systemctl");
	g_auto(GStrv) argv = NULL;

	if (program == NULL) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_MISSING,
			"There is no systemctl on this machine");
		return NULL;
	}
	/* After su, it still names the other's. */
	if (session != NULL)
		g_subprocess_launcher_setenv(launcher, "XDG_RUNTIME_DIR", session, TRUE);
	g_strv_builder_add_many(builder, program, "--user", NULL);
	g_strv_builder_addv(builder, (const char **)words);
	argv = g_strv_builder_end(builder);

	return g_subprocess_launcher_spawnv(launcher, (const char *const *)argv, error);
}

bool unit_call(const char *const *words, GError **error)
{
	g_autofree char *line = g_strjoinv(" ", (char **)words);
	UnitCall call = {.process = start(words, error)};
	bool good;

	if (call.process == NULL)
		return false;

	call.deadline = g_timeout_add_seconds(DEADLINE_SECONDS, on_deadline, &call);
	g_subprocess_communicate_utf8_async(call.process, NULL, NULL, on_ended, &call);
	while (!call.done)
		g_main_context_iteration(NULL, TRUE);
	g_clear_handle_id(&call.deadline, g_source_remove);

	good = !call.late && g_subprocess_get_successful(call.process);
	if (!good)
		g_set_error(error, CERTPROP_ERROR,
			call.late ? CERTPROP_ERROR_TIMEOUT : CERTPROP_ERROR_FAILED,
			"systemctl --user %s %s: %s", line, call.late ? "took too long" : "failed",
			call.said != NULL && *call.said != '\0' ? g_strstrip(call.said)
								: "it gave no reason");
	g_free(call.said);
	g_object_unref(call.process);
	return good;
}
