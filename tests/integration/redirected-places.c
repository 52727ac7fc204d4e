/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * More redirected endpoints than there are places: who has one, and what becomes of the claims of
 * those that have none. And of one that cannot be looked at. Most displays here are directories
 * with a socket on which this program listens and never says a word.
 */
#include "redir.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "names.h"

#define GRACE         "[redirected]\ngrace=1s\n"
#define LAST          "9999" /* a display behind all others */
#define LAST_XRDP     "xrdp:9999"
#define PLACES        15u
#define FIRST_XRDP    "xrdp:11"
#define FIRST_DISPLAY "11"
#define FIRST         11u /* display of those that are made here; 10 is redir.chansrv's */
#define CROWD         300u
#define CROWD_FIRST   100u
#define CROWD_NAMES                                                                      \
	"xrdp:115, xrdp:116, xrdp:117, xrdp:118, xrdp:119, xrdp:120, xrdp:121, xrdp:122" \
	" and 278 more"
#define SPIN_US      (2 * G_USEC_PER_SEC)
#define SPIN_MAX     200u /* context switches in that time: a timer that spins makes thousands */
#define PLACES_ROUND 3u

typedef struct Last {
	RigChansrv *chansrv;
} Last;

static Last last;

static char *directory(unsigned display)
{
	g_autofree char *name = g_strdup_printf(".pcsc%u", display);

	return rig_home_path(world.home, name);
}

static void make_directory(unsigned display)
{
	g_autofree char *place = directory(display);

	ck_assert_int_eq(mkdir(place, 0700), 0);
}

/* Its socket, listening; to be closed. */
static int listen_at(unsigned display)
{
	g_autofree char *place = directory(display);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	make_directory(display);
	ck_assert_int_lt(
		g_snprintf(address.sun_path, sizeof address.sun_path, "%s/pcscd.comm", place),
		sizeof address.sun_path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(fd, 1000), 0);
	return fd;
}

static void remove_directory(unsigned display)
{
	g_autofree char *place = directory(display);
	g_autofree char *socket = g_build_filename(place, "pcscd.comm", NULL);

	ck_assert_int_eq(unlink(socket), 0);
	ck_assert_int_eq(rmdir(place), 0);
}

static void listen_all(unsigned from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)listen_at(from + i);
}

static void sync_now(void)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "sync", NULL};

	(void)rig_run(argv, world.environment, NULL, NULL);
}

/* The last display has brought its card's certificates; the card is out again. */
static void claim(void)
{
	world_configure(GRACE);
	last.chansrv = rig_chansrv_new(world.home->home, LAST);
	rig_chansrv_connect(last.chansrv);
	rig_card_insert_seen(world.cards[0]);
	sync_now();
	ck_assert_uint_eq(redir_claims(redir.card, LAST_XRDP), 1);
	rig_card_remove_seen(world.cards[0]);
}

static void forget(void)
{
	g_clear_pointer(&last.chansrv, rig_chansrv_free);
}

static GVariant *status(void)
{
	g_autoptr(GVariant) answer = world_call("GetStatus");

	return g_variant_get_child_value(answer, 0);
}

static bool is_left_out(gpointer data)
{
	g_autoptr(GVariant) dict = status();
	const char *names = "";

	(void)g_variant_lookup(dict, "left_out", "&s", &names);
	return strcmp(names, data) == 0;
}

static void wait_left_out(const char *names)
{
	rig_wait_until(is_left_out, (gpointer)names, REDIR_WAIT_MS, "who is left out");
}

static bool expects(void)
{
	g_autoptr(GVariant) dict = status();
	gboolean expecting = FALSE;

	(void)g_variant_lookup(dict, "expecting", "b", &expecting);
	return expecting;
}

static bool expects_none(gpointer data)
{
	return !expects();
}

static void wait_past_start(void)
{
	rig_wait_until(expects_none, NULL, REDIR_WAIT_MS, "the end of the grace");
}

/* Several looks at the databases, each to its end. */
static void look(void)
{
	for (unsigned i = 0; i < PLACES_ROUND; i++) {
		g_variant_unref(world_call("Look"));
		redir_wait_rest(PLACES + 1);
	}
}

/* --- left out --- */

/* 16 clients are there, and one of them has no place: what it has brought stays. When one that has
   a place dies, its claims go, and the other has its place; when the client goes, so do his. */
