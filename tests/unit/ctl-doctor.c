/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the doctor finds in what was gathered; and the commands that it makes. Each of these is
 * brought about for real in tests/integration/doctor-*.c; here are the words, and names that no
 * real part would give.
 */

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "chart.h"
#include "error.h"
#include "harness.h"
#include "remedy.h"

/* One service with one reader. */
typedef struct Case {
	Config *config;
	Look look;
	Chart chart;
	SeenEndpoint *endpoint;
	GPtrArray *findings;
} Case;

static Case it;

static SeenReader *set_up(const char *state, const char *reason)
{
	SeenReader *reader = seen_reader_new("Reader 00 00", 0);

	it.config = config_new();
	it.endpoint = seen_endpoint_new("local");
	seen_endpoint_set_state(it.endpoint, "ok", 0, "");
	seen_reader_set_state(reader, state, reason);
	g_ptr_array_add(it.endpoint->readers, reader);
	it.look.endpoints = g_ptr_array_new_with_free_func((GDestroyNotify)seen_endpoint_free);
	g_ptr_array_add(it.look.endpoints, it.endpoint);
	it.look.reports = g_ptr_array_new();
	it.chart = (Chart){.config = it.config,
		.look = &it.look,
		.endpoints = g_ptr_array_new(),
		.loads = g_ptr_array_new(),
		.reads = g_ptr_array_new()};
	g_ptr_array_add(it.chart.endpoints, it.endpoint);
	it.findings = findings_new();
	return reader;
}

static void tear_down(void)
{
	g_ptr_array_unref(it.findings);
	g_ptr_array_unref(it.chart.endpoints);
	g_ptr_array_unref(it.chart.loads);
	g_ptr_array_unref(it.chart.reads);
	g_ptr_array_unref(it.look.endpoints);
	g_ptr_array_unref(it.look.reports);
	config_free(it.config);
}

/* The only finding. */
static const Finding *found(const char *step, Verdict verdict, const char *words)
{
	const Finding *finding;

	ck_assert_uint_eq(it.findings->len, 1);
	finding = g_ptr_array_index(it.findings, 0);
	ck_assert_str_eq(finding->step, step);
	ck_assert_msg(finding->verdict == verdict, "%s", finding->found);
	ck_assert_msg(strstr(finding->found, words) != NULL || strstr(finding->why, words) != NULL,
		"%s. %s", finding->found, finding->why);
	return finding;
}

START_TEST(reader_lost)
{
	set_up("failed", "the reader cannot be asked")->unavailable = true;
	check_readers(&it.chart, it.findings);
	(void)found("readers", VERDICT_WRONG, "plug it in again");
	tear_down();
}
END_TEST

START_TEST(reader_twin)
{
	(void)set_up("twin", "another reader has the same name");
	check_readers(&it.chart, it.findings);
	(void)found("readers", VERDICT_NOTE, "reader.conf");
	tear_down();
}
END_TEST

START_TEST(card_mute)
{
	(void)set_up("unrecognised", "the card does not answer");
	check_cards(&it.chart, it.findings);
	(void)found("cards", VERDICT_WRONG, "wipe its contacts");
	tear_down();
}
END_TEST

START_TEST(card_being_read)
{
	(void)set_up("scanning", "");
	check_cards(&it.chart, it.findings);
	(void)found("cards", VERDICT_UNKNOWN, "just now");
	tear_down();
}
END_TEST

/* No program is named that the doctor cannot see. */
START_TEST(held_by_nobody_here)
{
	(void)set_up("waiting", "the card is held exclusively by another program");
	((SeenReader *)g_ptr_array_index(it.endpoint->readers, 0))->exclusive = true;
	g_assert_true(g_setenv("PCSCLITE_CSOCK_NAME", "/nowhere/pcscd.comm", TRUE));
	check_cards(&it.chart, it.findings);
	(void)found("cards", VERDICT_WRONG, "none of yours");
	g_unsetenv("PCSCLITE_CSOCK_NAME");
	tear_down();
}
END_TEST

/* certprop's own program, not pcscd: nothing of the system's is to be started anew. */
START_TEST(own_program_fails)
{
	const Finding *finding;

	(void)set_up("empty", "");
	seen_endpoint_set_state(it.endpoint, "failed", 0, "Starting certprop-watch failed");
	check_service(&it.chart, it.findings);
	finding = found("service", VERDICT_WRONG, "installed whole");
	ck_assert_uint_eq(finding->mends->len, 0);
	tear_down();
}
END_TEST

