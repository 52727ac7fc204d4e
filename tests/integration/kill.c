/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kill -9 at fifty points of a process's life, for each of the four. A point is a time after the
 * process was seen to run: the whole of its life in even steps, each moved by chance, so that every
 * run finds other points; the seed is printed, and CERTPROP_SEED repeats them.
 *
 * After each: both files are sound, what is in them is true, the user's own is untouched, the other
 * processes are where they belong, and the next look brings the right state.
 */
#include "evidence.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "names.h"

#define MISSED_US (3 * G_USEC_PER_SEC)
#define POINTS    50u
#define TRIES     (4 * POINTS)
#define WAIT_MS   20000u
#define SAMPLES   3u
#define SETTLE_US 1000000 /* what a look with a deletion waits in the middle */
#define LAST_US   150000

static pid_t minder; /* takes orphans */
static Evidence *card;
static GRand *chance;

/* What a look finds to do. */
typedef enum {
	WORK_CREATE, /* everything is gone */
	WORK_RENEW,  /* one certificate to create, one to delete */
	N_WORK,
} Work;

static void begin(void)
{
	const char *wish = g_getenv("CERTPROP_SEED");
	guint32 seed = wish != NULL ? (guint32)g_ascii_strtoull(wish, NULL, 10) : g_random_int();

	g_printerr("# CERTPROP_SEED=%u\n", seed);
	chance = g_rand_new_with_seed(seed);
	card = evidence_deal();
	evidence_seat(card, 0);
	rig_card_insert_seen(world.cards[0]);
	world_start();
	evidence_wait(card, NULL);
	evidence_wait_rest(0, "read");
}

static void end(void)
{
	g_rand_free(chance);
	ck_assert_int_eq(world_stop(), 0);
}

static void make_work(Work work)
{
	static unsigned renewed;

	if (work == WORK_CREATE)
		evidence_wipe();
	else
		evidence_renew(card, 0, renewed++ % EVIDENCE_CERTS);
}

/* Of the daemon, by name, or 0. */
static pid_t find_child(const char *name)
{
	pid_t daemon = rig_process_pid(world.daemon);
	g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", daemon, daemon);
	g_autofree char *text = NULL;
	g_auto(GStrv) pids = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	pids = g_strsplit(g_strstrip(text), " ", -1);
	for (char **pid = pids; *pid != NULL; pid++) {
		g_autofree char *comm_path = g_strdup_printf("/proc/%s/comm", *pid);
		g_autofree char *comm = NULL;

		if (g_file_get_contents(comm_path, &comm, NULL, NULL) &&
			strcmp(g_strchomp(comm), name) == 0)
			return (pid_t)strtol(*pid, NULL, 10);
	}
	return 0;
}

/* A descriptor for the child as soon as there is one: no other process can be meant by it. Without
   a pause in between, because what is waited for may live for only a few milliseconds. One that was
   missed all the same comes again with the next look. */
static int await_child(const char *name)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)WAIT_MS * 1000;
	gint64 missed = g_get_monotonic_time() + MISSED_US;

	for (;;) {
		pid_t pid = find_child(name);
		int fd = pid != 0 ? pidfd_open(pid, 0) : -1;

		if (fd >= 0 && find_child(name) == pid)
			return fd;
		if (fd >= 0)
			close(fd);
		ck_assert_msg(g_get_monotonic_time() < deadline, "not within %u ms: a %s starts",
			WAIT_MS, name);
		if (g_get_monotonic_time() > missed) {
			evidence_look();
			missed = g_get_monotonic_time() + MISSED_US;
		}
	}
}

static bool ends_within(int pidfd, int ms)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};

	return poll(&ended, 1, ms) == 1;
}

/* The point in time is what is tested: there is no condition to wait for. */
static void let_pass(gint64 us)
{
	g_usleep((gulong)us);
}

/* How long the process lives when nobody kills it; the shortest of some. */
static gint64 life_of(const char *name, Work work)
{
	gint64 shortest = G_MAXINT64;

	for (unsigned i = 0; i < SAMPLES; i++) {
		gint64 start;
		int fd;

		make_work(work);
		evidence_look();
		fd = await_child(name);
		start = g_get_monotonic_time();
		ck_assert(ends_within(fd, (int)WAIT_MS));
		shortest = MIN(shortest, g_get_monotonic_time() - start);
		close(fd);
		evidence_wait_rest(0, "read");
		evidence_check(card, NULL);
	}
	g_printerr("# %s lives for %" G_GINT64_FORMAT " us\n", name, shortest);
	return shortest;
}

/* The nth point of `of` in a time. */
static gint64 point(unsigned n, unsigned of, gint64 length)
{
	return (gint64)((n + g_rand_double(chance)) / of * (double)length);
}

/* When a store with a deletion to make is killed: not in the second in which it only waits. */
static gint64 point_of(unsigned n, unsigned of, Work work, gint64 length)
{
	gint64 busy = work == WORK_RENEW ? length - SETTLE_US : length;
	gint64 at;

	if (busy <= 0)
		return point(n, of, length);
	at = point(n, of, busy);
	return work == WORK_RENEW && n >= of / 2 ? at + SETTLE_US : at;
}