START_TEST(left_out_and_in)
{
	claim();
	listen_all(FIRST, PLACES - 1);
	rig_chansrv_connect(redir.chansrv);
	world_start();
	redir_wait(REDIR_XRDP, "ok");
	wait_left_out(LAST_XRDP);
	wait_past_start();
	look();
	ck_assert_uint_eq(redir_claims(redir.card, LAST_XRDP), 1);

	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, REDIR_XRDP, 1);
	rig_chansrv_kill(redir.chansrv);
	redir_wait(LAST_XRDP, "ok");
	redir_wait_claims(redir.card, REDIR_XRDP, 0);
	ck_assert_uint_eq(redir_claims(redir.card, LAST_XRDP), 1);
	wait_left_out(REDIR_XRDP);
	redir_wait_settled(LAST_XRDP);
	rig_card_remove_seen(world.cards[0]);
	redir_wait_stored(redir.card, 0);
	forget();
}
END_TEST

/* Nobody looks at one that is left out, and yet it is noticed that it goes. */
START_TEST(left_out_goes)
{
	claim();
	listen_all(FIRST, PLACES);
	world_start();
	wait_left_out(LAST_XRDP);
	wait_past_start();
	look();
	ck_assert_uint_eq(redir_claims(redir.card, LAST_XRDP), 1);
	rig_chansrv_disconnect(last.chansrv);
	wait_left_out("");
	redir_wait_stored(redir.card, 0);
	forget();
}
END_TEST

START_TEST(sync_without_a_daemon)
{
	claim();
	rig_chansrv_connect(redir.chansrv);
	listen_all(FIRST, PLACES - 1);
	sync_now();
	ck_assert_uint_eq(redir_claims(redir.card, LAST_XRDP), 1);
	rig_chansrv_kill(last.chansrv);
	sync_now();
	ck_assert_uint_eq(redir_claims(redir.card, LAST_XRDP), 0);
	forget();
}
END_TEST

/* --- who has a place --- */

/* Directories that ended sessions have left, with a socket and without, keep nobody out; whether he
   is there at the start or comes later, into a directory of his own or one that is left over. */
START_TEST(somebody_before_nobody)
{
	last.chansrv = rig_chansrv_new(world.home->home, LAST);
	world_configure(GRACE);
	for (unsigned i = 0; i < PLACES; i++) {
		if (i % 2 == 0)
			make_directory(FIRST + i);
		else
			close(listen_at(FIRST + i));
	}
	if (_i == 0)
		rig_chansrv_connect(last.chansrv);
	if (_i == 2)
		make_directory(9999);
	world_start();
	if (_i > 0) {
		redir_wait("xrdp:25", "absent");
		wait_left_out(_i == 2 ? LAST_XRDP : "");
		rig_chansrv_connect(last.chansrv);
	}
	redir_wait(LAST_XRDP, "ok");
	ck_assert(!is_left_out((gpointer) "") && !is_left_out((gpointer)LAST_XRDP));
	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, LAST_XRDP, 1);
	/* When he has gone there is room again. */
	rig_chansrv_disconnect(last.chansrv);
	wait_left_out("");
	redir_wait_stored(redir.card, 0);
	forget();
}
END_TEST

/* --- more than can be named --- */

static guint64 switches(void)
{
	g_autofree char *path =
		g_strdup_printf("/proc/%d/status", (int)rig_process_pid(world.daemon));
	g_autofree char *text = NULL;
	guint64 sum = 0;

	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	for (const char *at = text; (at = strstr(at, "ctxt_switches:")) != NULL; at++)
		sum += g_ascii_strtoull(at + strlen("ctxt_switches:"), NULL, 10);
	return sum;
}

/* Then nothing is judged of any that is not named, for as long as they are so many. What waits for
   that keeps nobody awake. The time that passes is what is tested. */
START_TEST(more_than_can_be_named)
{
	guint64 before;

	claim();
	listen_all(CROWD_FIRST, CROWD);
	world_start();
	wait_left_out(CROWD_NAMES);
	look();
	g_usleep(SPIN_US);
	before = switches();
	g_usleep(SPIN_US);
	ck_assert_uint_lt(switches() - before, SPIN_MAX);
	ck_assert(expects());
	ck_assert_uint_eq(redir_claims(redir.card, LAST_XRDP), 1);
	rig_chansrv_disconnect(last.chansrv);
	for (unsigned i = 0; i < CROWD / 2; i++)
		remove_directory(CROWD_FIRST + i);
	wait_past_start();
	redir_wait_stored(redir.card, 0);
	forget();
}
END_TEST

