/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Many homes of many users without an account: a model home with certificates of ours and of the
 * user's own in its shared database, copies of it, and certpropctl --all-users over them. As root.
 */

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <sys/types.h>

#define FLEET_OURS     10
#define FLEET_FOREIGN  10
#define FLEET_DATABASE ".pki/nssdb"
#define FLEET_UID      72000u /* and those that follow; nobody's */

typedef struct FleetBench {
	char *dir; /* all of it; everybody may pass through */
	char *homes;
	char *victims; /* homes that --all-users does not go to */
	char *model;   /* a home */
	char **environment;
} FleetBench;

extern FleetBench fleet;

/* An unchecked fixture: the model, once. Without root there is none, and each test skips. */
void fleet_open(void);
/* At the end of main(). */
void fleet_close(void);
/* For each test: no homes. */
void fleet_setup(void);

/* A copy of the model, all of it this user's. Returns its path. */
char *fleet_home(const char *name, uid_t uid) G_GNUC_WARN_UNUSED_RESULT;
/* The same without a database, and without anything else. */
char *fleet_bare_home(const char *name, uid_t uid) G_GNUC_WARN_UNUSED_RESULT;
/* n of the first kind, h0 to h(n-1), of FLEET_USERS users in turn. Replaces what is there. */
#define FLEET_USERS 5
void fleet_fill(unsigned n);
char *fleet_nth(unsigned i) G_GNUC_WARN_UNUSED_RESULT;
/* Somebody's home beside the others, whom the homes are not to reach: mode 0700, or open to
   everybody's eyes. */
char *fleet_victim(bool open) G_GNUC_WARN_UNUSED_RESULT;
/* Runs a program, which must succeed. */
void fleet_do(const char *program, ...) G_GNUC_NULL_TERMINATED;

/* The whole command line for these words. */
GPtrArray *fleet_argv(const char *const *words) G_GNUC_WARN_UNUSED_RESULT;
/* certpropctl with these words, over these homes if `--homes` is not among them. Returns the exit
   status; the outputs where wanted. */
int fleet_ctl(char **ret_out, char **ret_err, const char *const *words);
/* The lines of JSON in `out`: JsonObject, by the last part of the home's path. */
GHashTable *fleet_lines(const char *out) G_GNUC_WARN_UNUSED_RESULT;
/* How many lines have this status. */
unsigned fleet_count(GHashTable *lines, const char *status);
/* The sum of a number over the databases of a line. */
guint64 fleet_number(GHashTable *lines, const char *home, const char *member);
/* A text of such a line; the test fails if there is no such line. */
const char *fleet_said(GHashTable *lines, const char *home, const char *member);

/* Marked and unmarked certificates in a home's database, by raw SQL. */
int fleet_marked(const char *home);
int fleet_unmarked(const char *home);
/* Everything that is in the database, object by object and attribute by attribute, whatever the
   order and the numbers of the rows; with `foreign_only` without what is marked. Then what no
   purge may touch, as rig_db_others() has it. */
char *fleet_contents(const char *home, bool foreign_only) G_GNUC_WARN_UNUSED_RESULT;
/* A sum over names, owners, modes, link targets and contents of all that is below. */
char *fleet_sum(const char *path) G_GNUC_WARN_UNUSED_RESULT;
