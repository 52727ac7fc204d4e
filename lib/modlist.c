/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pkcs11.txt is made of blocks, ended by an empty line each; a block has one KEY=VALUE a line, and
 * lines that begin with '#' are skipped. Three habits of NSS's own editor (lib/util/utilmod.c) are
 * why we have one, and decide the form of our block:
 *
 *  - It takes away the first block whose name *or* library begins with the given one. So our name
 *    begins like nobody's, ends with ')', and another one is taken should somebody have thought
 *    of the same.
 *  - It appends without looking whether the last block has ended, and drops a last block that has
 *    not. So ours is preceded by what ends the one before, and ends with an empty line.
 *  - It reads lines of at most 2047 bytes, and writes slots at nearly twice the length that we
 *    need. So there are sixteen of them, which is as many as OpenSC has.
 *
 * A line of comment in our block says how many newlines we put before it, and what the text was
 * before (a checksum). Only if it is still that, these newlines go with the block. They may have
 * become the end of somebody else's block otherwise.
 *
 * slotFlags=PublicCerts tells NSS that certificates can be listed without a login. Without it,
 * Firefox asks for a PIN as soon as it wants to know which certificates there are.
 */

#include "modlist.h"

#include <string.h>

#include "error.h"
#include "text.h"

#define MARK        "# certprop: "
#define MARK_FORMAT MARK "%s-%u; this block is added and removed by certpropctl module\n"
#define SUM_LEN     16 /* hex digits of the checksum */
#define NEWLINES    2  /* at most, before our block */
#define SLOTS       16
#define LIBRARY_MAX 1024

static const char *const name_formats[] = {"certprop (%s)", "smart card by certprop (%s)"};

/* A run of lines that are not empty. Our mark begins a new one, also where somebody has taken away
   the empty line before it: his part is his. */
typedef struct Block {
	const char *start;
	const char *end; /* after the newline of its last line, or the text's end */
	ModlistEntry *entry;
} Block;

static void entry_free(gpointer data)
{
	ModlistEntry *entry = data;

	g_free(entry->name);
	g_free(entry->library);
	g_free(entry);
}

/* Behind the newline, or at the text's end. */
static const char *next_line(const char *line)
{
	const char *newline = strchr(line, '\n');

	return newline != NULL ? newline + 1 : line + strlen(line);
}

static bool is_empty(const char *line)
{
	return *line == '\n' || (line[0] == '\r' && (line[1] == '\n' || line[1] == '\0'));
}

static char *unquote(const char *value, gsize len)
{
	GString *text = g_string_new(NULL);

	for (gsize i = 1; i < len && value[i] != '"'; i++) {
		if (value[i] == '\\' && i + 1 < len)
			i++;
		g_string_append_c(text, value[i]);
	}

	return g_string_free(text, FALSE);
}

/* The line's value, if it is `key`'s; else NULL. */
static char *line_value(const char *line, const char *key)
{
	gsize n = strlen(key);
	const char *value;
	gsize len;

	line += strspn(line, " \t");
	if (g_ascii_strncasecmp(line, key, n) != 0 || line[n] != '=')
		return NULL;

	value = line + n + 1;
	len = (gsize)(next_line(value) - value);
	while (len > 0 && (value[len - 1] == '\n' || value[len - 1] == '\r'))
		len--;

	return *value == '"' ? unquote(value, len) : g_strndup(value, len);
}

static bool name_is_ours(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(name_formats); i++) {
		gsize prefix = strcspn(name_formats[i], "%");

		if (strncmp(name, name_formats[i], prefix) == 0 && g_str_has_suffix(name, ")"))
			return true;
	}

	return false;
}

static Block *block_new(const char *start)
{
	Block *block = g_new0(Block, 1);
	ModlistEntry *entry = g_new0(ModlistEntry, 1);
	const char *line = start;

	for (; *line != '\0' && !is_empty(line); line = next_line(line)) {
		if (line > start && g_str_has_prefix(line, MARK))
			break;
		if (*line == '#')
			continue;
		if (entry->name == NULL)
			entry->name = line_value(line, "name");
		if (entry->library == NULL)
			entry->library = line_value(line, "library");
		g_autofree char *nss = line_value(line, "NSS");
		entry->public_certs =
			entry->public_certs || (nss != NULL && strstr(nss, "PublicCerts") != NULL);
	}
	if (entry->name == NULL)
		entry->name = g_strdup("");
	if (entry->library == NULL)
		entry->library = g_strdup("");
	entry->ours = name_is_ours(entry->name);

	block->start = start;
	block->end = line;
	block->entry = entry;
	return block;
}

