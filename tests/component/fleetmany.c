/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl purge --all-users over many homes of 20 certificates, 10 of them ours: right in each
 * of them, the others as they were, the memory of each level of processes independent of their
 * number, and the time beside a bare loop that only deletes. A small number in every run of the
 * tests, 1,000 in the long ones.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fleetbench.h"
#include "harness.h"
#include "process.h"

#define LEVELS    3 /* certpropctl, a user's process, his certprop-store */
#define SAMPLE_MS 20
#define TRIES     10
#define FEW       50u
#ifdef __has_feature /* clang */
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
/* That more users may cost the first process: their names. A sanitizer keeps what was freed. */
#if SANITIZED
#define GROWTH_KB (64 * 1024)
#else
#define GROWTH_KB 512
#endif
#define DEADLINE_US (600 * G_USEC_PER_SEC)

static const char *const purge_all[] = {"purge", "--all", "--all-users", "--json", NULL};

/* A run, watched */

typedef struct Watched {
	char *out;
	int status;
	double seconds;
	guint64 peak[LEVELS]; /* kB, of the largest process of each level */
	guint side_by_side;   /* the most users' processes that there were at once */
} Watched;

/* A number of a file below /proc; 0 when the process has ended. */
static guint64 number_of(pid_t pid, const char *file, const char *name)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, file);
	g_autofree char *text = NULL;
	const char *at;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	at = strstr(text, name);
	return at != NULL ? g_ascii_strtoull(at + strlen(name), NULL, 10) : 0;
}

/* The kernel's own peak is approximate, and can be nothing for a small process: so also what is
   there now, which is counted page by page. */
static guint64 peak_of(pid_t pid)
{
	return MAX(number_of(pid, "status", "\nVmHWM:"), number_of(pid, "smaps_rollup", "\nRss:"));
}

static void sample(Watched *watched, pid_t pid, unsigned level)
{
	g_autoptr(GArray) children = level + 1 < LEVELS ? rig_children(pid) : NULL;

	if (level == 0)
		watched->side_by_side = MAX(watched->side_by_side, children->len);
	watched->peak[level] = MAX(watched->peak[level], peak_of(pid));
	for (guint i = 0; children != NULL && i < children->len; i++)
		sample(watched, g_array_index(children, pid_t, i), level + 1);
}

static pid_t start(const GPtrArray *argv, int *ret_out)
{
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		execve(CTL_PROGRAM, (char **)argv->pdata, fleet.environment);
		_exit(127);
	}
	close(fds[1]);
	*ret_out = fds[0];
	return pid;
}

/* Reads what is there; false at the end. */
static bool read_more(int fd, GString *out)
{
	char chunk[65536];
	ssize_t n = read(fd, chunk, sizeof chunk);

	ck_assert_int_ge(n, 0);
	g_string_append_len(out, chunk, n);
	return n > 0;
}

static Watched run(const char *const *words)
{
	g_autoptr(GPtrArray) argv = fleet_argv(words);
	GString *out = g_string_new(NULL);
	Watched watched = {0};
	gint64 began = g_get_monotonic_time();
	struct pollfd fd = {.events = POLLIN};
	pid_t pid = start(argv, &fd.fd);

	do {
		ck_assert_msg(g_get_monotonic_time() - began < DEADLINE_US, "it does not end");
		sample(&watched, pid, 0);
	} while (poll(&fd, 1, SAMPLE_MS) == 0 || read_more(fd.fd, out));
	ck_assert_int_eq(waitpid(pid, &watched.status, 0), pid);
	watched.seconds = (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC;
	close(fd.fd);
	watched.out = g_string_free(out, FALSE);
	return watched;
}

/* What must be so afterwards */

static void check_backup(GHashTable *lines, unsigned i)
{
	g_autofree char *name = g_strdup_printf("h%u", i);
	g_autofree char *home = fleet_nth(i);
	const char *backup = fleet_said(lines, name, "backup");
	struct stat st;

	ck_assert_msg(g_str_has_prefix(backup, home), "%s is not in %s", backup, home);
	ck_assert_int_eq(stat(backup, &st), 0);
	ck_assert_uint_eq(st.st_uid, FLEET_UID + i % FLEET_USERS);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}

static void check_home(unsigned i, const char *foreign)
{
	g_autofree char *home = fleet_nth(i);
	g_autofree char *left = fleet_contents(home, false);

	/* nothing is there but what is not ours, attribute by attribute */
	ck_assert_int_eq(fleet_marked(home), 0);
	ck_assert_str_eq(left, foreign);
}

static void check_purged(const Watched *watched, unsigned n, const char *foreign)
{
	g_autoptr(GHashTable) lines = fleet_lines(watched->out);

	ck_assert_int_eq(watched->status, 0);
	ck_assert_uint_eq(g_hash_table_size(lines), n);
	ck_assert_uint_eq(fleet_count(lines, "ok"), n);
	for (unsigned i = 0; i < n; i++) {
		g_autofree char *name = g_strdup_printf("h%u", i);

		ck_assert_uint_eq(fleet_number(lines, name, "deleted"), FLEET_OURS);
		check_backup(lines, i);
		check_home(i, foreign);
	}
}

static pid_t start_bare(unsigned n, unsigned first, unsigned step)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
	pid_t pid;

	g_ptr_array_add(argv, g_strdup(BARE_PROGRAM));
	for (unsigned i = first; i < n; i += step)
		g_ptr_array_add(argv, g_strdup_printf("%s/h%u/" FLEET_DATABASE, fleet.homes, i));
	g_ptr_array_add(argv, NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		execv(BARE_PROGRAM, (char **)argv->pdata);
		_exit(127);
	}
	return pid;
}

