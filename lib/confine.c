/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a helper gives up before it reads its first byte. A helper is exec'd by the daemon, which
 * has built its environment from an allow-list; here it sees to itself: no privilege can be gained,
 * no key material ends in a core file, nothing grows without bound, no descriptor of the parent is
 * in reach, and nobody is left over when the parent dies.
 *
 * Everything here only ever lowers what the process may do, needs no privilege, and works in user
 * namespaces. It is no system-call filter: what a vendor's module needs cannot be known. If there
 * is ever one for the helpers without a foreign module, it goes here.
 */

#include "confine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

#define MIB       (G_GUINT64_CONSTANT(1) << 20)
#define UNLIMITED G_MAXUINT64

typedef struct Profile {
	int first_fd;      /* descriptors from here on are not ours */
	guint64 n_files;   /* open descriptors */
	guint64 memory;    /* address space beyond what is mapped at the start, bytes */
	guint64 file_size; /* of any file that is written, bytes */
	guint64 cpu;       /* seconds of processor time in the whole life */
} Profile;

static const Profile profiles[] = {
	/* Lives for weeks: no cap on its processor time. */
	[CONFINE_WATCH] = {3, 64, 256 * MIB, 16 * MIB, UNLIMITED},
	/* Modules reserve generously, and some keep a log. The processor time is the longest
	   deadline that can be configured: a module that spins while nobody can kill it. */
	[CONFINE_SCAN] = {3, 256, 2048 * MIB, 64 * MIB, 600},
	/* 3 is the scan's pipe. A database may be of any size, and a limit that is hit in the
	   middle of a transaction would be our fault. */
	[CONFINE_STORE] = {4, 256, 2048 * MIB, UNLIMITED, UNLIMITED},
};

static bool fail(GError **error, const char *what)
{
	int saved = errno;

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
		"Confining this process failed at %s: %s", what, g_strerror(saved));
	return false;
}

/* Only the soft limit of descriptors: it is there against leaks, and valgrind, under which the
   helpers must run too, refuses to lower the hard one. */
static bool lower_files(guint64 value, GError **error)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return fail(error, "RLIMIT_NOFILE");

	limit.rlim_cur = MIN(limit.rlim_cur, (rlim_t)value);
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 || fail(error, "RLIMIT_NOFILE");
}

/* A limit that is lower already stays. */
static bool lower(__rlimit_resource_t resource, const char *name, guint64 value, GError **error)
{
	struct rlimit limit;

	if (value == UNLIMITED)
		return true;
	if (getrlimit(resource, &limit) < 0)
		return fail(error, name);

	limit.rlim_max = MIN(limit.rlim_max, (rlim_t)value);
	limit.rlim_cur = MIN(limit.rlim_cur, limit.rlim_max);
	if (setrlimit(resource, &limit) < 0)
		return fail(error, name);

	return true;
}

/* Bytes of address space in use, 0 if unknown. Measured and not assumed, because sanitizers and
   valgrind map terabytes before main(). */
static guint64 mapped(void)
{
	guint64 pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file == NULL)
		return 0;
	if (fscanf(file, "%" G_GUINT64_FORMAT, &pages) != 1)
		pages = 0;
	(void)fclose(file);

	return pages * (guint64)sysconf(_SC_PAGESIZE);
}

static bool limit_memory(guint64 budget, GError **error)
{
	guint64 base = mapped();

	/* Without /proc the budget cannot be placed; a guess could kill an honest helper. */
	if (base == 0)
		return true;
	return lower(RLIMIT_AS, "RLIMIT_AS", base + budget, error);
}

static bool die_with(gint64 parent, GError **error)
{
	if (parent == 0)
		return true;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return fail(error, "PR_SET_PDEATHSIG");
	/* It may have died before the line above; then there is nobody to report to. */
	if (getppid() != (pid_t)parent)
		_exit(1);

	return true;
}

bool confine_self(ConfineProfile profile, gint64 parent, GError **error)
{
	const Profile *p = &profiles[profile];

	if (!die_with(parent, error))
		return false;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(error, "PR_SET_NO_NEW_PRIVS");
	if (close_range((unsigned)p->first_fd, ~0u, 0) < 0)
		return fail(error, "close_range");
	(void)umask(077);

	/* A log that has reached the limit costs the module its log and not its life. */
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return fail(error, "SIGXFSZ");

	return lower(RLIMIT_CORE, "RLIMIT_CORE", 0, error) && lower_files(p->n_files, error) &&
	       lower(RLIMIT_FSIZE, "RLIMIT_FSIZE", p->file_size, error) &&
	       lower(RLIMIT_CPU, "RLIMIT_CPU", p->cpu, error) && limit_memory(p->memory, error);
}
