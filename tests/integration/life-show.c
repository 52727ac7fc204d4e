/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What certpropctl says of a certificate's life: where it comes from and what becomes of it, by
 * whatever name one asks; whether its key is here now, in each of the three values that has; and
 * what happens while one looks on. What is said is compared with the marker that SQL reads, with
 * openssl and with pcscd.
 */
#include "life-host.h"
#include "mainjob-ask.h"

#include <signal.h>
#include <string.h>

#include "harness.h"
#include "names.h"

#define OPENSC "/opensc-pkcs11.so"

static char *card;

/* Text as people read it, in one line whatever the width of the columns. */
static char *words(const char *text)
{
	g_autoptr(GRegex) blanks = g_regex_new(" +", 0, 0, NULL);

	return g_regex_replace_literal(blanks, text, -1, 0, " ", 0, NULL);
}

static void check_word(const char *text, const char *word)
{
	ck_assert_msg(strstr(text, word) != NULL, "\"%s\" is not in:\n%s", word, text);
}

static char *show(const char *name)
{
	g_autofree char *output = job_ctl(0, "show", name, NULL);

	return words(output);
}

/* An attribute of the only claim. */
static char *claimed(const char *key)
{
	g_autofree char *url = job_url(card, 0);
	g_autofree char *raw = NULL;
	const char *at = strstr(url, key);

	ck_assert_ptr_nonnull(at);
	at += strlen(key);
	raw = g_strndup(at, strcspn(at, "&;?\n"));
	return g_uri_unescape_string(raw, NULL);
}

static void begin(const char *config)
{
	world_configure(config);
	world_start();
	card = job_card(0, &(const Deal){.certs = 2,
				   .guid = JOB_GUID_A,
				   .cn = "Grace Hopper",
				   .token_cn = "Admiral",
				   .token_cn_length = strlen("Admiral")});
}

static void end(void)
{
	g_clear_pointer(&card, g_free);
}

static void check_origin(const char *text)
{
	g_autofree char *since = claimed("x-since=");
	g_autofree char *reader =
		g_strconcat("Reader ", rig_pcscd_reader(world.pcscd, 0), ", endpoint local", NULL);
	g_autofree char *since_row = g_strconcat("Since ", since, NULL);
	g_autofree char *now = g_strdup_printf(
		"Key now present: the card is in reader \"%s\"", rig_pcscd_reader(world.pcscd, 0));

	check_word(text, "Token \"Admiral\", serial " JOB_SERIAL_A
			 ", manufacturer piv_II, model PKCS#15 emulated");
	check_word(text, "Key there id 01, \"Certificate for PIV Authentication\"");
	check_word(text, OPENSC "\n");
	check_word(text, reader);
	check_word(text, "Host this one\n");
	check_word(text, since_row);
	check_word(text, "Why a card in a local reader carried this certificate");
	check_word(text, now);
	check_word(text, "propagated, not adopted");
}

START_TEST(test_words)
{
	begin("");
	g_autofree char *label = job_label(card, 0);
	g_autofree char *text = show(label);
	check_origin(text);
	check_word(text, "Card leaves when the card is taken out, it stays\n");
	check_word(text, "Log-off when the session ends, it stays\n");
	check_word(text,
		"Renewed when the card is read and does not carry it any more, it is deleted\n");
	check_word(text,
		"Expired when the card is read after the end of the validity, it is deleted\n");

	job_configure(JOB_LOGOUT "[filter]\ntime-invalid=allow\n");
	g_autofree char *other = show(label);
	check_word(other, "Card leaves when the card is taken out, it is deleted\n");
	check_word(other, "Log-off when the session ends, it is deleted\n");
	check_word(
		other, "Expired when the card is read after the end of the validity, it stays\n");
	end();
}
END_TEST

/* It does what it said. */
START_TEST(test_comes_true)
{
	begin(JOB_REMOVE);
	g_autofree char *label = job_label(card, 0);
	g_autofree char *text = show(label);
	check_word(text, "Card leaves when the card is taken out, it is deleted\n");
	job_out(0);
	ck_assert_uint_eq(job_rows(), 0);
	end();
}
END_TEST