static void block_free(gpointer data)
{
	Block *block = data;

	if (block->entry != NULL)
		entry_free(block->entry);
	g_free(block);
}

/* They point into the text. */
static GPtrArray *blocks_of(const char *text)
{
	GPtrArray *blocks = g_ptr_array_new_with_free_func(block_free);

	while (*text != '\0') {
		if (is_empty(text)) {
			text = next_line(text);
		} else {
			Block *block = block_new(text);

			g_ptr_array_add(blocks, block);
			text = block->end;
		}
	}

	return blocks;
}

GPtrArray *modlist_entries(const char *text)
{
	g_autoptr(GPtrArray) blocks = blocks_of(text);
	GPtrArray *entries = g_ptr_array_new_with_free_func(entry_free);

	for (guint i = 0; i < blocks->len; i++) {
		Block *block = g_ptr_array_index(blocks, i);

		/* comments alone are no module */
		if (*block->entry->name != '\0' || *block->entry->library != '\0')
			g_ptr_array_add(entries, g_steal_pointer(&block->entry));
	}

	return entries;
}

static char *sum_of(const char *text, gsize len)
{
	g_autofree char *sum =
		g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)text, len);

	return g_strndup(sum, SUM_LEN);
}

/* How much of what stands before the block was there before we came. */
static gsize length_before(const char *text, const Block *block)
{
	gsize len = (gsize)(block->start - text);
	const char *mark = block->start + strlen(MARK);
	unsigned n;

	if (!g_str_has_prefix(block->start, MARK) || strlen(mark) < SUM_LEN + 2 ||
		mark[SUM_LEN] != '-')
		return len;
	n = (unsigned)(mark[SUM_LEN + 1] - '0');
	if (n > NEWLINES || n > len)
		return len;
	for (unsigned i = 0; i < n; i++) {
		if (text[len - 1 - i] != '\n')
			return len;
	}

	g_autofree char *sum = sum_of(text, len - n);
	return strncmp(sum, mark, SUM_LEN) == 0 ? len - n : len;
}

/* Until the last block has ended, for any NSS. */
static unsigned newlines_needed(const char *text, gsize len)
{
	if (len == 0 || (text[len - 1] == '\n' && (len == 1 || text[len - 2] == '\n')))
		return 0;

	return text[len - 1] == '\n' ? 1 : NEWLINES;
}

static bool is_our_line(const char *line)
{
	static const char *const keys[] = {"library", "name", "NSS", "parameters"};

	if (g_str_has_prefix(line, MARK))
		return true;
	for (gsize i = 0; *line != '#' && i < G_N_ELEMENTS(keys); i++) {
		g_autofree char *value = line_value(line, keys[i]);

		if (value != NULL)
			return true;
	}

	return false;
}

static char *without(const char *text, const Block *block)
{
	GString *kept = g_string_new(NULL);
	const char *after = block->end;
	gsize before = (gsize)(block->start - text);

	/* Notes that somebody has made in it stay. */
	for (const char *line = block->start; line < block->end; line = next_line(line)) {
		if (!is_our_line(line))
			g_string_append_len(kept, line, next_line(line) - line);
	}
	/* Our end goes too, unless it has become the end of what stands before. */
	if (kept->len == 0 && *after == '\n' && newlines_needed(text, before) == 0) {
		after++;
		if (*after == '\0')
			before = length_before(text, block);
	}

	g_string_prepend_len(kept, text, (gssize)before);
	g_string_append(kept, after);

	return g_string_free(kept, FALSE);
}

/* Without our blocks that have this library's file name; NULL: all of them. From the last one to
   the first, as they were added. */
static char *remove_blocks(const char *text, const char *base)
{
	char *result = g_strdup(text);
	g_autoptr(GPtrArray) blocks = blocks_of(result);

	for (guint i = blocks->len; i-- > 0;) {
		const Block *block = g_ptr_array_index(blocks, i);
		g_autofree char *own_base = g_path_get_basename(block->entry->library);
		char *shorter;

		if (!block->entry->ours || (base != NULL && strcmp(base, own_base) != 0))
			continue;
		shorter = without(result, block);
		g_ptr_array_unref(blocks);
		g_free(result);
		result = shorter;
		blocks = blocks_of(result);
		i = MIN(i, blocks->len);
	}

	return result;
}

char *modlist_remove(const char *text)
{
	return remove_blocks(text, NULL);
}