START_TEST(nothing_to_list)
{
	(void)set_up("empty", "");
	it.chart.databases_error = g_error_new_literal(CERTPROP_ERROR, CERTPROP_ERROR_TIMEOUT,
		"certprop-store was ended: it was not done after 60.0 s");
	check_databases(&it.chart, it.findings);
	(void)found("databases", VERDICT_WRONG, "certprop-store was ended");
	g_clear_error(&it.chart.databases_error);
	tear_down();
}
END_TEST

START_TEST(card_fails_after_the_look)
{
	char path[] = "/m.so", reader[] = "Reader 00 00";
	Probe probe = {.module = path, .path = path, .reader = reader};

	(void)set_up("read", "");
	probe.error = g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_FAILED, "Reading failed");
	probe.notes = g_ptr_array_new();
	g_ptr_array_add(it.chart.reads, &probe);
	check_certificates(&it.chart, it.findings);
	(void)found("certificates", VERDICT_WRONG, "ask again");
	g_ptr_array_unref(probe.notes);
	g_error_free(probe.error);
	tear_down();
}
END_TEST

/* A socket that may be used, and behind it something that refuses. */
START_TEST(endpoint_refuses)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	g_autofree char *dir = g_dir_make_tmp("certprop-doctor-XXXXXX", NULL);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SeenEndpoint *desk = seen_endpoint_new("forwarded:desk");
	g_autofree char *forwarded = NULL;

	(void)set_up("empty", "");
	g_snprintf(address.sun_path, sizeof(address.sun_path), "%s/comm", dir);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	forwarded = g_strdup_printf("desk:%s", address.sun_path);
	g_strfreev(it.config->forwarded);
	it.config->forwarded = g_strsplit(forwarded, ";", 2);
	seen_endpoint_set_state(desk, "denied", 0x8010006a, "the other end refuses this user");
	g_ptr_array_add(it.look.endpoints, desk);
	g_ptr_array_add(it.chart.endpoints, desk);
	check_endpoints(&it.chart, it.findings);
	(void)found("endpoints", VERDICT_WRONG, "denied: the other end refuses");
	close(fd);
	ck_assert_int_eq(g_unlink(address.sun_path), 0);
	ck_assert_int_eq(g_rmdir(dir), 0);
	tear_down();
}
END_TEST

static const struct {
	const char *word, *quoted;
} words[] = {
	{"/home/ada/.pki/nssdb", "/home/ada/.pki/nssdb"},
	{"/home/ada/my certificates", "'/home/ada/my certificates'"},
	{"it's", "'it'\\''s'"},
	{"$(reboot)", "'$(reboot)'"},
	{"a;b", "'a;b'"},
	{"~/x", "'~/x'"},
	{"", "''"},
	{"a\x1b[0m%s\\n", "\"$(printf %b 'a\\0033\\01330m\\0045s\\0134n')\""},
	{"a\xff\n\xe2\x80\xae'$(b)",
		"\"$(printf %b 'a\\0377\\0012\\0342\\0200\\0256\\0047\\0044\\0050b\\0051')\""},
	{"\xc3\xa9\\x1b", "'\xc3\xa9\\x1b'"},
	{"a b\n", "'a b\n'"},
};

START_TEST(quoting)
{
	g_autofree char *quoted = remedy_word(words[_i].word);

	ck_assert_str_eq(quoted, words[_i].quoted);
}
END_TEST

/* A shell gives back what went in. */
START_TEST(quoting_holds)
{
	g_autofree char *line = remedy_line("printf", "%s", words[_i].word, NULL);
	g_autofree char *out = NULL;
	const char *argv[] = {"sh", "-c", line, NULL};
	int status;

	ck_assert(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
		NULL, &status, NULL));
	ck_assert_int_eq(status, 0);
	ck_assert_str_eq(out, words[_i].word);
}
END_TEST

/* What stays in the line: 0 is plain, the others have letters that mean something to sed, or to the
   file. */
static const char *const staying[] = {"/usr/lib/a.so", "/usr/lib/a b.so", "/usr/lib/a\\\\nb.so",
	"/usr/lib/a\\;b.so", "/usr/lib/a'b.so"};

