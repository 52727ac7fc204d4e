/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Any program that a test runs: its output goes to files, it dies with the test, and waiting for
 * it has a deadline. A deadline that passes, or a program that cannot be started, fails the test.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#include "space.h"

typedef struct RigProcess RigProcess;

typedef struct {
	char **environment;    /* borrowed; NULL: the test's own */
	const char *input;     /* file for standard input; NULL: /dev/null */
	int listen_fd;         /* > 0: handed over as descriptor 3, as socket activation does */
	int fds[4];            /* pairs of ours and theirs, to be handed over too; {0} is none */
	const RigSpace *space; /* NULL: where the test is */
	uid_t user;            /* > 0: as whom, in the group of the same number and no other */
} RigProcessOptions;

/* argv[0] without a slash is looked up in PATH. options may be NULL. */
RigProcess *rig_process_start(
	const char *const *argv, const RigProcessOptions *options) G_GNUC_WARN_UNUSED_RESULT;
pid_t rig_process_pid(const RigProcess *process);
/* Looks, and reaps: false once the program has ended. */
bool rig_process_alive(RigProcess *process);
/* The exit status, or 128 + signal. */
int rig_process_wait(RigProcess *process, unsigned ms);
/* SIGTERM, and waits. */
int rig_process_stop(RigProcess *process, unsigned ms);
/* SIGKILL, and waits. */
void rig_process_kill(RigProcess *process);
/* What it has said so far; any bytes, with a NUL after them. Free with g_free(). */
char *rig_process_output(const RigProcess *process, gsize *ret_length) G_GNUC_WARN_UNUSED_RESULT;
char *rig_process_errors(const RigProcess *process) G_GNUC_WARN_UNUSED_RESULT;
/* Kills what still runs. */
void rig_process_free(RigProcess *process);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigProcess, rig_process_free)
void rig_process_end_all(void);

/* Runs to its end, at most 30 s. Returns the exit status; each output where wanted. */
int rig_run(const char *const *argv, char **environment, char **ret_output, char **ret_errors);
int rig_run_with(const char *const *argv, const RigProcessOptions *options, char **ret_output,
	char **ret_errors);
/* The same, and must exit with 0. Returns its output. */
char *rig_run_ok(const char *const *argv, char **environment);

/* Of any process that we may look at. */
unsigned rig_descriptors(pid_t pid);
typedef struct {
	guint64 pss, private_dirty; /* kB */
} RigMemory;
RigMemory rig_memory(pid_t pid);
/* Direct children, respectively all descendants. */
GArray *rig_children(pid_t pid) G_GNUC_WARN_UNUSED_RESULT;
GArray *rig_descendants(pid_t pid) G_GNUC_WARN_UNUSED_RESULT;
