/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command is printed so that it can be copied, and a test runs it as it was printed. So every
 * path is quoted, no command asks, and each one either does what is said or fails.
 */

#include "remedy.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAFE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,"

/* What one system uses may be there on another too, so what tells them apart counts first. */
static const struct {
	const char *program;
	const char *mark; /* a file of the system whose own one it is; NULL: none is needed */
	const char *install, *again;
	const char *packages[3]; /* by RemedyPackage */
} managers[] = {
	{"apt-get", "/etc/debian_version", "apt-get install -y", "apt-get install -y --reinstall",
		{"pcscd", "opensc-pkcs11", "libnss3-tools"}},
	{"dnf", NULL, "dnf install -y", "dnf reinstall -y", {"pcsc-lite", "opensc", "nss-tools"}},
	{"zypper", NULL, "zypper --non-interactive install",
		"zypper --non-interactive install --force",
		{"pcsc-lite", "opensc", "mozilla-nss-tools"}},
	{"pacman", NULL, "pacman -S --noconfirm", "pacman -S --noconfirm",
		{"pcsclite", "opensc", "nss"}},
	{"apk", NULL, "apk add", "apk fix", {"pcsc-lite", "opensc", "nss-tools"}},
};

bool remedy_is_plain(const char *text)
{
	return *text != '\0' && strspn(text, SAFE) == strlen(text);
}

char *remedy_word(const char *text)
{
	return remedy_is_plain(text) ? g_strdup(text) : g_shell_quote(text);
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

/* sed writes a new file beside the old one. */
bool remedy_needs_root(const char *file)
{
	g_autofree char *real = realpath(file, NULL);
	g_autofree char *dir = g_path_get_dirname(real != NULL ? real : file);

	return access(dir, W_OK) < 0 || access(file, W_OK) < 0;
}

void remedy_comment_out(Finding *finding, const char *file, unsigned line)
{
	g_autofree char *script = g_strdup_printf("%us/^/#/", line);

	finding_mend(finding, remedy_line("sed", "-i", "--follow-symlinks", script, file, NULL),
		remedy_needs_root(file));
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
