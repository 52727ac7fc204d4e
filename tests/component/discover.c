/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-store finds the databases of a home: every program's, as it and its profiles.ini say,
 * and nothing to which only a lie leads.
 */

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "places.h"
#include "store-rig.h"

#define FIREFOX ".mozilla/firefox"
#define CERTS   "SELECT count(*) FROM nssPublic WHERE a0=x'00000001'"

static Home *home;
static char *template;

static void setup(void)
{
	home = home_new();
	template = home_path(home, "template");
	home_make_db_at(home, template, "");
}

static void teardown(void)
{
	g_free(template);
	home_free(home);
}

/* "~/x", "~" and what else has no slash in front: below the home. */
static char *place(const char *path)
{
	return path[0] == '/' ? g_strdup(path) : home_path(home, path);
}

static void make_dir(const char *path)
{
	g_autofree char *dir = place(path);

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
}

static void make_db(const char *path)
{
	g_autofree char *dir = place(path);
	g_autofree char *from = g_strconcat(template, "/.", NULL);
	g_autofree char *out = NULL;

	make_dir(path);
	out = home_run(home, "cp", "-a", from, dir, NULL);
}

static void make_file(const char *path, const char *text)
{
	g_autofree char *file = place(path);
	g_autofree char *dir = g_path_get_dirname(file);

	ck_assert_int_eq(g_mkdir_with_parents(dir, 0700), 0);
	ck_assert(g_file_set_contents(file, text, -1, NULL));
}

static void make_link(const char *path, const char *target)
{
	g_autofree char *file = place(path);
	g_autofree char *to = place(target);

	ck_assert_int_eq(symlink(to, file), 0);
}

/* "path application profile status", a line each, in the report's order; the home is "~". */
static char *found_with(const Job *job)
{
	Outcome outcome = job_run(home, job);
	GString *lines = g_string_new(NULL);

	for (guint i = 0; i < outcome.report->databases->len; i++) {
		const ReportDatabase *database = outcome.report->databases->pdata[i];

		ck_assert_int_eq(database->reason[0] == '\0', strcmp(database->status, "ok") == 0);
		g_string_append_printf(lines, "%s %s \"%s\" %s\n", database->path,
			database->application, database->profile, database->status);
	}
	g_string_replace(lines, home->dir, "~", 0);
	report_free(outcome.report);
	return g_string_free(lines, FALSE);
}

static void expect(const char *lines)
{
	g_autofree char *found = found_with(&(const Job){
		.mode = WIRE_STORE_DATABASES, .config = {{"databases", "create-shared", "true"}}});
	const char *shared = "sql:~/.local/share/pki/nssdb shared \"\" missing\n";

	ck_assert_msg(g_str_has_prefix(found, shared), "%s", found);
	ck_assert_str_eq(found + strlen(shared), lines);
}

static int certs_in(const char *path)
{
	g_autofree char *dir = place(path);

	return home_count(home, dir, "cert9.db", CERTS);
}

/* What a card brings gets there, and into the shared database. */
static void expect_served(const char *dir)
{
	Card *card = card_with("0123", 2);
	const Job job = {.mode = WIRE_STORE_APPLY, .card = card};

	home_make_db(home);
	job_expect(home, &job, "create=4");
	ck_assert_int_eq(certs_in(dir), 2);
	ck_assert_int_eq(certs_in(".pki/nssdb"), 2);
	card_free(card);
}

