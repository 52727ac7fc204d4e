/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-store on good databases: what it creates, what it leaves alone, what it gives up and
 * what it takes away. What stands in the database is read by SQLite and by NSS's own tools.
 */

#include <check.h>
#include <openssl/pkcs12.h>
#include <string.h>

#include "cert.h"
#include "harness.h"
#include "maker.h"
#include "store-rig.h"

#define MARKED "SELECT count(*) FROM nssPublic WHERE a0=x'00000001' AND length(a89) > 3"
#define CERTS  "SELECT count(*) FROM nssPublic WHERE a0=x'00000001'"
#define TRUST  "SELECT count(*) FROM nssPublic WHERE a0 IN (x'CE534353', x'0000000B')"

static Home *home;

static void setup(void)
{
	home = home_new();
	home_make_db(home);
}

static void teardown(void)
{
	home_free(home);
}

static int count(const char *query)
{
	return home_count(home, NULL, "cert9.db", query);
}

static void insert(const Card *card, const char *steps)
{
	job_expect(home, &(const Job){.mode = WIRE_STORE_APPLY, .card = card}, steps);
}

static char *certutil_list(void)
{
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);

	return home_run(home, "certutil", "-L", "-d", spec, NULL);
}

/* One column of a certificate's row; blobs as text. */
static char *column(GBytes *der, const char *name)
{
	g_autofree char *row = NULL;
	gsize len;
	const guint8 *data = g_bytes_get_data(der, &len);
	g_autoptr(GString) query = g_string_new(NULL);

	g_string_printf(query, "SELECT CAST(%s AS TEXT) FROM nssPublic WHERE a11=x'", name);
	for (gsize i = 0; i < len; i++)
		g_string_append_printf(query, "%02X", data[i]);
	g_string_append_c(query, '\'');
	row = home_sql(home, NULL, "cert9.db", query->str);
	g_strchomp(row);
	return g_steal_pointer(&row);
}

static const unsigned sizes[] = {1, 4, 24};

START_TEST(creates)
{
	unsigned n = sizes[_i];
	Card *card = card_with("0123", n);
	g_autofree char *steps = g_strdup_printf("create=%u", n);
	g_autofree char *list = NULL;

	insert(card, steps);
	ck_assert_int_eq(count(CERTS), (int)n);
	ck_assert_int_eq(count(MARKED), (int)n);
	ck_assert_int_eq(count(TRUST), 0);
	ck_assert_int_eq(home_count(home, NULL, "key4.db", "SELECT count(*) FROM nssPrivate"), 0);
	list = certutil_list();
	for (unsigned i = 0; i < n; i++) {
		const CardCert *on_card = card->certs->pdata[i];
		g_autoptr(Cert) cert = cert_parse(on_card->der, NULL);
		g_autofree char *url = column(on_card->der, "a89");
		g_autofree char *label = column(on_card->der, "a3");
		g_autofree char *id = column(on_card->der, "hex(a102)");
		guint8 want[CERT_ID_LEN];
		GString *hex = g_string_new(NULL);

		cert_id(cert, want);
		for (gsize b = 0; b < sizeof want; b++)
			g_string_append_printf(hex, "%02X", want[b]);
		ck_assert_str_eq(id, hex->str);
		ck_assert(g_str_has_prefix(url, "pkcs11:"));
		ck_assert_ptr_nonnull(strstr(url, "serial=0123"));
		ck_assert_ptr_nonnull(strstr(url, "x-certprop=1"));
		ck_assert_ptr_nonnull(strstr(list, label));
		g_string_free(hex, TRUE);
	}
	card_free(card);
}
END_TEST

