/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Root's end of a visit. But for its first few bytes, which were written before the child became
 * the user, all that comes through the two pipes is the user's word: it is counted against a cap,
 * looked through before a parser sees it, and escaped before it is shown. Its end is noticed by the
 * process and never by the end of a stream, which something that was left behind may hold open.
 *
 * No thread is ever started in this process, and so no main loop of GLib's is used for children:
 * what is forked here has to be a whole program.
 */

#include "visit.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "names.h"
#include "strict.h"
#include "text.h"

#define CHUNK 16384u
#define DYING_US \
	(5 * G_USEC_PER_SEC) /* from SIGKILL to the end, unless a dead file server has it */

struct Visit {
	User *user;
	pid_t pid; /* 0 once it is reaped */
	int pidfd, out, err;
	GByteArray *said, *complained;
	gint64 deadline;
	bool over; /* it said too much */
	bool late; /* its time was over */
	bool lost; /* and it does not even die */
	int wait_status;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static _Noreturn void run_child(
	const Visit *visit, const VisitPlan *plan, pid_t parent, int out, int err)
{
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (in < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		dup2(err, STDERR_FILENO) < 0)
		_exit(EXIT_STATUS_FAILED);
	(void)sigprocmask(SIG_SETMASK, plan->mask, NULL);
	inside_run(visit->user, parent, plan->func, plan->data);
}

static bool fork_child(Visit *visit, const VisitPlan *plan, GError **error)
{
	int out[2] = {-1, -1}, err[2] = {-1, -1};
	pid_t parent = getpid();

	if (!g_unix_open_pipe(out, FD_CLOEXEC, error))
		return false;
	visit->out = out[0];
	if (!g_unix_open_pipe(err, FD_CLOEXEC, error)) {
		close_fd(&out[1]);
		return false;
	}
	visit->err = err[0];
	(void)g_unix_set_fd_nonblocking(visit->out, TRUE, NULL);
	(void)g_unix_set_fd_nonblocking(visit->err, TRUE, NULL);

	visit->pid = fork();
	if (visit->pid == 0)
		run_child(visit, plan, parent, out[1], err[1]);
	if (visit->pid > 0)
		visit->pidfd = pidfd_open(visit->pid, 0);
	if (visit->pid < 0 || visit->pidfd < 0)
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Starting a process for a user failed: %s", g_strerror(errno));
	close_fd(&out[1]);
	close_fd(&err[1]);

	return visit->pidfd >= 0;
}

Visit *visit_start(const User *user, const VisitPlan *plan, GError **error)
{
	Visit *visit = g_new0(Visit, 1);

	visit->user = user_dup(user);
	visit->pidfd = visit->out = visit->err = -1;
	visit->said = g_byte_array_new();
	visit->complained = g_byte_array_new();
	visit->deadline = g_get_monotonic_time() + plan->timeout;
	if (!fork_child(visit, plan, error))
		return visit_free(visit);

	return visit;
}

/* The child is the leader of its session and group, unless it has not come that far. */
static void kill_child(const Visit *visit)
{
	if (visit->pid <= 0)
		return;

	(void)kill(-visit->pid, SIGKILL);
	(void)kill(visit->pid, SIGKILL);
}

void visit_watch(const Visit *visit, struct pollfd fds[VISIT_FDS])
{
	fds[0] = (struct pollfd){.fd = visit->out, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = visit->err, .events = POLLIN};
	fds[2] = (struct pollfd){.fd = visit->pidfd, .events = POLLIN};
}

/* Reads once; false when there is nothing more now or ever. */
static bool read_some(int *fd, GByteArray *to, gsize max, bool *ret_over)
{
	guint8 chunk[CHUNK];
	ssize_t n = *fd >= 0 ? read(*fd, chunk, sizeof chunk) : -1;

	if (n < 0 && *fd >= 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		close_fd(fd);
		return false;
	}
	*ret_over = to->len + (gsize)n > max;
	g_byte_array_append(to, chunk, (guint)MIN((gsize)n, max - to->len));

	return true;
}

static void read_out(Visit *visit)
{
	bool over = false;

	while (!visit->over &&
		read_some(&visit->out, visit->said, VISIT_BYTES_MAX + sizeof(InsideHead), &over)) {
		visit->over = over;
		if (!over)
			continue;
		close_fd(&visit->out);
		kill_child(visit);
	}
}

/* What is beyond the cap is read and forgotten: a chunk for each that poll() reports. */
static void read_err(Visit *visit)
{
	bool over = false;

	(void)read_some(&visit->err, visit->complained, VISIT_COMPLAINT_MAX, &over);
}

void visit_serve(Visit *visit, const struct pollfd fds[VISIT_FDS])
{
	if (fds[0].revents != 0)
		read_out(visit);
	if (fds[1].revents != 0)
		read_err(visit);
	if (fds[2].revents == 0)
		return;

	/* Its own processes go with it, as long as it keeps the number of their group. */
	kill_child(visit);
	(void)waitpid(visit->pid, &visit->wait_status, 0);
	visit->pid = 0;
	close_fd(&visit->pidfd);
	read_out(visit);
	read_err(visit);
	close_fd(&visit->out);
	close_fd(&visit->err);
}

gint64 visit_deadline(const Visit *visit)
{
	return visit->deadline;
}

void visit_check(Visit *visit, gint64 now)
{
	if (visit->pid == 0 || now < visit->deadline)
		return;
	if (visit->late) {
		visit->lost = true;
		return;
	}

	visit->late = true;
	visit->deadline = now + DYING_US;
	kill_child(visit);
}

void visit_hurry(Visit *visit, gint64 until)
{
	if (!visit->late)
		visit->deadline = MIN(visit->deadline, until);
}

bool visit_ended(const Visit *visit)
{
	return visit->pid == 0 || visit->lost;
}

/* The result */

/* The trusted beginning, and whose visit it was. */
static void take_head(Visit *visit)
{
	InsideHead head;

	if (visit->said->len < sizeof head)
		return;

	memcpy(&head, visit->said->data, sizeof head);
	head.name[sizeof head.name - 1] = '\0';
	g_byte_array_remove_range(visit->said, 0, sizeof head);
	visit->user->uid = head.uid;
	g_free(visit->user->name);
	visit->user->name = g_strdup(head.name);
}

/* The first line of what it complained, without the name of our program before it. */
static char *complaint(const Visit *visit)
{
	const char prefix[] = NAME_CTL ": ";
	const char *data = visit->complained->len > 0 ? (const char *)visit->complained->data : "";
	g_autofree char *all = g_strndup(data, visit->complained->len);
	g_autofree char *valid = g_utf8_make_valid(all, -1);
	const char *line = g_str_has_prefix(valid, prefix) ? valid + strlen(prefix) : valid;
	g_autofree char *first = g_strndup(line, strcspn(line, "\n"));

	return text_clean(first, VISIT_COMPLAINT_MAX);
}

static JsonDoc *take_doc(const Visit *visit, GError **error)
{
	const char *text = visit->said->len > 0 ? (const char *)visit->said->data : "";

	return strict_check(text, visit->said->len, error)
		       ? json_doc_read(text, visit->said->len, error)
		       : NULL;
}

static VisitStatus judge_exit(const Visit *visit, const JsonDoc *doc, char **ret_reason)
{
	int status = WIFEXITED(visit->wait_status) ? WEXITSTATUS(visit->wait_status) : -1;

	*ret_reason = complaint(visit);
	if (status == INSIDE_SKIPPED)
		return VISIT_SKIPPED;
	if (status == EXIT_STATUS_DONE && doc != NULL) {
		**ret_reason = '\0';
		return VISIT_OK;
	}
	if (**ret_reason != '\0')
		return VISIT_FAILED;

	g_free(*ret_reason);
	*ret_reason = status >= 0
			      ? g_strdup_printf("the user's process ended with status %d", status)
			      : g_strdup_printf("the user's process was killed by signal %d",
					WTERMSIG(visit->wait_status));
	return VISIT_FAILED;
}

static VisitStatus judge(
	const Visit *visit, const JsonDoc *doc, const GError *error, char **ret_reason)
{
	int status = WIFEXITED(visit->wait_status) ? WEXITSTATUS(visit->wait_status) : -1;

	if (visit->late || visit->over) {
		*ret_reason = g_strdup(visit->late ? "the user's process was not done in time"
						   : "the user's process said more than it may");
		return VISIT_FAILED;
	}
	if (doc == NULL && (status == EXIT_STATUS_DONE || status == EXIT_STATUS_PARTLY)) {
		*ret_reason = g_strdup(error->message);
		return VISIT_FAILED;
	}

	return judge_exit(visit, doc, ret_reason);
}

VisitResult *visit_result(Visit *visit)
{
	VisitResult *result = g_new0(VisitResult, 1);
	g_autoptr(GError) error = NULL;

	take_head(visit);
	if (!visit->late && !visit->over)
		result->doc = take_doc(visit, &error);
	result->status = judge(visit, result->doc, error, &result->reason);
	if (result->status == VISIT_SKIPPED)
		result->doc = json_doc_free(result->doc);
	result->user = g_steal_pointer(&visit->user);

	return result;
}

VisitResult *visit_result_free(VisitResult *result)
{
	if (result == NULL)
		return NULL;

	user_free(result->user);
	g_free(result->reason);
	json_doc_free(result->doc);
	g_free(result);

	return NULL;
}

Visit *visit_free(Visit *visit)
{
	if (visit == NULL)
		return NULL;

	if (visit->pid > 0 && !visit->lost) {
		kill_child(visit);
		(void)waitpid(visit->pid, NULL, 0);
	}
	close_fd(&visit->pidfd);
	close_fd(&visit->out);
	close_fd(&visit->err);
	g_byte_array_unref(visit->said);
	g_byte_array_unref(visit->complained);
	user_free(visit->user);
	g_free(visit);

	return NULL;
}
