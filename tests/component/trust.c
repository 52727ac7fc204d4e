/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Authorities on a card (issue 4): intermediates without trust, roots only when they are pinned,
 * and then with it; and how the trust goes again. What it is worth is asked of certutil.
 */

#include <check.h>
#include <string.h>

#include "cert.h"
#include "harness.h"
#include "maker.h"
#include "store-rig.h"

#define CERTS "SELECT count(*) FROM nssPublic WHERE a0=x'00000001'"
#define TRUST "SELECT count(*) FROM nssPublic WHERE a0 IN (x'CE534353', x'0000000B')"
#define OURS  "SELECT count(*) FROM nssPublic WHERE CAST(a89 AS TEXT) LIKE '%x-trust=1%'"

static Home *home;
static MakerCert *root, *middle, *leaf;
static Card *card; /* all three of them */
static char *pin;  /* SHA-256 of the root */

static void make_chain(void)
{
	g_autoptr(Cert) cert = NULL;

	root = maker_cert(&(const MakerSpec){
		.cn = "Trust Root", .ca = true, .serial = 7, .key_usage = "keyCertSign"});
	middle = maker_cert(&(const MakerSpec){.cn = "Trust Middle",
		.ca = true,
		.serial = 8,
		.issuer = root,
		.key_usage = "keyCertSign"});
	leaf = maker_cert(&(const MakerSpec){.cn = "www.example.org",
		.serial = 9,
		.issuer = middle,
		.key_usage = "digitalSignature",
		.eku = "serverAuth,clientAuth,emailProtection"});
	cert = cert_parse(root->der, NULL);
	pin = g_strdup(cert->sha256_hex);
	card = card_new("0123", "Jane Doe");
	card_add_der(card, leaf->der, "Leaf");
	card_add_der(card, middle->der, "Middle");
	card_add_der(card, root->der, "Root");
}

static void setup(void)
{
	home = home_new();
	home_make_db(home);
	make_chain();
}

static void teardown(void)
{
	home_free(home);
	maker_cert_free(root);
	maker_cert_free(middle);
	maker_cert_free(leaf);
	card_free(card);
	g_free(pin);
}

static int count(const char *query)
{
	return home_count(home, NULL, "cert9.db", query);
}

/* Puts the card in under a configuration in which `pinned` is pinned. */
static void insert(const char *pinned, const char *steps)
{
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY,
			.card = card,
			.config = {{"ca", "trusted-roots", pinned}}},
		steps);
}

/* The card is out. */
static void look(const char *pinned, const char *policy, const char *steps)
{
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY,
			.absent = true,
			.config = {{"ca", "trusted-roots", pinned},
				{"local", "on-removal", policy}}},
		steps);
}

/* What certutil says of a certificate's trust, as "C,C,". */
static char *letters(const char *cn)
{
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);
	g_autofree char *out = home_run(home, "certutil", "-L", "-d", spec, NULL);
	g_auto(GStrv) lines = g_strsplit(out, "\n", -1);

	for (char **line = lines; *line != NULL; line++) {
		g_strchomp(*line);
		if (g_str_has_prefix(*line, cn))
			return g_strdup(strrchr(*line, ' ') + 1);
	}
	return g_strdup("none");
}

static void assert_letters(const char *cn, const char *expected)
{
	g_autofree char *got = letters(cn);

	ck_assert_msg(strcmp(got, expected) == 0, "%s: \"%s\", not \"%s\"", cn, got, expected);
}

/* certutil's nickname of the certificate. */
static char *nickname(const char *cn)
{
	g_autofree char *query =
		g_strdup_printf("SELECT CAST(a3 AS TEXT) FROM nssPublic WHERE a0=x'00000001' AND "
				"CAST(a3 AS TEXT) LIKE '%s%%'",
			cn);
	g_autofree char *out = home_sql(home, NULL, "cert9.db", query);

	g_strchomp(out);
	return g_steal_pointer(&out);
}

/* `usage` as in certutil -V: V a server, C a client, S who signs mail, J who signs code. */
static bool is_valid(const char *cn, const char *usage)
{
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);
	g_autofree char *nick = nickname(cn);
	g_autofree char *script = g_strdup_printf(
		"certutil -V -d '%s' -n '%s' -u %s 2>&1 || true", spec, nick, usage);
	g_autofree char *out = home_run(home, "sh", "-c", script, NULL);

	return strstr(out, "certificate is valid") != NULL;
}

static void certutil_trust(const char *cn, const char *flags)
{
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);
	g_autofree char *nick = nickname(cn);
	g_autofree char *out =
		home_run(home, "certutil", "-M", "-d", spec, "-n", nick, "-t", flags, NULL);
}