/* One by one, so that none hides behind another. Each of the table's is here (all_places). */
static const struct {
	const char *dir, *application;
} profile_places[] = {
	{".config/mozilla/firefox", "firefox"},
	{".mozilla/firefox", "firefox"},
	{".mozilla/firefox-esr", "firefox"},
	{"snap/firefox/common/.mozilla/firefox", "firefox"},
	{"snap/firefox/common/.config/mozilla/firefox", "firefox"},
	{".var/app/org.mozilla.firefox/.mozilla/firefox", "firefox"},
	{".var/app/org.mozilla.firefox/config/mozilla/firefox", "firefox"},
	{".thunderbird", "thunderbird"},
	{".config/thunderbird", "thunderbird"},
	{"snap/thunderbird/common/.thunderbird", "thunderbird"},
	{".var/app/org.mozilla.Thunderbird/.thunderbird", "thunderbird"},
	{".var/app/org.mozilla.Thunderbird/config/thunderbird", "thunderbird"},
	{".var/app/org.mozilla.thunderbird/.thunderbird", "thunderbird"},
	{".var/app/org.mozilla.thunderbird/config/thunderbird", "thunderbird"},
	{".var/app/eu.betterbird.Betterbird/.thunderbird", "thunderbird"},
};

START_TEST(programs_with_profiles)
{
	const char *dir = profile_places[_i].dir;
	g_autofree char *ini = g_build_filename(dir, "profiles.ini", NULL);
	g_autofree char *profile = g_build_filename(dir, "ab12.default-release", NULL);
	g_autofree char *line = g_strdup_printf(
		"sql:~/%s %s \"default-release\" ok\n", profile, profile_places[_i].application);

	make_file(ini, "[General]\nStartWithLastProfile=1\nVersion=2\n\n[Profile0]\n"
		       "Name=default-release\nIsRelative=1\nPath=ab12.default-release\n"
		       "Default=1\n\n[Install4F96D1932A9F858E]\nDefault=ab12.default-release\n"
		       "Locked=1\n");
	make_db(profile);
	expect(line);
	expect_served(profile);
}
END_TEST

static const struct {
	const char *dir, *line;
} database_places[] = {
	{"snap/chromium/123/.pki/nssdb", "\"snap\" ok\n"},
	{"snap/chromium/123/.local/share/pki/nssdb", "\"snap\" ok\n"},
	{".var/app/org.chromium.Chromium/.pki/nssdb", "\"Flatpak\" ok\n"},
	{".var/app/org.chromium.Chromium/data/pki/nssdb", "\"Flatpak\" ok\n"},
	{".var/app/com.google.Chrome/.pki/nssdb", "\"Chrome, Flatpak\" ok\n"},
	{".var/app/com.google.Chrome/data/pki/nssdb", "\"Chrome, Flatpak\" ok\n"},
};

START_TEST(programs_with_one_database)
{
	g_autofree char *line = g_strdup_printf(
		"sql:~/%s chromium %s", database_places[_i].dir, database_places[_i].line);

	make_db(database_places[_i].dir);
	if (g_str_has_prefix(database_places[_i].dir, "snap/"))
		make_link("snap/chromium/current", "snap/chromium/123");
	expect(line);
	expect_served(database_places[_i].dir);
}
END_TEST

static void count_case(const char *dir, PlaceKind kind, unsigned *counts)
{
	gsize n;
	const Place *table = places(&n);

	for (gsize i = 0; i < n; i++) {
		const char *base = table[i].in_config ? ".config" : "";
		g_autofree char *path = g_build_filename(base, table[i].path, NULL);
		g_autoptr(GString) text = g_string_new(path);

		g_string_replace(text, "/current/", "/123/", 1); /* as the link above does */
		counts[i] += table[i].kind == kind && strcmp(text->str, dir) == 0;
	}
}

/* Every place that the program knows has its case above. */
START_TEST(all_places)
{
	gsize n;
	const Place *table = places(&n);
	g_autofree unsigned *counts = g_new0(unsigned, n);

	for (gsize i = 0; i < G_N_ELEMENTS(profile_places); i++)
		count_case(profile_places[i].dir, PLACE_PROFILES, counts);
	for (gsize i = 0; i < G_N_ELEMENTS(database_places); i++)
		count_case(database_places[i].dir, PLACE_DATABASE, counts);
	for (gsize i = 0; i < n; i++)
		ck_assert_msg(counts[i] == 1, "%s has %u tests", table[i].path, counts[i]);
}
END_TEST

/* There are a good database in good/, in other/ (in the home), in the home itself, and in
   /…/outside; "good" may be reached by link/. */
