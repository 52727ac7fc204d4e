/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the files, in their order of rank. GKeyFile stops at its first syntax error and does not
 * know line numbers, and an administrator who rolls out a file to a thousand machines deserves all
 * its faults at once: so the lines are walked here, with the same syntax, and GKeyFile is left what
 * it is good at, the values.
 *
 * What would leave the user with another policy than the administrator wrote is a fault: a file
 * that cannot be read, a line that cannot be understood, a wrong value. What is only not used is a
 * warning: a key of another version, a locked key in the user's file.
 */

#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config-table.h"
#include "names.h"
#include "owner.h"
#include "text.h"

#define FILE_MAX        (256u * 1024u)
#define GROUP_LOCK      "lock"
#define KEY_LOCK        "keys"
#define SUFFIX          ".conf"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

typedef struct Walk {
	Config *config;
	GPtrArray *faults;
	const char *file;
	unsigned line;
	bool user;        /* the user's own file: locks hold */
	char *group;      /* the current one; NULL before the first, and after a broken header */
	bool broken;      /* after a broken header: what follows has been told about */
	GHashTable *seen; /* "group" and "group\nkey" to the line of the last time */
} Walk;

G_GNUC_PRINTF(3, 4)
static void say(Walk *walk, bool warning, const char *format, ...)
{
	ConfigFault *fault = g_new0(ConfigFault, 1);
	va_list args;

	va_start(args, format);
	fault->message = g_strdup_vprintf(format, args);
	va_end(args);
	fault->file = g_strdup(walk->file);
	fault->line = walk->line;
	fault->warning = warning;
	g_ptr_array_add(walk->faults, fault);
}

/* The line of the last time, or 0; takes `name`. */
static unsigned seen_before(Walk *walk, char *name)
{
	unsigned line = GPOINTER_TO_UINT(g_hash_table_lookup(walk->seen, name));

	g_hash_table_replace(walk->seen, name, GUINT_TO_POINTER(walk->line));
	return line;
}

static void walk_group(Walk *walk, char *line)
{
	gsize len = strlen(line);
	unsigned before;

	g_clear_pointer(&walk->group, g_free);
	walk->broken = line[len - 1] != ']' || len < 3 || strcspn(line + 1, "[]") != len - 2;
	if (walk->broken) {
		g_autofree char *shown = text_escape(line);

		say(walk, false, "\"%s\" is no group: it is a name in brackets, [name]", shown);
		return;
	}

	walk->group = g_strndup(line + 1, len - 2);
	before = seen_before(walk, g_strdup(walk->group));
	if (before != 0)
		say(walk, true, "[%s] was there before, in line %u; of each key the last counts",
			walk->group, before);
	if (!config_group_exists(walk->group)) {
		g_autofree char *shown = text_escape(walk->group);
		g_autofree char *guess = config_key_guess(walk->group, NULL);

		say(walk, true, "There is no group [%s]%s%s%s, ignored", shown,
			guess != NULL ? " (did you mean " : "", guess != NULL ? guess : "",
			guess != NULL ? "?)" : "");
	}
}

static void lock_one(Walk *walk, const char *name)
{
	const char *dot = strchr(name, '.');
	g_autofree char *group =
		dot != NULL ? g_strndup(name, (gsize)(dot - name)) : g_strdup(name);
	bool found = false;
	gsize n;
	const ConfigKey *keys = config_keys(&n);

	for (gsize i = 0; i < n; i++) {
		ConfigOrigin *origin = config_key_origin(walk->config, &keys[i]);

		if (strcmp(keys[i].group, group) != 0 ||
			(dot != NULL && strcmp(keys[i].key, dot + 1) != 0))
			continue;
		found = true;
		if (origin->locked_by == NULL)
			origin->locked_by = g_strdup_printf("%s:%u", walk->file, walk->line);
	}
	if (!found) {
		g_autofree char *shown = text_escape(name);
		g_autofree char *guess = config_key_guess(group, dot != NULL ? dot + 1 : NULL);

		say(walk, true,
			"There is no \"%s\" that could be locked%s%s%s: it is group.key or "
			"group, and several are separated by ';'",
			shown, guess != NULL ? " (did you mean " : "", guess != NULL ? guess : "",
			guess != NULL ? "?)" : "");
	}
}

