/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rdesktop, because it is the one client whose cards chansrv understands (docs/pcsc-xrdp.md). It
 * needs an X server of its own, whose socket and lock are in a /tmp of its own, away from those of
 * the machine and of the session.
 */
#include "rigrdp.h"

#include <check.h>
#include <string.h>

#include "enter.h"
#include "process.h"
#include "space.h"

#define SCREEN_MS 20000
#define STOP_MS   10000
#define KEYMAPS   "/var/lib/xkb" /* where an X server that root has started writes */

struct RigRdp {
	RigSpace *space;
	RigProcess *screen, *client;
	char **environment;
};

static bool furnish(gpointer data)
{
	if (g_file_test(KEYMAPS, G_FILE_TEST_IS_DIR) && !rig_space_mount_empty(KEYMAPS, "0755"))
		return false;
	return rig_space_mount_empty("/tmp", "1777");
}

/* It writes the number of its display when it is ready. */
static bool has_display(gpointer data)
{
	RigRdp *rdp = data;
	g_autofree char *number = rig_process_output(rdp->screen, NULL);

	if (!rig_process_alive(rdp->screen)) {
		g_autofree char *errors = rig_process_errors(rdp->screen);

		ck_abort_msg("Xvfb has ended: %s", errors);
	}
	return strchr(number, '\n') != NULL;
}

RigRdp *rig_rdp_new(void)
{
	const char *argv[] = {
		"Xvfb", "-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp", NULL};
	RigRdp *rdp = g_new0(RigRdp, 1);
	g_autofree char *number = NULL;
	g_autofree char *display = NULL;

	rdp->space = rig_space_new(furnish, NULL);
	rdp->screen = rig_process_start(argv, &(RigProcessOptions){.space = rdp->space});
	rig_wait_until(has_display, rdp, SCREEN_MS, "an X server for the client");
	number = rig_process_output(rdp->screen, NULL);
	display = g_strconcat(":", g_strstrip(number), NULL);
	rdp->environment = g_environ_setenv(g_get_environ(), "DISPLAY", display, TRUE);
	rdp->environment = g_environ_setenv(rdp->environment, "HOME", "/tmp", TRUE);
	return rdp;
}

void rig_rdp_free(RigRdp *rdp)
{
	if (rdp == NULL)
		return;
	rig_process_free(rdp->client);
	rig_process_free(rdp->screen);
	rig_space_free(rdp->space);
	g_strfreev(rdp->environment);
	g_free(rdp);
}

void rig_rdp_start(RigRdp *rdp, const char *user, const char *password)
{
	const char *argv[] = {"rdesktop", "-g", "640x480", "-r", "scard", "-u", user, "-p",
		password, "127.0.0.1", NULL};

	ck_assert_msg(!rig_rdp_runs(rdp), "the client runs already");
	g_clear_pointer(&rdp->client, rig_process_free);
	rdp->client = rig_process_start(
		argv, &(RigProcessOptions){.environment = rdp->environment, .space = rdp->space});
}

bool rig_rdp_runs(RigRdp *rdp)
{
	return rdp->client != NULL && rig_process_alive(rdp->client);
}

void rig_rdp_stop(RigRdp *rdp)
{
	(void)rig_process_stop(rdp->client, STOP_MS);
}

void rig_rdp_kill(RigRdp *rdp)
{
	rig_process_kill(rdp->client);
}

char *rig_rdp_errors(const RigRdp *rdp)
{
	return rdp->client != NULL ? rig_process_errors(rdp->client) : g_strdup("");
}