static const struct {
	const char *profiles, *installs;
	const char *lines; /* below the shared one; NULL: "good" */
} ini_cases[] = {
	{"[Profile0]\nName=a\nIsRelative=1\nPath=good\n", NULL, NULL},
	{"[Profile0]\nName=a\nPath=good\n", NULL, NULL},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=good\n", "[AB]\nDefault=good\nLocked=1\n", NULL},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=good\n[Profile1]\nName=b\nIsRelative=1\nPath="
	 "link\n",
		NULL, NULL},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=good\n[Profile1]\nName=b\nIsRelative=0\nPath=HOME/"
	 ".mozilla/firefox/good\n",
		NULL, NULL},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=./x/.././good/\n", NULL, NULL},
	/* only in installs.ini */
	{NULL, "[AB]\nDefault=good\n", "sql:~/.mozilla/firefox/good firefox \"\" ok\n"},
	/* elsewhere, but below the home */
	{"[Profile0]\nName=a\nIsRelative=0\nPath=HOME/other\n", NULL,
		"sql:~/other firefox \"a\" ok\n"},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=../../other\n", NULL,
		"sql:~/other firefox \"a\" ok\n"},
	/* there is no database: it is told, and none is created */
	{"[Profile0]\nName=a\nIsRelative=1\nPath=nothing\n", NULL,
		"sql:~/.mozilla/firefox/nothing firefox \"a\" missing\n"},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=empty\n", NULL,
		"sql:~/.mozilla/firefox/empty firefox \"a\" missing\n"},
	/* out of the home, by every way */
	{"[Profile0]\nName=a\nIsRelative=0\nPath=OUT\n", NULL, "sql:OUT firefox \"a\" foreign\n"},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=out-link\n", NULL,
		"sql:OUT firefox \"a\" foreign\n"},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=../../../../../../../../..OUT\n", NULL,
		"sql:OUT firefox \"a\" foreign\n"},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=out-link/new\n", NULL,
		"sql:OUT/new firefox \"a\" missing\n"},
	{"[Profile0]\nName=a\nIsRelative=0\nPath=HOMEx\n", NULL, "sql:~x firefox \"a\" missing\n"},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=../..\n", NULL, "sql:~ firefox \"a\" foreign\n"},
	{NULL, "[AB]\nDefault=OUT\n", "sql:OUT firefox \"\" foreign\n"},
	/* what Firefox passes over */
	{"\xef\xbb\xbf[Profile0]\r\nName=a\r\nIsRelative=1\r\nPath=good\r\n", NULL, NULL},
	{"; by hand\n[Profile0]\nName=a\nwhatever\n=\nIsRelative=1\nPath=good", NULL, NULL},
	/* nothing to be had from it */
	{"", NULL, ""},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=\n", NULL, ""},
	{"[Profile0]\nName=a\nIsRelative=1\n", NULL, ""},
	{"[General]\nPath=good\nDefault=good\n", NULL, ""},
	/* broken: told, and the other file counts */
	{"no key file\n", NULL, "sql:~/.mozilla/firefox firefox \"profiles.ini\" damaged\n"},
	{"no key file\n", "[AB]\nDefault=good\n",
		"sql:~/.mozilla/firefox firefox \"profiles.ini\" damaged\n"
		"sql:~/.mozilla/firefox/good firefox \"\" ok\n"},
	{"[Profile0]\nName=a\nIsRelative=1\nPath=good\n", "[AB\n",
		"sql:~/.mozilla/firefox/good firefox \"a\" ok\n"
		"sql:~/.mozilla/firefox firefox \"installs.ini\" damaged\n"},
	{"[\xff\xfe]\n\xff=1\nPath=good\n", NULL, ""},
	/* what a terminal would obey comes as it is; who prints it escapes it */
	{"[Profile0]\nName=\033[31mred\nIsRelative=1\nPath=good\n", NULL,
		"sql:~/.mozilla/firefox/good firefox \"\033[31mred\" ok\n"},
	{"[Profile0]\nName=\xc3(\nIsRelative=1\nPath=good\n", NULL,
		"sql:~/.mozilla/firefox/good firefox \"\xef\xbf\xbd(\" ok\n"},
	/* a group of profiles: the others have directories, and only that */
	{"[Profile0]\nName=a\nIsRelative=1\nPath=good\nStoreID=12ab\n", NULL,
		"sql:~/.mozilla/firefox/good firefox \"a\" ok\n"
		"sql:~/.mozilla/firefox/zz99.Work firefox \"Work\" ok\n"},
};