static char *openssl(const char *option, const char *out)
{
	g_autofree char *der = job_file(card, 0, "der");
	const char *argv[] = {"openssl", "x509", "-inform", "DER", "-in", der, option,
		out != NULL ? "-out" : NULL, out, NULL};

	return g_strchomp(rig_run_ok(argv, NULL));
}

/* By nickname, the beginning of the SHA-256, serial number, subject, and file in both forms. */
START_TEST(test_names)
{
	begin("");
	g_autoptr(GBytes) content = rig_dealt_der(card, 0);
	g_autofree char *label = job_label(card, 0);
	g_autofree char *expected = show(label);
	g_autofree char *sha256 = ctl_sha256(content);
	g_autofree char *prefix = g_strndup(sha256, 8);
	g_autofree char *der = job_file(card, 0, "der");
	g_autofree char *pem = g_build_filename(rig_directory(), "asked.pem", NULL);
	g_autofree char *serial_line = NULL;

	g_free(openssl("-outform=PEM", pem));
	{
		const char *argv[] = {
			"openssl", "x509", "-inform", "DER", "-in", der, "-noout", "-serial", NULL};

		serial_line = g_strchomp(rig_run_ok(argv, NULL));
	}
	const char *names[] = {
		prefix, sha256, strchr(serial_line, '=') + 1, "cn=admiral", der, pem};
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *text = show(names[i]);

		ck_assert_str_eq(text, expected);
	}
	end();
}
END_TEST

/* One that was never propagated, and one that the user has taken over. */
START_TEST(test_users_own)
{
	begin("");
	g_autofree char *der = job_file(card, 0, "der");
	g_autofree char *own = rig_deal(&(const Deal){.certs = 1, .cn = "Somebody Else"});
	g_autofree char *own_der = job_file(own, 0, "der");

	rig_db_import(world.database, "my own", own_der, ",,");
	g_autofree char *text = show("my own");
	check_word(text, "not propagated; the user's own");
	ck_assert_ptr_null(strstr(text, "Token"));
	rig_db_import(world.database, "mine now", der, ",,");
	job_look();
	g_autofree char *taken = show(der);
	check_word(taken, "not propagated; the user's own");
	end();
}
END_TEST

/* Keys */

static JsonObject *find(JsonObject *object, const char *list, const char *sha256)
{
	for (guint i = 0; i < contract_length(object, list); i++) {
		JsonObject *entry = contract_element(object, list, i);

		if (strcmp(contract_text(entry, "sha256"), sha256) == 0)
			return entry;
	}
	ck_abort_msg("%s is not in \"%s\"", sha256, list);
}

/* list, status and show agree, as documents and as text. */
static void check_key(const char *key)
{
	g_autoptr(GBytes) der = rig_dealt_der(card, 0);
	g_autofree char *sha256 = ctl_sha256(der);
	g_autofree char *label = job_label(card, 0);
	g_autoptr(JsonNode) list = ask_json(ctl_list_contract, "list", NULL);
	g_autoptr(JsonNode) status = ask_json(ctl_status_contract, "status", NULL);
	g_autoptr(JsonNode) shown = ask_json(ctl_show_contract, "show", sha256);
	JsonObject *listed = find(contract_member(list, "databases", 0), "certificates", sha256);
	JsonObject *told = contract_member(status, "databases", 0);
	JsonObject *one = contract_member(shown, "databases", 0);

	ck_assert_str_eq(contract_text(listed, "key"), key);
	ck_assert_str_eq(contract_text(find(told, "propagated", sha256), "key"), key);
	ck_assert_uint_eq(ctl_number(json_object_get_object_member(told, "keys"), key), job_rows());
	ck_assert_str_eq(contract_text(one, "key"), key);
	ck_assert_str_eq(contract_text(contract_element(one, "claims", 0), "key"), key);

	g_autofree char *list_raw = job_ctl(0, "list", NULL);
	g_autofree char *list_text = words(list_raw);
	g_autofree char *status_raw = job_ctl(0, "status", NULL);
	g_autofree char *status_text = words(status_raw);
	g_autofree char *show_text = show(label);
	g_autofree char *list_row = g_strconcat(label, " ", key, " ", NULL);
	g_autofree char *status_row = g_strconcat("key ", key, " ", label, NULL);
	g_autofree char *show_row = g_strconcat("Key now ", key, ": ", NULL);
	check_word(list_text, list_row);
	check_word(status_text, status_row);
	check_word(show_text, show_row);
}

