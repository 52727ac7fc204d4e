/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sockets of a test's own where certpropd expects the service manager and the journal. Each names
 * the thing that goes wrong, and fails the test.
 */

#include <glib.h>

int ear_bind(const char *path, int type) G_GNUC_WARN_UNUSED_RESULT;
/* The next datagram, with a NUL after it. */
char *ear_receive(int fd, gsize *ret_length) G_GNUC_WARN_UNUSED_RESULT;
/* Sends datagrams there until one more would wait. */
void ear_fill(const char *path);

#define EAR_JOURNAL "/run/systemd/journal/socket"

/* A journal for this test, of which certpropd has the stream as its standard error. */
typedef struct Journal {
	int listener, entries, stream, ours;
} Journal;

Journal ear_journal(void) G_GNUC_WARN_UNUSED_RESULT;
void ear_end(Journal *journal);