static char *outside;

static char *filled_in(const char *text)
{
	GString *string = g_string_new(text);

	g_string_replace(string, "HOME", home->dir, 0);
	g_string_replace(string, "OUT", outside, 0);
	return g_string_free(string, FALSE);
}

START_TEST(what_profiles_ini_says)
{
	const char *lines = ini_cases[_i].lines;
	g_autofree char *profiles = NULL;
	g_autofree char *installs = NULL;
	g_autofree char *expected = NULL;
	g_autofree char *made = g_dir_make_tmp("certprop-outside-XXXXXX", NULL);
	g_autofree char *out = NULL;

	outside = made;
	profiles = filled_in(ini_cases[_i].profiles);
	installs = filled_in(ini_cases[_i].installs);
	make_db(outside);
	make_db("other");
	make_db("");
	make_db(FIREFOX "/good");
	make_db(FIREFOX "/zz99.Work");
	make_dir(FIREFOX "/empty");
	make_link(FIREFOX "/link", FIREFOX "/good");
	make_link(FIREFOX "/out-link", outside);
	if (ini_cases[_i].profiles != NULL)
		make_file(FIREFOX "/profiles.ini", profiles);
	if (ini_cases[_i].installs != NULL)
		make_file(FIREFOX "/installs.ini", installs);

	expected =
		filled_in(lines != NULL ? lines : "sql:~/.mozilla/firefox/good firefox \"a\" ok\n");
	expect(expected);
	out = home_run(home, "rm", "-rf", outside, NULL);
}
END_TEST

/* The file itself is a trap. */
START_TEST(files_that_are_not_read)
{
	g_autofree char *ini = home_path(home, FIREFOX "/profiles.ini");
	GString *text = g_string_new("[Profile0]\nName=a\nIsRelative=1\nPath=good\n");
	const char *status = "damaged";
	g_autofree char *line = NULL;

	make_db(FIREFOX "/good");
	if (_i == 0) {
		ck_assert_int_eq(mkfifo(ini, 0600), 0);
	} else if (_i == 1) {
		make_dir(FIREFOX "/profiles.ini");
	} else if (_i == 2) {
		ck_assert_int_eq(symlink("/dev/zero", ini), 0);
	} else if (_i == 3) {
		make_file(ini, text->str);
		ck_assert_int_eq(chmod(ini, 0666), 0);
		status = "foreign";
	} else if (_i == 4) {
		while (text->len < 300u * 1024)
			g_string_append(text, "# and so on\n");
		make_file(ini, text->str);
	} else {
		make_file(ini, text->str);
		if (chown(ini, 12345, (gid_t)-1) < 0)
			harness_skip("not root");
		status = "foreign";
	}
	line = g_strdup_printf("sql:~/.mozilla/firefox firefox \"profiles.ini\" %s\n", status);
	expect(line);
	g_string_free(text, TRUE);
}
END_TEST

/* Root's own file, as home managers link to one. */
START_TEST(link_to_a_good_file)
{
	make_db(FIREFOX "/good");
	make_file("elsewhere.ini", "[Profile0]\nName=a\nIsRelative=1\nPath=good\n");
	make_link(FIREFOX "/profiles.ini", "elsewhere.ini");
	expect("sql:~/.mozilla/firefox/good firefox \"a\" ok\n");
}
END_TEST

