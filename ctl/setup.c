/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl setup: all that a user needs once. certpropd runs at each login, registers the
 * PKCS#11 module in databases that come later, and the databases that are there have it now. Each
 * step is a thing that can be done by hand as well, is done only if it was not, and says so; with
 * --undo they are taken back, in the opposite order. What was propagated stays: that is purge's.
 */

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"
#include "doctor.h"
#include "error.h"
#include "listing.h"
#include "module.h"
#include "names.h"
#include "owner.h"
#include "paint.h"
#include "setting.h"
#include "unit.h"

#define FILE_MAX (256u * 1024u)

static gboolean option_undo;

const GOptionEntry setup_entries[] = {
	{"undo", 0, 0, G_OPTION_ARG_NONE, &option_undo, "Take back what setup has done", NULL},
	{NULL},
};

/*
 * The configuration
 */

/* Sets *ret_text to NULL if there is no such file. */
static bool read_config(const char *path, char **ret_text, GError **error)
{
	g_autoptr(GError) local = NULL;
	g_autofree char *text = NULL;
	gsize len = 0;

	*ret_text = NULL;
	if (!g_file_get_contents(path, &text, &len, &local)) {
		if (g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return true;
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (len > FILE_MAX || strlen(text) != len) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_DAMAGED,
			"%s is no text, or too long", path);
		return false;
	}

	*ret_text = g_steal_pointer(&text);
	return true;
}

/* Where a link leads to: people keep such files elsewhere and link them. */
static bool write_config(const char *path, const char *text, GError **error)
{
	g_autofree char *real = realpath(path, NULL);
	const char *to = real != NULL ? real : path;
	g_autofree char *dir = g_path_get_dirname(to);
	struct stat st = {.st_mode = 0600};

	if (!owner_check_place(to, error))
		return false;
	if (g_mkdir_with_parents(dir, 0700) < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED, "Making %s failed: %s",
			dir, g_strerror(errno));
		return false;
	}
	(void)stat(to, &st);
	if (*text == '\0' && unlink(to) == 0)
		return true;

	return g_file_set_contents_full(to, text, -1,
		G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
		(int)(st.st_mode & 0777), error);
}

/* Why the setting cannot or need not be made; NULL if it is to be. */
static char *reservation(const Config *config, const char *path)
{
	const char *origin = config_origin(config, "keys", "register-module");

	if (config->register_module)
		return g_strdup_printf("[keys] register-module is true already (%s)", origin);
	if (config_locked(config, "keys", "register-module"))
		return g_strdup("the administrator has locked [keys] register-module");
	if (g_str_has_prefix(origin, path) && origin[strlen(path)] == ':')
		return g_strdup_printf(
			"[keys] register-module is false in %s, which stays", origin);

	return NULL;
}

static int change_config(const Ctl *ctl)
{
	g_autofree char *dir = config_user_dir();
	g_autofree char *path = g_build_filename(dir != NULL ? dir : "/", NAME_CONFIG_FILE, NULL);
	g_autofree char *why = option_undo ? NULL : reservation(ctl->config, path);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	g_autoptr(GError) error = NULL;

	if (why != NULL) {
		paint_line(PAINT_PLAIN, "configuration: nothing to do; %s", why);
		return EXIT_STATUS_DONE;
	}
	if (!read_config(path, &before, &error)) {
		paint_complain("cannot change the configuration: %s", error->message);
		return EXIT_STATUS_FAILED;
	}

	after = option_undo ? setting_remove(before != NULL ? before : "")
			    : setting_add(before != NULL ? before : "");
	if (strcmp(after, before != NULL ? before : "") == 0) {
		paint_line(PAINT_PLAIN, "configuration: nothing to do");
		return EXIT_STATUS_DONE;
	}
	if (!ctl->dry_run && !write_config(path, after, &error)) {
		paint_complain("cannot change the configuration: %s", error->message);
		return EXIT_STATUS_FAILED;
	}
	paint_line(PAINT_GOOD, "configuration: %s [keys] register-module=true %s %s",
		option_undo ? (ctl->dry_run ? "would take" : "took")
			    : (ctl->dry_run ? "would set" : "set"),
		option_undo ? "out of" : "in", path);
	return EXIT_STATUS_DONE;
}

/*
 * The databases
 */

static int change_modules(const Ctl *ctl)
{
	guint32 flags = option_undo ? WIRE_STORE_DISABLE : WIRE_STORE_ENABLE;
	g_autoptr(GError) error = NULL;
	g_autoptr(Listing) listing = listing_start(
		ctl->config, WIRE_STORE_MODULES, flags | (ctl->dry_run ? WIRE_STORE_DRY_RUN : 0));
	const Report *report = listing_wait(listing, &error);

	if (report == NULL) {
		paint_complain("cannot look at the databases: %s", error->message);
		return EXIT_STATUS_FAILED;
	}
	if (module_tell_changes(report, ctl->dry_run) > 0 && !ctl->dry_run)
		module_tell_restart();

	return module_complain(report, report_complain(report));
}

/*
 * The unit
 */

static int run_systemctl(const Ctl *ctl, const char *const *words)
{
	g_autofree char *line = g_strjoinv(" ", (char **)words);
	g_autoptr(GError) error = NULL;

	if (!ctl->dry_run && !unit_call(words, &error)) {
		paint_complain("%s", error->message);
		return EXIT_STATUS_FAILED;
	}

	paint_line(PAINT_GOOD, "unit: %s systemctl --user %s", ctl->dry_run ? "would run" : "ran",
		line);
	return EXIT_STATUS_DONE;
}

static int change_unit(const Ctl *ctl)
{
	static const char *const enable[] = {"enable", "--now", UNIT_NAME, NULL};
	static const char *const reload[] = {"reload-or-restart", UNIT_NAME, NULL};
	static const char *const disable[] = {"disable", "--now", UNIT_NAME, NULL};
	int status;

	if (!unit_has_manager()) {
		if (option_undo) {
			paint_line(PAINT_PLAIN, "unit: nothing to do; no user manager runs here");
			return EXIT_STATUS_DONE;
		}
		paint_complain("no systemd user manager runs here, so nothing starts " NAME_DAEMON
			       "; have the session start it at login");
		return EXIT_STATUS_PARTLY;
	}
	if (option_undo)
		return run_systemctl(ctl, disable);

	/* One that ran before has not read the configuration yet. */
	status = run_systemctl(ctl, enable);
	return status == EXIT_STATUS_DONE ? run_systemctl(ctl, reload) : status;
}

int verb_setup(Ctl *ctl, char **args)
{
	static int (*const steps[])(const Ctl *) = {change_config, change_modules, change_unit};
	gsize n = G_N_ELEMENTS(steps);
	unsigned n_done = 0;

	if (ctl_config(ctl) == NULL)
		return EXIT_STATUS_FAILED;

	for (gsize i = 0; i < n; i++)
		n_done += steps[option_undo ? n - 1 - i : i](ctl) == EXIT_STATUS_DONE;
	if (!ctl->dry_run && option_undo)
		paint_line(PAINT_NOTE, "What was propagated is still there; " NAME_CTL
				       " purge --all takes it away.");
	else if (!ctl->dry_run)
		paint_line(PAINT_NOTE, NAME_CTL " setup --undo takes all of this back.");
	if (!ctl->dry_run && !option_undo)
		(void)doctor_round(ctl); /* what is left to do is not for setup to do */

	return n_done == n ? EXIT_STATUS_DONE : EXIT_STATUS_PARTLY;
}