/* The row of the only trust object, without the number that it was given. */
static char *trust_row(const char *dir)
{
	g_autofree char *columns = home_sql(home, dir, "cert9.db",
		"SELECT group_concat('quote(' || name || ')') FROM pragma_table_info('nssPublic') "
		"WHERE name != 'id'");
	g_autofree char *query = NULL;

	g_strchomp(columns);
	query = g_strdup_printf("SELECT %s FROM nssPublic WHERE a0=x'CE534353'", columns);
	return home_sql(home, dir, "cert9.db", query);
}

START_TEST(intermediate_has_no_trust)
{
	Outcome outcome;
	const ReportDatabase *database;
	const ReportStep *step = NULL;

	outcome = job_run(home, &(const Job){.mode = WIRE_STORE_APPLY, .card = card});
	database = report_database(outcome.report, home->db);
	for (guint i = 0; i < database->steps->len; i++) {
		const ReportStep *other = database->steps->pdata[i];

		if (strcmp(other->sha256, pin) == 0)
			step = other;
	}
	/* The root is told of, and left out. */
	ck_assert_ptr_nonnull(step);
	ck_assert_str_eq(step->action, "skip");
	ck_assert_str_eq(step->reason, "unpinned-root");
	report_free(outcome.report);
	ck_assert_int_eq(count(CERTS), 2);
	ck_assert_int_eq(count(TRUST), 0);
	assert_letters("Trust Middle", ",,");
	ck_assert(!is_valid("www.example.org", "V"));
}
END_TEST

START_TEST(pinned_root_is_trusted)
{
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	insert(pin, "create=3");
	ck_assert_int_eq(count(CERTS), 3);
	ck_assert_int_eq(count(TRUST), 1);
	assert_letters("Trust Root", "C,C,");
	assert_letters("Trust Middle", ",,");
	assert_letters("www.example.org", ",,");
	ck_assert(is_valid("www.example.org", "V"));
	ck_assert(is_valid("www.example.org", "S"));
	ck_assert(!is_valid("www.example.org", "J"));

	before = home_state(home, NULL);
	insert(pin, "keep=3");
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(trust_is_as_certutil_writes_it)
{
	g_autofree char *other = home_path(home, "other");
	g_autofree char *spec = g_strconcat("sql:", other, NULL);
	g_autofree char *file = home_path(home, "root.der");
	g_autofree char *ours = NULL;
	g_autofree char *theirs = NULL;
	g_autofree char *out = NULL;
	gsize len;
	const char *data = g_bytes_get_data(root->der, &len);

	insert(pin, "create=3");
	home_make_db_at(home, other, "");
	ck_assert(g_file_set_contents(file, data, (gssize)len, NULL));
	out = home_run(
		home, "certutil", "-A", "-d", spec, "-n", "r", "-t", "C,C,", "-i", file, NULL);
	ours = trust_row(NULL);
	theirs = trust_row(other);
	ck_assert_str_eq(ours, theirs);
	/* And signed, so that NSS believes it. */
	ck_assert_int_eq(home_count(home, NULL, "key4.db",
				 "SELECT count(*) FROM metaData WHERE id LIKE 'sig_cert_%'"),
		7);
}
END_TEST

START_TEST(trust_goes_with_the_certificate)
{
	insert(pin, "create=3");
	look(pin, "keep", "");
	ck_assert_int_eq(count(TRUST), 1);
	look(pin, "remove", "delete=3");
	ck_assert_int_eq(count(CERTS), 0);
	ck_assert_int_eq(count(TRUST), 0);
}
END_TEST

/* The card may be out by then, and stay out. */
START_TEST(unpinned_loses_its_trust)
{
	insert(pin, "create=3");
	if (_i == 0) {
		look("", "keep", "release=1");
		ck_assert_int_eq(count(CERTS), 3);
		assert_letters("Trust Root", ",,");
		ck_assert_int_eq(count(OURS), 0);
		look("", "keep", "");
		/* Pinned again, it gets it back when the card is in. */
		look(pin, "keep", "");
		insert(pin, "claim=1 keep=2");
		assert_letters("Trust Root", "C,C,");
	} else {
		insert("", "delete=1 keep=2 skip=1");
		ck_assert_int_eq(count(CERTS), 2);
	}
	ck_assert_int_eq(count(TRUST), _i == 0 ? 1 : 0);
}
END_TEST

/* Pinned by another machine's administrator: this one's looks leave it alone. */
START_TEST(other_hosts_trust_stays)
{
	insert(pin, "create=3");
	job_expect(
		home, &(const Job){.mode = WIRE_STORE_APPLY, .host = "host-b", .absent = true}, "");
	ck_assert_int_eq(count(TRUST), 1);
}
END_TEST

/* 0: less, 1: more, 2: nothing at all. */
START_TEST(edited_trust_is_the_users)
{
	static const char *const flags[] = {"C,,", "CT,C,C", ",,"};
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	insert(pin, "create=3");
	certutil_trust("Trust Root", flags[_i]);
	before = trust_row(NULL);
	insert(pin, "keep=3");
	look("", "keep", "release=1");
	look("", "remove", "release=1 delete=2");
	after = trust_row(NULL);
	ck_assert_str_eq(before, after);
	ck_assert_int_eq(count(CERTS), 1);
	ck_assert_int_eq(count(OURS), 0);
	insert(pin, "create=2 skip=1");
	assert_letters("Trust Root", flags[_i]);
}
END_TEST

/* A root that was there before us: 0 without trust, 1 with it. */
START_TEST(users_own_root_is_left_alone)
{
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);
	g_autofree char *file = home_path(home, "root.der");
	g_autofree char *out = NULL;
	const char *flags = _i == 0 ? ",," : "C,C,";
	gsize len;
	const char *data = g_bytes_get_data(root->der, &len);

	ck_assert(g_file_set_contents(file, data, (gssize)len, NULL));
	out = home_run(home, "certutil", "-A", "-d", spec, "-n", "Trust Root of mine", "-t", flags,
		"-i", file, NULL);
	insert(pin, "create=2 skip=1");
	assert_letters("Trust Root", flags);
	look("", "remove", "delete=2");
	ck_assert_int_eq(count(CERTS), 1);
	assert_letters("Trust Root", flags);
}
END_TEST