START_TEST(too_many_profiles)
{
	GString *text = g_string_new(NULL);
	g_autofree char *found = NULL;

	make_dir(FIREFOX);
	for (unsigned i = 0; i < 200; i++)
		g_string_append_printf(text, "[Profile%u]\nPath=p%u\n", i, i);
	make_file(FIREFOX "/profiles.ini", text->str);
	found = found_with(&(const Job){.mode = WIRE_STORE_DATABASES});
	ck_assert_ptr_nonnull(strstr(found, "/p127 "));
	ck_assert_ptr_null(strstr(found, "/p128 "));
	ck_assert_ptr_nonnull(strstr(found, "\"profiles.ini\" damaged"));
	g_string_free(text, TRUE);
}
END_TEST

/* A path as long as the file takes no time, and leads nowhere. */
START_TEST(endless_path)
{
	GString *text = g_string_new("[Profile0]\nPath=");

	make_dir(FIREFOX);
	while (text->len < 200u * 1024)
		g_string_append(text, "a/");
	make_file(FIREFOX "/profiles.ini", text->str);
	expect("");
	g_string_free(text, TRUE);
}
END_TEST

/* Profiles on another disk, to which the user's own link leads; what leads on from there does not
   count, nor does a path that names the other disk. */
START_TEST(place_on_another_disk)
{
	g_autofree char *made = g_dir_make_tmp("certprop-outside-XXXXXX", NULL);
	g_autofree char *good = g_build_filename(made, "good", NULL);
	g_autofree char *next = g_build_filename(made, "next", NULL);
	g_autofree char *elsewhere = g_dir_make_tmp("certprop-outside-XXXXXX", NULL);
	g_autofree char *ini = g_build_filename(made, "profiles.ini", NULL);
	g_autofree char *out = NULL;
	g_autofree char *lines = g_strdup_printf(
		"sql:%s firefox \"a\" ok\nsql:%s firefox \"b\" foreign\n", good, elsewhere);

	make_db(good);
	make_db(elsewhere);
	ck_assert_int_eq(symlink(elsewhere, next), 0);
	make_dir(".mozilla");
	make_link(FIREFOX, made);
	ck_assert(g_file_set_contents(ini,
		"[Profile0]\nName=a\nIsRelative=1\nPath=good\n"
		"[Profile1]\nName=b\nIsRelative=1\nPath=next\n",
		-1, NULL));
	expect(lines);
	out = home_run(home, "rm", "-rf", made, elsewhere, NULL);
}
END_TEST

/* A program in a sandbox says nothing about what is outside of it. */
START_TEST(sandboxes_end_at_their_fence)
{
	static const char *const boxes[] = {
		"snap/firefox/common/.mozilla/firefox",
		".var/app/org.mozilla.firefox/config/mozilla/firefox",
	};
	g_autofree char *ini = g_build_filename(boxes[_i], "profiles.ini", NULL);
	g_autofree char *good = g_build_filename(boxes[_i], "good", NULL);
	g_autofree char *lines = g_strdup_printf("sql:~/%s firefox \"b\" ok\n"
						 "sql:~/other firefox \"a\" foreign\n",
		good);
	g_autofree char *text = g_strdup_printf("[Profile1]\nName=b\nIsRelative=1\nPath=good\n"
						"[Profile0]\nName=a\nPath=%s/other\n",
		home->dir);

	make_db("other");
	make_db(good);
	make_file(ini, text);
	expect(lines);
}
END_TEST

/* A database is served as its own program's, whoever else names it, first or last. */
static const struct {
	const char *liar;
	const char *owner, *application; /* whose database it is */
} disputes[] = {
	{"snap/firefox/common/.mozilla/firefox", ".thunderbird", "thunderbird"},
	{"snap/firefox/common/.mozilla/firefox", "snap/thunderbird/common/.thunderbird",
		"thunderbird"},
	{".var/app/org.mozilla.firefox/config/mozilla/firefox", ".config/thunderbird",
		"thunderbird"},
	{"snap/thunderbird/common/.thunderbird", ".mozilla/firefox", "firefox"},
	{".var/app/org.mozilla.Thunderbird/.thunderbird", "snap/firefox/common/.mozilla/firefox",
		"firefox"},
};

