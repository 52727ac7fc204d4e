/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Root works on nobody's home: a link, a FIFO or a damaged database that waits there must find a
 * process with no more rights than its owner has. So a child becomes the owner before it opens
 * anything, for good, and looks whether there is a way back before it goes on: an exotic security
 * bit can make setuid() succeed and leave every capability in place.
 *
 * The session of its own is no decoration. With root's terminal as the controlling one, the user's
 * process could open /dev/tty and type commands into root's shell.
 */

#include "become.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "error.h"

static bool fail(GError **error, const char *what)
{
	int saved = errno;

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
		"Becoming the user failed at %s: %s", what, g_strerror(saved));
	return false;
}

static bool take_groups(const BecomeUser *user, GError **error)
{
	if (user->name != NULL)
		return initgroups(user->name, user->gid) == 0 || fail(error, "initgroups");

	return setgroups(1, &user->gid) == 0 || fail(error, "setgroups");
}

static bool take_ids(const BecomeUser *user, GError **error)
{
	if (setresgid(user->gid, user->gid, user->gid) < 0)
		return fail(error, "setresgid");
	if (setresuid(user->uid, user->uid, user->uid) < 0)
		return fail(error, "setresuid");

	return true;
}

static bool has_no_capability(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &head, data) < 0)
		return false;
	for (gsize i = 0; i < G_N_ELEMENTS(data); i++) {
		if (data[i].effective != 0 || data[i].permitted != 0)
			return false;
	}

	return true;
}

static bool is_only(const BecomeUser *user)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	return getresuid(&r, &e, &s) == 0 && r == user->uid && e == user->uid && s == user->uid &&
	       getresgid(&rg, &eg, &sg) == 0 && rg == user->gid && eg == user->gid &&
	       sg == user->gid;
}

static bool there_is_no_way_back(const BecomeUser *user, GError **error)
{
	if (is_only(user) && has_no_capability() && setuid(0) < 0 && seteuid(0) < 0 &&
		setgid(0) < 0)
		return true;

	g_set_error_literal(error, CERTPROP_ERROR, CERTPROP_ERROR_DENIED,
		"Becoming the user failed: root's rights could not be given up for good");
	return false;
}

/* Ids that change take this order back, so it comes after them. */
static bool die_with(pid_t parent, GError **error)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail(error, "PR_SET_PDEATHSIG");
	if (getppid() != parent)
		_exit(1);

	return true;
}

bool become_user(const BecomeUser *user, pid_t parent, GError **error)
{
	const struct rlimit none = {0, 0};

	if (user->uid == 0 || user->gid == 0) {
		g_set_error_literal(error, CERTPROP_ERROR, CERTPROP_ERROR_DENIED,
			"Root and root's group are no user to become");
		return false;
	}
	if (setsid() < 0)
		return fail(error, "setsid");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(error, "PR_SET_NO_NEW_PRIVS");
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return fail(error, "RLIMIT_CORE");
	if (!take_groups(user, error) || !take_ids(user, error) ||
		!there_is_no_way_back(user, error))
		return false;
	(void)umask(077);

	return die_with(parent, error);
}
