/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A world of its own for a test program: namespaces, a scratch directory, and a minder. */

#include <glib.h>
#include <stdbool.h>

/*
 * Call first in main(). Goes on in a child with its own user, mount and network namespace (an
 * empty /run, only the loopback interface), watched by a minder that ends every process left over,
 * removes the scratch directory and exits with the child's status. Where namespaces are not
 * allowed it goes on without them and says so; RigPcscd then uses socket activation.
 * CERTPROP_RIG=activation in the environment asks for that.
 */
void rig_enter(void);
bool rig_isolated(void);
/* The scratch directory of this run. */
const char *rig_directory(void);
/* A new empty directory in it. Free with g_free(). */
char *rig_make_directory(const char *stem) G_GNUC_WARN_UNUSED_RESULT;
/* A program of the build directory ("daemon/certprop-scan"). Free with g_free(). */
char *rig_program(const char *path) G_GNUC_WARN_UNUSED_RESULT;

/* For tcase_add_checked_fixture(): every process that the test has left is killed and reaped. */
void rig_setup(void);
void rig_teardown(void);

/* Fails the test with `what` when `done` has not become true in time. */
typedef bool (*RigCondition)(gpointer data);
void rig_wait_until(RigCondition done, gpointer data, unsigned ms, const char *what);
/* Where looking stands in the way of what is waited for: a reader's lock keeps writers out. */
void rig_wait_looking_seldom(RigCondition done, gpointer data, unsigned ms, const char *what);