/* Distrusted, and then the certificate alone was taken out: what he has said of it holds. */
START_TEST(leftover_trust_is_the_users)
{
	insert(pin, "create=3");
	certutil_trust("Trust Root", "p,p,");
	g_free(home_sql(home, NULL, "cert9.db",
		"DELETE FROM nssPublic WHERE a0=x'00000001' AND CAST(a3 AS TEXT) LIKE 'Trust "
		"Root%'"));
	ck_assert_int_eq(count(TRUST), 1);
	insert(pin, "keep=2 skip=1");
	ck_assert_int_eq(count(CERTS), 2);
	ck_assert_int_eq(count(OURS), 0);
	insert(pin, "keep=2 skip=1");
}
END_TEST

/* Renamed before it was pinned: no trust. After: the trust goes, the certificate stays. */
START_TEST(adopted_gets_no_trust)
{
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);
	g_autofree char *nick = NULL;
	g_autofree char *out = NULL;

	insert(pin, "create=3");
	nick = nickname("Trust Root");
	out = home_run(
		home, "certutil", "--rename", "-d", spec, "-n", nick, "--new-n", "mine", NULL);
	insert(pin, "keep=3");
	look("", "keep", "release=1");
	ck_assert_int_eq(count(TRUST), 0);
	insert(pin, "keep=3");
	ck_assert_int_eq(count(TRUST), 0);
	look(pin, "remove", "release=1 delete=2");
	assert_letters("mine", ",,");
}
END_TEST

START_TEST(never_from_a_redirected_reader)
{
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY,
			.card = card,
			.endpoint = "forwarded:desk",
			.config = {{"ca", "trusted-roots", pin}}},
		"create=1 skip=2");
	ck_assert_int_eq(count(CERTS), 1);
	ck_assert_int_eq(count(TRUST), 0);
}
END_TEST

static bool has_step(const char *action, const char *reason)
{
	Outcome outcome = job_run(home, &(const Job){.mode = WIRE_STORE_APPLY,
						.card = card,
						.config = {{"ca", "trusted-roots", pin}}});
	const ReportDatabase *database = report_database(outcome.report, home->db);
	bool found = false;

	ck_assert_uint_eq(database->errors->len, 0);
	for (guint i = 0; i < database->steps->len; i++) {
		const ReportStep *step = database->steps->pdata[i];

		found = found ||
			(strcmp(step->sha256, pin) == 0 && strcmp(step->action, action) == 0 &&
				strcmp(step->reason, reason) == 0);
	}
	report_free(outcome.report);
	return found;
}

static void set_password(const char *from, const char *to)
{
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);
	g_autofree char *old = home_path(home, "old");
	g_autofree char *new = home_path(home, "new");
	g_autofree char *out = NULL;

	ck_assert(g_file_set_contents(old, from, -1, NULL));
	ck_assert(g_file_set_contents(new, to, -1, NULL));
	out = home_run(home, "modutil", "-force", "-dbdir", spec, "-changepw", "NSS Certificate DB",
		"-pwfile", old, "-newpwfile", new, NULL);
}

/* NSS would ask for the password: nobody is asked, the certificate comes without trust, and that is
   said. */
