/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor says on systems that are unlike the one on which it is tried: of other package
 * managers, shut into a sandbox, under a crypto policy that loads modules, where parts of certprop
 * are not installed. What is not to be there is hidden behind another file, in the mounts of the
 * test's own; a sandbox is another root directory with the same below it. Package managers are
 * stand-ins, which write down what they were asked; the test "installs" it then.
 */
#include "ward.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "build.h"
#include "harness.h"

#define OPENSC     CERTPROP_P11_MODULE_DIR "/opensc-pkcs11.so"
#define FLAGS      "NSS=slotParams={0x00000000=[slotFlags=PublicCerts ] }\n"
#define PROXY      "library=" CERTPROP_P11_MODULE_DIR "/../libp11-kit.so.0\nname=policy\n"
#define STALE      "library=/opt/gone/opensc-pkcs11.so\nname=Old card\n" FLAGS
#define OLD_ETC    "/run/etc"
#define POLICY_DIR "/etc/crypto-policies/back-ends"
#define POLICY     POLICY_DIR "/nss.config"
#define SANDBOX    "/run/sandbox"
#define SOCKET     "/run/pcscd/pcscd.comm"

/*
 * Package managers
 */

static const struct {
	const char *program, *pcscd, *opensc, *again, *tools;
} managers[] = {
	{"apt-get", "install -y pcscd", "install -y opensc-pkcs11",
		"install -y --reinstall opensc-pkcs11", "install -y libnss3-tools"},
	{"dnf", "install -y pcsc-lite", "install -y opensc", "reinstall -y opensc",
		"install -y nss-tools"},
	{"zypper", "--non-interactive install pcsc-lite", "--non-interactive install opensc",
		"--non-interactive install --force opensc",
		"--non-interactive install mozilla-nss-tools"},
	{"pacman", "-S --noconfirm pcsclite", "-S --noconfirm opensc", "-S --noconfirm opensc",
		"-S --noconfirm nss"},
	{"apk", "add pcsc-lite", "add opensc", "fix opensc", "add nss-tools"},
};

/* The real ones go out of sight. */
static void only_manager(unsigned which)
{
	for (gsize i = 0; i < G_N_ELEMENTS(managers); i++) {
		g_autofree char *path = g_find_program_in_path(managers[i].program);

		if (path != NULL)
			ward_hide(path, "/dev/null");
	}
	ward_stand_in(managers[which].program, WARD_ASK);
}

/* The first of the finding's commands installs it. */
static void install(unsigned which, const char *step, const char *words, const char *asked)
{
	g_autofree char *commands = ward_expect(step, "wrong", words);
	g_auto(GStrv) lines = g_strsplit(commands, "\n", 2);
	g_autofree char *line = g_strdup_printf("%s %s\n", managers[which].program, asked);

	ward_mend_by(lines[0], line);
}

static char *program(const char *name)
{
	char *path = g_find_program_in_path(name);

	return path != NULL ? path : g_build_filename("/usr/sbin", name, NULL);
}

/* Nothing of what certprop needs is there, and then it is. */
START_TEST(packages)
{
	g_autofree char *pcscd = program("pcscd");
	g_autofree char *modutil = program("modutil");

	/* apt-get is known by the system that it is of */
	if (strcmp(managers[_i].program, "apt-get") == 0 && !ward_is_debian())
		return;
	ward_own_mounts();
	only_manager((unsigned)_i);
	g_free(ward_sh("certpropctl module enable"));
	ward_add_block(STALE);
	rig_pcscd_stop(ward.pcscd);
	ward_hide(pcscd, "/dev/null");
	ward_hide(modutil, "/dev/null");
	install((unsigned)_i, "service/not-installed", "pcscd is not installed",
		managers[_i].pcscd);
	install((unsigned)_i, "registration/stale", "not there", managers[_i].tools);
	ward_hide(OPENSC, "/etc/passwd");
	install((unsigned)_i, "modules/broken", "not whole", managers[_i].again);
	ward_show(OPENSC);
	ck_assert_int_eq(mount("tmpfs", CERTPROP_P11_MODULE_DIR, "tmpfs", 0, NULL), 0);
	g_free(ward_expect("registration/no-module", "wrong", "see the step modules"));
	install((unsigned)_i, "modules/not-installed", "which is not installed",
		managers[_i].opensc);
	ward_show(CERTPROP_P11_MODULE_DIR);
	ward_show(modutil);
	ward_show(pcscd);
	rig_pcscd_start(ward.pcscd);
	ward_heal("registration/stale", "not there");
	ward_expect_well("service", false);
	ward_expect_well("modules", false);
}
END_TEST

/* On a system that has none of them there is no command, and the reason is told all the same. */
START_TEST(no_manager)
{
	g_autofree char *commands = NULL;

	ward_own_mounts();
	only_manager(0);
	ward_stand_in("apt-get", "exit 1");
	g_free(ward_sh("rm \"$HOME\"/bin/apt-get"));
	ward_hide(OPENSC, "/etc/passwd");
	commands = ward_expect("modules/broken", "wrong", "not whole");
	ck_assert_str_eq(commands, "");
	ward_show(OPENSC);
	ward_expect_well("modules", false);
}
END_TEST

/*
 * Sandboxes: of the releases of libpcsclite inside and pcscd outside no command can change one
 */

static const struct {
	const char *file, *words; /* NULL: by the variable SNAP */
} boxes[] = {
	{"/.flatpak-info", "This runs in a Flatpak sandbox"},
	{"/run/.containerenv", "This runs in a container"},
	{"/.dockerenv", "This runs in a container"},
	{NULL, "This runs in a snap"},
};

