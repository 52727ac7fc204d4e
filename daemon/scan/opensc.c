/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * OpenSC opens every card in every reader as soon as it is initialised: a card that hangs or is
 * held by someone for himself in another reader makes this one unreadable. It may also serve
 * certificates from a cache in the user's home that are no longer on the card. All of this can be
 * turned off, but only in its configuration file, and of that it reads exactly one. So each scan
 * writes one, in memory: the administrator's text, unchanged but for a few lines put in.
 *
 * How OpenSC looks things up (ctx.c and scconf of 0.20 to 0.26) decides where those lines go. It
 * takes the first block `app opensc-pkcs11` and the first block `app default`, and
 *   - options that stand in them directly count from both, the lists of readers to ignore add up;
 *   - of the blocks inside (`pkcs11`, `framework pkcs15`, `reader_driver pcsc`) only the first that
 *     is found counts, so a block of ours in front would hide the administrator's;
 *   - of an option that stands twice in one block the first value counts.
 * Hence each of our options goes right behind the brace that opens the block which counts, and
 * where there is no such block, it gets one of its own. Everything else that the administrator says
 * keeps its effect; what does not is max_virtual_slots, use_file_caching and disable_popups, and in
 * an xrdp session provider_library, since the stock PC/SC library does not reach its readers.
 *
 * slots_per_card stays as it is, although 1 would do for a slot per reader: with a second PIN on
 * the card OpenSC then runs out of slots before it comes to the public certificates, and shows
 * none.
 *
 * ignored_readers compares substrings. A reader whose name is part of the wanted reader's name
 * ("Reader 1" of "Reader 10") cannot be ignored, and the scan picks the right slot among both. The
 * same goes for names with a quotation mark or a line feed, which the file cannot express.
 *
 * Where blocks begin is found with the same two small machines that scconf is made of, its lexer
 * and its parser, because its rules are its own: `default{` is one word, and a word behind a value
 * ends it. A file that OpenSC refuses it ignores as a whole, and so do we, and say so.
 */

#include "opensc.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "error.h"

#define OPENSC_CONF_MAX (1024u * 1024u)
#define DEPTH_MAX       16

/* Enough for sixteen readers and any slots_per_card; slots are made only as readers are found. */
#define PKCS11_LINES "max_virtual_slots = 256; init_sloppy = false;"
#define PKCS15_LINES "use_file_caching = no;"

/* OpenSC's own default, and Debian's. */
static const char *const conf_paths[] = {"/etc/opensc/opensc.conf", "/etc/opensc.conf"};

typedef enum { APP_OURS, APP_DEFAULT, N_APPS } App;

typedef enum {
	STATE_NAME = 1 << 0,  /* a key was read */
	STATE_VALUE = 1 << 1, /* and an equals sign */
	STATE_SET = 1 << 2,   /* and what comes behind */
} State;

/* Where a block's text begins; 0: there is no such block. */
typedef struct Places {
	gsize app[N_APPS];
	gsize pkcs11[N_APPS];
	gsize pkcs15[N_APPS];
	gsize pcsc[N_APPS];
} Places;

typedef struct Parser {
	const char *text;
	const char *at;
	const char *app; /* the name of the module's own block */
	unsigned state;
	unsigned depth;
	int inside; /* the App that is open and counts, or -1 */
	unsigned line;
	char *key;
	char *name;
	const char *fault; /* static */
	Places places;
} Parser;

bool opensc_is(const char *path)
{
	g_autofree char *real = realpath(path, NULL);
	g_autofree char *base = g_path_get_basename(real != NULL ? real : path);

	return strstr(base, "opensc") != NULL;
}

static void reset(Parser *parser)
{
	parser->state = 0;
	g_clear_pointer(&parser->key, g_free);
	g_clear_pointer(&parser->name, g_free);
}

static void take_word(Parser *parser, const char *word, gsize len)
{
	if ((parser->state & (STATE_VALUE | STATE_SET)) == (STATE_VALUE | STATE_SET))
		reset(parser);

	if (parser->state == 0) {
		parser->key = g_strndup(word, len);
		parser->state = STATE_NAME;
	} else if (parser->state == STATE_NAME) {
		if (parser->name == NULL)
			parser->name = g_strndup(word, len);
		parser->state |= STATE_SET;
	} else if (parser->state == STATE_VALUE) {
		parser->state |= STATE_SET;
	} else {
		parser->fault = "a word stands where none is expected";
	}
}

static void note_first(gsize *place, const Parser *parser)
{
	if (*place == 0)
		*place = (gsize)(parser->at - parser->text);
}

static void note_app(Parser *parser)
{
	const char *name = parser->name != NULL ? parser->name : "";

	for (int i = 0; i < N_APPS; i++) {
		if (g_ascii_strcasecmp(name, i == APP_OURS ? parser->app : "default") != 0 ||
			parser->places.app[i] != 0)
			continue;
		note_first(&parser->places.app[i], parser);
		parser->inside = i;
	}
}

