/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of the CA certificates that a card brings, through real pcscd: the intermediate one
 * by `[ca] cleanup`, and the root that the administrator has pinned, whose trust has to leave with
 * it. component/trust.c has the rules of trust one by one, without a card.
 *
 * The administrator's directory is a copy of the machine's, mounted over it in the namespace of
 * the test program: nothing of the machine is changed.
 */
#include "mainjob.h"

#include <string.h>
#include <sys/mount.h>

#include "build.h"
#include "harness.h"

#define LOGOUT    "[local]\non-logout=remove\n"
#define AUTHORITY 2u /* the place of the CA certificate */
#define TRUSTED   "C,C,"

/* The card goes, or the session does and the card stays in. */
static void leave(bool logout)
{
	if (logout)
		ck_assert_int_eq(world_stop(), 0);
	else
		job_out(0);
}

static const struct {
	const char *config;
	bool logout, kept;
} cleanups[] = {
	{JOB_REMOVE "[ca]\ncleanup=keep\n", false, true},
	{JOB_REMOVE "[ca]\ncleanup=with-owner\n", false, false},
	{LOGOUT "[ca]\ncleanup=keep\n", true, true},
	{LOGOUT "[ca]\ncleanup=with-owner\n", true, false},
};

/* What stays of an intermediate CA stays as it was, claim and all. */
START_TEST(test_cleanup)
{
	g_autofree char *card = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	g_autofree char *others = NULL;
	g_autofree char *others_after = NULL;

	world_configure(cleanups[_i].config);
	world_start();
	card = job_card(
		0, &(const Deal){.certs = JOB_CERTS, .guid = JOB_GUID_A, .ca = 1u << AUTHORITY});
	ck_assert_uint_eq(job_rows(), JOB_CERTS);
	before = job_row(card, AUTHORITY);
	others = rig_db_others(world.database);
	leave(cleanups[_i].logout);

	after = job_row(card, AUTHORITY);
	ck_assert_str_eq(after, cleanups[_i].kept ? before : "");
	ck_assert_uint_eq(job_rows(), cleanups[_i].kept ? 1 : 0);
	others_after = rig_db_others(world.database);
	ck_assert_str_eq(others, others_after);
}
END_TEST

/* The issuer of the card's certificates, self-signed, takes a place on the card. */
static char *deal_root(void)
{
	char *card = rig_deal(
		&(const Deal){.certs = AUTHORITY + 1, .guid = JOB_GUID_A, .keys = DEAL_RSA});
	g_autofree char *place = job_file(card, AUTHORITY, "der");
	g_autofree char *root = g_build_filename(card, "ca.der", NULL);
	const char *argv[] = {"cp", root, place, NULL};

	g_free(rig_run_ok(argv, NULL));
	return card;
}

static void pin(const char *card)
{
	g_autofree char *copy = rig_make_directory("administrator");
	g_autofree char *from = g_build_filename(CERTPROP_SYSCONFDIR, ".", NULL);
	g_autofree char *directory = g_build_filename(copy, "certprop", NULL);
	g_autofree char *file = g_build_filename(directory, "certprop.conf", NULL);
	g_autoptr(GBytes) root = rig_dealt_der(card, AUTHORITY);
	g_autofree char *sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, root);
	g_autofree char *text = g_strdup_printf("[ca]\ntrusted-roots=%s\n", sum);
	const char *argv[] = {"cp", "-a", from, copy, NULL};

	ck_assert_msg(rig_isolated(), "another configuration needs a mount namespace of our own");
	g_free(rig_run_ok(argv, NULL));
	ck_assert_int_eq(g_mkdir_with_parents(directory, 0755), 0);
	ck_assert(g_file_set_contents(file, text, -1, NULL));
	ck_assert_int_eq(mount(copy, CERTPROP_SYSCONFDIR, NULL, MS_BIND, NULL), 0);
}

static void unpin(void)
{
	ck_assert_int_eq(umount2(CERTPROP_SYSCONFDIR, MNT_DETACH), 0);
}

/* As certutil says it of the root. */
static void check_trusted(const char *card)
{
	g_autofree char *sql = job_sql();
	g_autofree char *label = job_label(card, AUTHORITY);
	const char *argv[] = {"certutil", "-L", "-d", sql, NULL};
	g_autofree char *output = rig_run_ok(argv, NULL);
	g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
	unsigned n = 0;

	for (char **line = lines; *line != NULL; line++) {
		if (!g_str_has_suffix(g_strchomp(*line), " " TRUSTED))
			continue;
		ck_assert_msg(g_str_has_prefix(*line, label), "%s is trusted", *line);
		n++;
	}
	ck_assert_msg(n == 1, "%s", output);
}

START_TEST(test_pinned_root)
{
	g_autofree char *card = deal_root();
	g_autofree char *others = NULL;
	g_autofree char *after = NULL;

	pin(card);
	rig_db_create(world.database);
	others = rig_db_others(world.database);
	world_configure(_i == 0 ? JOB_REMOVE : LOGOUT);
	world_start();
	world.cards[0] = rig_card_new(world.pcscd, 0, card);
	job_in(0);
	ck_assert_uint_eq(job_rows(), AUTHORITY + 1);
	ck_assert_uint_eq(rig_db_trust_objects(world.database), 1);
	check_trusted(card);
	leave(_i == 1);

	ck_assert_uint_eq(job_rows(), 0);
	ck_assert_uint_eq(rig_db_trust_objects(world.database), 0);
	after = rig_db_others(world.database);
	ck_assert_str_eq(others, after);
	unpin();
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("life-authority");
	TCase *tcase;

	rig_enter();
	tcase = job_case(suite, "cleanup");
	tcase_add_loop_test(tcase, test_cleanup, 0, G_N_ELEMENTS(cleanups));
	tcase = job_case(suite, "pinned");
	tcase_add_loop_test(tcase, test_pinned_root, 0, 2);
	return harness_run(suite, argc, argv);
}
