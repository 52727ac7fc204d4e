/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A session and who looks at it. What a session is can be read in rig/xrdp/startwm.sh: something
 * that waits. Programs are run beside it, with its environment.
 */
#include "rigxrdp.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "enter.h"
#include "rigrdp.h"
#include "rigserver.h"

#define LOG_IN_MS 40000
#define LEAVE_MS  20000

struct RigXrdp {
	const RigHome *home;
	RigServer *server;
	RigRdp *client;
	pid_t session; /* 0: none */
	char *display, *socket;
};

RigXrdp *rig_xrdp_new(const RigHome *home)
{
	RigXrdp *xrdp = g_new0(RigXrdp, 1);

	xrdp->home = home;
	xrdp->server = rig_server_new(home);
	xrdp->client = rig_rdp_new();
	return xrdp;
}

void rig_xrdp_free(RigXrdp *xrdp)
{
	if (xrdp == NULL)
		return;
	rig_rdp_free(xrdp->client);
	rig_server_free(xrdp->server);
	g_free(xrdp->display);
	g_free(xrdp->socket);
	g_free(xrdp);
}

/* With what the programs have said, since it goes with the test's directory. */
_Noreturn static void give_up(RigXrdp *xrdp, const char *what)
{
	g_autofree char *server = rig_server_story(xrdp->server);
	g_autofree char *client = rig_rdp_errors(xrdp->client);

	ck_abort_msg("%s\n%s\n--- rdesktop\n%s", what, server, client);
}

typedef struct {
	RigXrdp *xrdp;
	RigCondition done;
	gint64 deadline;
	const char *what;
} Wait;

static bool is_done(gpointer data)
{
	Wait *wait = data;

	if (g_get_monotonic_time() > wait->deadline)
		give_up(wait->xrdp, wait->what);
	return wait->done(wait->xrdp);
}

static void wait_until(RigXrdp *xrdp, RigCondition done, unsigned ms, const char *what)
{
	g_autofree char *missing = g_strdup_printf("not within %u ms: %s", ms, what);
	Wait wait = {.xrdp = xrdp,
		.done = done,
		.deadline = g_get_monotonic_time() + (gint64)ms * 1000,
		.what = missing};

	rig_wait_until(is_done, &wait, 2 * ms, what);
}

/* Of startwm.sh; a session that has ended may have left it. */
static pid_t find_session(const RigXrdp *xrdp)
{
	g_autofree char *path = rig_home_path(xrdp->home, ".session");
	g_autofree char *text = NULL;
	pid_t pid;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	pid = (pid_t)g_ascii_strtoll(text, NULL, 10);
	return pid > 0 && kill(pid, 0) == 0 ? pid : 0;
}

static char **environment_of(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/environ", pid);
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_autofree char *text = NULL;
	gsize length;

	ck_assert_msg(g_file_get_contents(path, &text, &length, NULL), "cannot read '%s'", path);
	for (const char *at = text; at < text + length; at += strlen(at) + 1)
		g_strv_builder_add(builder, at);
	return g_strv_builder_end(builder);
}

/* ":10.0". There is none for the moment in which the session's script becomes another program. */
static bool learn_display(RigXrdp *xrdp)
{
	g_auto(GStrv) environment = environment_of(xrdp->session);
	const char *display = g_environ_getenv(environment, "DISPLAY");
	g_autofree char *path = NULL;

	if (display == NULL || display[0] != ':')
		return false;
	g_free(xrdp->display);
	g_free(xrdp->socket);
	xrdp->display = g_strndup(display + 1, strcspn(display + 1, "."));
	path = g_strdup_printf(".pcsc%s/pcscd.comm", xrdp->display);
	xrdp->socket = rig_home_path(xrdp->home, path);
	return true;
}

static bool is_connected(gpointer data)
{
	RigXrdp *xrdp = data;

	if (!rig_rdp_runs(xrdp->client))
		give_up(xrdp, "rdesktop has ended");
	xrdp->session = find_session(xrdp);
	return xrdp->session != 0 && learn_display(xrdp) &&
	       g_file_test(xrdp->socket, G_FILE_TEST_EXISTS);
}

void rig_xrdp_connect(RigXrdp *xrdp)
{
	rig_rdp_start(xrdp->client, RIG_SERVER_USER, RIG_SERVER_PASSWORD);
	wait_until(xrdp, is_connected, LOG_IN_MS, "a session with a channel for smart cards");
}

static bool is_gone(gpointer data)
{
	RigXrdp *xrdp = data;

	return !g_file_test(xrdp->socket, G_FILE_TEST_EXISTS);
}

void rig_xrdp_disconnect(RigXrdp *xrdp)
{
	rig_rdp_stop(xrdp->client);
	wait_until(xrdp, is_gone, LEAVE_MS, "chansrv sees that the client has left");
}

void rig_xrdp_lose(RigXrdp *xrdp)
{
	rig_rdp_kill(xrdp->client);
	wait_until(xrdp, is_gone, LEAVE_MS, "chansrv sees that the client is gone");
}

/* sesman has one child for each session. The client is sent away, and ends. */
static bool has_no_session(gpointer data)
{
	RigXrdp *xrdp = data;
	g_autoptr(GArray) children = rig_children(rig_server_sesman(xrdp->server));

	return children->len == 0 && !rig_rdp_runs(xrdp->client);
}

void rig_xrdp_log_out(RigXrdp *xrdp)
{
	g_autofree char *path = rig_home_path(xrdp->home, ".session");

	ck_assert_int_eq(kill(xrdp->session, SIGTERM), 0);
	wait_until(xrdp, has_no_session, LEAVE_MS, "the end of the session");
	ck_assert_int_eq(unlink(path), 0);
	xrdp->session = 0;
}

/* A process that has ended has no program any more; sesman leaves it for later. */
static pid_t find_chansrv(const RigXrdp *xrdp)
{
	g_autoptr(GArray) all = rig_descendants(rig_server_sesman(xrdp->server));

	for (guint i = 0; i < all->len; i++) {
		pid_t pid = g_array_index(all, pid_t, i);
		g_autofree char *path = g_strdup_printf("/proc/%d/exe", pid);
		g_autofree char *program = g_file_read_link(path, NULL);

		if (program != NULL && g_str_has_suffix(program, "/xrdp-chansrv"))
			return pid;
	}
	return 0;
}

static bool has_no_chansrv(gpointer data)
{
	return find_chansrv(data) == 0;
}

void rig_xrdp_kill_chansrv(RigXrdp *xrdp)
{
	pid_t chansrv = find_chansrv(xrdp);

	ck_assert_msg(chansrv > 0, "there is no chansrv");
	ck_assert_int_eq(kill(chansrv, SIGKILL), 0);
	wait_until(xrdp, has_no_chansrv, LEAVE_MS, "the end of chansrv");
}

const char *rig_xrdp_display(const RigXrdp *xrdp)
{
	return xrdp->display;
}

const char *rig_xrdp_socket(const RigXrdp *xrdp)
{
	return xrdp->socket;
}

char **rig_xrdp_environment(const RigXrdp *xrdp)
{
	return environment_of(xrdp->session);
}

RigProcessOptions rig_xrdp_options(const RigXrdp *xrdp, char **environment)
{
	return rig_server_options(xrdp->server, environment);
}