/* Locks of all files add up: a drop-in cannot open by accident what another one closed. */
static void walk_lock(Walk *walk, const char *key, const char *value)
{
	g_auto(GStrv) names = NULL;

	if (strcmp(key, KEY_LOCK) != 0) {
		g_autofree char *shown = text_escape(key);

		say(walk, true, "There is no key [lock] %s (did you mean [lock] keys?), ignored",
			shown);
		return;
	}
	if (walk->user) {
		say(walk, true, "[lock] keys counts only in the administrator's files, ignored");
		return;
	}

	names = g_strsplit(value, ";", -1);
	for (gsize i = 0; names[i] != NULL; i++) {
		if (*g_strstrip(names[i]) != '\0')
			lock_one(walk, names[i]);
	}
}

/* true if the user's file may set it. Says why not. */
static bool may_set(Walk *walk, const ConfigKey *key)
{
	const ConfigOrigin *origin = config_key_origin(walk->config, key);

	if (!walk->user)
		return true;
	if (key->type->administrator) {
		say(walk, true, "[%s] %s counts only in the administrator's files, ignored",
			key->group, key->key);
		return false;
	}
	if (origin->locked_by != NULL) {
		say(walk, true, "[%s] %s is locked by %s, ignored", key->group, key->key,
			origin->locked_by);
		return false;
	}

	return true;
}

static void walk_known(Walk *walk, const ConfigKey *key, const char *value)
{
	g_autofree char *origin = g_strdup_printf("%s:%u", walk->file, walk->line);
	g_autoptr(GError) error = NULL;

	if (may_set(walk, key) &&
		!config_set(walk->config, key->group, key->key, value, origin, &error))
		say(walk, false, "%s", error->message);
}

static void walk_pair(Walk *walk, char *line)
{
	char *equals = strchr(line, '=');
	const ConfigKey *known;
	unsigned before;

	if (walk->broken)
		return;
	if (equals == NULL || equals == line) {
		g_autofree char *shown = text_escape(line);

		say(walk, false, "\"%s\" is neither [group] nor key=value nor # comment", shown);
		return;
	}
	*equals = '\0';
	(void)g_strchomp(line);
	if (walk->group == NULL) {
		g_autofree char *shown = text_escape(line);

		say(walk, false, "%s= stands before the first [group]", shown);
		return;
	}
	if (!config_group_exists(walk->group))
		return; /* said at its header */

	if (strcmp(walk->group, GROUP_LOCK) == 0) {
		walk_lock(walk, line, g_strchug(equals + 1));
		return;
	}
	known = config_key_find(walk->group, line);
	if (known == NULL) {
		g_autofree char *shown = text_escape(line);
		g_autofree char *guess = config_key_guess(walk->group, line);

		say(walk, true, "There is no key [%s] %s%s%s%s, ignored", walk->group, shown,
			guess != NULL ? " (did you mean " : "", guess != NULL ? guess : "",
			guess != NULL ? "?)" : "");
		return;
	}
	before = seen_before(walk, g_strdup_printf("%s\n%s", walk->group, line));
	if (before != 0)
		say(walk, true, "[%s] %s was set before, in line %u; the last counts", walk->group,
			line, before);
	walk_known(walk, known, g_strchug(equals + 1));
}

static void walk_line(Walk *walk, const char *start, gsize len)
{
	g_autofree char *line = NULL;

	/* Whatever is in a comment: making one of a faulty line mends it. */
	while (len > 0 && g_ascii_isspace(*start)) {
		start++;
		len--;
	}
	if (len > 0 && *start == '#')
		return;
	/* Refuses a NUL as well. */
	if (!g_utf8_validate_len(start, len, NULL)) {
		say(walk, false, "The line is not valid UTF-8");
		return;
	}
	line = g_strndup(start, len);
	(void)g_strstrip(line);

	if (*line == '\0' || *line == '#')
		return;
	if (*line == '[')
		walk_group(walk, line);
	else
		walk_pair(walk, line);
}

static void walk_lines(Walk *walk, const char *text, gsize len)
{
	const char *end;

	if (len == 0)
		return; /* and `text` may be NULL */

	end = text + len;
	if (len >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0)
		text += 3;
	while (text < end) {
		const char *stop = memchr(text, '\n', (gsize)(end - text));

		if (stop == NULL)
			stop = end;
		walk->line++;
		walk_line(walk, text, (gsize)(stop - text));
		text = stop + 1;
	}
}