/* The columns that have a value, in order. */
static char *filled(const char *dir, GBytes *der)
{
	g_autofree char *names =
		home_sql(home, dir, "cert9.db", "SELECT name FROM pragma_table_info('nssPublic')");
	g_autofree char *row = home_row(home, dir, der);
	g_auto(GStrv) name = g_strsplit(names, "\n", -1);
	g_auto(GStrv) value = g_strsplit(row, "|", -1);
	GString *out = g_string_new(NULL);

	for (guint i = 0; value[i] != NULL; i++) {
		if (g_str_has_prefix(value[i], "NULL") || strcmp(name[i], "id") == 0)
			continue;
		/* What we choose to write otherwise. */
		if (strcmp(name[i], "a3") == 0 || strcmp(name[i], "a102") == 0)
			g_string_append_printf(out, "%s ", name[i]);
		else if (strcmp(name[i], "a89") != 0)
			g_string_append_printf(out, "%s=%s ", name[i], value[i]);
	}
	return g_string_free(out, FALSE);
}

static void certutil_add(const char *dir, GBytes *der, const char *nickname)
{
	g_autofree char *spec = g_strconcat("sql:", dir, NULL);
	g_autofree char *file = home_path(home, "import.der");
	g_autofree char *out = NULL;
	gsize len;
	const char *data = g_bytes_get_data(der, &len);

	ck_assert(g_file_set_contents(file, data, (gssize)len, NULL));
	out = home_run(
		home, "certutil", "-A", "-d", spec, "-n", nickname, "-t", ",,", "-i", file, NULL);
}

START_TEST(row_is_as_nss_writes_it)
{
	g_autofree char *other = home_path(home, "other");
	Card *card = card_with("0123", 1);
	const CardCert *cert = card->certs->pdata[0];
	g_autofree char *ours = NULL;
	g_autofree char *theirs = NULL;

	insert(card, "create=1");
	home_make_db_at(home, other, "");
	certutil_add(other, cert->der, "by certutil");
	ours = filled(home->db, cert->der);
	theirs = filled(other, cert->der);
	ck_assert_str_eq(ours, theirs);
	ck_assert_ptr_nonnull(strstr(ours, "ace534352="));
	card_free(card);
}
END_TEST

START_TEST(second_time_writes_nothing)
{
	Card *card = card_with("0123", 4);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	insert(card, "create=4");
	before = home_state(home, NULL);
	insert(card, "keep=4");
	insert(card, "keep=4");
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
	card_free(card);
}
END_TEST

START_TEST(users_own_is_untouched)
{
	Card *card = card_with("0123", 2);
	Card *other = card_with("0123", 1);
	GBytes *own = ((CardCert *)card->certs->pdata[0])->der;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	certutil_add(home->db, own, "my own");
	before = home_row(home, NULL, own);
	insert(card, "create=1 skip=1");
	insert(other, "create=1 delete=1"); /* the card was renewed */
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY,
			.absent = true,
			.config = {{"local", "on-removal", "remove"}}},
		"delete=1");
	after = home_row(home, NULL, own);
	ck_assert_str_eq(before, after);
	ck_assert_int_eq(count(CERTS), 1);
	card_free(card);
	card_free(other);
}
END_TEST

static const Job sweep = {
	.mode = WIRE_STORE_APPLY, .absent = true, .config = {{"local", "on-removal", "remove"}}};

START_TEST(imported_again_is_released)
{
	Card *card = card_with("0123", 2);
	GBytes *der = ((CardCert *)card->certs->pdata[0])->der;
	g_autofree char *id = NULL;
	g_autofree char *id_after = NULL;

	insert(card, "create=2");
	certutil_add(home->db, der, "mine now");
	id = column(der, "hex(a102)");
	insert(card, "release=1 keep=1 skip=1");
	ck_assert_int_eq(count(MARKED), 1);
	id_after = column(der, "hex(a102)");
	ck_assert_str_eq(id, id_after);
	job_expect(home, &sweep, "delete=1");
	ck_assert_int_eq(count(CERTS), 1);
	card_free(card);
}
END_TEST

