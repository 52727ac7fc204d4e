/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Processes of this user, as /proc shows them.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

G_BEGIN_DECLS

typedef struct Process {
	pid_t pid;
	char *name; /* at most 15 bytes, any bytes */
} Process;

/* NULL if it is not this user's, or not there. */
Process *process_new(pid_t pid) G_GNUC_WARN_UNUSED_RESULT;
/* One of certprop's own. */
bool process_is_ours(const Process *process);
void process_free(Process *process);

typedef bool (*ProcessFunc)(const Process *process, gconstpointer data);
/* All of them for which `func` is true: Process. */
GPtrArray *processes_find(ProcessFunc func, gconstpointer data) G_GNUC_WARN_UNUSED_RESULT;

/* When it was started, Unix seconds; 0: cannot be told. */
gint64 process_started(const Process *process);
/* It has one of these sockets open; the set holds inodes. *ret_hidden: it does not let that be
   seen. */
bool process_has_socket(const Process *process, GHashTable *inodes, bool *ret_hidden);
/* It has this file open; `st` is what stat() says of it. *ret_hidden as above. */
bool process_has_file(const Process *process, const struct stat *st, bool *ret_hidden);
/* It has loaded a library of this file's name; false also where that cannot be seen. */
bool process_has_loaded(const Process *process, const char *library);

G_END_DECLS
