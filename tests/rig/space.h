/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Another machine, as far as its files go: a mount namespace of its own beside that of the test
 * program. Programs are started in it by RigProcessOptions.space. Needs root.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct RigSpace RigSpace;

/* Called in the space while it is empty of programs; what it mounts is there for all of them. It
   says what is wrong on standard error and returns false, and then the test fails. */
typedef bool (*RigFurnish)(gpointer data);

RigSpace *rig_space_new(RigFurnish furnish, gpointer data) G_GNUC_WARN_UNUSED_RESULT;
/* Kills every process that is in it, whoever has started it, and waits until they are gone. */
void rig_space_free(RigSpace *space);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigSpace, rig_space_free)

/* The calling process moves in for good. */
bool rig_space_enter(const RigSpace *space) G_GNUC_WARN_UNUSED_RESULT;

/* For RigFurnish. An empty directory, or a file or directory from elsewhere, in a place. */
bool rig_space_mount_empty(const char *path, const char *mode) G_GNUC_WARN_UNUSED_RESULT;
bool rig_space_bind(const char *from, const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* The same directory under the same name, for people who may not pass through those above it. Only
   what is shown afterwards can be seen beside it. */
bool rig_space_show(const char *stash, const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* In the calling process's own mounts: other users can pass to the build directory and to the
   rig's. */
void rig_space_open(void);