START_TEST(password_means_no_trust)
{
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	set_password("\n", "a password\n");
	ck_assert(has_step("skip", "trust-needs-password"));
	ck_assert_int_eq(count(CERTS), 3);
	ck_assert_int_eq(count(TRUST), 0);
	ck_assert_int_eq(count(OURS), 0);
	before = home_state(home, NULL);
	ck_assert(has_step("keep", "known"));
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);

	set_password("a password\n", "\n");
	insert(pin, "claim=1 keep=2");
	assert_letters("Trust Root", "C,C,");
}
END_TEST

/* One that got its password afterwards still gives back what it got before. */
START_TEST(password_does_not_keep_trust)
{
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	insert(pin, "create=3");
	set_password("\n", "a password\n");
	before = home_state(home, NULL);
	insert(pin, "keep=3");
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
	look("", "keep", "release=1");
	ck_assert_int_eq(count(TRUST), 0);
	look("", "remove", "delete=3");
	ck_assert_int_eq(count(CERTS), 0);
}
END_TEST

/* Killed between the marker and the trust object: the next look gives it, if it is still pinned. */
START_TEST(interrupted_is_completed)
{
	insert(pin, "create=3");
	g_free(home_sql(home, NULL, "cert9.db", "DELETE FROM nssPublic WHERE a0=x'CE534353'"));
	assert_letters("Trust Root", ",,");
	if (_i == 0) {
		insert(pin, "claim=1 keep=2");
		assert_letters("Trust Root", "C,C,");
	} else {
		look("", "keep", "release=1");
		ck_assert_int_eq(count(OURS), 0);
	}
	ck_assert_int_eq(count(TRUST), _i == 0 ? 1 : 0);
}
END_TEST

/* The scan is not confirmed: the trust goes with what it added. */
START_TEST(unconfirmed_trust_is_taken_back)
{
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY,
			.card = card,
			.confirm = JOB_CONFIRM_NO,
			.config = {{"ca", "trusted-roots", pin}}},
		"create=3 delete=3");
	ck_assert_int_eq(count(CERTS), 0);
	ck_assert_int_eq(count(TRUST), 0);
}
END_TEST

START_TEST(dry_run_gives_nothing)
{
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY,
			.flags = WIRE_STORE_DRY_RUN,
			.card = card,
			.config = {{"ca", "trusted-roots", pin}}},
		"create=3");
	ck_assert_int_eq(count(CERTS), 0);
	ck_assert_int_eq(count(TRUST), 0);
}
END_TEST

START_TEST(is_listed)
{
	Outcome outcome;
	const ReportDatabase *database;
	unsigned n = 0;

	insert(pin, "create=3");
	if (_i == 1)
		certutil_trust("Trust Root", "C,,");
	outcome = job_run(home, &(const Job){.mode = WIRE_STORE_LIST});
	database = report_database(outcome.report, home->db);
	for (guint i = 0; i < database->certs->len; i++) {
		const ReportCert *cert = database->certs->pdata[i];

		if ((cert->flags & (WIRE_CERT_PINNED | WIRE_CERT_TRUST)) == 0)
			continue;
		n++;
		ck_assert_str_eq(cert->sha256, pin);
		ck_assert_int_eq((cert->flags & WIRE_CERT_PINNED) != 0, _i == 0);
		ck_assert_int_eq((cert->flags & WIRE_CERT_ADOPTED) != 0, _i == 1);
	}
	ck_assert_uint_eq(n, 1);
	report_free(outcome.report);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("trust");
	TCase *tcase = tcase_create("roots");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, intermediate_has_no_trust);
	tcase_add_test(tcase, pinned_root_is_trusted);
	tcase_add_test(tcase, trust_is_as_certutil_writes_it);
	tcase_add_test(tcase, trust_goes_with_the_certificate);
	tcase_add_loop_test(tcase, unpinned_loses_its_trust, 0, 2);
	tcase_add_test(tcase, other_hosts_trust_stays);
	tcase_add_loop_test(tcase, edited_trust_is_the_users, 0, 3);
	tcase_add_loop_test(tcase, users_own_root_is_left_alone, 0, 2);
	tcase_add_test(tcase, adopted_gets_no_trust);
	tcase_add_test(tcase, leftover_trust_is_the_users);
	tcase_add_test(tcase, never_from_a_redirected_reader);
	tcase_add_test(tcase, password_means_no_trust);
	tcase_add_test(tcase, password_does_not_keep_trust);
	tcase_add_loop_test(tcase, interrupted_is_completed, 0, 2);
	tcase_add_test(tcase, unconfirmed_trust_is_taken_back);
	tcase_add_test(tcase, dry_run_gives_nothing);
	tcase_add_loop_test(tcase, is_listed, 0, 2);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
