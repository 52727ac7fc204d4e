/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fake-card-make: makes the directory that fake-card is given. */
#include "deal.h"

#include <string.h>

typedef struct {
	int certs;
	char *guid, *cn, *token_cn;
	gboolean ec, rsa, mixed;
	char **expired, **ca;
} Arguments;

/* A name as it is typed: @FILE holds its bytes, or \xNN, \n and the like stand for them. */
static char *read_name(const char *text, gsize *ret_length, GError **error)
{
	GString *name;

	if (text[0] == '@') {
		char *bytes;

		return g_file_get_contents(text + 1, &bytes, ret_length, error) ? bytes : NULL;
	}
	name = g_string_new(NULL);
	for (const char *at = text; *at != '\0'; at++) {
		int high = at[0] == '\\' && at[1] == 'x' ? g_ascii_xdigit_value(at[2]) : -1;
		int low = high >= 0 ? g_ascii_xdigit_value(at[3]) : -1;

		g_string_append_c(name, low >= 0 ? (char)(high << 4 | low) : *at);
		if (low >= 0)
			at += 3;
	}
	*ret_length = name->len;
	return g_string_free(name, FALSE);
}

static bool read_places(char **words, guint32 *ret_set, GError **error)
{
	guint32 set = 0;

	for (gsize i = 0; words != NULL && words[i] != NULL; i++) {
		unsigned index;

		if (!slot_parse(words[i], &index)) {
			g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
				"'%s' is no place: say 9a, 9c, 9d, 9e, 82 … 95 or 1 … 24",
				words[i]);
			return false;
		}
		set |= 1u << index;
	}
	*ret_set = set;
	return true;
}

static bool make(const char *directory, const Arguments *arguments, GError **error)
{
	Deal deal = {.certs = (unsigned)arguments->certs,
		.guid = arguments->guid,
		.keys = arguments->ec    ? DEAL_EC
			: arguments->rsa ? DEAL_RSA
					 : DEAL_MIXED};
	g_autofree char *cn = NULL;
	g_autofree char *token_cn = NULL;
	gsize length;

	if (arguments->cn != NULL) {
		cn = read_name(arguments->cn, &length, error);
		if (cn == NULL)
			return false;
		deal.cn = cn;
		deal.cn_length = length;
	}
	if (arguments->token_cn != NULL) {
		token_cn = read_name(arguments->token_cn, &length, error);
		if (token_cn == NULL)
			return false;
		deal.token_cn = token_cn;
		deal.token_cn_length = length;
	}
	return read_places(arguments->expired, &deal.expired, error) &&
	       read_places(arguments->ca, &deal.ca, error) && deal_card(directory, &deal, error);
}

int main(int argc, char **argv)
{
	Arguments arguments = {.certs = 4};
	const GOptionEntry entries[] = {{"certs", 'n', 0, G_OPTION_ARG_INT, &arguments.certs,
						"How many certificates (4; at most 24)", "N"},
		{"guid", 'g', 0, G_OPTION_ARG_STRING, &arguments.guid,
			"32 hex digits; the last 16 are the token's serial number", "HEX"},
		{"cn", 0, 0, G_OPTION_ARG_STRING, &arguments.cn,
			"Common name, \\xNN for any byte, @FILE for a file's bytes", "NAME"},
		{"token-cn", 0, 0, G_OPTION_ARG_STRING, &arguments.token_cn,
			"Common name of the first certificate, the token's label", "NAME"},
		{"mixed", 0, 0, G_OPTION_ARG_NONE, &arguments.mixed, "RSA and EC in turn", NULL},
		{"rsa", 0, 0, G_OPTION_ARG_NONE, &arguments.rsa, "RSA keys only", NULL},
		{"ec", 0, 0, G_OPTION_ARG_NONE, &arguments.ec, "EC keys only", NULL},
		{"expired", 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments.expired,
			"This one is no longer valid (may be repeated)", "PLACE"},
		{"ca", 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments.ca,
			"This one is a CA's (may be repeated)", "PLACE"},
		{NULL}};
	g_autoptr(GOptionContext) options = g_option_context_new("DIR");
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(options, "Makes a virtual card's directory.");
	g_option_context_add_main_entries(options, entries, NULL);
	if (!g_option_context_parse(options, &argc, &argv, &error) || argc != 2 ||
		arguments.certs < 0 || arguments.ec + arguments.rsa + arguments.mixed > 1) {
		g_printerr("fake-card-make: %s\n",
			error != NULL ? error->message : "one DIR and one kind of keys, please");
		return 2;
	}
	if (!make(argv[1], &arguments, &error)) {
		g_printerr("fake-card-make: %s\n", error->message);
		return 1;
	}
	return 0;
}
