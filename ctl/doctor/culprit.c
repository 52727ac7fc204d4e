/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything is asked of the kernel, nothing of the programs. Who is connected to pcscd: the
 * sockets that pcscd has accepted bear its socket's name, and unix_diag(7) tells the inode of each
 * one's peer, which then is looked for among the descriptors of this user's processes. Who has
 * locked a database: /proc/locks names process and inode, and SQLite's locks lie at a place in the
 * file where nobody else's do.
 *
 * Other users' processes stay unseen; that there is one can only be concluded.
 */

#include "culprit.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "process.h"

#define SCDAEMON         "scdaemon"
#define SOCKET_NAME      "/pcscd.comm"
#define ANSWER_SECONDS   1
#define ANSWER_BYTES     (64u * 1024u)
#define ANSWERS_MAX      4096 /* datagrams of one dump */
#define LOCKS_BYTES_MAX  (8u << 20)
#define SQLITE_LOCK_BYTE 0x40000000

/*
 * Sockets
 */

static bool is_service(const char *name, gsize len, const char *path)
{
	gsize suffix = strlen(SOCKET_NAME);

	if (len > 0 && name[len - 1] == '\0')
		len--;
	if (path != NULL)
		return len == strlen(path) && memcmp(name, path, len) == 0;

	return len >= suffix && memcmp(name + len - suffix, SOCKET_NAME, suffix) == 0;
}

/* One socket: if it is one of the service's, its peer. */
static void take_socket(const struct nlmsghdr *head, const char *path, GHashTable *peers)
{
	const struct unix_diag_msg *message = NLMSG_DATA(head);
	guint left = head->nlmsg_len - NLMSG_LENGTH(sizeof *message);
	const char *at = (const char *)(message + 1);
	bool service = false;
	guint32 peer = 0;

	while (left >= sizeof(struct nlattr)) {
		struct nlattr attribute;
		const char *value = at + NLA_HDRLEN;
		guint len;

		memcpy(&attribute, at, sizeof attribute);
		if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > left)
			return;
		len = attribute.nla_len - (guint)NLA_HDRLEN;
		if (attribute.nla_type == UNIX_DIAG_NAME)
			service = is_service(value, len, path);
		else if (attribute.nla_type == UNIX_DIAG_PEER && len == sizeof peer)
			memcpy(&peer, value, sizeof peer);
		len = MIN((guint)NLA_ALIGN(attribute.nla_len), left);
		at += len;
		left -= len;
	}

	if (service && peer != 0)
		g_hash_table_add(peers, GUINT_TO_POINTER(peer));
}

/* One datagram of the answer. Returns false with the last one. */
static bool take_answer(const char *buffer, gsize len, const char *path, GHashTable *peers)
{
	const struct nlmsghdr *head;

	for (gsize at = 0; at + sizeof *head <= len; at += NLMSG_ALIGN(head->nlmsg_len)) {
		head = (const void *)(buffer + at);
		if (head->nlmsg_type == NLMSG_DONE || head->nlmsg_type == NLMSG_ERROR ||
			head->nlmsg_len < sizeof *head || head->nlmsg_len > len - at)
			return false;
		if (head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
			take_socket(head, path, peers);
	}

	return len > 0;
}

static int ask_for_sockets(void)
{
	const struct {
		struct nlmsghdr head;
		struct unix_diag_req request;
	} ask = {
		.head = {.nlmsg_len = sizeof ask,
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.request = {.sdiag_family = AF_UNIX,
			.udiag_states = G_MAXUINT32,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER},
	};
	const struct timeval deadline = {.tv_sec = ANSWER_SECONDS};
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof deadline) == 0 &&
		send(fd, &ask, sizeof ask, 0) == (ssize_t)sizeof ask)
		return fd;

	(void)close(fd);
	return -1;
}

/* Inodes of the sockets that are connected to pcscd. */
static GHashTable *find_peers(const char *path)
{
	GHashTable *peers = g_hash_table_new(NULL, NULL);
	g_autofree char *buffer = g_malloc(ANSWER_BYTES);
	int fd = ask_for_sockets();

	for (int i = 0; fd >= 0 && i < ANSWERS_MAX; i++) {
		ssize_t n = recv(fd, buffer, ANSWER_BYTES, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || !take_answer(buffer, (gsize)n, path, peers))
			break;
	}
	if (fd >= 0)
		(void)close(fd);

	return peers;
}