START_TEST(nobody_loses_a_database)
{
	g_autofree char *liar_ini = g_build_filename(disputes[_i].liar, "profiles.ini", NULL);
	g_autofree char *ini = g_build_filename(disputes[_i].owner, "profiles.ini", NULL);
	g_autofree char *good = g_build_filename(disputes[_i].owner, "good", NULL);
	g_autofree char *lie = g_strdup_printf("[Profile0]\nName=mine\nIsRelative=0\nPath=%s/%s\n"
					       "[Install1]\nDefault=%s/%s\n",
		home->dir, good, home->dir, good);
	g_autofree char *line =
		g_strdup_printf("sql:~/%s %s \"good\" ok\n", good, disputes[_i].application);

	make_db(good);
	make_file(liar_ini, lie);
	make_file(ini, "[Profile0]\nName=good\nIsRelative=1\nPath=good\n");
	expect(line);
	expect_served(good);
}
END_TEST

/* Two files in two places, each with as many profiles as a file may name. */
START_TEST(sandboxes_leave_room)
{
	static const char *const files[] = {
		"snap/firefox/common/.mozilla/firefox/profiles.ini",
		"snap/firefox/common/.mozilla/firefox/installs.ini",
		"snap/firefox/common/.config/mozilla/firefox/profiles.ini",
		"snap/firefox/common/.config/mozilla/firefox/installs.ini",
	};

	for (gsize f = 0; f < G_N_ELEMENTS(files); f++) {
		g_autoptr(GString) text = g_string_new(NULL);

		for (unsigned i = 0; i < 128; i++)
			g_string_append_printf(text, "[Profile%u]\nPath=p%zu-%u\nDefault=p%zu-%u\n",
				i, f, i, f, i);
		make_file(files[f], text->str);
	}
	make_db(".thunderbird/good");
	make_file(".thunderbird/profiles.ini", "[Profile0]\nName=good\nPath=good\n");
	expect_served(".thunderbird/good");
}
END_TEST

static void make_profile(const char *name)
{
	g_autofree char *dir = g_build_filename(FIREFOX, name, NULL);
	g_autofree char *ini = home_path(home, FIREFOX "/profiles.ini");
	g_autofree char *before = NULL;
	g_autofree char *text = NULL;

	make_db(dir);
	if (!g_file_get_contents(ini, &before, NULL, NULL))
		before = g_strdup("");
	text = g_strdup_printf(
		"%s[Profile%s]\nName=%s\nIsRelative=1\nPath=%s\n", before, name, name, name);
	make_file(ini, text);
}

#define SHARED     "sql:~/.local/share/pki/nssdb shared \"\" missing\n"
#define A          "sql:~/.mozilla/firefox/a firefox \"a\" ok\n"
#define B          "sql:~/.mozilla/firefox/b firefox \"b\" ok\n"
#define OUTSIDE    "sql:OUT firefox \"o\" foreign\n"
#define OUTSIDE_OK "sql:OUT firefox \"o\" ok\n"

/* What the configuration says comes first. */
static const struct {
	const char *key, *value;
	const char *lines;
} config_cases[] = {
	{"discover", "false", ""},
	{"exclude", "~/.mozilla/*", SHARED OUTSIDE},
	{"exclude", "~/.mozilla/firefox/a", SHARED B OUTSIDE},
	{"exclude", "~/.mozilla/firefox/a/", SHARED B OUTSIDE},
	{"exclude", "~/.mozilla/firefox/a///", SHARED B OUTSIDE},
	{"exclude", "~/.mozilla//x/../firefox/./a", SHARED B OUTSIDE},
	{"exclude", "HOME/.mozilla/fire*/a/", SHARED B OUTSIDE},
	{"exclude", "*/a", SHARED B OUTSIDE},
	{"exclude", "~/.mozilla/fi??fox/[a]", SHARED B OUTSIDE},
	/* and what is below */
	{"exclude", "~/.mozilla", SHARED OUTSIDE},
	{"exclude", "~/.mozilla/firefox/", SHARED OUTSIDE},
	{"exclude", "*/fire???", SHARED OUTSIDE},
	{"exclude", "~", OUTSIDE},
	{"exclude", "/", ""},
	{"exclude", "*", ""},
	{"exclude", "OUT/", SHARED A B},
	/* but not what only begins like it */
	{"exclude", "~/.mozilla/fire;~/.mozilla/firefox/?b;~/.mozilla/firefox/a/*;/OU",
		SHARED A B OUTSIDE},
	/* by a link: ~/link is ~/.mozilla, ~/out-link is OUT */
	{"exclude", "~/link", SHARED OUTSIDE},
	{"exclude", "~/link/firefox/a", SHARED B OUTSIDE},
	{"exclude", "~/link/*/a", SHARED B OUTSIDE},
	{"exclude", "~/out-link/", SHARED A B},
	{"include", "~/out-link", SHARED A B OUTSIDE_OK},
	{"include", "OUT/", SHARED A B OUTSIDE_OK},
	/* a profile that is included keeps its name */
	{"include", "OUT;~/.mozilla/firefox/b", SHARED A B OUTSIDE_OK},
};

