/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands are listed here, so that a new one has one place where it is made to speak. What
 * they say is judged by bytes and exit status only; that it is right is for other tests.
 */
#include "voice.h"

#include "names.h"
#include "world.h"

#include <check.h>

#define WORDS_MAX 5

static void assert_says(const char *const *argv, SafeWhere where, int expected)
{
	int status;
	g_autofree char *text = safe_run(argv, world.environment, where, &status);
	g_autofree char *what = g_strjoinv(" ", (char **)argv);

	ck_assert_msg(status == expected, "%s: status %d: %s", what, status, text);
	ck_assert_msg(text[0] != '\0', "%s says nothing", what);
	safe_assert_text(text, where, what);
}

/* As text and as JSON. */
static void assert_both(const char *const words[WORDS_MAX], SafeWhere where, int expected)
{
	g_autofree char *ctl = rig_program("ctl/" NAME_CTL);
	const char *argv[WORDS_MAX + 3] = {ctl};
	gsize n = 1;

	for (gsize i = 0; i < WORDS_MAX && words[i] != NULL; i++)
		argv[n++] = words[i];
	assert_says(argv, where, expected);
	argv[n] = "--json";
	assert_says(argv, where, expected);
}

static void assert_shows(SafeWhere where)
{
	g_autofree char *ctl = rig_program("ctl/" NAME_CTL);
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);
	/* What is not there is repeated in the answer. */
	const char *absent[] = {ctl, "show", "--", "\x1b[31mnobody\xe2\x80\xae", NULL};

	for (guint i = 0; i < rows->len; i++) {
		const RigDbRow *row = g_ptr_array_index(rows, i);
		const char *argv[] = {ctl, "show", "--", row->label, NULL};

		assert_says(argv, where, 0);
	}
	assert_says(absent, where, 1);
}

void voice_assert_looking(SafeWhere where)
{
	static const struct {
		const char *words[WORDS_MAX];
		int status;
	} looks[] = {
		{{"list"}, 0},
		{{"status"}, 0},
		{{"sync"}, 0},
		{{"databases"}, 0},
		{{"config"}, 0},
		{{"module"}, 0},
		{{"purge", "--all", "--dry-run"}, 0},
		/* Which finds that the module is not registered here. */
		{{"doctor"}, 1},
	};
	g_autofree char *scan = rig_program("daemon/" NAME_SCAN);
	const char *print[] = {scan, "--print", NULL};

	for (gsize i = 0; i < G_N_ELEMENTS(looks); i++)
		assert_both(looks[i].words, where, looks[i].status);
	assert_shows(where);
	assert_says(print, where, 0);
}

void voice_assert_purge(SafeWhere where)
{
	g_autofree char *ctl = rig_program("ctl/" NAME_CTL);
	const char *purge[] = {ctl, "purge", "--all", NULL};
	const char *purge_json[] = {ctl, "purge", "--all", "--json", NULL};
	const char *undo[] = {ctl, "undo", NULL};
	const char *undo_json[] = {ctl, "undo", "--json", NULL};
	const char *const list[WORDS_MAX] = {"undo", "--list"};
	const char *const dry_run[WORDS_MAX] = {"undo", "--dry-run"};
	const bool as_json[] = {false, true};

	for (gsize i = 0; i < G_N_ELEMENTS(as_json); i++) {
		assert_says(as_json[i] ? purge_json : purge, where, 0);
		g_autoptr(GPtrArray) left = rig_db_certificates(world.database);
		ck_assert_uint_eq(left->len, 0);
		assert_both(list, where, 0);
		assert_both(dry_run, where, 0);
		assert_says(as_json[i] ? undo_json : undo, where, 0);
	}
}