/* As many loops side by side as there are processors. */
static double run_bare(unsigned n)
{
	unsigned loops = g_get_num_processors();
	g_autofree pid_t *pids = g_new(pid_t, loops);
	gint64 began = g_get_monotonic_time();

	for (unsigned i = 0; i < loops; i++)
		pids[i] = start_bare(n, i, loops);
	for (unsigned i = 0; i < loops; i++) {
		int status = -1;

		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
	return (double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC;
}

static void tell(const char *what, unsigned n, const Watched *watched)
{
	g_printerr("# %s, %u homes: %.2f s, %.1f ms each, %u at once; peak kB: certpropctl "
		   "%" G_GUINT64_FORMAT ", a user's %" G_GUINT64_FORMAT
		   ", his store %" G_GUINT64_FORMAT "\n",
		what, n, watched->seconds, 1000 * watched->seconds / n, watched->side_by_side,
		watched->peak[0], watched->peak[1], watched->peak[2]);
}

/* Each user with the backup that his line names, by a certpropctl of his own. */
static void undo_all(const Watched *watched, unsigned n)
{
	static const char script[] =
		"xargs -P 2 -L 1 sh -c 'setpriv --reuid $0 --regid $0 --clear-groups env -i "
		"HOME=$1 CERTPROP_LIBEXECDIR=$3 $3/certpropctl undo $2 >/dev/null || exit 255' "
		"<\"$0\"";
	g_autoptr(GHashTable) lines = fleet_lines(watched->out);
	g_autoptr(GString) jobs = g_string_new(NULL);
	g_autofree char *file = g_build_filename(fleet.dir, "jobs", NULL);
	gint64 began = g_get_monotonic_time();

	for (unsigned i = 0; i < n; i++) {
		g_autofree char *name = g_strdup_printf("h%u", i);

		g_string_append_printf(jobs, "%u %s/%s %s %s/helpers\n",
			FLEET_UID + i % FLEET_USERS, fleet.homes, name,
			fleet_said(lines, name, "backup"), fleet.dir);
	}
	ck_assert(g_file_set_contents(file, jobs->str, -1, NULL));
	fleet_do("sh", "-c", script, file, NULL);
	g_printerr("# undo, %u homes, one certpropctl each: %.2f s\n", n,
		(double)(g_get_monotonic_time() - began) / G_USEC_PER_SEC);
}

/* Every attribute of every object is as it was before the purge. */
static void check_undone(unsigned n)
{
	g_autofree char *whole = fleet_contents(fleet.model, false);

	for (unsigned i = 0; i < n; i++) {
		g_autofree char *home = fleet_nth(i);
		g_autofree char *contents = fleet_contents(home, false);

		ck_assert_int_eq(fleet_marked(home), FLEET_OURS);
		ck_assert_str_eq(contents, whole);
	}
}

/* The second time there is nothing to do, and nothing is touched. */
static void purge_again(unsigned n)
{
	g_autofree char *before = fleet_sum(fleet.homes);
	Watched again = run(purge_all);
	g_autofree char *after = fleet_sum(fleet.homes);
	g_autoptr(GHashTable) lines = fleet_lines(again.out);

	tell("nothing to do", n, &again);
	ck_assert_int_eq(again.status, 0);
	ck_assert_uint_eq(fleet_count(lines, "ok"), n);
	ck_assert_str_eq(before, after);
	g_free(again.out);
}

static Watched purge_many(unsigned n)
{
	g_autofree char *foreign = fleet_contents(fleet.model, true);
	double bare;
	Watched watched;

	fleet_fill(n);
	bare = run_bare(n);
	for (unsigned i = 0; i < n; i += n / 10)
		check_home(i, foreign);
	g_printerr("# bare loops, %u homes: %.2f s, %.1f ms each\n", n, bare, 1000 * bare / n);

	fleet_fill(n);
	watched = run(purge_all);
	tell("purge", n, &watched);
	g_printerr("# purge / bare = %.2f\n", watched.seconds / bare);
	check_purged(&watched, n, foreign);
	purge_again(n);
	undo_all(&watched, n);
	check_undone(n);
	g_free(watched.out);
	return watched;
}

/* A process that lives for milliseconds can be gone before it was looked at: few homes are purged
   until one of each level was seen. */
static Watched purge_few(unsigned n)
{
	guint64 peak[LEVELS] = {0};
	Watched watched = {0};
	bool all = false;

	for (unsigned try = 0; !all; try++) {
		ck_assert_uint_lt(try, TRIES);
		watched = purge_many(n);
		all = true;
		for (unsigned i = 0; i < LEVELS; i++) {
			peak[i] = MAX(peak[i], watched.peak[i]);
			all = all && peak[i] > 0;
		}
	}
	memcpy(watched.peak, peak, sizeof peak);
	return watched;
}

static void purge_few_and_many(unsigned few, unsigned many)
{
	Watched small = purge_few(few);
	Watched large = purge_many(many);

	/* More than one processor is used, and never more processes than there are of those. */
	ck_assert_uint_ge(large.side_by_side, MIN(2, g_get_num_processors()));
	ck_assert_uint_le(large.side_by_side, g_get_num_processors());
	for (unsigned i = 0; i < LEVELS; i++) {
		ck_assert_msg(large.peak[i] < small.peak[i] + GROWTH_KB,
			"level %u: %" G_GUINT64_FORMAT " kB with %u homes, %" G_GUINT64_FORMAT
			" kB with %u",
			i, small.peak[i], few, large.peak[i], many);
	}
}

START_TEST(few)
{
	purge_few_and_many(FEW / 5, FEW);
}
END_TEST

START_TEST(thousand)
{
	purge_few_and_many(100, 1000);
}
END_TEST

START_TEST(dry_run)
{
	const char *words[] = {"purge", "--all", "--all-users", "--json", "--dry-run", NULL};
	g_autofree char *out = NULL;

	fleet_fill(FLEET_USERS);
	g_autofree char *before = fleet_sum(fleet.homes);
	ck_assert_int_eq(fleet_ctl(&out, NULL, words), 0);
	g_autofree char *after = fleet_sum(fleet.homes);
	g_autoptr(GHashTable) lines = fleet_lines(out);
	ck_assert_uint_eq(fleet_number(lines, "h3", "deleted"), FLEET_OURS);
	ck_assert_str_eq(before, after);
}
END_TEST

/* A signal after the first user: who is at work finishes, who had no turn is as he was, and
   another run does the rest. */
START_TEST(interrupted)
{
	g_autoptr(GPtrArray) argv = fleet_argv(purge_all);
	g_autofree char *foreign = fleet_contents(fleet.model, true);
	g_autoptr(GString) out = g_string_new(NULL);
	unsigned n = 20 * g_get_num_processors(), n_left = 0;
	int fd, status = -1;
	pid_t pid;

	fleet_fill(n);
	pid = start(argv, &fd);
	while (strchr(out->str, '\n') == NULL)
		ck_assert(read_more(fd, out));
	ck_assert_int_eq(kill(pid, _i == 0 ? SIGTERM : SIGINT), 0);
	while (read_more(fd, out))
		;
	close(fd);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 3, "wait status %d", status);

	g_autoptr(GHashTable) lines = fleet_lines(out->str);
	for (unsigned i = 0; i < n; i++) {
		g_autofree char *name = g_strdup_printf("h%u", i);
		g_autofree char *home = fleet_nth(i);
		bool told = g_hash_table_contains(lines, name);

		n_left += !told;
		ck_assert_int_eq(fleet_marked(home), told ? 0 : FLEET_OURS);
	}
	ck_assert_uint_gt(n_left, 0);
	ck_assert_int_eq(fleet_ctl(NULL, NULL, purge_all), 0);
	for (unsigned i = 0; i < n; i++)
		check_home(i, foreign);
}
END_TEST

/* The users of the machine: in a mount namespace with accounts of ours. */
START_TEST(accounts)
{
	static const char script[] =
		"mount --make-rprivate / && mount --bind \"$0/passwd\" /etc/passwd && "
		"mount --bind \"$0/login.defs\" /etc/login.defs && exec \"$@\"";
	const char *argv[] = {"unshare", "-m", "sh", "-c", script, fleet.dir, CTL_PROGRAM, "list",
		"--all-users", "--json", NULL};
	g_autofree char *passwd = g_build_filename(fleet.dir, "passwd", NULL);
	g_autofree char *defs = g_build_filename(fleet.dir, "login.defs", NULL);
	g_autofree char *ada = fleet_home("ada", FLEET_UID);
	g_autofree char *bob = fleet_home("bob", FLEET_UID + 1);
	g_autofree char *text =
		g_strdup_printf("root:x:0:0::/root:/bin/sh\n"
				"low:x:71999:71999::%s:/bin/sh\nhigh:x:72003:72003::%s:/bin/sh\n"
				"ada:x:72000:72000::%s:/bin/sh\nada2:x:72000:72000::%s:/bin/sh\n"
				"bob:x:72001:72001::%s:/bin/sh\neve:x:72002:72002::%s:/bin/sh\n"
				"gone:x:72001:72001::/nonexistent:/bin/sh\n",
			ada, ada, ada, ada, bob, ada);
	g_autofree char *out = NULL;
	int status = -1;

	ck_assert(g_file_set_contents(passwd, text, -1, NULL));
	ck_assert(g_file_set_contents(
		defs, "# of ours\nUID_MIN\t\t72000\nUID_MAX 72002\n", -1, NULL));
	ck_assert_int_eq(chmod(passwd, 0644), 0);
	ck_assert(g_spawn_sync("/", (char **)argv, fleet.environment, G_SPAWN_SEARCH_PATH, NULL,
		NULL, &out, NULL, &status, NULL));
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 3, "wait status %d", status);

	g_auto(GStrv) all = g_strsplit(out, "\n", -1);
	ck_assert_uint_eq(g_strv_length(all), 5);
	ck_assert_msg(g_str_has_prefix(all[0], "{\"user\":\"ada\",\"uid\":72000,") ||
			      strstr(out, "\n{\"user\":\"ada\",\"uid\":72000,") != NULL,
		"%s", out);
	ck_assert_ptr_nonnull(strstr(out, "{\"user\":\"bob\",\"uid\":72001,"));
	ck_assert_ptr_nonnull(strstr(out, "{\"user\":\"eve\",\"uid\":72002,"));
	ck_assert_ptr_nonnull(
		strstr(out, "\"failed\",\"reason\":\"the home belongs to user 72000\""));
	ck_assert_ptr_nonnull(
		strstr(out, "{\"user\":\"gone\",\"uid\":72001,\"home\":\"/nonexistent\","
			    "\"status\":\"skipped\""));
}
END_TEST

static void add_case(Suite *suite, const char *name, const TTest *test, int n, double seconds)
{
	TCase *tcase = tcase_create(name);

	tcase_add_unchecked_fixture(tcase, fleet_open, NULL);
	tcase_add_checked_fixture(tcase, fleet_setup, NULL);
	tcase_add_loop_test(tcase, test, 0, n);
	tcase_set_timeout(tcase, seconds);
	suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("fleet-many");
	int status;

	add_case(suite, "few", few, 1, 250);
	add_case(suite, "dry-run", dry_run, 1, 60);
	add_case(suite, "interrupted", interrupted, 2, 120);
	add_case(suite, "accounts", accounts, 1, 60);
	add_case(suite, "thousand", thousand, 1, 1700);
	status = harness_run(suite, argc, argv);
	fleet_close();
	return status;
}
