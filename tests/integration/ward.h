/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where the doctor is tried: a home with an empty shared database, two readers with a card for the
 * first, and a certpropctl whose findings are read as JSON. Each command that it names is run as it
 * was printed, in the environment in which the doctor ran, and then it is asked again.
 *
 * What would need root, or a service manager, is done by stand-ins: programs of the same name that
 * come first in PATH.
 */

#include <check.h>

#include "contract.h"
#include "rig.h"

#define WARD_WAIT_MS 20000u

/* A program's own name and this is where it writes down the ids that it has seen, below this line
   if it runs all of its cases: see doctor-seen.c. */
#define WARD_SEEN     ".seen"
#define WARD_SEEN_ALL "all"

typedef struct Ward {
	RigHome *home;
	char **environment;
	RigPcscd *pcscd;
	char *card_dir;
	RigCard *card;  /* not yet in */
	char *database; /* directory */
	char *sql;      /* "sql:" and that */
	char *ctl;      /* the program that is asked */
	uid_t user;     /* who asks; 0: who runs the tests */
} Ward;

extern Ward ward;

TCase *ward_case(Suite *suite, const char *name, const TTest *test, int n);
/* The same, and root may do all that root may; without it he is held to the modes of files. */
TCase *ward_case_root(Suite *suite, const char *name, const TTest *test, int n);
/* From here on another user asks, whose home it is: root only, and in mounts of the test's own. */
void ward_become(uid_t user, const char *name);

/* The user's certprop.conf. */
void ward_configure(const char *text);
/* A program in the first directory of PATH: a shell script. */
void ward_stand_in(const char *name, const char *script);
/* ~/.fake-module says this vice; returns the module. */
char *ward_fake_module(const char *vice) G_GNUC_WARN_UNUSED_RESULT;
/* The script of one that writes down what it is asked, for ward_mend_by(). */
#define WARD_ASK "echo \"$0 $*\" | sed 's,.*/,,' >>\"$HOME/asked\""
/* There is a systemd for the machine; and the same for the user. */
void ward_has_systemd(void);
void ward_has_user_manager(void);
/* What is mounted from here on is seen by this test alone, and ends with it. */
void ward_own_mounts(void);
/* A file stands before another one, until that is shown again. */
void ward_hide(const char *path, const char *behind);
void ward_show(const char *path);
/* A pcscd that answers with this code comes in the place of the real one; and the reverse. */
RigProcess *ward_refuse(const char *code) G_GNUC_WARN_UNUSED_RESULT;
void ward_accept_again(RigProcess *fake);
/* Changes the environment of the programs; NULL takes the variable out. */
void ward_setenv(const char *name, const char *value);
/* A path below the home. */
char *ward_path(const char *path) G_GNUC_WARN_UNUSED_RESULT;
char *ward_read(const char *path) G_GNUC_WARN_UNUSED_RESULT;
/* A block more in the shared database's pkcs11.txt. */
void ward_add_block(const char *text);
/* Runs words of a shell in that environment; they have to succeed. Returns their output. */
/* It is who runs the tests who runs them. */
char *ward_sh(const char *command) G_GNUC_WARN_UNUSED_RESULT;

/* Waits until this is what the program has said. */
void ward_wait_said(RigProcess *process, const char *text);

/* Asks, and asserts that findings, "well", "unknown" and exit status agree. */
JsonNode *ward_ask(void) G_GNUC_WARN_UNUSED_RESULT;
/* The first finding of the step ("service", or with the finding's id "service/denied") with this
   verdict and these words in its subject, in what was found or in why; NULL: there is none. */
JsonObject *ward_find(JsonNode *root, const char *step, const char *verdict, const char *words);
/* There has to be one. Its commands, one a line; "" if it names none. */
char *ward_commands(JsonNode *root, const char *step, const char *verdict,
	const char *words) G_GNUC_WARN_UNUSED_RESULT;
/* The doctor is asked for it. */
char *ward_expect(
	const char *step, const char *verdict, const char *words) G_GNUC_WARN_UNUSED_RESULT;
/* The same; no command is named, for a hand is needed. */
void ward_expect_words(const char *step, const char *verdict, const char *words);
/* There is none. */
void ward_expect_no(const char *step, const char *verdict, const char *words);
/* Who held a card has ended: waits until pcscd has noticed, and the doctor has nothing to say of
   cards. */
void ward_wait_free(void);
/* Nothing is wrong at the step, also if an id is given, and something is well there; or, `noted`,
   worth a note (with that id). */
void ward_expect_well(const char *step, bool noted);
/* Runs the lines. In `from` (may be NULL) a path that only root may write stands for `to`. */
void ward_mend(const char *commands, const char *from, const char *to);
/* This is Debian, or something made of it. */
bool ward_is_debian(void);
/* Runs the lines; all that stand-ins were asked by them is `asked`, a line each. */
void ward_mend_by(const char *commands, const char *asked);
/* The lines change the shell in which they are run: there the doctor is asked again, and the step
   is well. */
void ward_heal_in_shell(const char *step, const char *words);
/* All of it: it is wrong (in these words), a command is named and run, and the step is well. */
void ward_heal(const char *step, const char *words);
