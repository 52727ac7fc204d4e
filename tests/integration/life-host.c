/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What makes a host is its machine id, a file. In a mount namespace of its own a program finds
 * another one in its place; where there is none, it goes by the host name, and gets another one of
 * these too.
 */
#include "life-host.h"

#include <check.h>
#include <unistd.h>

#include "names.h"
#include "world.h"

#define MACHINE_ID "feedfacefeedfacefeedfacefeedface\n"

static const char script[] = "hostname other-host; "
			     "for file in /etc/machine-id /var/lib/dbus/machine-id; do "
			     "test ! -e $file || mount --bind \"$1\" $file || exit 99; done; "
			     "shift; exec \"$@\"";

static char **other_environment(void)
{
	g_autofree char *runtime = g_build_filename(world.home->home, "other-runtime", NULL);

	(void)g_mkdir_with_parents(runtime, 0700);
	return g_environ_setenv(g_strdupv(world.environment), "XDG_RUNTIME_DIR", runtime, TRUE);
}

char *life_host_ctl(const char *verb, const char *word)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	g_autofree char *id = g_build_filename(rig_directory(), "other-machine-id", NULL);
	g_auto(GStrv) environment = other_environment();
	/* Without the rights of root a namespace of users has to give the right to mount. */
	const char *argv[] = {"unshare", "--mount", "--uts", "--propagation=private",
		geteuid() == 0 ? "--mount" : "--map-root-user", "sh", "-c", script, "sh", id,
		program, verb, word, NULL};

	ck_assert(g_file_set_contents(id, MACHINE_ID, -1, NULL));
	return rig_run_ok(argv, environment);
}

void life_host_sync(void)
{
	g_free(life_host_ctl("sync", NULL));
}