static void pk12_import(const MakerCert *cert)
{
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);
	g_autofree char *file = home_path(home, "import.p12");
	g_autofree char *out = NULL;
	gsize len;
	const unsigned char *der = g_bytes_get_data(cert->der, &len);
	X509 *x509 = d2i_X509(NULL, &der, (long)len);
	PKCS12 *p12 = PKCS12_create("pw", "imported", cert->key, x509, NULL, 0, 0, 0, 0, 0);
	BIO *bio = BIO_new_file(file, "w");

	ck_assert_ptr_nonnull(p12);
	ck_assert_int_eq(i2d_PKCS12_bio(bio, p12), 1);
	BIO_free_all(bio);
	PKCS12_free(p12);
	X509_free(x509);
	out = home_run(home, "pk12util", "-i", file, "-d", spec, "-W", "pw", "-K", "", NULL);
}

static const MakerKind kinds[] = {MAKER_EC, MAKER_RSA};

START_TEST(imported_with_its_key_is_released)
{
	Card *card = card_with("0123", 1);
	EVP_PKEY *key = maker_key(kinds[_i]);
	g_autoptr(MakerCert) cert = maker_cert(&(const MakerSpec){
		.cn = "Jane Key", .issuer_cn = "Test CA", .serial = 7, .key = key});
	g_autofree char *url = NULL;

	card_add_der(card, cert->der, "With a key");
	insert(card, "create=2");
	pk12_import(cert);
	insert(card, "release=1 keep=1 skip=1");
	url = column(cert->der, "hex(a89)");
	ck_assert_str_eq(url, "A5005A"); /* how softoken stores "empty" */
	job_expect(home, &sweep, "delete=1");
	ck_assert_int_eq(count(CERTS), 1);
	EVP_PKEY_free(key);
	card_free(card);
}
END_TEST

static bool listed_as_adopted(GBytes *der)
{
	Outcome outcome = job_run(home, &(const Job){.mode = WIRE_STORE_LIST});
	const ReportDatabase *database = report_database(outcome.report, home->db);
	g_autoptr(Cert) cert = cert_parse(der, NULL);
	bool adopted = false;
	bool found = false;

	ck_assert_ptr_nonnull(database);
	for (guint i = 0; i < database->certs->len; i++) {
		const ReportCert *c = database->certs->pdata[i];

		if (strcmp(c->sha256, cert->sha256_hex) != 0)
			continue;
		found = true;
		adopted = (c->flags & WIRE_CERT_ADOPTED) != 0;
	}
	ck_assert(found);
	report_free(outcome.report);
	return adopted;
}

/* 0 renamed, 1 trusted */
START_TEST(touched_is_adopted)
{
	Card *card = card_with("0123", 1);
	GBytes *der = ((CardCert *)card->certs->pdata[0])->der;
	g_autofree char *spec = g_strconcat("sql:", home->db, NULL);
	g_autofree char *label = NULL;
	g_autofree char *out = NULL;
	g_autofree char *row = NULL;

	insert(card, "create=1");
	ck_assert(!listed_as_adopted(der));
	label = column(der, "a3");
	if (_i == 0)
		out = home_run(home, "certutil", "--rename", "-d", spec, "-n", label, "--new-n",
			"my name for it", NULL);
	else
		out = home_run(
			home, "certutil", "-M", "-d", spec, "-n", label, "-t", "P,P,P", NULL);
	ck_assert(listed_as_adopted(der));
	insert(card, "keep=1");
	ck_assert_int_eq(count(MARKED), 1);

	job_expect(home, &sweep, "release=1");
	ck_assert_int_eq(count(MARKED), 0);
	row = home_row(home, NULL, der);
	ck_assert(row[0] != '\0');
	job_expect(home, &sweep, "");
	card_free(card);
}
END_TEST