/* --- not to be looked at --- */

/* Nobody can tell whether a client is there: it is neither seen to leave nor forgotten. */
START_TEST(denied)
{
	g_autofree char *place = directory(10);
	g_autofree char *detail = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	world_configure(GRACE);
	world_start_plain();
	rig_chansrv_connect(redir.chansrv);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, REDIR_XRDP, 1);
	redir_wait_settled(REDIR_XRDP);
	wait_past_start();
	before = rig_db_state(world.database);
	ck_assert_int_eq(chmod(place, 0), 0);
	redir_wait(REDIR_XRDP, "denied");
	detail = redir_word(REDIR_XRDP, "detail");
	ck_assert_ptr_nonnull(strstr(detail, place));
	redir_wait_rest(1);
	g_usleep(SPIN_US);
	g_variant_unref(world_call("Look"));
	redir_wait_rest(1);
	ck_assert_uint_eq(redir_claims(redir.card, REDIR_XRDP), 1);
	ck_assert_int_eq(chmod(place, 0700), 0);
	redir_wait_reader(REDIR_XRDP, "read");
	redir_wait_settled(REDIR_XRDP);
	after = rig_db_state(world.database);
	ck_assert_str_eq(before, after);
	/* And what can be seen to be gone is. */
	ck_assert_int_eq(chmod(place, 0), 0);
	redir_wait(REDIR_XRDP, "denied");
	rig_chansrv_disconnect(redir.chansrv);
	redir_wait_stored(redir.card, 0);
}
END_TEST

/* A socket that a session on another host has left in a home that both share, or a killed one here.
   Its certprop-watch goes, and a new session of this display is served. What the other host does is
   not told; nor is, in its place here, that something is mounted. */
START_TEST(nobody_listens)
{
	g_autofree char *place = directory(FIRST);
	g_autofree char *detail = NULL;
	g_autofree char *out = NULL;
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "status", NULL};

	close(listen_at(FIRST));
	world_configure(GRACE);
	world_start();
	redir_wait(FIRST_XRDP, "stale");
	detail = redir_word(FIRST_XRDP, "detail");
	ck_assert_ptr_nonnull(strstr(detail, "nobody listens on "));
	redir_wait_rest(1);

	ck_assert_int_eq(mount("tmpfs", place, "tmpfs", 0, "mode=0700"), 0);
	g_variant_unref(world_call("Look"));
	redir_wait(FIRST_XRDP, "absent");
	ck_assert_int_eq(umount(place), 0);
	g_variant_unref(world_call("Look"));
	redir_wait(FIRST_XRDP, "stale");
	redir_wait_rest(1);

	last.chansrv = rig_chansrv_new(world.home->home, FIRST_DISPLAY);
	rig_chansrv_connect(last.chansrv);
	rig_card_insert_seen(world.cards[0]);
	redir_wait_claims(redir.card, FIRST_XRDP, 1);
	rig_chansrv_kill(last.chansrv);
	redir_wait_stored(redir.card, 0);
	redir_wait(FIRST_XRDP, "stale");
	redir_wait_rest(1);

	ck_assert_int_eq(world_stop(), 0);
	(void)rig_run(argv, world.environment, &out, NULL);
	ck_assert_ptr_nonnull(strstr(out, "stale"));
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("redirected-places");
	TCase *tcase;

	rig_enter();
	tcase = redir_case(suite, "left-out");
	tcase_add_test(tcase, left_out_and_in);
	tcase_add_test(tcase, left_out_goes);
	tcase_add_test(tcase, sync_without_a_daemon);
	tcase_add_test(tcase, more_than_can_be_named);
	tcase = redir_case(suite, "who");
	tcase_add_loop_test(tcase, somebody_before_nobody, 0, 3);
	tcase_add_test(tcase, denied);
	tcase_add_test(redir_case(suite, "stale"), nobody_listens);
	return harness_run(suite, argc, argv);
}