/* A block inside an app block that counts. */
static void note_inner(Parser *parser)
{
	const char *name = parser->name != NULL ? parser->name : "";
	Places *places = &parser->places;

	if (g_ascii_strcasecmp(parser->key, "pkcs11") == 0)
		note_first(&places->pkcs11[parser->inside], parser);
	else if (g_ascii_strcasecmp(parser->key, "framework") == 0 &&
		 g_ascii_strcasecmp(name, "pkcs15") == 0)
		note_first(&places->pkcs15[parser->inside], parser);
	else if (g_ascii_strcasecmp(parser->key, "reader_driver") == 0 &&
		 g_ascii_strcasecmp(name, "pcsc") == 0)
		note_first(&places->pcsc[parser->inside], parser);
}

static void open_block(Parser *parser)
{
	if ((parser->state & STATE_NAME) == 0) {
		parser->fault = "a block has no name";
		return;
	}
	if (parser->depth >= DEPTH_MAX) {
		parser->fault = "too many nested blocks";
		return;
	}

	if (parser->depth == 0 && g_ascii_strcasecmp(parser->key, "app") == 0)
		note_app(parser);
	else if (parser->depth == 1 && parser->inside >= 0)
		note_inner(parser);
	parser->depth++;
	reset(parser);
}

static void close_block(Parser *parser)
{
	if (parser->state != 0 &&
		(parser->state & (STATE_VALUE | STATE_SET)) != (STATE_VALUE | STATE_SET)) {
		parser->fault = "a block ends in the middle of an option";
		return;
	}
	if (parser->depth == 0) {
		parser->fault = "a brace closes nothing";
		return;
	}
	reset(parser);
	if (--parser->depth == 0)
		parser->inside = -1;
}

static void take_mark(Parser *parser, char mark)
{
	if (mark == '{') {
		open_block(parser);
	} else if (mark == '}') {
		close_block(parser);
	} else if (mark == ';') {
		reset(parser);
	} else if (mark == ',') {
		if ((parser->state & (STATE_NAME | STATE_VALUE)) == 0)
			parser->fault = "a comma stands where none is expected";
		parser->state &= ~(unsigned)STATE_SET;
	} else if ((parser->state & STATE_NAME) == 0) {
		parser->fault = "an equals sign has nothing before it";
	} else {
		parser->state = STATE_VALUE;
	}
}

static void take_quoted(Parser *parser)
{
	gsize len = strcspn(parser->at, "\"\r\n");
	const char *word = parser->at;

	/* A line's end closes a string as well, with a warning that nobody sees. */
	parser->at += len + (word[len] != '\0');
	take_word(parser, word, len);
}

static void parse(Parser *parser)
{
	while (*parser->at != '\0' && parser->fault == NULL) {
		char c = *parser->at;
		gsize len;

		if (strchr(" \t\r\n", c) != NULL) {
			parser->line += c == '\n';
			parser->at++;
		} else if (c == '#') {
			parser->at += strcspn(parser->at, "\r\n");
		} else if (strchr(",{}=;", c) != NULL) {
			parser->at++;
			take_mark(parser, c);
		} else if (c == '"') {
			parser->at++;
			take_quoted(parser);
		} else {
			len = strcspn(parser->at, ";, \t\r\n");
			take_word(parser, parser->at, len);
			parser->at += len;
		}
	}
	reset(parser);
}

static Places find_places(const char *text, const char *app, char **ret_fault)
{
	Parser parser = {.text = text, .at = text, .app = app, .inside = -1, .line = 1};

	parse(&parser);
	*ret_fault = parser.fault == NULL
			     ? NULL
			     : g_strdup_printf("line %u: %s", parser.line, parser.fault);
	return parser.places;
}

static bool can_ignore(const char *other, const char *reader)
{
	return *other != '\0' && strpbrk(other, "\"\r\n") == NULL && strstr(reader, other) == NULL;
}

static char *app_lines(const char *reader, const char *const *others)
{
	GString *lines = g_string_new("disable_popups = true;");
	const char *before = " ignored_readers = ";

	for (gsize i = 0; others != NULL && others[i] != NULL; i++) {
		if (!can_ignore(others[i], reader))
			continue;
		g_string_append_printf(lines, "%s\"%s\"", before, others[i]);
		before = ", ";
	}
	if (*before == ',')
		g_string_append_c(lines, ';');
	return g_string_free(lines, FALSE);
}

/* What goes in at one place. Several may fall on the same place; their order does not matter. */
typedef struct Insertion {
	gsize at;
	char *text;
} Insertion;

static gint by_place(gconstpointer a, gconstpointer b)
{
	gsize one = ((const Insertion *)a)->at;
	gsize two = ((const Insertion *)b)->at;

	return (one > two) - (one < two);
}

