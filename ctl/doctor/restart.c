/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where no service manager knows of it, certpropd is found by its lock, which is free as soon as it
 * has ended: the new one is started then and not before.
 */

#include "restart.h"

#include "culprit.h"
#include "names.h"
#include "process.h"
#include "remedy.h"
#include "runtime.h"
#include "unit.h"

#define BY_HAND "setsid -f " NAME_DAEMON " >/dev/null 2>&1"

char *restart_unit(const char *action)
{
	if (!unit_has_manager())
		return NULL;

	return remedy_line("systemctl", "--user", action, UNIT_NAME, NULL);
}

char *restart_by_hand(void)
{
	return g_strdup(BY_HAND);
}

void restart_mend(Finding *finding, const char *kill)
{
	g_autofree char *dir = runtime_dir();
	g_autofree char *lock = g_build_filename(dir, NAME_LOCK_INSTANCE, NULL);
	g_autofree char *quoted = remedy_word(lock);
	g_autoptr(GPtrArray) holders = culprits_of_lock(lock);

	if (unit_has_manager())
		finding_mend(finding, restart_unit("restart"), false);
	else if (holders->len > 0)
		finding_mend(finding,
			g_strdup_printf("%s %d && flock -w 10 %s true && " BY_HAND, kill,
				(int)((const Process *)g_ptr_array_index(holders, 0))->pid, quoted),
			false);
}
