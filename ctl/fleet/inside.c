/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Root's last steps and the user's first. As root this looks at the home without following a link,
 * at its owner and nothing else, asks the user database about him, and says whom it becomes. From
 * then on it is the user's process: what it opens he could have opened, what it prints he could
 * have printed.
 *
 * The home is looked at once more as the user. He may have changed it meanwhile; then he has
 * misled a process of his own.
 */

#include "inside.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "become.h"
#include "names.h"

#define USER_PATH "/usr/local/bin:/usr/bin:/bin"

/* What of root's environment a user's process may go on with. */
static const char *const kept[] = {
	"LANG", "LC_ALL", "LC_MESSAGES", "LC_CTYPE", "TZ", NAME_ENV_LIBEXECDIR};

static _Noreturn void end(int status, const char *format, ...) G_GNUC_PRINTF(2, 3);

static _Noreturn void end(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vdprintf(STDERR_FILENO, format, args);
	va_end(args);
	_exit(status);
}

static void look(const char *home, struct stat *ret_st)
{
	if (lstat(home, ret_st) < 0)
		end(errno == ENOENT || errno == ENOTDIR ? INSIDE_SKIPPED : INSIDE_BARRED,
			"looking at the home failed: %s", g_strerror(errno));
}

/* Ends the process if this is nobody's home; whether it is this user's is the caller's to judge. */
static void check_kind(const struct stat *st)
{
	if (S_ISLNK(st->st_mode))
		end(INSIDE_SKIPPED, "the home is a symbolic link, which is not followed");
	if (!S_ISDIR(st->st_mode))
		end(INSIDE_SKIPPED, "the home is not a directory");
	if (st->st_uid == 0)
		end(INSIDE_SKIPPED, "the home belongs to root");
}

static void say_who(const User *user)
{
	InsideHead head = {.uid = user->uid};

	(void)g_strlcpy(head.name, user->name, sizeof head.name);
	if (write(STDOUT_FILENO, &head, sizeof head) != (ssize_t)sizeof head)
		_exit(EXIT_STATUS_FAILED);
}

/* He was found by his home: whose is it? */
static void find_owner(User *user)
{
	struct stat st;

	look(user->home, &st);
	users_identify(user, st.st_uid, st.st_gid);
	say_who(user);
	check_kind(&st);
}

static void check_home(const User *user)
{
	struct stat st;

	look(user->home, &st);
	check_kind(&st);
	if (st.st_uid != user->uid)
		end(INSIDE_BARRED, "the home belongs to user %u", (unsigned)st.st_uid);
	if (access(user->home, R_OK | X_OK) < 0)
		end(INSIDE_BARRED, "reading the home failed: %s", g_strerror(errno));
}

static void set_environment(const User *user)
{
	char *values[G_N_ELEMENTS(kept)];

	for (gsize i = 0; i < G_N_ELEMENTS(kept); i++)
		values[i] = g_strdup(g_getenv(kept[i]));
	(void)clearenv();
	for (gsize i = 0; i < G_N_ELEMENTS(kept); i++) {
		if (values[i] != NULL)
			(void)g_setenv(kept[i], values[i], TRUE);
		g_free(values[i]);
	}
	(void)g_setenv("PATH", USER_PATH, TRUE);
	(void)g_setenv("HOME", user->home, TRUE);
	if (user->known) {
		(void)g_setenv("USER", user->name, TRUE);
		(void)g_setenv("LOGNAME", user->name, TRUE);
	}
}

void inside_run(const User *given, pid_t parent, InsideFunc func, gpointer data)
{
	User *user = user_dup(given);
	g_autoptr(GError) error = NULL;
	BecomeUser become;

	if (close_range(STDERR_FILENO + 1, ~0u, 0) < 0 || chdir("/") < 0)
		end(EXIT_STATUS_FAILED, "leaving root's files failed: %s", g_strerror(errno));
	if (user->known)
		say_who(user);
	else
		find_owner(user);

	become = (BecomeUser){user->uid, user->gid, user->known ? user->name : NULL};
	if (!become_user(&become, parent, &error))
		end(EXIT_STATUS_FAILED, "%s", error->message);
	set_environment(user);
	check_home(user);

	_exit(func(data));
}