START_TEST(superseded_waits_for_the_word)
{
	Card *old = card_new("0123", "Jane Doe");
	Card *new = card_new("0123", "Jane Doe");
	GBytes *before = card_add(old, "One", "Certificate");
	GBytes *after = card_add(new, "Two", "Certificate");
	g_autofree char *stood = NULL;
	g_autofree char *stands = NULL;
	Outcome outcome;

	insert(old, "create=1");
	stood = column(before, "id||a89");
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY, .card = new, .confirm = (JobConfirm)_i},
		"create=1 delete=1");
	/* Confirmed, the old one went; if not, the new one went again. */
	ck_assert_int_eq(count(CERTS), 1);
	stands = column(_i == 0 ? after : before, "id||a89");
	ck_assert_str_ne(stands, "");
	ck_assert((_i == 0) != (strcmp(stood, stands) == 0));

	/* Whatever was left is still to be done at the next look. */
	outcome = job_run(home, &(const Job){.mode = WIRE_STORE_APPLY, .card = new});
	ck_assert_uint_eq(outcome.pending, _i == 0 ? 0 : 1);
	ck_assert_uint_eq(outcome.added, _i == 0 ? 0 : 1);
	ck_assert_int_eq(count(CERTS), 1);
	report_free(outcome.report);
	card_free(old);
	card_free(new);
}
END_TEST

/* Another token shows the same certificate, and that turns out not to be so: what was there before
   is there again, to the last byte. */
START_TEST(unconfirmed_claim_is_taken_back)
{
	Card *first = card_new("0123", "Jane Doe");
	Card *second = card_new("4567", "Jane Doe");
	GBytes *der = card_add(first, "One", "Certificate");
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	card_add_der(second, der, "Certificate");
	insert(first, "create=1");
	before = column(der, "id||a89");
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY, .card = second, .confirm = JOB_CONFIRM_NO},
		"claim=1 release=1");
	after = column(der, "id||a89");
	ck_assert_str_eq(before, after);
	/* It was not confirmed that it is still there, either; but nothing was added. */
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY, .card = first, .confirm = JOB_CONFIRM_NO},
		"keep=1");
	card_free(first);
	card_free(second);
}
END_TEST

/* Nobody can tell: what was added stays, and what is missing stays too. */
START_TEST(open_confirmation_changes_nothing)
{
	Card *before = card_new("0123", "Jane Doe");
	Card *after = card_new("0123", "Jane Doe");
	Outcome outcome;

	card_add(before, "One", "Certificate");
	card_add(after, "Two", "Certificate");
	insert(before, "create=1");
	outcome = job_run(home,
		&(const Job){.mode = WIRE_STORE_APPLY, .card = after, .confirm = JOB_CONFIRM_OPEN});
	ck_assert_uint_eq(outcome.pending, 1);
	ck_assert_int_eq(count(CERTS), 2);
	report_free(outcome.report);
	/* The next look decides, in either way. */
	insert(_i == 0 ? after : before, "delete=1 keep=1");
	ck_assert_int_eq(count(CERTS), 1);
	card_free(before);
	card_free(after);
}
END_TEST

/* A claim that was there before stays, when the look that found something else to say of it turns
   out to be unfounded. */
START_TEST(unconfirmed_change_costs_no_claim)
{
	Card *before = card_new("0123", "Jane Doe");
	Card *after = card_new("0123", "Jane Doe");
	GBytes *der = card_add(before, "One", "Certificate");

	card_add_der(after, der, "Another name");
	insert(before, "create=1");
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY, .card = after, .confirm = JOB_CONFIRM_NO},
		"claim=1");
	ck_assert_int_eq(count(CERTS), 1);
	insert(before, "claim=1");
	card_free(before);
	card_free(after);
}
END_TEST

/* A scan that fails, in whatever way, counts for nothing. */
START_TEST(failed_scan_writes_nothing)
{
	Card *old = card_with("0123", 1);
	Card *new = card_with("0123", 3);
	g_autoptr(GByteArray) frames = card_frames(new, 0);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	/* in a head, in a certificate, before END, in END */
	const gsize cuts[] = {0, 3, 600, frames->len - 44, frames->len - 1};
	Job job = {.mode = WIRE_STORE_APPLY, .card = new, .cut = cuts[_i]};
	Outcome outcome;

	if (_i == 0)
		job.scan_code = 11;
	insert(old, "create=1");
	before = home_state(home, NULL);
	outcome = job_run(home, &job);
	ck_assert_uint_eq(outcome.report->errors->len, 1);
	ck_assert_uint_eq(outcome.pending, 0);
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
	report_free(outcome.report);
	card_free(old);
	card_free(new);
}
END_TEST

