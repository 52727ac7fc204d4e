/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Three that write into one database at once, none of which knows of the others: certutil, which is
 * started anew for each certificate; a running Firefox, whose database it is; and certpropd, whose
 * card goes in and out. Nobody may fail and nothing may be lost, for 60 s (issue 4).
 * CERTPROP_CROWD_S says otherwise.
 */
#include <stdlib.h>
#include <string.h>

#include "firefox.h"
#include "harness.h"
#include "mainjob.h"
#include "maker.h"
#include "names.h"

#define SECONDS       "CERTPROP_CROWD_S"
#define DEFAULT_S     60
#define CARD_CERTS    12
#define FIREFOX_CERTS 40  /* that it puts in; it takes every second one out again */
#define IMPORTS_A_S   100 /* more than certutil can do */
#define END_MS        60000u

/* In a directory of certificates, until there is a file "end" or none is left. */
static const char importer[] = "i=0\n"
			       "while [ ! -e end ] && [ -e $i.der ]; do\n"
			       "	certutil -A -d \"$1\" -n \"imported $i\" -t ,, -i $i.der "
			       "|| echo \"$i failed\" >&2\n"
			       "	i=$((i + 1))\n"
			       "	echo $i >done\n"
			       "done\n";

typedef struct {
	RigProcess *process;
	char *directory;
	GPtrArray *certificates; /* GBytes */
	unsigned done;
	char *errors;
} Importer;

static RigFirefox *firefox;

static GPtrArray *make(const char *who, unsigned number)
{
	GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

	for (unsigned i = 0; i < number; i++) {
		g_autofree char *cn = g_strdup_printf("%s %u", who, i);
		const MakerSpec spec = {.cn = cn, .serial = i + 1};

		g_ptr_array_add(all, maker_der(&spec));
	}
	return all;
}

static void importer_start(Importer *self, unsigned seconds)
{
	g_autofree char *sql = g_strconcat("sql:", rig_firefox_profile(firefox), NULL);
	g_autofree char *script = NULL;
	const RigProcessOptions options = {.environment = world.environment};

	self->directory = rig_make_directory("imports");
	self->certificates = make("certutil", seconds * IMPORTS_A_S);
	for (guint i = 0; i < self->certificates->len; i++) {
		g_autofree char *path = g_strdup_printf("%s/%u.der", self->directory, i);
		gsize length;
		const char *data =
			g_bytes_get_data(g_ptr_array_index(self->certificates, i), &length);

		ck_assert(g_file_set_contents(path, data, (gssize)length, NULL));
	}
	script = g_strdup_printf("cd %s\n%s", self->directory, importer);

	const char *argv[] = {"sh", "-c", script, "sh", sql, NULL};
	self->process = rig_process_start(argv, &options);
}

static void importer_end(Importer *self)
{
	g_autofree char *end = g_build_filename(self->directory, "end", NULL);
	g_autofree char *done = g_build_filename(self->directory, "done", NULL);
	g_autofree char *number = NULL;

	ck_assert(g_file_set_contents(end, "", 0, NULL));
	ck_assert_int_eq(rig_process_wait(self->process, END_MS), 0);
	ck_assert(g_file_get_contents(done, &number, NULL, NULL));
	self->done = (unsigned)atoi(number);
	self->errors = rig_process_errors(self->process);
}

static char *in_lines(const GPtrArray *certificates)
{
	GString *lines = g_string_new(NULL);

	for (guint i = 0; i < certificates->len; i++) {
		gsize length;
		const guint8 *data = g_bytes_get_data(g_ptr_array_index(certificates, i), &length);
		g_autofree char *base64 = g_base64_encode(data, length);

		g_string_append_printf(lines, "%s%s", i > 0 ? "\n" : "", base64);
	}
	return g_string_free(lines, FALSE);
}

static bool are_marked(gpointer data)
{
	return rig_db_count_marked(rig_firefox_profile(firefox)) == *(const unsigned *)data;
}

/* The test is a fourth in the crowd: it must hold no lock for long, nor often. */
static void wait_marked(unsigned n)
{
	rig_wait_looking_seldom(are_marked, &n, END_MS, "certpropd has done its part");
}

