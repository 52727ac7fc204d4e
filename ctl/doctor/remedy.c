/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command is printed so that it can be copied, and a test runs it as it was printed. So every
 * path is quoted, no command asks, and each one either does what is said or fails.
 */

#include "remedy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "environment.h"
#include "names.h"
#include "text.h"

#define SCRIPT_PATH "/etc/init.d/pcscd"
#define SAFE        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,"

/* What one system uses may be there on another too, so what tells them apart counts first. */
static const struct {
	const char *program;
	const char *mark; /* a file of the system whose own one it is; NULL: none is needed */
	const char *install, *again;
	const char *packages[4]; /* by RemedyPackage */
} managers[] = {
	{"apt-get", "/etc/debian_version", "apt-get install -y", "apt-get install -y --reinstall",
		{"pcscd", "libccid", "opensc-pkcs11", "libnss3-tools"}},
	{"dnf", NULL, "dnf install -y", "dnf reinstall -y",
		{"pcsc-lite", "pcsc-lite-ccid", "opensc", "nss-tools"}},
	{"zypper", NULL, "zypper --non-interactive install",
		"zypper --non-interactive install --force",
		{"pcsc-lite", "pcsc-ccid", "opensc", "mozilla-nss-tools"}},
	{"pacman", NULL, "pacman -S --noconfirm", "pacman -S --noconfirm",
		{"pcsclite", "ccid", "opensc", "nss"}},
	{"apk", NULL, "apk add", "apk fix", {"pcsc-lite", "ccid", "opensc", "nss-tools"}},
};

bool remedy_is_plain(const char *text)
{
	return *text != '\0' && strspn(text, SAFE) == strlen(text);
}

/* The backslash, which is doubled elsewhere, is a part of a command. */
bool remedy_is_showable(const char *text)
{
	g_autofree char *escaped = text_escape(text);
	g_auto(GStrv) parts = g_strsplit(escaped, "\\\\", -1);
	g_autofree char *shown = g_strjoinv("\\", parts);

	return strcmp(shown, text) == 0;
}

/* "$(printf %b 'a\0033b')" is a word with any bytes in it, but no line feed at its end. */
static char *printed_word(const char *text)
{
	GString *word = g_string_new("\"$(printf %b '");

	for (const char *at = text; *at != '\0'; at++)
		if (g_ascii_isalnum(*at) || strchr(" /._-:,=+@", *at) != NULL)
			g_string_append_c(word, *at);
		else
			g_string_append_printf(word, "\\0%03o", (guint8)*at);
	g_string_append(word, "')\"");

	return g_string_free(word, FALSE);
}

char *remedy_word(const char *text)
{
	if (remedy_is_plain(text))
		return g_strdup(text);
	if (remedy_is_showable(text) || g_str_has_suffix(text, "\n"))
		return g_shell_quote(text);

	return printed_word(text);
}

char *remedy_line(const char *word, ...)
{
	GString *line = g_string_new(NULL);
	va_list args;

	va_start(args, word);
	for (; word != NULL; word = va_arg(args, const char *)) {
		g_autofree char *quoted = remedy_word(word);

		g_string_append_printf(line, "%s%s", line->len > 0 ? " " : "", quoted);
	}
	va_end(args);

	return g_string_free(line, FALSE);
}

bool remedy_has_systemd(void)
{
	return g_file_test("/run/systemd/system", G_FILE_TEST_IS_DIR);
}

bool remedy_has_program(const char *name)
{
	static const char *const dirs[] = {"/usr/local/sbin", "/usr/sbin", "/sbin"};
	g_autofree char *found = g_find_program_in_path(name);
	bool has = found != NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(dirs) && !has; i++) {
		g_autofree char *path = g_build_filename(dirs[i], name, NULL);

		has = g_file_test(path, G_FILE_TEST_IS_EXECUTABLE);
	}

	return has;
}

char *remedy_install(RemedyPackage package, bool again)
{
	for (gsize i = 0; i < G_N_ELEMENTS(managers); i++)
		if (remedy_has_program(managers[i].program) &&
			(managers[i].mark == NULL ||
				g_file_test(managers[i].mark, G_FILE_TEST_EXISTS)))
			return g_strdup_printf("%s %s",
				again ? managers[i].again : managers[i].install,
				managers[i].packages[package]);

	return NULL;
}

char *remedy_pcscd(bool runs, bool socket)
{
	if (remedy_has_systemd())
		return g_strdup(socket ? "systemctl restart pcscd.socket pcscd.service"
				       : "systemctl enable --now pcscd.socket");
	if (remedy_has_program("service") && g_file_test(SCRIPT_PATH, G_FILE_TEST_EXISTS))
		return g_strdup("service pcscd restart");

	return runs ? NULL : g_strdup("pcscd");
}