START_TEST(two_hosts_two_claims)
{
	Card *card = card_with("0123", 1);
	GBytes *der = ((CardCert *)card->certs->pdata[0])->der;
	Job other = {.mode = WIRE_STORE_APPLY, .card = card, .host = "host-b"};
	Job gone = sweep;
	g_autofree char *url = NULL;

	insert(card, "create=1");
	job_expect(home, &other, "claim=1");
	job_expect(home, &other, "keep=1");
	insert(card, "keep=1");
	url = column(der, "a89");
	ck_assert_ptr_nonnull(strstr(url, "x-host=host-a"));
	ck_assert_ptr_nonnull(strstr(url, "x-host=host-b"));
	job_expect(home, &gone, "release=1");
	ck_assert_int_eq(count(MARKED), 1);
	gone.host = "host-b";
	job_expect(home, &gone, "delete=1");
	ck_assert_int_eq(count(CERTS), 0);
	card_free(card);
}
END_TEST

/* Another certificate of the same issuer and serial is the same one to NSS. */
START_TEST(conflict_is_passed_over)
{
	Card *card = card_new("0123", "Jane Doe");
	g_autoptr(GBytes) own =
		maker_der(&(const MakerSpec){.cn = "One", .issuer_cn = "CA", .serial = 5});
	g_autoptr(GBytes) twin =
		maker_der(&(const MakerSpec){.cn = "Two", .issuer_cn = "CA", .serial = 5});
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	certutil_add(home->db, own, "my own");
	before = home_state(home, NULL);
	card_add_der(card, twin, "Twin");
	insert(card, "skip=1");
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
	card_free(card);
}
END_TEST

/* A CA that gave one number twice: the one that is ours makes room for the other. */
START_TEST(conflict_with_ours_is_resolved)
{
	Card *old = card_new("0123", "Jane Doe");
	Card *renewed = card_new("0123", "Jane Doe");
	g_autoptr(GBytes) one =
		maker_der(&(const MakerSpec){.cn = "One", .issuer_cn = "CA", .serial = 5});
	g_autoptr(GBytes) two =
		maker_der(&(const MakerSpec){.cn = "Two", .issuer_cn = "CA", .serial = 5});
	g_autofree char *label = NULL;

	card_add_der(old, one, "One");
	card_add_der(renewed, two, "Two");
	insert(old, "create=1");
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY, .card = renewed, .confirm = JOB_CONFIRM_YES},
		"create=1 delete=1 skip=1");
	ck_assert_int_eq(count(CERTS), 1);
	ck_assert_int_eq(count(MARKED), 1);
	label = column(two, "a3");
	ck_assert(g_str_has_prefix(label, "Two"));
	insert(renewed, "keep=1");
	card_free(old);
	card_free(renewed);
}
END_TEST

START_TEST(taken_nickname_gets_a_number)
{
	Card *card = card_new("0123", "Jane Doe");
	GBytes *der = card_add(card, "Jane", "Certificate");
	g_autoptr(GBytes) other =
		maker_der(&(const MakerSpec){.cn = "Other", .issuer_cn = "CA", .serial = 5});
	g_autofree char *first = NULL;
	g_autofree char *label = NULL;
	g_autofree char *url = NULL;

	insert(card, "create=1");
	first = column(der, "a3");
	job_expect(home, &sweep, "delete=1");
	certutil_add(home->db, other, first);
	insert(card, "create=1");
	label = column(der, "a3");
	url = column(der, "a89");
	ck_assert(g_str_has_prefix(label, first));
	ck_assert(g_str_has_suffix(label, " #2"));
	ck_assert_ptr_nonnull(strstr(url, "%20%232"));
	insert(card, "keep=1");
	ck_assert(!listed_as_adopted(der));
	job_expect(home, &sweep, "delete=1");
	card_free(card);
}
END_TEST