START_TEST(configured)
{
	g_autofree char *made = g_dir_make_tmp("certprop-outside-XXXXXX", NULL);
	g_autofree char *value = NULL;
	g_autofree char *expected = NULL;
	g_autofree char *found = NULL;
	g_autofree char *text = NULL;
	g_autofree char *out = NULL;

	outside = made;
	make_db(outside);
	make_profile("a");
	make_profile("b");
	text = filled_in("[Profile0]\nName=a\nPath=a\n[Profile1]\nName=b\nPath=b\n"
			 "[Profile2]\nName=o\nPath=OUT\n");
	make_file(FIREFOX "/profiles.ini", text);
	make_link("link", ".mozilla");
	make_link("out-link", outside);
	value = filled_in(config_cases[_i].value);
	expected = filled_in(config_cases[_i].lines);
	found = found_with(&(const Job){.mode = WIRE_STORE_DATABASES,
		.config = {{"databases", config_cases[_i].key, value}}});
	ck_assert_str_eq(found, expected);
	out = home_run(home, "rm", "-rf", outside, NULL);
}
END_TEST

/* The home may be reached by a link, and have a name that looks like a pattern. */
static const struct {
	const char *include, *exclude;
} names[] = {
	{"~/real/a", "~/link/a"},
	{"~/link/a", "~/real/a/"},
	{"~/link/a", "~/real/?"},
	{"~/link/a", "*/real"},
	{"~/real/a", "~/link/*"},
	{"~/link/../link/a", "*/real/a"},
	{"~/link/a", "~/*"},
	{"~/link/a", "HOME/link"},
};

START_TEST(excluded_by_any_name)
{
	g_autofree char *old = g_steal_pointer(&home->dir);
	g_autofree char *odd = g_strconcat(old, "/[x]*", NULL);
	g_autofree char *shown = g_strconcat(old, "/hom?", NULL);
	g_autofree char *exclude = NULL;
	g_autofree char *found = NULL;

	home->dir = odd;
	make_db("real/a");
	make_link("link", "real");
	ck_assert_int_eq(symlink(odd, shown), 0);
	home->dir = outside = shown;
	exclude = filled_in(names[_i].exclude);
	found = found_with(&(const Job){.mode = WIRE_STORE_DATABASES,
		.config = {{"databases", "include", names[_i].include},
			{"databases", "exclude", "~/nothing"},
			{"databases", "discover", "false"}}});
	ck_assert_ptr_nonnull(strstr(found, "/real/a other \"\" ok\n"));
	g_free(found);
	found = found_with(&(const Job){.mode = WIRE_STORE_DATABASES,
		.config = {{"databases", "include", names[_i].include},
			{"databases", "exclude", exclude}, {"databases", "discover", "false"}}});
	ck_assert_str_eq(found, "");
	home->dir = g_steal_pointer(&old);
}
END_TEST

