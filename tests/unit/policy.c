/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib/policy.c: one table of a certificate, a configuration and the verdict; then what can only be
 * told by comparing certificates.
 */

#include "policy.h"

#include <string.h>

#include "harness.h"
#include "maker.h"

#define NOW      1800000000
#define DAY      86400
#define CLIENT   "1.3.6.1.5.5.7.3.2"
#define EMAIL    "1.3.6.1.5.5.7.3.4"
#define REDIRECT "xrdp:10"

static Cert *make(MakerSpec spec)
{
	g_autoptr(GBytes) der = maker_der(&spec);
	g_autoptr(GError) error = NULL;
	Cert *cert = cert_parse(der, &error);

	ck_assert_msg(cert != NULL, "%s", error != NULL ? error->message : "no error");
	return cert;
}

/* One setting, as in a file. */
typedef struct Setting {
	const char *group;
	const char *key;
	const char *text;
} Setting;

static Config *configure(const Setting *settings, gsize n)
{
	Config *config = config_new();

	for (gsize i = 0; i < n && settings[i].group != NULL; i++) {
		g_autoptr(GError) error = NULL;

		ck_assert_msg(config_set(config, settings[i].group, settings[i].key,
				      settings[i].text, "test", &error),
			"%s", error != NULL ? error->message : "no error");
	}
	return config;
}

static PolicyVerdict judge(
	const Config *config, const char *endpoint, const Cert *cert, WireKey key)
{
	PolicyItem item = {.cert = cert, .key = key};

	policy_judge(config, endpoint, NOW, &item, 1);
	return item.verdict;
}

