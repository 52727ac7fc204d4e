/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The environment is built, not inherited: a developer's OPENSC_CONF or NSS_… must not decide what
 * a test sees.
 */
#include "home.h"

#include "enter.h"

#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define OPEN_FDS 16

static const char *const passed_on[] = {"PATH", "PCSCLITE_CSOCK_NAME", "CERTPROP_TEST_POOL",
	"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "LLVM_PROFILE_FILE"};

static char *make(const char *base, const char *path)
{
	char *full = g_build_filename(base, path, NULL);

	ck_assert_msg(g_mkdir_with_parents(full, 0700) == 0, "cannot make %s", full);
	return full;
}

RigHome *rig_home_new(void)
{
	RigHome *home = g_new0(RigHome, 1);

	home->home = rig_make_directory("home");
	home->config = make(home->home, ".config");
	home->data = make(home->home, ".local/share");
	home->state = make(home->home, ".local/state");
	home->cache = make(home->home, ".cache");
	home->runtime = rig_make_directory("runtime");
	return home;
}

void rig_home_free(RigHome *home)
{
	if (home == NULL)
		return;
	g_free(home->home);
	g_free(home->config);
	g_free(home->data);
	g_free(home->state);
	g_free(home->cache);
	g_free(home->runtime);
	g_free(home);
}

char **rig_home_environment(const RigHome *home)
{
	g_autofree char *helpers = rig_program("daemon");
	g_autofree char *pcsc = rig_program("lib/pcsc-xrdp");
	char **env = g_environ_setenv(NULL, "HOME", home->home, TRUE);

	env = g_environ_setenv(env, "XDG_CONFIG_HOME", home->config, TRUE);
	env = g_environ_setenv(env, "XDG_DATA_HOME", home->data, TRUE);
	env = g_environ_setenv(env, "XDG_STATE_HOME", home->state, TRUE);
	env = g_environ_setenv(env, "XDG_CACHE_HOME", home->cache, TRUE);
	env = g_environ_setenv(env, "XDG_RUNTIME_DIR", home->runtime, TRUE);
	env = g_environ_setenv(env, "TMPDIR", rig_directory(), TRUE);
	env = g_environ_setenv(env, "LANG", "C.UTF-8", TRUE);
	env = g_environ_setenv(env, "CERTPROP_LIBEXECDIR", helpers, TRUE);
	env = g_environ_setenv(env, "CERTPROP_PCSCDIR", pcsc, TRUE);
	for (gsize i = 0; i < G_N_ELEMENTS(passed_on); i++) {
		const char *value = g_getenv(passed_on[i]);

		if (value != NULL)
			env = g_environ_setenv(env, passed_on[i], value, TRUE);
	}
	return env;
}

char *rig_home_path(const RigHome *home, const char *path)
{
	return g_build_filename(home->home, path, NULL);
}

void rig_home_write(const RigHome *home, const char *path, const char *text)
{
	g_autofree char *full = rig_home_path(home, path);
	g_autofree char *directory = g_path_get_dirname(full);

	ck_assert_int_eq(g_mkdir_with_parents(directory, 0700), 0);
	ck_assert_msg(g_file_set_contents(full, text, -1, NULL), "cannot write %s", full);
}

static uid_t new_owner;

static int give_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
	return lchown(path, new_owner, new_owner);
}

static void give(const char *directory)
{
	ck_assert_msg(nftw(directory, give_entry, OPEN_FDS, FTW_PHYS) == 0,
		"cannot give '%s' to the user: %s", directory, g_strerror(errno));
}

void rig_home_give(const RigHome *home, uid_t user)
{
	new_owner = user;
	give(home->home);
	give(home->runtime);
	ck_assert_int_eq(g_chmod(rig_directory(), 0711), 0);
}