/* All of them get the card's certificates: with a primary password, in FIPS mode, and without. */
START_TEST(every_profile_is_served)
{
	Card *card = card_with("0123", 2);
	g_autofree char *locked = home_path(home, FIREFOX "/password");
	g_autofree char *fips = home_path(home, FIREFOX "/fips");
	g_autofree char *fips_spec = g_strconcat("sql:", fips, NULL);
	g_autofree char *out = NULL;
	Job job = {.mode = WIRE_STORE_APPLY, .card = card};

	home_make_db(home);
	make_profile("plain");
	make_profile("password");
	make_profile("fips");
	out = home_run(home, "rm", "-rf", locked, fips, NULL);
	g_free(out);
	home_make_db_at(home, locked, "geheim");
	home_make_db_at(home, fips, "geheim99");
	out = home_run(home, "modutil", "-dbdir", fips_spec, "-fips", "true", "-force", NULL);
	make_db("snap/chromium/1/.pki/nssdb");
	make_link("snap/chromium/current", "snap/chromium/1");

	job_expect(home, &job, "create=10");
	ck_assert_int_eq(certs_in(".pki/nssdb"), 2);
	ck_assert_int_eq(certs_in(FIREFOX "/plain"), 2);
	ck_assert_int_eq(certs_in(FIREFOX "/password"), 2);
	ck_assert_int_eq(certs_in(FIREFOX "/fips"), 2);
	ck_assert_int_eq(certs_in("snap/chromium/1/.pki/nssdb"), 2);
	job_expect(home, &job, "keep=10");

	/* And lose them again. */
	job = (Job){.mode = WIRE_STORE_APPLY,
		.absent = true,
		.confirm = JOB_CONFIRM_YES,
		.config = {{"local", "on-removal", "remove"}}};
	job_expect(home, &job, "delete=10");
	ck_assert_int_eq(certs_in(FIREFOX "/fips"), 0);
	card_free(card);
}
END_TEST

/* Only the shared database is ever created. */
START_TEST(profiles_are_not_created)
{
	Card *card = card_with("0123", 1);
	Job job = {.mode = WIRE_STORE_APPLY, .card = card};
	g_autofree char *nothing = home_path(home, FIREFOX "/nothing");
	g_autofree char *empty = home_path(home, FIREFOX "/empty/cert9.db");

	home_make_db(home);
	make_dir(FIREFOX "/empty");
	make_file(FIREFOX "/profiles.ini",
		"[Profile0]\nName=a\nPath=nothing\n[Profile1]\nName=b\nPath=empty\n");
	job_expect(home, &job, "create=1");
	ck_assert(!g_file_test(nothing, G_FILE_TEST_EXISTS));
	ck_assert(!g_file_test(empty, G_FILE_TEST_EXISTS));
	card_free(card);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("discover");
	TCase *tcase = tcase_create("discover");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, programs_with_profiles, 0, G_N_ELEMENTS(profile_places));
	tcase_add_loop_test(tcase, programs_with_one_database, 0, G_N_ELEMENTS(database_places));
	tcase_add_test(tcase, all_places);
	tcase_add_loop_test(tcase, what_profiles_ini_says, 0, G_N_ELEMENTS(ini_cases));
	tcase_add_loop_test(tcase, files_that_are_not_read, 0, 6);
	tcase_add_test(tcase, link_to_a_good_file);
	tcase_add_test(tcase, too_many_profiles);
	tcase_add_test(tcase, endless_path);
	tcase_add_test(tcase, place_on_another_disk);
	tcase_add_loop_test(tcase, sandboxes_end_at_their_fence, 0, 2);
	tcase_add_loop_test(tcase, nobody_loses_a_database, 0, G_N_ELEMENTS(disputes));
	tcase_add_test(tcase, sandboxes_leave_room);
	tcase_add_loop_test(tcase, configured, 0, G_N_ELEMENTS(config_cases));
	tcase_add_loop_test(tcase, excluded_by_any_name, 0, G_N_ELEMENTS(names));
	tcase_add_test(tcase, every_profile_is_served);
	tcase_add_test(tcase, profiles_are_not_created);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