/* One of two begins with the other. */
static bool alike(const char *a, const char *b)
{
	return g_str_has_prefix(a, b) || g_str_has_prefix(b, a);
}

static char *choose_name(const GPtrArray *entries, const char *base)
{
	char *name = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(name_formats); i++) {
		const char *blank = strchr(name_formats[i], '%');
		bool taken = false;

		g_free(name);
		name = g_strdup_printf(
			"%.*s%s)", (int)(blank - name_formats[i]), name_formats[i], base);
		for (guint e = 0; e < entries->len; e++) {
			const ModlistEntry *entry = g_ptr_array_index(entries, e);

			taken = taken || (*entry->name != '\0' && alike(entry->name, name));
		}
		if (!taken)
			break;
	}

	return name;
}

static char *parameters(void)
{
	GString *text = g_string_new("slotParams=(");

	for (unsigned i = 0; i < SLOTS; i++)
		g_string_append_printf(text, "%s%u={slotFlags=[PublicCerts]}", i > 0 ? " " : "", i);
	g_string_append_c(text, ')');

	return g_string_free(text, FALSE);
}

static bool check_library(const char *library, GError **error)
{
	bool fine = g_path_is_absolute(library) && strlen(library) <= LIBRARY_MAX;

	for (const char *at = library; *at != '\0'; at++)
		fine = fine && !g_ascii_iscntrl(*at) && *at != '"' && *at != '\\';
	if (fine)
		return true;

	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_FAILED,
		"A module at %s cannot be registered: " MODLIST_FILE
		" takes absolute paths of at most %d bytes, without quotes",
		library, LIBRARY_MAX);
	return false;
}

/* Our block for this very path, with its flag. */
static bool is_right(const char *text, const char *library)
{
	g_autoptr(GPtrArray) blocks = blocks_of(text);
	g_autofree char *nss = parameters();
	unsigned n_right = 0, n = 0;

	for (guint i = 0; i < blocks->len; i++) {
		const Block *block = g_ptr_array_index(blocks, i);
		g_autofree char *base = g_path_get_basename(library);
		g_autofree char *own_base = g_path_get_basename(block->entry->library);
		g_autofree char *body = g_strndup(block->start, (gsize)(block->end - block->start));

		if (!block->entry->ours || strcmp(base, own_base) != 0)
			continue;
		n++;
		/* NSS says the same in more words when it rewrites it. */
		n_right += strcmp(block->entry->library, library) == 0 &&
			   strstr(body, "PublicCerts") != NULL;
	}

	return n == 1 && n_right == 1;
}

char *modlist_add(const char *text, const char *library, GError **error)
{
	g_autofree char *base = g_path_get_basename(library);
	g_autofree char *rest = NULL;
	g_autofree char *name = NULL;
	g_autofree char *nss = parameters();
	g_autofree char *sum = NULL;
	g_autoptr(GPtrArray) entries = NULL;
	GString *result;
	unsigned n;

	if (!check_library(library, error))
		return NULL;
	if (is_right(text, library))
		return g_strdup(text);

	rest = remove_blocks(text, base);
	entries = modlist_entries(rest);
	name = choose_name(entries, base);
	sum = sum_of(rest, strlen(rest));
	n = newlines_needed(rest, strlen(rest));

	result = g_string_new(rest);
	g_string_append_len(result, "\n\n", n);
	g_string_append_printf(result, MARK_FORMAT, sum, n);
	g_string_append_printf(result, "library=%s\nname=%s\nNSS=%s\n\n", library, name, nss);

	return g_string_free(result, FALSE);
}

char *modlist_new(const char *dir)
{
	if (strpbrk(dir, "'\"\\\n\r") != NULL)
		return g_strdup("");

	return g_strdup_printf("library=\n"
			       "name=NSS Internal PKCS #11 Module\n"
			       "parameters=configdir='sql:%s' certPrefix='' keyPrefix='' "
			       "secmod='secmod.db' flags= updatedir='' updateCertPrefix='' "
			       "updateKeyPrefix='' updateid='' updateTokenDescription='' \n"
			       "NSS=Flags=internal,critical trustOrder=75 cipherOrder=100 "
			       "slotParams=(1={slotFlags=[ECC,RSA,DSA,DH,RC2,RC4,DES,RANDOM,SHA1,"
			       "MD5,MD2,SSL,TLS,AES,Camellia,SEED,SHA256,SHA512] askpw=any "
			       "timeout=30})\n\n",
		dir);
}