/* Whatever the killed process was in the middle of. */
static void look_again(void)
{
	ck_assert(rig_process_alive(world.daemon));
	evidence_check_true();
	evidence_look();
	evidence_wait_rest(0, "read");
	evidence_check(card, NULL);
}

static bool kill_at(const char *name, Work work, gint64 us)
{
	bool alive;
	int fd;

	make_work(work);
	evidence_look();
	fd = await_child(name);
	let_pass(us);
	alive = !ends_within(fd, 0) && pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0;
	ck_assert(ends_within(fd, (int)WAIT_MS));
	close(fd);
	return alive;
}

/* A helper that lives as long as its look. */
static void kill_often(const char *name)
{
	gint64 life[N_WORK] = {life_of(name, WORK_CREATE), life_of(name, WORK_RENEW)};
	unsigned hits = 0;

	for (unsigned try = 0; hits < POINTS && try < TRIES; try++) {
		Work work = hits % N_WORK;
		gint64 us = point_of(hits / N_WORK, POINTS / N_WORK, work, life[work]);

		/* Missed: it lives shorter than it did when its life was measured. */
		if (kill_at(name, work, us))
			hits++;
		else
			life[work] -= life[work] / 10;
		look_again();
	}
	ck_assert_uint_eq(hits, POINTS);
}

START_TEST(scan_killed)
{
	begin();
	kill_often(NAME_SCAN);
	end();
}
END_TEST

START_TEST(store_killed)
{
	begin();
	kill_often(NAME_STORE);
	end();
}
END_TEST

/* One that dies again and again is waited for longer and longer, but not by another daemon. */
static void renew_daemon(void)
{
	ck_assert_int_eq(world_stop(), 0);
	world_start();
	evidence_wait_rest(0, "read");
}

/* It is there all the time, so the time is that of a look. */
START_TEST(watch_killed)
{
	gint64 life[N_WORK];

	begin();
	for (Work work = 0; work < N_WORK; work++)
		life[work] = life_of(NAME_STORE, work);
	for (unsigned i = 0; i < POINTS; i++) {
		Work work = i % N_WORK;
		int fd;

		if (i % 2 == 1)
			renew_daemon();
		fd = await_child(NAME_WATCH);
		make_work(work);
		evidence_look();
		let_pass(point_of(i / N_WORK, POINTS / N_WORK, work, life[work]));
		ck_assert_int_eq(pidfd_send_signal(fd, SIGKILL, NULL, 0), 0);
		ck_assert(ends_within(fd, (int)WAIT_MS));
		close(fd);
		/* Nobody has to ask: another one is started, and it sees the card. */
		evidence_wait(card, NULL);
		evidence_wait_rest(0, "read");
		look_again();
	}
	end();
}
END_TEST

static bool nobody_is_left(gpointer data)
{
	g_autoptr(GArray) orphans = rig_children(minder);

	return orphans->len == 1; /* the test program */
}

/* Its helpers go with it, and the next one puts right what it left. */
static void kill_daemon(void)
{
	g_clear_object(&world.bus);
	rig_process_kill(world.daemon);
	rig_wait_until(nobody_is_left, NULL, WAIT_MS, "no helper outlives certpropd");
	evidence_check_true();
	world_start();
	evidence_wait(card, NULL);
	evidence_wait_rest(0, "read");
}

START_TEST(daemon_killed_in_look)
{
	gint64 life[N_WORK];

	begin();
	for (Work work = 0; work < N_WORK; work++)
		life[work] = life_of(NAME_STORE, work);
	for (unsigned i = 0; i < POINTS; i++) {
		Work work = i % N_WORK;

		make_work(work);
		evidence_look();
		let_pass(point_of(i / N_WORK, POINTS / N_WORK, work, life[work]));
		kill_daemon();
	}
	end();
}
END_TEST

/* From its first moment on. */
START_TEST(daemon_killed_at_start)
{
	gint64 start, life;

	begin();
	ck_assert_int_eq(world_stop(), 0);
	evidence_wipe();
	start = g_get_monotonic_time();
	world_start();
	evidence_wait_rest(0, "read");
	life = g_get_monotonic_time() - start;
	for (unsigned i = 0; i < POINTS / 2; i++) {
		ck_assert_int_eq(world_stop(), 0);
		evidence_wipe();
		world_launch();
		let_pass(point(i, POINTS / 2, life));
		kill_daemon();
	}
	end();
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *test)
{
	TCase *tcase = suite_tcase(suite, name) ? NULL : tcase_create(name);

	tcase_set_timeout(tcase, 1200);
	tcase_add_checked_fixture(tcase, evidence_setup, evidence_teardown);
	tcase_add_test(tcase, test);
	suite_add_tcase(suite, tcase);
}

int main(int argc, char **argv)
{
	Suite *suite = suite_create("kill");

	rig_enter();
	minder = getppid();
	add(suite, "scan", scan_killed);
	add(suite, "store", store_killed);
	add(suite, "watch", watch_killed);
	add(suite, "daemon", daemon_killed_in_look);
	add(suite, "start", daemon_killed_at_start);
	return harness_run(suite, argc, argv);
}