static const struct {
	Setting settings[2];
	MakerSpec spec;
	WireKey key;
	const char *endpoint; /* NULL: local */
	PolicyVerdict verdict;
} verdicts[] = {
	{.spec = {.cn = "x"}, .verdict = POLICY_PROPAGATE},

	/* Time: both ends belong to it. */
	{.spec = {.cn = "x", .not_after = NOW}, .verdict = POLICY_PROPAGATE},
	{.spec = {.cn = "x", .not_after = NOW - 1}, .verdict = POLICY_EXPIRED},
	{.spec = {.cn = "x", .not_before = NOW}, .verdict = POLICY_PROPAGATE},
	{.spec = {.cn = "x", .not_before = NOW + 1}, .verdict = POLICY_NOT_YET_VALID},
	{.settings = {{"filter", "time-invalid", "allow"}},
		.spec = {.cn = "x", .not_after = NOW - 1},
		.verdict = POLICY_PROPAGATE},
	{.settings = {{"filter", "time-invalid", "allow"}},
		.spec = {.cn = "x", .not_before = NOW + 1},
		.verdict = POLICY_PROPAGATE},
	{.spec = {.cn = "x", .not_after = 253402300799}, .verdict = POLICY_PROPAGATE},

	/* Extended key usage: one of them is enough, none at all is not. */
	{.settings = {{"filter", "require-eku", CLIENT ";" EMAIL}},
		.spec = {.cn = "x", .eku = "clientAuth"},
		.verdict = POLICY_PROPAGATE},
	{.settings = {{"filter", "require-eku", CLIENT ";" EMAIL}},
		.spec = {.cn = "x", .eku = "serverAuth,emailProtection"},
		.verdict = POLICY_PROPAGATE},
	{.settings = {{"filter", "require-eku", CLIENT}},
		.spec = {.cn = "x", .eku = "serverAuth"},
		.verdict = POLICY_EKU},
	{.settings = {{"filter", "require-eku", CLIENT}},
		.spec = {.cn = "x"},
		.verdict = POLICY_EKU},
	{.settings = {{"filter", "require-eku", CLIENT}},
		.spec = {.cn = "x", .eku = "anyExtendedKeyUsage"},
		.verdict = POLICY_PROPAGATE},
	{.spec = {.cn = "x", .eku = "serverAuth"}, .verdict = POLICY_PROPAGATE},

	/* Issuers: part of the name, in any case. */
	{.settings = {{"filter", "issuers", "acme;other"}},
		.spec = {.cn = "x", .issuer_cn = "The ACME Issuing CA"},
		.verdict = POLICY_PROPAGATE},
	{.settings = {{"filter", "issuers", "STRASSE"}},
		.spec = {.cn = "x", .issuer_cn = "CA Hauptstraße"},
		.verdict = POLICY_PROPAGATE},
	{.settings = {{"filter", "issuers", "acme"}},
		.spec = {.cn = "Acme", .issuer_cn = "Other"},
		.verdict = POLICY_ISSUER},

	/* Keys. */
	{.settings = {{"filter", "ecc", "false"}}, .spec = {.cn = "x"}, .verdict = POLICY_ECC},
	{.settings = {{"filter", "ecc", "false"}},
		.spec = {.cn = "x", .kind = MAKER_RSA},
		.verdict = POLICY_PROPAGATE},
	{.spec = {.cn = "x"}, .key = WIRE_KEY_NONE, .verdict = POLICY_PROPAGATE},
	{.settings = {{"filter", "without-key", "skip"}},
		.spec = {.cn = "x"},
		.key = WIRE_KEY_NONE,
		.verdict = POLICY_WITHOUT_KEY},
	{.settings = {{"filter", "without-key", "skip"}},
		.spec = {.cn = "x"},
		.key = WIRE_KEY_UNKNOWN,
		.verdict = POLICY_PROPAGATE},
	{.settings = {{"filter", "without-key", "skip"}},
		.spec = {.cn = "x"},
		.key = WIRE_KEY_SEEN,
		.verdict = POLICY_PROPAGATE},

	/* CA certificates: by time and [ca] only. */
	{.spec = {.cn = "CA", .issuer_cn = "Root", .ca = true}, .verdict = POLICY_PROPAGATE},
	{.settings = {{"ca", "intermediates", "skip"}},
		.spec = {.cn = "CA", .issuer_cn = "Root", .ca = true},
		.verdict = POLICY_INTERMEDIATE},
	{.settings = {{"filter", "require-eku", CLIENT}, {"filter", "without-key", "skip"}},
		.spec = {.cn = "CA", .issuer_cn = "Root", .ca = true},
		.key = WIRE_KEY_NONE,
		.verdict = POLICY_PROPAGATE},
	{.settings = {{"filter", "issuers", "acme"}, {"filter", "ecc", "false"}},
		.spec = {.cn = "CA", .issuer_cn = "Root", .ca = true},
		.verdict = POLICY_PROPAGATE},
	{.spec = {.cn = "CA", .issuer_cn = "Root", .ca = true, .not_after = NOW - 1},
		.verdict = POLICY_EXPIRED},
	{.spec = {.cn = "Root", .ca = true}, .verdict = POLICY_UNPINNED_ROOT},
	{.spec = {.cn = "Root", .v1 = true}, .verdict = POLICY_UNPINNED_ROOT},
	{.spec = {.cn = "Self-signed user"}, .verdict = POLICY_PROPAGATE},

	/* Redirected readers: user certificates only, or nothing. */
	{.endpoint = REDIRECT, .spec = {.cn = "x"}, .verdict = POLICY_PROPAGATE},
	{.endpoint = REDIRECT,
		.spec = {.cn = "CA", .issuer_cn = "Root", .ca = true},
		.verdict = POLICY_INTERMEDIATE},
	{.endpoint = "forwarded:laptop",
		.settings = {{"redirected", "policy", "ignore"}},
		.spec = {.cn = "x"},
		.verdict = POLICY_REDIRECTED},
	{.settings = {{"redirected", "policy", "ignore"}},
		.spec = {.cn = "x"},
		.verdict = POLICY_PROPAGATE},
	{.endpoint = REDIRECT,
		.settings = {{"redirected", "policy", "keep"}},
		.spec = {.cn = "x"},
		.verdict = POLICY_PROPAGATE},

	/* Size. */
	{.settings = {{"limits", "certificate-bytes", "256"}},
		.spec = {.cn = "x"},
		.verdict = POLICY_TOO_LARGE},
};

