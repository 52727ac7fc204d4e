/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helpers' environment is built from an allow-list and nothing else gets through: a foreign
 * module runs in one of them, and LD_PRELOAD, OPENSC_CONF, NSS_* and their like change what is read
 * or where it is written.
 */

#include "environment.h"

#include <sys/stat.h>

#include "ground.h"
#include "names.h"
#include "route.h"
#include "runtime.h"

#define HELPER_PATH     "/usr/local/bin:/usr/bin:/bin"
#define SOCKET_VARIABLE "PCSCLITE_CSOCK_NAME"

static const char *const passed_on[] = {
	"USER", "LOGNAME", "LANG", "LANGUAGE", "TZ",
	"MOZILLA_CERTIFICATE_FOLDER", /* LibreOffice's database */
};

/* A relative path would mean another directory to a helper, which starts in "/". Without them the
   user's entry in the system's user database and the usual places below it count. */
static const char *const directories[] = {
	"HOME",
	"XDG_DATA_HOME",
	"XDG_STATE_HOME",
	"XDG_CACHE_HOME",
	"XDG_CONFIG_HOME",
};

static char **pass_on(char **env, const char *name)
{
	const char *value = g_getenv(name);

	return value != NULL ? g_environ_setenv(env, name, value, TRUE) : env;
}

/* What xrdp gives to the programs of a session, and both ways in which a program comes to another
   PC/SC library than the stock one: by name, and since pcsc-lite 2.1 by this variable. */
static char **add_xrdp(char **env, unsigned display, const char *socket)
{
	g_autofree char *provider = environment_provider();
	g_autofree char *dir = g_path_get_dirname(provider);
	g_autofree char *path = g_build_filename(dir, NAME_PCSC_DIR, NULL);
	g_autofree char *directory = g_path_get_dirname(socket);
	g_autofree char *home = g_path_get_dirname(directory);
	g_autofree char *number = g_strdup_printf(":%u", display);

	env = g_environ_setenv(env, "HOME", home, TRUE);
	env = g_environ_setenv(env, "XRDP_SESSION", "1", TRUE);
	env = g_environ_setenv(env, "DISPLAY", number, TRUE);
	env = g_environ_setenv(env, "LD_LIBRARY_PATH", path, TRUE);
	return g_environ_setenv(env, "LIBPCSCLITE_DELEGATE", provider, TRUE);
}

const char *environment_stray_socket(void)
{
	const char *socket = g_getenv(SOCKET_VARIABLE);
	struct stat st;

	return socket != NULL && ground_stat(socket, true, &st) == 0 && st.st_uid != 0 ? socket
										       : NULL;
}

/* libpcsclite's own way to name another socket; a pcscd started by socket activation is reached so.
   Readers of other endpoints must not be looked for there. */
static char **add_endpoint(char **env, const char *endpoint, const char *socket)
{
	unsigned display;

	if (!route_redirected(endpoint))
		return environment_stray_socket() == NULL ? pass_on(env, SOCKET_VARIABLE) : env;
	if (socket == NULL)
		return env;

	env = g_environ_setenv(env, SOCKET_VARIABLE, socket, TRUE);
	return route_display(endpoint, &display) ? add_xrdp(env, display, socket) : env;
}

char **environment_for_helper(const char *endpoint, const char *socket)
{
	g_auto(GStrv) names = g_listenv();
	g_autofree char *session = runtime_session();
	char **env = NULL;

	env = g_environ_setenv(env, "PATH", HELPER_PATH, TRUE);
	for (gsize i = 0; i < G_N_ELEMENTS(passed_on); i++)
		env = pass_on(env, passed_on[i]);
	for (gsize i = 0; i < G_N_ELEMENTS(directories); i++) {
		const char *value = g_getenv(directories[i]);

		if (value != NULL && g_path_is_absolute(value))
			env = pass_on(env, directories[i]);
	}
	/* Not what was given: the writers' lock must be the same one for whoever starts a helper.
	 */
	if (session != NULL)
		env = g_environ_setenv(env, "XDG_RUNTIME_DIR", session, TRUE);
	for (char **name = names; *name != NULL; name++) {
		if (g_str_has_prefix(*name, "LC_"))
			env = pass_on(env, *name);
	}

	return endpoint != NULL ? add_endpoint(env, endpoint, socket) : env;
}

char *environment_helper_path(const char *program)
{
	const char *dir = g_getenv(NAME_ENV_LIBEXECDIR);

	if (dir == NULL || dir[0] == '\0')
		dir = CERTPROP_LIBEXECDIR;
	return g_build_filename(dir, program, NULL);
}

char *environment_provider(void)
{
	const char *dir = g_getenv(NAME_ENV_PCSCDIR);

	if (dir == NULL || !g_path_is_absolute(dir))
		dir = CERTPROP_PCSCDIR;
	return g_build_filename(dir, NAME_PCSC_LIBRARY, NULL);
}
