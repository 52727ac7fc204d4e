/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After sudo or su, HOME and the XDG variables often still name the home of the one who called it.
 * What stands there is then another user's word: his configuration would name modules that are
 * loaded with our rights, and directories that we make would be in his way for ever. Root is
 * believed: what root wants of us it can have in simpler ways.
 */

#include "owner.h"

#include <string.h>
#include <unistd.h>

#include "error.h"

bool owner_trusted(const struct stat *st)
{
	return st->st_uid == geteuid() || st->st_uid == 0;
}

bool owner_check_place(const char *path, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path);
	struct stat st;

	while (stat(dir, &st) < 0) {
		char *parent = g_path_get_dirname(dir);
		bool top = strcmp(parent, dir) == 0;

		g_free(dir);
		dir = parent;
		if (top)
			return true;
	}
	if (owner_trusted(&st))
		return true;

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FOREIGN,
		"%s belongs to user %u, not to us: nothing is made in it (is HOME right?)", dir,
		(unsigned)st.st_uid);
	return false;
}