/* From the readers as they are, with the daemon's word and without it. */
START_TEST(test_key)
{
	begin("");
	if (_i == 1)
		ck_assert_int_eq(world_stop(), 0);
	check_key("present");
	if (_i == 0)
		job_out(0);
	else
		rig_card_remove_seen(world.cards[0]);
	check_key("absent");
	rig_card_insert_seen(world.cards[0]);
	if (_i == 0)
		job_settle(0, "read");
	check_key("present");
	/* Nobody can be asked: there is no daemon and no reading, or only a daemon. */
	rig_pcscd_stop(world.pcscd);
	if (_i == 0)
		world_wait_service("absent");
	check_key("unknown");
	end();
}
END_TEST

/* A card that this host has never seen is wherever it is; when it is here, it is. */
START_TEST(test_key_of_another_host)
{
	rig_db_create(world.database);
	card = world_deal(0, 2, JOB_GUID_A);
	rig_card_insert_seen(world.cards[0]);
	life_host_sync();
	rig_card_remove_seen(world.cards[0]);
	check_key("unknown");
	g_autofree char *label = job_label(card, 0);
	g_autofree char *text = show(label);
	check_word(text, "Host another (");
	check_word(text, "the host that propagated it decides");
	rig_card_insert_seen(world.cards[0]);
	check_key("present");
	end();
}
END_TEST

/* Monitor */

typedef struct {
	RigProcess *monitor;
	const char *kind;
	unsigned n;
} Told;

static bool is_told(gpointer data)
{
	const Told *told = data;
	g_autofree char *output = rig_process_output(told->monitor, NULL);
	g_autofree char *word = g_strdup_printf("\"kind\":\"%s\"", told->kind);
	unsigned n = 0;

	for (const char *at = output; (at = strstr(at, word)) != NULL; at++)
		n++;
	return n >= told->n;
}

static void await(RigProcess *monitor, const char *kind, unsigned n)
{
	Told told = {monitor, kind, n};

	rig_wait_until(is_told, &told, JOB_WAIT_MS, kind);
}

START_TEST(test_monitor)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "monitor", "--json", NULL};
	const RigProcessOptions options = {.environment = world.environment};
	g_autoptr(RigProcess) monitor = NULL;

	world_configure(JOB_REMOVE);
	world_start();
	monitor = rig_process_start(argv, &options);
	await(monitor, "service", 1); /* from here on it misses nothing */
	card = job_card(0, &(const Deal){.certs = 2, .guid = JOB_GUID_A});
	await(monitor, "card-in", 1);
	await(monitor, "read", 1);
	await(monitor, "create", 2);
	g_free(rig_card_command(world.cards[0], "renew 1"));
	job_look();
	await(monitor, "create", 3);
	await(monitor, "delete", 1);
	job_out(0);
	await(monitor, "card-out", 1);
	await(monitor, "delete", 3);
	ck_assert_int_eq(rig_process_stop(monitor, JOB_WAIT_MS), 0);
	end();
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("life-show");
	TCase *tcase;

	rig_enter();
	tcase = job_case(suite, "show");
	tcase_add_test(tcase, test_words);
	tcase_add_test(tcase, test_comes_true);
	tcase_add_test(tcase, test_names);
	tcase_add_test(tcase, test_users_own);
	tcase = job_case(suite, "key");
	tcase_add_loop_test(tcase, test_key, 0, 2);
	tcase_add_test(tcase, test_key_of_another_host);
	tcase_add_test(tcase, test_monitor);
	return harness_run(suite, argc, argv);
}