START_TEST(hostile_names_are_cleaned)
{
	g_autofree char *huge = g_strnfill(60000, 'x');
	const char *names[] = {"a\033[31mred", "two\nlines", "to:ken",
		"\xe2\x80\xae"
		"evil",
		"%s%n", "", " ", "\xff\xfe", huge};
	Card *card = card_new("0123", "lab\033el: x");
	g_autofree char *list = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		/* A name that is no UTF-8 would make the certificate no DER. */
		g_autofree char *cn =
			g_utf8_make_valid(names[i], (gssize)MIN(strlen(names[i]), 60));

		card_add(card, cn, names[i]);
	}
	insert(card, "create=9");
	insert(card, "keep=9");
	ck_assert_int_eq(count("SELECT count(*) FROM nssPublic WHERE instr(a3, x'3A') OR "
			       "instr(a3, x'1B') OR instr(a3, x'0A') OR instr(a3, x'E280AE') OR "
			       "length(a3) > 100 OR length(a3) = 0"),
		0);
	list = certutil_list();
	ck_assert_ptr_null(strchr(list, '\033'));
	job_expect(home, &sweep, "delete=9");
	card_free(card);
}
END_TEST

/* What a removed card leaves, by [local] on-removal. */
START_TEST(removal_does_what_is_configured)
{
	Card *card = card_with("0123", 2);
	Job keep = sweep;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	keep.config[0][2] = "keep";
	insert(card, "create=2");
	before = home_state(home, NULL);
	job_expect(home, &keep, "");
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
	job_expect(home, &sweep, "delete=2");
	ck_assert_int_eq(count(CERTS), 0);
	card_free(card);
}
END_TEST

/* A card in another reader is not gone because this look is not about it. */
START_TEST(present_elsewhere_stays)
{
	Card *one = card_with("0123", 1);
	Card *two = card_with("4567", 1);
	Job job = sweep;

	insert(one, "create=1");
	insert(two, "create=1");
	job.present = "0123";
	job.card = two;
	job_expect(home, &job, "keep=1");
	job.card = NULL;
	job_expect(home, &job, "delete=1");
	job_expect(home, &job, "");
	ck_assert_int_eq(count(CERTS), 1);
	card_free(one);
	card_free(two);
}
END_TEST

/* Several stores at once, with one certificate in common. */
START_TEST(several_at_once)
{
	static const char *const serials[] = {"1", "2", "3", "4", "5", "6"};
	enum { N = G_N_ELEMENTS(serials) };
	Card *cards[N];
	Store stores[N];
	Job jobs[N];
	g_autoptr(GBytes) shared =
		maker_der(&(const MakerSpec){.cn = "Shared", .issuer_cn = "CA", .serial = 9});

	for (int i = 0; i < N; i++) {
		cards[i] = card_with(serials[i], 3);
		card_add_der(cards[i], shared, "Shared");
		jobs[i] = (Job){.mode = WIRE_STORE_APPLY, .card = cards[i]};
		stores[i] = store_start(home, true);
		store_request(&stores[i], &jobs[i]);
	}
	for (int i = 0; i < N; i++) {
		g_autoptr(GByteArray) frames = card_frames(cards[i], 0);

		store_send(stores[i].scan, frames->data, frames->len);
	}
	for (int i = 0; i < N; i++) {
		Outcome outcome = job_finish(&jobs[i], &stores[i]);
		const ReportDatabase *database = report_database(outcome.report, home->db);

		ck_assert_uint_eq(database->errors->len, 0);
		ck_assert_uint_eq(report_count(database, NULL), 4);
		report_free(outcome.report);
	}
	ck_assert_int_eq(count(CERTS), 3 * N + 1);
	for (int i = 0; i < N; i++) {
		insert(cards[i], "keep=4");
		card_free(cards[i]);
	}
}
END_TEST

START_TEST(dry_run_writes_nothing)
{
	Card *old = card_with("0123", 1);
	Card *new = card_with("0123", 2);
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;

	insert(old, "create=1");
	before = home_state(home, NULL);
	job_expect(home,
		&(const Job){.mode = WIRE_STORE_APPLY, .flags = WIRE_STORE_DRY_RUN, .card = new},
		"create=2 delete=1");
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
	card_free(old);
	card_free(new);
}
END_TEST

