/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mount on which nobody answers, where certpropd has reason to look: it goes on all the same. The
 * mount is FUSE without a program behind it: whoever asks it anything sleeps until it is taken
 * away, so a test that fails would not end by itself.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "names.h"
#include "world.h"

#define GUID       "00112233445566778899aabbccddee0a"
#define CERTS      2u
#define WAIT_MS    20000u
#define FUSE_MAJOR 10 /* Linux, devices.txt */
#define FUSE_MINOR 229
#define LOOKS      "Reading the card in"

typedef struct Hung {
	char *place;
	int fuse; /* -1: not mounted */
} Hung;

static Hung hung = {.fuse = -1};

/* A machine that is a container may have the device's driver, and not its name. */
static int open_fuse(void)
{
	g_autofree char *own = rig_home_path(world.home, "fuse");
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0 && mknod(own, S_IFCHR | 0600, makedev(FUSE_MAJOR, FUSE_MINOR)) == 0)
		fd = open(own, O_RDWR | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "/dev/fuse: %s", g_strerror(errno));
	return fd;
}

static void mount_hung(const char *name)
{
	g_autofree char *options = NULL;

	hung.place = rig_home_path(world.home, name);
	ck_assert_int_eq(g_mkdir_with_parents(hung.place, 0700), 0);
	hung.fuse = open_fuse();
	options = g_strdup_printf("fd=%d,rootmode=40000,user_id=0,group_id=0", hung.fuse);
	ck_assert_msg(mount("hung", hung.place, "fuse", 0, options) == 0, "%s: %s", hung.place,
		g_strerror(errno));
}

/* Who sleeps in it wakes up with an error. */
static void unmount_hung(void)
{
	if (hung.fuse >= 0) {
		(void)umount2(hung.place, MNT_FORCE | MNT_DETACH);
		(void)close(hung.fuse);
	}
	hung.fuse = -1;
	g_clear_pointer(&hung.place, g_free);
}

static void teardown(void)
{
	unmount_hung();
	world_teardown();
}

static void name_profile(const char *path, const char *comment)
{
	g_autofree char *ini =
		g_strdup_printf("[Profile0]\nName=it\nIsRelative=0\nPath=%s\n%s", path, comment);

	rig_home_write(world.home, ".mozilla/firefox/profiles.ini", ini);
}

/* For the second time; and it answers. */
static bool has_looked(gpointer data)
{
	g_autofree char *errors = rig_process_errors(world.daemon);
	const char *first = strstr(errors, LOOKS);

	g_variant_unref(world_call("GetStatus"));
	return first != NULL && strstr(first + 1, LOOKS) != NULL;
}

/* ~/mnt is watched since a profile may appear in it, and then something is mounted there. */
START_TEST(watched_directory)
{
	g_autofree char *card = world_deal(0, CERTS, GUID);
	g_autofree char *mnt = rig_home_path(world.home, "mnt");
	g_autofree char *profile = g_build_filename(mnt, "profile", NULL);

	ck_assert_int_eq(g_mkdir(mnt, 0700), 0);
	name_profile(profile, "");
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_marked(CERTS);
	world_wait_quiet();

	mount_hung("mnt");
	name_profile(profile, "; another\n");
	rig_wait_until(has_looked, NULL, WAIT_MS, "the change leads to a look");
	rig_card_remove(world.cards[0]);
	world_wait_reader(0, "empty");
}
END_TEST

/* Nobody has answered there from the beginning: all others are served, and it is told. */
START_TEST(profile_on_a_mount)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "databases", NULL};
	g_autofree char *profile = NULL;
	g_autofree char *card = world_deal(0, CERTS, GUID);
	g_autofree char *said = NULL;

	mount_hung("mnt");
	profile = g_build_filename(hung.place, "profile", NULL);
	name_profile(profile, "");
	rig_card_insert_seen(world.cards[0]);
	world_start();
	world_wait_marked(CERTS);
	ck_assert_int_eq(rig_run(argv, world.environment, &said, NULL), 3);
	ck_assert_msg(strstr(said, "does not answer") != NULL, "%s", said);
	rig_card_remove(world.cards[0]);
	world_wait_reader(0, "empty");
	ck_assert_int_eq(world_stop(), 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite;
	TCase *tcase;

	rig_enter();
	suite = suite_create("hung");
	tcase = tcase_create("daemon");
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, world_setup, teardown);
	tcase_add_test(tcase, watched_directory);
	tcase_add_test(tcase, profile_on_a_mount);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
