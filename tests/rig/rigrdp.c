/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rdesktop, because it is the one client whose cards chansrv understands (docs/pcsc-xrdp.md). It
 * has a screen and a /tmp of its own, away from those of the machine and of the session.
 */
#include "rigrdp.h"

#include <check.h>

#include "enter.h"
#include "process.h"
#include "screen.h"
#include "space.h"

#define STOP_MS 10000
#define KEYMAPS "/var/lib/xkb" /* where an X server that root has started writes */

struct RigRdp {
	RigSpace *space;
	RigScreen *screen;
	RigProcess *client;
	char **environment;
};

static bool furnish(gpointer data)
{
	if (g_file_test(KEYMAPS, G_FILE_TEST_IS_DIR) && !rig_space_mount_empty(KEYMAPS, "0755"))
		return false;
	return rig_space_mount_empty("/tmp", "1777");
}

RigRdp *rig_rdp_new(void)
{
	RigRdp *rdp = g_new0(RigRdp, 1);

	rdp->space = rig_space_new(furnish, NULL);
	rdp->screen = rig_screen_new(rdp->space);
	rdp->environment =
		g_environ_setenv(g_get_environ(), "DISPLAY", rig_screen_display(rdp->screen), TRUE);
	rdp->environment = g_environ_setenv(rdp->environment, "HOME", "/tmp", TRUE);
	return rdp;
}

void rig_rdp_free(RigRdp *rdp)
{
	if (rdp == NULL)
		return;
	rig_process_free(rdp->client);
	rig_screen_free(rdp->screen);
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