START_TEST(test_verdict)
{
	g_autoptr(Config) config =
		configure(verdicts[_i].settings, G_N_ELEMENTS(verdicts[_i].settings));
	g_autoptr(Cert) cert = make(verdicts[_i].spec);
	const char *endpoint = verdicts[_i].endpoint != NULL ? verdicts[_i].endpoint : "local";
	PolicyVerdict verdict = judge(config, endpoint, cert, verdicts[_i].key);

	ck_assert_str_eq(policy_word(verdict), policy_word(verdicts[_i].verdict));
}
END_TEST

START_TEST(test_pinned_root)
{
	g_autoptr(Cert) root = make((MakerSpec){.cn = "Root", .ca = true});
	g_autoptr(Cert) other = make((MakerSpec){.cn = "Root", .ca = true, .serial = 2});
	g_autoptr(Config) config =
		configure(&(Setting){"ca", "trusted-roots", root->sha256_hex}, 1);

	ck_assert_int_eq(judge(config, "local", root, WIRE_KEY_UNKNOWN), POLICY_PROPAGATE);
	ck_assert_int_eq(judge(config, "local", other, WIRE_KEY_UNKNOWN), POLICY_UNPINNED_ROOT);
	ck_assert_int_eq(judge(config, REDIRECT, root, WIRE_KEY_UNKNOWN), POLICY_INTERMEDIATE);
}
END_TEST

/* Duplicates: pairs of an older and a newer certificate, and whether the older one goes. */
static const struct {
	MakerSpec old;
	MakerSpec new;
	bool duplicate;
} pairs[] = {
	{{.cn = "x"}, {.cn = "x", .serial = 2, .not_before = NOW - DAY}, true},
	{{.cn = "x", .not_after = NOW + 1}, {.cn = "x"}, true},
	{{.cn = "x"}, {.cn = "y", .not_before = NOW - DAY}, false},
	{{.cn = "x", .issuer_cn = "A"}, {.cn = "x", .issuer_cn = "B", .not_before = NOW - DAY},
		false},
	{{.cn = "x", .key_usage = "digitalSignature"},
		{.cn = "x", .key_usage = "keyEncipherment", .not_before = NOW - DAY}, false},
	{{.cn = "x", .eku = "clientAuth"},
		{.cn = "x", .eku = "clientAuth,emailProtection", .not_before = NOW - DAY}, false},
	{{.cn = "x", .eku = "emailProtection,clientAuth"},
		{.cn = "x", .eku = "clientAuth,emailProtection", .not_before = NOW - DAY}, true},
	{{.cn = "x"}, {.cn = "x", .eku = "clientAuth", .not_before = NOW - DAY}, false},
	/* The newer one is not wanted, so it replaces nothing. */
	{{.cn = "x"}, {.cn = "x", .not_before = NOW + DAY}, false},
	{{.cn = "x"}, {.cn = "x", .not_before = NOW - 2 * DAY, .not_after = NOW - DAY}, false},
	/* CA certificates complete chains; all of them are needed. */
	{{.cn = "x", .issuer_cn = "R", .ca = true},
		{.cn = "x", .issuer_cn = "R", .ca = true, .not_before = NOW - DAY}, false},
};

