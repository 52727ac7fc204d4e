/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the socket and the locks are. After su or sudo, XDG_RUNTIME_DIR often names somebody else's
 * directory, and in a bare ssh or cron session there is none: both must work, and every program of
 * ours that runs as this user must come to the same answer.
 */

#include "runtime.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "names.h"
#include "owner.h"

/* Ours alone: where others may write, what we find there need not be ours. */
static bool is_ours(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

char *runtime_session(void)
{
	const char *given = g_getenv("XDG_RUNTIME_DIR");
	g_autofree char *usual = g_strdup_printf("/run/user/%u", (unsigned)geteuid());

	if (given != NULL && g_path_is_absolute(given) && is_ours(given))
		return g_strdup(given);
	return is_ours(usual) ? g_steal_pointer(&usual) : NULL;
}

char *runtime_dir(void)
{
	g_autofree char *session = runtime_session();

	return g_build_filename(
		session != NULL ? session : g_get_user_state_dir(), NAME_RUNTIME_DIR, NULL);
}

bool runtime_make(const char *dir, GError **error)
{
	struct stat st;

	if (!g_path_is_absolute(dir)) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Neither XDG_RUNTIME_DIR nor HOME names a directory of ours by its whole "
			"path, and without one there is no place for the locks");
		return false;
	}
	if (!owner_check_place(dir, error))
		return false;
	if (g_mkdir_with_parents(dir, 0700) < 0 || lstat(dir, &st) < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED, "Making %s failed: %s",
			dir, g_strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid()) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FOREIGN,
			"%s is not a directory of ours; remove it", dir);
		return false;
	}
	if ((st.st_mode & 077) != 0 && chmod(dir, 0700) < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Others can enter %s, and taking that back failed: %s", dir,
			g_strerror(errno));
		return false;
	}

	return true;
}
