/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The commands that mend what the doctor finds. Nothing here runs one.
 */

#include <glib.h>
#include <stdbool.h>

#include "config.h"
#include "finding.h"

G_BEGIN_DECLS

typedef enum { REMEDY_PCSCD, REMEDY_DRIVER, REMEDY_OPENSC, REMEDY_NSS_TOOLS } RemedyPackage;

/* A word as a shell has to be given it: as it is where that is safe, else in quotes, or as
   printf(1) writes it, so that it can be shown anywhere. */
char *remedy_word(const char *text) G_GNUC_WARN_UNUSED_RESULT;
/* A terminal shows it as it is, and JSON can have it. */
bool remedy_is_showable(const char *text);
/* It needs no quotes, whoever reads it: a script of sed's may have it in it as it is. */
bool remedy_is_plain(const char *text);
/* The words, each quoted where it has to be; ends with NULL. */
char *remedy_line(const char *word, ...) G_GNUC_NULL_TERMINATED G_GNUC_WARN_UNUSED_RESULT;

/* The machine is run by systemd. */
bool remedy_has_systemd(void);
/* Installs it (or installs it anew) with this system's package manager; NULL if none is known. */
char *remedy_install(RemedyPackage package, bool again) G_GNUC_WARN_UNUSED_RESULT;
/* A program of the administrator's, which need not be in a user's PATH. */
bool remedy_has_program(const char *name);

/* Starts pcscd, or starts it anew; `socket`: its socket is there. NULL: nobody here knows how to do
   the latter. */
char *remedy_pcscd(bool runs, bool socket) G_GNUC_WARN_UNUSED_RESULT;
/* One of certprop's own programs failed: what that means, and what to do. */
void remedy_own_program(Finding *finding, const char *program);

/* A script of sed's for this file; and another name for it. Where it is a link to a file of another
   name, or where somebody who is neither the user nor root could change what it is, this is said
   instead. */
void remedy_edit(Finding *finding, const char *file, const char *script);
void remedy_put_aside(Finding *finding, const char *file, const char *aside);
/* Makes a comment of a line of a configuration file. */
void remedy_comment_out(Finding *finding, const char *file, unsigned line);
/* The same with the line at which the key got its value. False if that is built in. */
bool remedy_take_back(Finding *finding, const Config *config, const char *group, const char *key);

G_END_DECLS
