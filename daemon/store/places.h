/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The table of places where programs keep their NSS databases.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

typedef enum {
	PLACE_DATABASE, /* the directory is one */
	PLACE_PROFILES, /* its profiles.ini says where they are */
} PlaceKind;

typedef struct Place {
	const char *application; /* as in certpropctl's JSON */
	PlaceKind kind;
	bool in_config;      /* below $XDG_CONFIG_HOME, not below the home directory */
	const char *path;    /* relative to that */
	const char *sandbox; /* below the home: all that its program can reach; NULL: no sandbox */
	const char *profile; /* what tells a PLACE_DATABASE from the program's others, or NULL */
} Place;

const Place *places(gsize *ret_n);
char *place_path(const Place *place) G_GNUC_WARN_UNUSED_RESULT;
/* What lies outside this directory is not believed to be the program's, whatever it says. */
char *place_fence(const Place *place) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
