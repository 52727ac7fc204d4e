/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal's native protocol is one datagram an entry: KEY=value and a newline for each field,
 * or where the value has newlines itself KEY, a newline, 64 bits of length (little endian), the
 * value and a newline. GLib speaks it as well, but on a socket that blocks: a journald that is
 * stopped or stuck would hold everyone who has something to say, for ever.
 *
 * Not here: entries that are too large for a datagram (they would go by a file). No value of ours
 * is that long, and one that is gets cut.
 */

#include "journal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "text.h"

#define JOURNAL_SOCKET    "/run/systemd/journal/socket"
#define JOURNAL_VALUE_MAX 8192u /* a dozen of these fit into the smallest buffer of a socket */

/* Opened once: it is not connected, so a journal that was restarted gets the next entry. */
static int journal_socket(void)
{
	static gsize opened;
	static int fd = -1;

	if (g_once_init_enter(&opened)) {
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		g_once_init_leave(&opened, 1);
	}
	return fd;
}

static void add(GString *entry, const GLogField *field)
{
	const char *value = field->value;
	gsize length = field->length >= 0 ? (gsize)field->length : strlen(value);

	if (length > JOURNAL_VALUE_MAX)
		length = text_fit(value, JOURNAL_VALUE_MAX);
	g_string_append(entry, field->key);
	if (memchr(value, '\n', length) == NULL) {
		g_string_append_c(entry, '=');
	} else {
		guint64 size = GUINT64_TO_LE((guint64)length);

		g_string_append_c(entry, '\n');
		g_string_append_len(entry, (const char *)&size, sizeof size);
	}
	g_string_append_len(entry, value, (gssize)length);
	g_string_append_c(entry, '\n');
}

JournalFate journal_send(const GLogField *fields, gsize n_fields)
{
	static const struct sockaddr_un address = {
		.sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET};
	g_autoptr(GString) entry = g_string_sized_new(512);
	ssize_t n;

	for (gsize i = 0; i < n_fields; i++)
		add(entry, &fields[i]);
	do
		n = sendto(journal_socket(), entry->str, entry->len, MSG_DONTWAIT | MSG_NOSIGNAL,
			(const struct sockaddr *)&address, sizeof address);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return JOURNAL_TAKEN;
	return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? JOURNAL_FULL
								      : JOURNAL_ABSENT;
}