START_TEST(test_duplicates)
{
	g_autoptr(Config) config = configure(&(Setting){"filter", "duplicates", "newest"}, 1);
	g_autoptr(Config) all = config_new();
	g_autoptr(Cert) old = make(pairs[_i].old);
	g_autoptr(Cert) new = make(pairs[_i].new);

	for (gsize swap = 0; swap < 2; swap++) {
		PolicyItem items[2] = {{.cert = swap ? new : old}, {.cert = swap ? old : new}};

		policy_judge(config, "local", NOW, items, 2);
		ck_assert((items[swap].verdict == POLICY_DUPLICATE) == pairs[_i].duplicate);
		ck_assert_int_ne(items[1 - swap].verdict, POLICY_DUPLICATE);

		policy_judge(all, "local", NOW, items, 2);
		ck_assert_int_eq(items[swap].verdict, POLICY_PROPAGATE);
	}
}
END_TEST

START_TEST(test_duplicates_of_three)
{
	g_autoptr(Config) config = configure(&(Setting){"filter", "duplicates", "newest"}, 1);
	g_autoptr(Cert) a = make((MakerSpec){.cn = "x", .serial = 1, .not_before = NOW - 3});
	g_autoptr(Cert) b = make((MakerSpec){.cn = "x", .serial = 2, .not_before = NOW - 2});
	g_autoptr(Cert) c = make((MakerSpec){.cn = "x", .serial = 3, .not_before = NOW - 2});
	const Cert *certs[] = {a, b, c};
	const Cert *newest = memcmp(b->sha256, c->sha256, CERT_SHA256_LEN) > 0 ? b : c;

	/* Every order, and the same certificate a second time. */
	for (unsigned order = 0; order < 81; order++) {
		PolicyItem items[4] = {{.cert = certs[order % 3]}, {.cert = certs[order / 3 % 3]},
			{.cert = certs[order / 9 % 3]}, {.cert = certs[order / 27 % 3]}};
		unsigned seen = 0;

		for (gsize i = 0; i < 4; i++)
			seen |= items[i].cert == a ? 1 : items[i].cert == b ? 2 : 4;
		if (seen != 7)
			continue;
		policy_judge(config, "local", NOW, items, 4);
		for (gsize i = 0; i < 4; i++)
			ck_assert((items[i].verdict == POLICY_PROPAGATE) ==
				  (items[i].cert == newest));
	}
}
END_TEST

START_TEST(test_too_many)
{
	g_autoptr(Config) config =
		configure(&(Setting){"limits", "certificates-per-token", "2"}, 1);
	g_autoptr(Cert) good = make((MakerSpec){.cn = "x"});
	g_autoptr(Cert) old = make((MakerSpec){.cn = "x", .not_after = NOW - 1});
	PolicyItem items[] = {{.cert = good}, {.cert = old}, {.cert = good}, {.cert = good}};

	policy_judge(config, "local", NOW, items, G_N_ELEMENTS(items));
	ck_assert_int_eq(items[0].verdict, POLICY_PROPAGATE);
	ck_assert_int_eq(items[1].verdict, POLICY_EXPIRED);
	ck_assert_int_eq(items[2].verdict, POLICY_PROPAGATE);
	ck_assert_int_eq(items[3].verdict, POLICY_TOO_MANY);

	policy_judge(config, "local", NOW, NULL, 0);
}
END_TEST

START_TEST(test_words)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	for (PolicyVerdict v = POLICY_PROPAGATE; v <= POLICY_TOO_MANY; v++) {
		ck_assert_ptr_nonnull(policy_word(v));
		ck_assert(g_hash_table_add(seen, (gpointer)policy_word(v)));
	}
}
END_TEST

static Suite *policy_suite(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = tcase_create("one");

	tcase_add_loop_test(tcase, test_verdict, 0, G_N_ELEMENTS(verdicts));
	tcase_add_test(tcase, test_pinned_root);
	tcase_add_test(tcase, test_words);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("together");
	tcase_add_loop_test(tcase, test_duplicates, 0, G_N_ELEMENTS(pairs));
	tcase_add_test(tcase, test_duplicates_of_three);
	tcase_add_test(tcase, test_too_many);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(int argc, char **argv)
{
	return harness_run(policy_suite(), argc, argv);
}