/* scdaemon does not let its descriptors be seen; where it runs, it is the first to be suspected. */
static bool is_client(const Process *process, gconstpointer data)
{
	GHashTable *peers = (GHashTable *)data;
	bool hidden;

	if (g_hash_table_size(peers) == 0 || process_is_ours(process))
		return false;

	return process_has_socket(process, peers, &hidden) ||
	       (hidden && strcmp(process->name, SCDAEMON) == 0);
}

GPtrArray *culprits_of_service(const char *socket)
{
	g_autoptr(GHashTable) peers = find_peers(socket);

	return processes_find(is_client, peers);
}

static bool is_named(const Process *process, gconstpointer data)
{
	return strcmp(process->name, data) == 0;
}

bool culprit_runs(const char *name)
{
	g_autoptr(GPtrArray) found = processes_find(is_named, name);

	return found->len > 0;
}

/*
 * Locks
 */

/* "1: POSIX  ADVISORY  WRITE 4711 fe:00:1234 1073741825 1073741825": the process, if it has locked
   the inode for writing at or behind this place; else 0. */
static pid_t locker(char **words, guint64 inode, guint64 from)
{
	const char *last;

	if (g_strv_length(words) < 8 || strcmp(words[3], "WRITE") != 0 ||
		g_ascii_strtoull(words[6], NULL, 10) < from)
		return 0;

	last = strrchr(words[5], ':');
	if (last == NULL || g_ascii_strtoull(last + 1, NULL, 10) != inode)
		return 0;
	return (pid_t)g_ascii_strtoll(words[4], NULL, 10);
}

/* The words of a line, without the empty ones between them. */
static char **split_words(const char *line)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_auto(GStrv) parts = g_strsplit(line, " ", -1);

	for (char **part = parts; *part != NULL; part++)
		if (**part != '\0')
			g_strv_builder_add(builder, *part);

	return g_strv_builder_end(builder);
}

/* Inodes have the same number on another file system, and the kernel's word for that (fe:00) is not
   stat()'s on all of them. So it counts only who is seen to have the file open; certprop's own
   programs may hide that, and lock files of ours only. */
static bool is_holder(const Process *process, const struct stat *st, guint64 from)
{
	bool ours = process_is_ours(process);
	bool hidden;

	/* They let go of a database by themselves. */
	if (ours && from > 0)
		return false;
	return process_has_file(process, st, &hidden) || (hidden && ours);
}

/* A process that is ours and not among them yet. */
static void add(GPtrArray *culprits, pid_t pid, const struct stat *st, guint64 from)
{
	Process *process;

	for (guint i = 0; i < culprits->len; i++)
		if (((const Process *)g_ptr_array_index(culprits, i))->pid == pid)
			return;

	process = pid > 0 ? process_new(pid) : NULL;
	if (process != NULL && is_holder(process, st, from))
		g_ptr_array_add(culprits, process);
	else
		process_free(process);
}

static void find_lockers(const char *path, guint64 from, GPtrArray *culprits)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	struct stat st;
	gsize len;

	if (stat(path, &st) < 0 || !g_file_get_contents("/proc/locks", &text, &len, NULL) ||
		len > LOCKS_BYTES_MAX)
		return;

	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		g_auto(GStrv) words = split_words(*line);

		add(culprits, locker(words, st.st_ino, from), &st, from);
	}
}

GPtrArray *culprits_of_lock(const char *path)
{
	GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)process_free);

	find_lockers(path, 0, found);
	return found;
}

GPtrArray *culprits_of_database(const char *dir)
{
	static const char *const files[] = {"cert9.db", "key4.db"};
	GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)process_free);

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(dir, files[i], NULL);

		find_lockers(path, SQLITE_LOCK_BYTE, found);
	}

	return found;
}

/*
 * What to say and to do
 */

char *culprits_text(const GPtrArray *culprits)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < culprits->len; i++) {
		const Process *culprit = g_ptr_array_index(culprits, i);

		g_string_append_printf(text, "%s%s (process %d)", i > 0 ? ", " : "", culprit->name,
			(int)culprit->pid);
	}

	return g_string_free(text, FALSE);
}

void culprit_mend(Finding *finding, const Process *culprit)
{
	/* gpg-agent would start it again at once, and be confused meanwhile. */
	if (strcmp(culprit->name, SCDAEMON) == 0)
		finding_mend(finding, g_strdup("gpgconf --kill scdaemon"), false);
	else if (strcmp(culprit->name, "gsd-smartcard") == 0)
		finding_mend(finding,
			g_strdup("systemctl --user stop "
				 "org.gnome.SettingsDaemon.Smartcard.target"),
			false);
	else
		finding_mend(finding, g_strdup_printf("kill %d", (int)culprit->pid), false);
}