/* Ends with the card in. Returns how often it went out and in. */
static unsigned move_card(unsigned seconds)
{
	gint64 end = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
	unsigned rounds = 0;

	for (; g_get_monotonic_time() < end; rounds++) {
		rig_card_remove_seen(world.cards[0]);
		wait_marked(0);
		rig_card_insert_seen(world.cards[0]);
		wait_marked(CARD_CERTS);
	}
	return rounds;
}

/* Every one that was not taken out is there, once; and nothing else. */
static void check_nothing_lost(const Importer *imports, const GPtrArray *firefoxes)
{
	g_autofree char *integrity = rig_db_integrity(rig_firefox_profile(firefox));
	g_autoptr(GPtrArray) rows = rig_db_certificates(rig_firefox_profile(firefox));

	ck_assert_str_eq(integrity, "ok");
	for (guint i = 0; i < imports->done; i++)
		ck_assert_msg(
			rig_db_find(rows, g_ptr_array_index(imports->certificates, i)) != NULL,
			"certificate %u of %u that certutil put in is gone", i, imports->done);
	for (guint i = 0; i < firefoxes->len; i += 2)
		ck_assert_msg(rig_db_find(rows, g_ptr_array_index(firefoxes, i)) != NULL,
			"certificate %u that Firefox put in is gone", i);
	ck_assert_uint_eq(rig_db_marked(rows), CARD_CERTS);
	ck_assert_uint_eq(rows->len, imports->done + firefoxes->len / 2 + CARD_CERTS);
}

/* The profile is known, and the card's certificates are in it. */
static void set_scene(void)
{
	const Deal deal = {.certs = CARD_CERTS, .guid = JOB_GUID_A, .keys = DEAL_EC};

	world_configure(JOB_REMOVE);
	world_start();
	firefox = rig_firefox_new(world.home, JOB_PIN);
	rig_firefox_start(firefox);
	g_free(job_card(0, &deal));
	wait_marked(CARD_CERTS);
}

/* certpropd tells everybody of what it could not do, also of what it will try again. */
static RigProcess *listen_to_errors(void)
{
	g_autofree char *program = rig_program("ctl/" NAME_CTL);
	const char *argv[] = {program, "monitor", "--json", NULL};
	const RigProcessOptions options = {.environment = world.environment};

	return rig_process_start(argv, &options);
}

static void check_no_errors(RigProcess *listener)
{
	g_autofree char *told = rig_process_output(listener, NULL);
	const char *error = strstr(told, "\"kind\":\"error\"");

	ck_assert_ptr_nonnull(strstr(told, "\"kind\":\"create\""));
	ck_assert_msg(error == NULL, "%.400s", error);
	rig_process_free(listener);
}

static unsigned seconds_wanted(void)
{
	const char *text = g_getenv(SECONDS);

	return text != NULL ? (unsigned)atoi(text) : DEFAULT_S;
}

START_TEST(together)
{
	unsigned seconds = seconds_wanted(), rounds;
	g_autoptr(GPtrArray) firefoxes = make("Firefox", FIREFOX_CERTS);
	g_autofree char *lines = in_lines(firefoxes);
	g_autofree char *said = NULL;
	g_autofree char *failed = NULL;
	Importer imports = {0};
	RigProcess *listener;

	set_scene();
	listener = listen_to_errors();
	g_free(rig_firefox_do(firefox, "startWork", lines));
	importer_start(&imports, seconds);
	rounds = move_card(seconds);
	importer_end(&imports);
	said = rig_firefox_do(firefox, "endWork", NULL);
	failed = rig_firefox_do(firefox, "getFailures", NULL);
	g_printerr("# crowd, %u s: certutil %u certificates, Firefox %s, certpropd %u times %u out "
		   "and in\n",
		seconds, imports.done, said, rounds, CARD_CERTS);
	ck_assert_str_eq(imports.errors, "");
	ck_assert_str_eq(failed, "");
	check_no_errors(listener);
	check_nothing_lost(&imports, firefoxes);

	rig_firefox_quit(firefox);
	rig_firefox_free(firefox);
	rig_process_free(imports.process);
	g_ptr_array_unref(imports.certificates);
	g_free(imports.directory);
	g_free(imports.errors);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("crowd");
	TCase *tcase;

	rig_enter();
	tcase = job_case(suite, "crowd");
	tcase_add_test(tcase, together);
	return harness_run(suite, argc, argv);
}