START_TEST(sed_gets_plain_names)
{
	g_autofree char *dir = g_dir_make_tmp("certprop-doctor-XXXXXX", NULL);
	g_autofree char *file = g_build_filename(dir, "certprop.conf", NULL);
	g_autofree char *text =
		g_strdup_printf("[propagation]\nmodules=/gone.so;%s\n", staying[_i]);
	g_autoptr(GPtrArray) faults = NULL;
	g_autofree char *command = g_strdup_printf("sed -i '2c modules=%s' %s", staying[_i], file);
	Probe probe = {.module = (char *)"/gone.so", .path = (char *)"/gone.so"};
	const Finding *finding;

	(void)set_up("empty", "");
	ck_assert(g_file_set_contents(file, text, -1, NULL));
	config_free(it.config);
	it.config = config_load("/nowhere", dir, &faults);
	ck_assert_uint_eq(faults->len, 0);
	it.chart.config = it.config;
	probe.error = g_error_new(CERTPROP_ERROR, CERTPROP_ERROR_FAILED, "gone");
	g_ptr_array_add(it.chart.loads, &probe);
	check_modules(&it.chart, it.findings);
	finding = found("modules", VERDICT_WRONG, "take it out of there");
	ck_assert_uint_eq(finding->mends->len, _i == 0 ? 1 : 0);
	if (_i == 0)
		ck_assert_str_eq(
			((const Mend *)g_ptr_array_index(finding->mends, 0))->command, command);
	g_error_free(probe.error);
	ck_assert_int_eq(g_unlink(file), 0);
	ck_assert_int_eq(g_rmdir(dir), 0);
	tear_down();
}
END_TEST

static void assert_edit(const char *file, const char *command, const char *why)
{
	g_autoptr(GPtrArray) findings = findings_new();
	Finding *finding = finding_add(
		findings, "configuration", "faulty-line", VERDICT_WRONG, NULL, "a fault");

	remedy_comment_out(finding, file, 1);
	ck_assert_uint_eq(finding->mends->len, command != NULL ? 1 : 0);
	if (command != NULL)
		ck_assert_str_eq(
			((const Mend *)g_ptr_array_index(finding->mends, 0))->command, command);
	else
		ck_assert_ptr_nonnull(strstr(finding->why, why));
}

/* No command for a link to who knows what, nor for what somebody else could exchange, also where
   root may do everything; and in a command nothing is a link. */
START_TEST(links_are_not_followed)
{
	g_autofree char *dir = g_dir_make_tmp("certprop-doctor-XXXXXX", NULL);
	g_autofree char *file = g_build_filename(dir, "certprop.conf", NULL);
	g_autofree char *link = g_build_filename(dir, "link", NULL);
	g_autofree char *through = g_build_filename(link, "certprop.conf", NULL);
	g_autofree char *command = g_strdup_printf("sed -i '1s/^/#/' %s", file);

	ck_assert(g_file_set_contents(file, "nonsense\n", -1, NULL));
	assert_edit(file, command, NULL);
	ck_assert_int_eq(symlink("/etc/passwd", link), 0);
	assert_edit(link, NULL, "is a link to /etc/passwd");
	ck_assert_int_eq(g_unlink(link), 0);
	ck_assert_int_eq(symlink(dir, link), 0);
	assert_edit(through, command, NULL);
	if (geteuid() == 0) { /* nobody else can bring it about */
		ck_assert_int_eq(chown(file, 65534, 65534), 0);
		assert_edit(file, NULL, "for him to mend");
		ck_assert_int_eq(chown(file, 0, 0), 0);
		ck_assert_int_eq(chown(dir, 65534, 65534), 0);
		assert_edit(through, NULL, "for him to mend");
	}
	ck_assert_int_eq(g_unlink(link), 0);
	ck_assert_int_eq(g_unlink(file), 0);
	ck_assert_int_eq(g_rmdir(dir), 0);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("ctl-doctor");
	TCase *tcase = tcase_create("findings");
	TCase *commands = tcase_create("commands");

	tcase_add_test(tcase, reader_lost);
	tcase_add_test(tcase, reader_twin);
	tcase_add_test(tcase, card_mute);
	tcase_add_test(tcase, card_being_read);
	tcase_add_test(tcase, held_by_nobody_here);
	tcase_add_test(tcase, own_program_fails);
	tcase_add_test(tcase, nothing_to_list);
	tcase_add_test(tcase, card_fails_after_the_look);
	tcase_add_test(tcase, endpoint_refuses);
	tcase_add_loop_test(commands, quoting, 0, G_N_ELEMENTS(words));
	tcase_add_loop_test(commands, quoting_holds, 0, G_N_ELEMENTS(words));
	tcase_add_loop_test(commands, sed_gets_plain_names, 0, G_N_ELEMENTS(staying));
	tcase_add_test(commands, links_are_not_followed);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, commands);

	return harness_run(suite, argc, argv);
}
