/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands for fake-chansrv, and what a program needs to find it. */
#include "rigchansrv.h"

#include "enter.h"
#include "rigfake.h"

struct RigChansrv {
	char *home, *display;
	RigFake *fake;
};

RigChansrv *rig_chansrv_new(const char *home, const char *display)
{
	g_autofree char *option = g_strdup_printf("--display=%s", display);
	const char *arguments[] = {option, home, NULL};
	RigChansrv *chansrv = g_new0(RigChansrv, 1);

	chansrv->home = g_strdup(home);
	chansrv->display = g_strdup(display);
	chansrv->fake = rig_fake_start("fake-chansrv", arguments);
	return chansrv;
}

void rig_chansrv_free(RigChansrv *chansrv)
{
	if (chansrv == NULL)
		return;
	rig_fake_free(chansrv->fake);
	g_free(chansrv->home);
	g_free(chansrv->display);
	g_free(chansrv);
}

void rig_chansrv_connect(RigChansrv *chansrv)
{
	g_free(rig_fake_command(chansrv->fake, "connect"));
}

void rig_chansrv_disconnect(RigChansrv *chansrv)
{
	g_free(rig_fake_command(chansrv->fake, "disconnect"));
}

void rig_chansrv_kill(RigChansrv *chansrv)
{
	rig_fake_kill(chansrv->fake);
}

void rig_chansrv_set_mode(RigChansrv *chansrv, const char *mode)
{
	g_autofree char *command = g_strdup_printf("mode %s", mode);

	g_free(rig_fake_command(chansrv->fake, command));
}

guint64 rig_chansrv_requests(RigChansrv *chansrv)
{
	g_autofree char *count = rig_fake_command(chansrv->fake, "count");

	return g_ascii_strtoull(count, NULL, 10);
}

char **rig_chansrv_environment(const RigChansrv *chansrv, char **environment)
{
	g_autofree char *display = g_strdup_printf(":%s.0", chansrv->display);

	environment = g_environ_setenv(environment, "XRDP_SESSION", "1", TRUE);
	environment = g_environ_setenv(environment, "DISPLAY", display, TRUE);
	return g_environ_setenv(environment, "HOME", chansrv->home, TRUE);
}

char *rig_chansrv_library(void)
{
	return rig_program("lib/pcsc-xrdp/libpcsc-xrdp.so");
}
