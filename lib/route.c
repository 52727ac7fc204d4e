/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The name of an endpoint is what stands in the markers, for as long as the certificates do. So
 * there is one way to write each: a display has no leading zeros, and a name has letters that need
 * no escapes in a URI, a file name or a table.
 */

#include "route.h"

#include <string.h>

bool route_redirected(const char *endpoint)
{
	return strcmp(endpoint, ROUTE_LOCAL) != 0;
}

static bool parse_display(const char *digits, unsigned *ret_display)
{
	guint64 display;

	if (*digits == '0' && digits[1] != '\0')
		return false;
	if (strspn(digits, "0123456789") != strlen(digits) ||
		!g_ascii_string_to_unsigned(digits, 10, 0, ROUTE_DISPLAY_MAX, &display, NULL))
		return false;

	*ret_display = (unsigned)display;
	return true;
}

bool route_display(const char *endpoint, unsigned *ret_display)
{
	return g_str_has_prefix(endpoint, ROUTE_XRDP) &&
	       parse_display(endpoint + strlen(ROUTE_XRDP), ret_display);
}

bool route_directory(const char *name, unsigned *ret_display)
{
	static const char prefix[] = ".pcsc";

	return g_str_has_prefix(name, prefix) && parse_display(name + strlen(prefix), ret_display);
}

bool route_split(const char *text, char **ret_name, char **ret_path)
{
	gsize len =
		strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
	const char *path = text + len + 1;

	if (len == 0 || len > ROUTE_NAME_MAX || text[len] != ':')
		return false;
	if (*path != '/' && (!g_str_has_prefix(path, "~/") || path[2] == '\0'))
		return false;

	if (ret_name != NULL)
		*ret_name = g_strndup(text, len);
	if (ret_path != NULL)
		*ret_path = g_strdup(path);
	return true;
}