void remedy_own_program(Finding *finding, const char *program)
{
	g_autofree char *path = environment_helper_path(program);
	const char *given = g_getenv(NAME_ENV_LIBEXECDIR);

	if (access(path, X_OK) == 0) {
		finding_cause(finding, "own-program",
			"%s is a program of certprop's own. It may be busy: ask again. If it stays "
			"so, install certprop anew, whole",
			path);
	} else if (given != NULL && *given != '\0') {
		finding_cause(finding, "own-variable",
			"The variable " NAME_ENV_LIBEXECDIR " says that certprop's own programs "
			"are in %s; without it they are looked for where they were installed",
			given);
		finding_mend(finding, remedy_line("unset", NAME_ENV_LIBEXECDIR, NULL), false);
	} else {
		finding_cause(
			finding, "not-whole", "certprop is not installed whole: install it anew");
	}
}

/* Nobody but root can put something else in the place of this, or of a directory above it. Who has
   "/" counts as root: in a user namespace he has no other name. */
static bool is_roots(const char *file)
{
	g_autofree char *path = g_strdup(file);
	struct stat top, st;

	if (stat("/", &top) < 0 || lstat(path, &st) < 0)
		return false;
	for (;;) {
		char *parent;

		if (st.st_uid != 0 && st.st_uid != top.st_uid)
			return false;
		if (strcmp(path, "/") == 0)
			return true;
		parent = g_path_get_dirname(path);
		g_free(path);
		path = parent;
		/* In one like /tmp nobody can put aside what is another one's. */
		if (lstat(path, &st) < 0 ||
			((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0))
			return false;
	}
}

/* The file, as itself, and its directory are the caller's own. */
static bool is_own(const char *file)
{
	g_autofree char *dir = g_path_get_dirname(file);
	struct stat st, above;

	return lstat(file, &st) == 0 && stat(dir, &above) == 0 && st.st_uid == geteuid() &&
	       above.st_uid == geteuid();
}

static void add_words(Finding *finding, const char *words)
{
	g_autofree char *before = g_steal_pointer(&finding->why);

	finding->why = g_strdup_printf("%s%s%s", before, *before != '\0' ? ". " : "", words);
}

/* sed and mv make another name in the directory: what the file itself allows does not matter.
   Nobody is asked to do it where somebody else chooses what is behind the name. Takes `command`. */
static void mend_file(Finding *finding, const char *file, char *command)
{
	g_autofree char *dir = g_path_get_dirname(file);
	g_autofree char *words = NULL;
	bool root = access(dir, W_OK) < 0;

	if (root || geteuid() == 0 ? is_roots(file) : is_own(file)) {
		finding_mend(finding, command, root);
		return;
	}
	g_free(command);
	words = g_strdup_printf("%s can be changed by somebody who is neither you nor root: that "
				"is for him to mend",
		file);
	add_words(finding, words);
}

/* What a link leads to is edited, by its own name; but if that is another one, it may be anything:
   who says that it is a file of ours? */
void remedy_edit(Finding *finding, const char *file, const char *script)
{
	g_autofree char *name = g_path_get_basename(file);
	g_autofree char *real = realpath(file, NULL);
	g_autofree char *real_name = g_path_get_basename(real != NULL ? real : file);
	g_autofree char *words = NULL;

	if (real == NULL)
		return;
	if (strcmp(name, real_name) == 0) {
		mend_file(finding, real, remedy_line("sed", "-i", script, real, NULL));
		return;
	}
	words = g_strdup_printf("%s is a link to %s, which may be of another program: look there "
				"before you change it",
		file, real);
	add_words(finding, words);
}

/* The name without links in the directories that lead to it: those could be changed after this. */
static char *without_links(const char *file)
{
	g_autofree char *dir = g_path_get_dirname(file);
	g_autofree char *name = g_path_get_basename(file);
	g_autofree char *real = realpath(dir, NULL);

	return g_build_filename(real != NULL ? real : dir, name, NULL);
}

void remedy_put_aside(Finding *finding, const char *file, const char *aside)
{
	g_autofree char *from = without_links(file);
	g_autofree char *to = without_links(aside);

	mend_file(finding, from, remedy_line("mv", "-n", from, to, NULL));
}

void remedy_comment_out(Finding *finding, const char *file, unsigned line)
{
	g_autofree char *script = g_strdup_printf("%us/^/#/", line);

	remedy_edit(finding, file, script);
}

bool remedy_take_back(Finding *finding, const Config *config, const char *group, const char *key)
{
	const char *origin = config_origin(config, group, key);
	const char *colon = origin != NULL ? strrchr(origin, ':') : NULL;
	g_autofree char *file = NULL;

	if (colon == NULL)
		return false;

	file = g_strndup(origin, (gsize)(colon - origin));
	remedy_comment_out(finding, file, (unsigned)g_ascii_strtoull(colon + 1, NULL, 10));
	return true;
}
