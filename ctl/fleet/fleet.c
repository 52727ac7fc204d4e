/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropctl COMMAND --all-users. As many users at once as there are processors, each in a child
 * that has become him; this process opens nothing of anybody's.
 *
 * The children are forked and not executed: GLib and all of certpropctl are in memory, and their
 * start would cost more than what there is to do in most homes. That holds because nothing here
 * starts a thread or fills one of GLib's caches (home, configuration directory) with root's answer.
 *
 * The first SIGINT, SIGTERM or SIGHUP lets those who are at work finish, within a few seconds, and
 * starts nobody any more; a second one ends them. Since each home is brought to where it should be
 * from whatever state it is in, the run can be repeated.
 */

#include "fleet.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "ledger.h"
#include "names.h"
#include "paint.h"
#include "users.h"
#include "visit.h"

#define HURRY_US (10 * G_USEC_PER_SEC) /* for those who are at work when we are interrupted */

typedef struct Run {
	const Fleet *fleet;
	GPtrArray *users;
	guint next; /* the first who had no turn */
	Visit **visits;
	guint n_slots, n_busy;
	int signals;
	unsigned n_signals;
	sigset_t mask; /* before ours */
	Ledger *ledger;
	struct pollfd *fds;
} Run;

static bool catch_signals(Run *run)
{
	sigset_t ours;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &ours, &run->mask) < 0)
		return false;

	run->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	return run->signals >= 0;
}

static void release_signals(Run *run)
{
	if (run->signals >= 0)
		(void)close(run->signals);
	(void)sigprocmask(SIG_SETMASK, &run->mask, NULL);
}

static void stop(Run *run)
{
	gint64 until = g_get_monotonic_time() + (run->n_signals > 1 ? 0 : HURRY_US);

	for (guint i = 0; i < run->n_slots; i++) {
		if (run->visits[i] != NULL)
			visit_hurry(run->visits[i], until);
	}
}

static void take_signals(Run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof info) == (ssize_t)sizeof info) {
		run->n_signals++;
		stop(run);
	}
}

static void tell(Run *run, const VisitResult *result)
{
	if (ledger_add(run->ledger, result))
		return;

	/* Nobody reads it: what nobody hears of is better not done. */
	run->n_signals++;
	stop(run);
}

static void tell_failure(Run *run, const User *user, const GError *error)
{
	g_autoptr(VisitResult) result = g_new0(VisitResult, 1);

	result->user = user_dup(user);
	result->status = VISIT_FAILED;
	result->reason = g_strdup(error->message);
	tell(run, result);
}

static void start_next(Run *run, guint slot)
{
	const VisitPlan plan = {
		.func = run->fleet->func,
		.data = run->fleet->data,
		.timeout = (gint64)run->fleet->seconds * G_USEC_PER_SEC,
		.mask = &run->mask,
	};
	const User *user = g_ptr_array_index(run->users, run->next++);
	g_autoptr(GError) error = NULL;

	run->visits[slot] = visit_start(user, &plan, &error);
	if (run->visits[slot] != NULL)
		run->n_busy++;
	else
		tell_failure(run, user, error);
}

static void fill_slots(Run *run)
{
	for (guint i = 0; i < run->n_slots; i++) {
		while (run->visits[i] == NULL && run->n_signals == 0 && run->next < run->users->len)
			start_next(run, i);
	}
}

static int time_left(const Run *run)
{
	gint64 now = g_get_monotonic_time();
	gint64 left = (gint64)run->fleet->seconds * G_USEC_PER_SEC;

	for (guint i = 0; i < run->n_slots; i++) {
		if (run->visits[i] != NULL)
			left = MIN(left, visit_deadline(run->visits[i]) - now);
	}

	return (int)(MAX(left, 0) / 1000) + 1;
}

/* Waits until something happens to somebody. */
static void wait_for_any(Run *run)
{
	for (guint i = 0; i < run->n_slots; i++) {
		struct pollfd *fds = &run->fds[1 + i * VISIT_FDS];

		if (run->visits[i] != NULL)
			visit_watch(run->visits[i], fds);
		else
			for (guint j = 0; j < VISIT_FDS; j++)
				fds[j] = (struct pollfd){.fd = -1};
	}
	run->fds[0] = (struct pollfd){.fd = run->signals, .events = POLLIN};
	if (poll(run->fds, 1 + run->n_slots * VISIT_FDS, time_left(run)) <= 0)
		for (guint i = 0; i < 1 + run->n_slots * VISIT_FDS; i++)
			run->fds[i].revents = 0;
}

static void serve(Run *run, guint slot)
{
	Visit *visit = run->visits[slot];

	visit_serve(visit, &run->fds[1 + slot * VISIT_FDS]);
	visit_check(visit, g_get_monotonic_time());
	if (!visit_ended(visit))
		return;

	g_autoptr(VisitResult) result = visit_result(visit);
	run->visits[slot] = visit_free(visit);
	run->n_busy--;
	tell(run, result);
}

static int go_over(Run *run)
{
	for (fill_slots(run); run->n_busy > 0; fill_slots(run)) {
		wait_for_any(run);
		if (run->fds[0].revents != 0)
			take_signals(run);
		for (guint i = 0; i < run->n_slots; i++) {
			if (run->visits[i] != NULL)
				serve(run, i);
		}
	}

	return ledger_close(run->ledger, run->users->len - run->next);
}

int fleet_run(const Fleet *fleet)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) users = NULL;
	Run run = {.fleet = fleet, .signals = -1, .n_slots = g_get_num_processors()};
	int status = EXIT_STATUS_FAILED;

	if (geteuid() != 0) {
		paint_complain(
			"--all-users is root's: each user's databases are opened by a process "
			"that has become that user");
		return EXIT_STATUS_FAILED;
	}
	users = users_find(fleet->homes, &error);
	if (users == NULL) {
		paint_complain("%s", error->message);
		return EXIT_STATUS_FAILED;
	}

	run.users = users;
	run.visits = g_new0(Visit *, run.n_slots);
	run.fds = g_new0(struct pollfd, 1 + run.n_slots * VISIT_FDS);
	run.ledger = ledger_new(fleet->verb, users->len, fleet->json, fleet->dry_run);
	if (catch_signals(&run))
		status = go_over(&run);
	else
		paint_complain("cannot wait for signals: %s", g_strerror(errno));

	release_signals(&run);
	ledger_free(run.ledger);
	g_free(run.visits);
	g_free(run.fds);

	return status;
}
