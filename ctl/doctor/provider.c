/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program comes to another PC/SC library than the system's by the loader's path, by a variable of
 * pcsc-lite's that older ones do not know, or, if it uses OpenSC, by OpenSC's configuration. That a
 * variable is set proves nothing: it has to lead to the very file. Nothing is loaded for that; of
 * OpenSC's file, which may have the setting in several blocks, the first one counts here.
 */

#include "provider.h"

#include <string.h>
#include <sys/stat.h>

#include "build.h"

#define STOCK     CERTPROP_PCSCLITE_DIR "/libpcsclite.so.1"
#define DELEGATE  "LIBPCSCLITE_DELEGATE"
#define SETTING   "provider_library"
#define STOCK_MAX (4u * 1024u * 1024u)
#define CONF_MAX  (1024u * 1024u)

/* NULL if there is no such file, or a larger one. */
static char *read_file(const char *path, gsize max, gsize *ret_len)
{
	struct stat st;
	char *bytes = NULL;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || (gsize)st.st_size > max ||
		!g_file_get_contents(path, &bytes, ret_len, NULL))
		return NULL;
	return bytes;
}

bool provider_delegates(void)
{
	gsize len = 0;
	g_autofree char *bytes = read_file(STOCK, STOCK_MAX, &len);

	return bytes != NULL && memmem(bytes, len, DELEGATE, strlen(DELEGATE)) != NULL;
}

static bool is_same(const char *path, const char *library)
{
	struct stat a, b;

	return stat(path, &a) == 0 && stat(library, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* The first directory that has one decides. */
static bool by_path(const char *library)
{
	const char *path = g_getenv("LD_LIBRARY_PATH");
	g_auto(GStrv) dirs = g_strsplit_set(path != NULL ? path : "", ":;", -1);

	for (char **dir = dirs; *dir != NULL; dir++) {
		g_autofree char *name = g_build_filename(*dir, "libpcsclite.so.1", NULL);

		if (**dir != '\0' && g_file_test(name, G_FILE_TEST_EXISTS))
			return is_same(name, library);
	}
	return false;
}

/* "provider_library = VALUE;", with or without quotes; NULL if the line has none. */
static char *value_in(const char *line)
{
	g_autofree char *text = g_strndup(line, strcspn(line, "#"));
	const char *at = strstr(text, SETTING);

	if (at == NULL)
		return NULL;
	at += strlen(SETTING);
	at += strspn(at, " \t");
	if (*at != '=')
		return NULL;
	at++;
	at += strspn(at, " \t");
	if (*at == '"')
		return g_strndup(at + 1, strcspn(at + 1, "\""));
	return g_strndup(at, strcspn(at, ";, \t\r"));
}

static bool by_opensc(const char *library)
{
	const char *path = g_getenv("OPENSC_CONF");
	gsize len;
	g_autofree char *text = path != NULL ? read_file(path, CONF_MAX, &len) : NULL;
	g_auto(GStrv) lines = g_strsplit(text != NULL ? text : "", "\n", -1);

	for (char **line = lines; *line != NULL; line++) {
		g_autofree char *value = value_in(*line);

		if (value != NULL)
			return is_same(value, library);
	}
	return false;
}

bool provider_is_used(const char *library)
{
	const char *delegate = g_getenv(DELEGATE);

	return by_path(library) || by_opensc(library) ||
	       (delegate != NULL && is_same(delegate, library) && provider_delegates());
}