/* An unreadable certificate is passed over, and nothing is taken away on such a token's word. */
START_TEST(malformed_certificate_spares_the_others)
{
	Card *old = card_with("0123", 1);
	Card *new = card_with("0123", 1);
	g_autoptr(GBytes) junk = g_bytes_new_static("\x30\x82\x01", 3);

	insert(old, "create=1");
	card_add_der(new, junk, "junk");
	insert(new, "create=1");
	ck_assert_int_eq(count(CERTS), 2);
	card_free(old);
	card_free(new);
}
END_TEST

START_TEST(lists_what_is_marked)
{
	Card *card = card_with("0123", 2);
	g_autoptr(GBytes) own = maker_der(&(const MakerSpec){.cn = "Own", .issuer_cn = "CA"});
	guint64 flags = _i == 0 ? 0 : WIRE_STORE_ALL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	const ReportDatabase *database;
	Outcome outcome;
	guint claims = 0;

	certutil_add(home->db, own, "my own");
	insert(card, "create=2");
	before = home_state(home, NULL);
	outcome = job_run(home, &(const Job){.mode = WIRE_STORE_LIST, .flags = flags});
	after = home_state(home, NULL);
	ck_assert_str_eq(before, after);
	database = report_database(outcome.report, home->db);
	ck_assert_ptr_nonnull(database);
	ck_assert_str_eq(database->status, "ok");
	ck_assert_str_eq(database->application, "shared");
	ck_assert_uint_eq(database->certs->len, _i == 0 ? 2 : 3);
	for (guint i = 0; i < database->certs->len; i++) {
		const ReportCert *cert = database->certs->pdata[i];

		claims += cert->claims->len;
		ck_assert_int_eq((cert->flags & WIRE_CERT_OURS) != 0, cert->claims->len > 0);
		for (guint c = 0; c < cert->claims->len; c++) {
			const ReportClaim *claim = cert->claims->pdata[c];

			ck_assert_str_eq(claim->token->serial, "0123");
			ck_assert_str_eq(claim->reader, "Reader 00 00");
			ck_assert_str_eq(claim->host, "host-a");
			ck_assert_str_eq(claim->since, "2026-11-18T11:06:40Z");
		}
	}
	ck_assert_uint_eq(claims, 2);
	report_free(outcome.report);
	card_free(card);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("store");
	TCase *tcase = tcase_create("good");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, creates, 0, 3);
	tcase_add_test(tcase, row_is_as_nss_writes_it);
	tcase_add_test(tcase, second_time_writes_nothing);
	tcase_add_test(tcase, users_own_is_untouched);
	tcase_add_test(tcase, imported_again_is_released);
	tcase_add_loop_test(tcase, imported_with_its_key_is_released, 0, 2);
	tcase_add_loop_test(tcase, touched_is_adopted, 0, 2);
	tcase_add_loop_test(tcase, superseded_waits_for_the_word, 0, 3);
	tcase_add_test(tcase, unconfirmed_claim_is_taken_back);
	tcase_add_test(tcase, unconfirmed_change_costs_no_claim);
	tcase_add_loop_test(tcase, open_confirmation_changes_nothing, 0, 2);
	tcase_add_loop_test(tcase, failed_scan_writes_nothing, 0, 5);
	tcase_add_test(tcase, two_hosts_two_claims);
	tcase_add_test(tcase, conflict_is_passed_over);
	tcase_add_test(tcase, conflict_with_ours_is_resolved);
	tcase_add_test(tcase, taken_nickname_gets_a_number);
	tcase_add_test(tcase, hostile_names_are_cleaned);
	tcase_add_test(tcase, removal_does_what_is_configured);
	tcase_add_test(tcase, present_elsewhere_stays);
	tcase_add_test(tcase, several_at_once);
	tcase_add_test(tcase, dry_run_writes_nothing);
	tcase_add_test(tcase, malformed_certificate_spares_the_others);
	tcase_add_loop_test(tcase, lists_what_is_marked, 0, 2);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