void config_text_load(
	Config *config, GPtrArray *faults, const char *file, bool user, const char *text, gsize len)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	Walk walk = {.config = config, .faults = faults, .file = file, .user = user, .seen = seen};

	walk_lines(&walk, text, len);
	g_free(walk.group);
}

/* Up to one byte more than the cap. Returns NULL with errno, 0 standing for "no regular file". */
static GByteArray *read_file(int fd)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	guint8 chunk[8192];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return NULL;
	errno = 0;
	if (!S_ISREG(st.st_mode))
		return NULL;

	while (bytes->len <= FILE_MAX) {
		ssize_t n = read(fd, chunk, sizeof chunk);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return NULL;
		if (n == 0)
			break;
		g_byte_array_append(bytes, chunk, (guint)n);
	}

	return g_steal_pointer(&bytes);
}

/* The user's file names modules that are loaded with the user's rights, and what is wrong in it is
   quoted: whoever could choose the file could have any other one quoted. The administrator's is
   where the build says, and no variable leads elsewhere. */
static bool is_strangers(Walk *about, int fd)
{
	g_autofree char *whose = about->user ? owner_stranger(about->file, fd) : NULL;

	if (whose == NULL)
		return false;

	say(about, false, "%s, not to us: what it says is not our configuration (is HOME right?)",
		whose);
	((ConfigFault *)g_ptr_array_index(about->faults, about->faults->len - 1))->strangers = true;
	return true;
}

static void load_open_file(Config *config, GPtrArray *faults, const char *path, bool user, int fd)
{
	Walk about = {.faults = faults, .file = path, .user = user};
	g_autoptr(GByteArray) bytes = NULL;

	if (is_strangers(&about, fd))
		return;

	bytes = read_file(fd);
	if (bytes == NULL)
		say(&about, false, "Reading it failed: %s",
			errno != 0 ? g_strerror(errno) : "it is not a regular file");
	else if (bytes->len > FILE_MAX)
		say(&about, false, "It is larger than %u KiB: this cannot be a configuration",
			FILE_MAX / 1024);
	else
		config_text_load(config, faults, path, user, (const char *)bytes->data, bytes->len);
}

static void load_file(Config *config, GPtrArray *faults, const char *path, bool user)
{
	Walk about = {.faults = faults, .file = path};
	/* O_NONBLOCK: a FIFO must not hold up the daemon. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return;
	if (fd < 0) {
		say(&about, false, "Opening it failed: %s", g_strerror(errno));
		return;
	}

	load_open_file(config, faults, path, user, fd);
	(void)close(fd);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void load_dropins(Config *config, GPtrArray *faults, const char *path)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(path, 0, &error);
	const char *name;

	if (dir == NULL) {
		Walk about = {.faults = faults, .file = path};

		if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) &&
			!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR))
			say(&about, false, "%s", error->message);
		return;
	}

	while ((name = g_dir_read_name(dir)) != NULL) {
		if (*name != '.' && g_str_has_suffix(name, SUFFIX))
			g_ptr_array_add(names, g_build_filename(path, name, NULL));
	}
	g_ptr_array_sort(names, compare_names);
	for (guint i = 0; i < names->len; i++)
		load_file(config, faults, g_ptr_array_index(names, i), false);
}

static bool only_warnings(const GPtrArray *faults)
{
	for (guint i = 0; i < faults->len; i++) {
		const ConfigFault *fault = g_ptr_array_index(faults, i);

		if (!fault->warning)
			return false;
	}

	return true;
}

Config *config_load(const char *sysconf_dir, const char *user_dir, GPtrArray **ret_faults)
{
	g_autoptr(Config) config = config_new();
	GPtrArray *faults = g_ptr_array_new_with_free_func((GDestroyNotify)config_fault_free);
	g_autofree char *main_file = g_build_filename(sysconf_dir, NAME_CONFIG_FILE, NULL);
	g_autofree char *dropins = g_build_filename(sysconf_dir, NAME_CONFIG_DROPIN, NULL);

	load_file(config, faults, main_file, false);
	load_dropins(config, faults, dropins);
	if (user_dir != NULL) {
		g_autofree char *user_file = g_build_filename(user_dir, NAME_CONFIG_FILE, NULL);

		load_file(config, faults, user_file, true);
	}

	*ret_faults = faults;
	return only_warnings(faults) ? g_steal_pointer(&config) : NULL;
}
