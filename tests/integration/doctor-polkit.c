/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says to a user whom polkit does not let use smart cards, since he does not sit at
 * the machine, and what comes of the rule that it prints: a real polkitd is asked. Debian 12's
 * pcscd asks none, so somebody stands before it who asks in its stead (fake-forward); with
 * $CERTPROP_TEST_PCSCD, a pcscd that was built with polkit, that one does it by itself.
 */
#include "ward.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define SOCKET   "/run/pcscd/pcscd.comm"
#define BEHIND   "/run/pcscd/behind.comm"
#define USER     4711
#define STRANGER 4712

static RigPolkit *polkit;
static RigForward *guard;

/* The rig finds pcscd by PATH, and it is root, whom polkit always lets in, who waits for it. */
static void start_own_pcscd(const char *program)
{
	g_autofree char *directory = g_path_get_dirname(program);
	g_autofree char *path = g_strconcat(directory, ":", g_getenv("PATH"), NULL);

	rig_pcscd_stop(ward.pcscd);
	g_setenv("PATH", path, TRUE);
	rig_pcscd_start(ward.pcscd);
}

/* The user of this name, who is in no session, is at a machine with polkit. */
static void be_at(const char *name)
{
	const char *own = g_getenv("CERTPROP_TEST_PCSCD");

	ward_own_mounts();
	ward_become(USER, name);
	polkit = rig_polkit_new();
	if (own != NULL) {
		start_own_pcscd(own);
		return;
	}
	ck_assert_int_eq(g_rename(SOCKET, BEHIND), 0);
	guard = rig_forward_new_guarded(SOCKET, BEHIND);
}

static void leave(void)
{
	g_clear_pointer(&guard, rig_forward_free);
	g_clear_pointer(&polkit, rig_polkit_free);
}

/* Some program of this user's sees readers. */
static bool can_use(uid_t user)
{
	const char *argv[] = {"opensc-tool", "-l", NULL};
	g_autofree char *out = NULL;

	(void)rig_run_with(argv, &(RigProcessOptions){.user = user}, &out, NULL);
	return strstr(out, rig_pcscd_reader(ward.pcscd, 0)) != NULL;
}

static bool is_well(gpointer data)
{
	g_autoptr(JsonNode) root = ward_ask();

	return ward_find(root, "service", "wrong", "") == NULL &&
	       ward_find(root, "service", "ok", "") != NULL;
}

/* Also where root's umask would leave a file that polkitd may not read. */
START_TEST(denied)
{
	g_autofree char *commands = NULL;
	pid_t pid;

	be_at("ada");
	pid = rig_pcscd_pid(ward.pcscd);
	ck_assert(!can_use(USER));
	g_free(ward_expect("service/denied", "wrong", "pcscd refuses this user (0x8010006a)"));
	commands = ward_expect("service/denied", "wrong", "subject.user == \"ada\"");
	(void)umask(_i == 0 ? 022 : 077);
	ward_mend(commands, NULL, NULL);
	rig_wait_until(is_well, NULL, WARD_WAIT_MS, "polkit goes by the rule");
	ward_expect_well("readers", false);
	ck_assert(can_use(USER));
	ck_assert(!can_use(STRANGER));
	ck_assert_int_eq(rig_pcscd_pid(ward.pcscd), pid);
	leave();
}
END_TEST

/* Of a domain, and some that would be more than a name in a rule or in a shell. */
static const struct {
	const char *name, *words;
} names[] = {
	{"ada@corp.example", "subject.user == \"ada@corp.example\""},
	{"CORP\\ada", "== \"CORP%5Cada\""},
	{"o\"neill", "== \"o%22neill\""},
	{"o'neill", "== \"o'neill\""},
	{"../..$(id)", "== \"..%2F..%24(id)\""},
	{"a\" || true || \"", "== \"a%22%20%7C%7C%20true%20%7C%7C%20%22\""},
	{"\xc3\xa5sa", "== \"%C3%A5sa\""},
};

START_TEST(user_name)
{
	g_autofree char *commands = NULL;

	be_at(names[_i].name);
	commands = ward_expect("service/denied", "wrong", names[_i].words);
	ward_mend(commands, NULL, NULL);
	rig_wait_until(is_well, NULL, WARD_WAIT_MS, "polkit goes by the rule");
	ck_assert(!can_use(STRANGER));
	leave();
}
END_TEST

/*
 * certpropd, which runs as he does
 */

static char *state(void)
{
	const char *argv[] = {"sh", "-c", "certpropctl status --json", NULL};
	RigProcessOptions options = {.environment = ward.environment, .user = USER};
	char *out = NULL;

	(void)rig_run_with(argv, &options, &out, NULL);
	return out;
}

static bool is_denied(gpointer data)
{
	g_autofree char *out = state();

	return strstr(out, "\"state\":\"denied\"") != NULL;
}

static bool is_let_in(gpointer data)
{
	g_autofree char *out = state();

	return strstr(out, "\"state\":\"ok\"") != NULL;
}

static pid_t watcher_of(const RigProcess *daemon)
{
	g_autoptr(GArray) children = rig_children(rig_process_pid(daemon));

	ck_assert_uint_eq(children->len, 1);
	return g_array_index(children, pid_t, 0);
}

/* It asks again with growing pauses: in one of them the doctor, whom polkit lets in already, says
   that it is still outside. */
START_TEST(refused)
{
	g_autofree char *program = rig_program("daemon/certpropd");
	const char *argv[] = {program, NULL};
	g_autoptr(RigProcess) daemon = NULL;
	g_autofree char *commands = NULL;
	g_autofree char *again = NULL;
	g_autofree char *said = NULL;
	pid_t watcher;

	be_at("ada");
	daemon = rig_process_start(
		argv, &(RigProcessOptions){.environment = ward.environment, .user = USER});
	rig_wait_until(is_denied, NULL, WARD_WAIT_MS, "certpropd is refused");
	said = state();
	ck_assert_ptr_nonnull(strstr(said, "trying again with pauses of up to a minute"));
	commands = ward_expect("service/denied", "wrong", "pcscd refuses this user");
	watcher = watcher_of(daemon);
	ck_assert_int_eq(kill(watcher, SIGSTOP), 0);
	ward_mend(commands, NULL, NULL);
	again = ward_expect("service/denied", "wrong", "not to certpropd (denied");
	ck_assert_str_eq(again, commands);
	g_free(ward_expect("service/denied", "wrong", "the rule is there already, only wait"));
	ck_assert_int_eq(kill(watcher, SIGCONT), 0);
	rig_wait_until(is_let_in, NULL, WARD_WAIT_MS, "certpropd comes in by itself");
	ward_expect_well("service", false);
	ck_assert_int_eq(watcher_of(daemon), watcher);
	ck_assert_int_eq(rig_process_stop(daemon, WARD_WAIT_MS), 0);
	leave();
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-polkit");

	rig_enter();
	ward_case_root(suite, "denied", denied, 2);
	ward_case_root(suite, "user-name", user_name, G_N_ELEMENTS(names));
	ward_case_root(suite, "refused", refused, 1);
	return harness_run(suite, argc, argv);
}
