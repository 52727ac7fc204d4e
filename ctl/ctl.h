/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What every command of certpropctl gets: the options that were given and the configuration. Each
 * verb_ function is one command, in the file of its name, and returns the program's exit status.
 */

#include <glib.h>
#include <stdbool.h>

#include "config.h"

G_BEGIN_DECLS

typedef struct Ctl {
	bool json;
	bool dry_run;
	bool no_color;
	bool in_fleet;     /* for one of many users: nobody looks on, and no card is read for it */
	Config *config;    /* NULL when the files have faults that are not warnings */
	GPtrArray *faults; /* ConfigFault, from all files */
} Ctl;

/* The configuration that a command works by: as loaded, or NULL after telling the user about its
   faults. Borrowed. */
const Config *ctl_config(const Ctl *ctl);

/* Options that only this command has. */
extern const GOptionEntry purge_entries[];
/* Are they right? Says once, before many users have their turns, what each would complain of. */
int purge_check(const Ctl *ctl);
extern const GOptionEntry undo_entries[];
extern const GOptionEntry module_entries[];
extern const GOptionEntry setup_entries[];

/* `args` are the words after the command, NULL-terminated, as many as the command's table entry
   allows. */
int verb_status(Ctl *ctl, char **args);
int verb_list(Ctl *ctl, char **args);
int verb_show(Ctl *ctl, char **args);
int verb_sync(Ctl *ctl, char **args);
int verb_purge(Ctl *ctl, char **args);
int verb_undo(Ctl *ctl, char **args);
int verb_monitor(Ctl *ctl, char **args);
int verb_databases(Ctl *ctl, char **args);
int verb_module(Ctl *ctl, char **args);
int verb_setup(Ctl *ctl, char **args);
int verb_doctor(Ctl *ctl, char **args);
int verb_config(Ctl *ctl, char **args);

G_END_DECLS