static void add_entry(const char *name)
{
	g_autofree char *from = g_build_filename("/", name, NULL);
	g_autofree char *to = g_build_filename(SANDBOX, name, NULL);
	g_autofree char *target = g_file_read_link(from, NULL);

	if (target != NULL) {
		ck_assert_int_eq(symlink(target, to), 0);
	} else if (g_file_test(from, G_FILE_TEST_IS_DIR)) {
		ck_assert_int_eq(g_mkdir(to, 0755), 0);
		ck_assert_int_eq(mount(from, to, NULL, MS_BIND | MS_REC, NULL), 0);
	}
}

/* Another root directory: all that is here, without the files at the top, and without pcscd. */
static void make_sandbox(void)
{
	g_autofree char *pcscd = program("pcscd");
	g_autofree char *boxed = g_build_filename(SANDBOX, pcscd, NULL);
	g_autoptr(GDir) dir = g_dir_open("/", 0, NULL);
	const char *name;

	ward_own_mounts();
	ck_assert_int_eq(g_mkdir_with_parents(SANDBOX, 0755), 0);
	ck_assert_int_eq(mount("tmpfs", SANDBOX, "tmpfs", 0, "mode=0755"), 0);
	while ((name = g_dir_read_name(dir)) != NULL)
		add_entry(name);
	ward_hide(boxed, "/dev/null");
}

/* Returns the way back. */
static int enter_sandbox(void)
{
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(root, 0);
	ck_assert_int_eq(chroot(SANDBOX), 0);
	ck_assert_int_eq(chdir("/"), 0);
	return root;
}

static void leave_sandbox(int root)
{
	ck_assert_int_eq(fchdir(root), 0);
	ck_assert_int_eq(chroot("."), 0);
	(void)close(root);
}

START_TEST(sandbox)
{
	RigProcess *other = ward_refuse("0x8010001E");
	int root;

	make_sandbox();
	root = enter_sandbox();
	if (boxes[_i].file != NULL)
		ck_assert(g_file_set_contents(boxes[_i].file, "", -1, NULL));
	else
		ward_setenv("SNAP", "/snap/certprop/1");
	ward_expect_words("service/incompatible-sandbox", "wrong", boxes[_i].words);
	leave_sandbox(root);
	ward_accept_again(other); /* one of the two has been updated */
	root = enter_sandbox();
	ward_expect_well("service", false);
	if (boxes[_i].file != NULL)
		ck_assert_int_eq(g_unlink(boxes[_i].file), 0);
	leave_sandbox(root);
}
END_TEST

/*
 * A crypto policy that loads modules. NSS of Fedora reads it, that of Debian does not; what is said
 * of it, and done, is the same.
 */

/* /etc becomes another directory, with links to all that was in it. */
static void set_policy(const char *text)
{
	ward_own_mounts();
	ck_assert_int_eq(g_mkdir_with_parents(OLD_ETC, 0755), 0);
	ck_assert_int_eq(mount("/etc", OLD_ETC, NULL, MS_BIND | MS_REC, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", "/etc", "tmpfs", 0, "mode=0755"), 0);
	g_free(ward_sh("ln -s " OLD_ETC "/* /etc && rm -f /etc/crypto-policies"));
	ck_assert_int_eq(g_mkdir_with_parents(POLICY_DIR, 0755), 0);
	ck_assert(g_file_set_contents(POLICY, text, -1, NULL));
}

static const struct {
	const char *policy, *block;
	bool enable; /* ours is there besides */
} policies[] = {
	{PROXY, NULL, true},
	{PROXY, "library=" OPENSC "\nname=OpenSC\n" FLAGS, false},
	{"library=" OPENSC "\nname=policy\n" FLAGS, NULL, true},
};

START_TEST(policy)
{
	if (policies[_i].enable)
		g_free(ward_sh("certpropctl module enable"));
	if (policies[_i].block != NULL)
		ward_add_block(policies[_i].block);
	ward_expect_well("registration", false);
	set_policy(policies[_i].policy);
	ward_heal("registration/twice", "the crypto policy: \"policy\"");
}
END_TEST

/* What it names is gone: that is for the administrator, and not to be looked for in pkcs11.txt. */
START_TEST(policy_stale)
{
	g_autofree char *commands = NULL;

	g_free(ward_sh("certpropctl module enable"));
	set_policy(STALE);
	commands = ward_expect(
		"registration/stale-policy", "wrong", "back-ends/nss.config: install what");
	ck_assert_str_eq(commands, "");
	ck_assert(g_file_set_contents(POLICY, "", -1, NULL));
	ward_expect_well("registration", false);
}
END_TEST

/* Nor is this the user's to mend. */
START_TEST(policy_twice)
{
	g_autofree char *commands = NULL;

	set_policy("library=" OPENSC "\nname=policy\n" FLAGS "\n" PROXY);
	commands = ward_expect("registration/twice-policy", "wrong", "leave one out in " POLICY);
	ck_assert_str_eq(commands, "");
	ck_assert(g_file_set_contents(POLICY, PROXY, -1, NULL));
	ward_expect_well("registration", false);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("doctor-system");

	rig_enter();
	ward_case(suite, "packages", packages, G_N_ELEMENTS(managers));
	ward_case(suite, "no-manager", no_manager, 1);
	ward_case(suite, "sandbox", sandbox, G_N_ELEMENTS(boxes));
	ward_case(suite, "policy", policy, G_N_ELEMENTS(policies));
	ward_case(suite, "policy-stale", policy_stale, 1);
	ward_case(suite, "policy-twice", policy_twice, 1);
	return harness_run(suite, argc, argv);
}