/* Into the block that counts, or as a new one into the place of its parent. */
static Insertion into(const gsize *place, gsize parent, const char *block, const char *lines)
{
	for (int i = 0; i < N_APPS; i++) {
		if (place[i] != 0)
			return (Insertion){place[i], g_strdup_printf("\n%s\n", lines)};
	}
	return (Insertion){parent, g_strdup_printf("\n%s {\n%s\n}\n", block, lines)};
}

/* All of it in blocks of our own, with the administrator's behind them. */
static char *whole_config(const char *lines, const char *provider, const char *text)
{
	g_autofree char *pcsc = provider != NULL
					? g_strdup_printf("reader_driver pcsc {\n%s\n}\n", provider)
					: g_strdup("");

	return g_strdup_printf(
		"app default {\n%s\npkcs11 {\n%s\n}\nframework pkcs15 {\n%s\n}\n%s}\n%s", lines,
		PKCS11_LINES, PKCS15_LINES, pcsc, text);
}

char *opensc_config(const char *admin, const char *app, const char *reader,
	const char *const *others, const char *provider, char **ret_fault)
{
	const char *text = admin != NULL ? admin : "";
	Places places = find_places(text, app, ret_fault);
	g_autofree char *lines = app_lines(reader != NULL ? reader : "", others);
	g_autofree char *library =
		provider != NULL ? g_strdup_printf("provider_library = \"%s\";", provider) : NULL;
	gsize n = 3, parent;
	Insertion list[4];
	GString *out;
	gsize done = 0;

	if (*ret_fault != NULL || (places.app[APP_OURS] == 0 && places.app[APP_DEFAULT] == 0))
		return whole_config(lines, library, *ret_fault != NULL ? "" : text);

	parent = places.app[places.app[APP_OURS] != 0 ? APP_OURS : APP_DEFAULT];
	list[0] = (Insertion){parent, g_strdup_printf("\n%s\n", lines)};
	list[1] = into(places.pkcs11, parent, "pkcs11", PKCS11_LINES);
	list[2] = into(places.pkcs15, parent, "framework pkcs15", PKCS15_LINES);
	if (library != NULL)
		list[n++] = into(places.pcsc, parent, "reader_driver pcsc", library);
	qsort(list, n, sizeof list[0], by_place);

	out = g_string_new(NULL);
	for (gsize i = 0; i < n; i++) {
		g_string_append_len(out, text + done, (gssize)(list[i].at - done));
		g_string_append(out, list[i].text);
		done = list[i].at;
		g_free(list[i].text);
	}
	g_string_append(out, text + done);
	return g_string_free(out, FALSE);
}

/* The administrator's text, or NULL where there is none. */
static char *read_admin(char **ret_fault)
{
	const char *named = g_getenv("OPENSC_CONF");
	char *text = NULL;
	gsize len;
	bool found = false;

	if (named != NULL)
		found = g_file_get_contents(named, &text, &len, NULL);
	for (gsize i = 0; named == NULL && !found && i < G_N_ELEMENTS(conf_paths); i++)
		found = g_file_get_contents(conf_paths[i], &text, &len, NULL);

	if (found && (len > OPENSC_CONF_MAX || strlen(text) != len)) {
		*ret_fault = g_strdup("it is no text, or too long");
		g_clear_pointer(&text, g_free);
	}
	return text;
}

static char *app_name(const char *path)
{
	g_autofree char *real = realpath(path, NULL);
	char *base = g_path_get_basename(real != NULL ? real : path);
	char *dot = strchr(base, '.');

	if (dot != NULL)
		*dot = '\0';
	return base;
}

/* A descriptor that stays open as long as the process, with the text in it. -1 and errno on error.
 */
static int put_in_memory(const char *text)
{
	int fd = memfd_create("opensc.conf", MFD_CLOEXEC);
	gsize len = strlen(text);

	for (gsize done = 0; fd >= 0 && done < len;) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (gsize)n : 0;
	}
	return fd;
}

bool opensc_prepare(const char *path, const char *reader, const char *const *others,
	const char *provider, char **ret_fault, GError **error)
{
	g_autofree char *unreadable = NULL;
	g_autofree char *admin = read_admin(&unreadable);
	g_autofree char *app = app_name(path);
	g_autofree char *fault = NULL;
	g_autofree char *text = opensc_config(admin, app, reader, others, provider, &fault);
	g_autofree char *name = NULL;
	int fd = put_in_memory(text);

	if (fd < 0) {
		g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
			"Writing OpenSC's configuration into memory failed: %s", g_strerror(errno));
		return false;
	}
	name = g_strdup_printf("/proc/self/fd/%d", fd);
	(void)g_setenv("OPENSC_CONF", name, TRUE);
	*ret_fault = unreadable != NULL ? g_steal_pointer(&unreadable) : g_steal_pointer(&fault);
	return true;
}
