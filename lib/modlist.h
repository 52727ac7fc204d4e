/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The text of an NSS database's pkcs11.txt, which names the PKCS#11 modules that a program loads
 * with the database. Adds and takes away blocks of ours; every other byte stays as it is. Pure.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

#define MODLIST_FILE     "pkcs11.txt"
#define MODLIST_FILE_MAX (256u * 1024u)

/* One module, as NSS would read it. */
typedef struct ModlistEntry {
	char *name;
	char *library;     /* "" for NSS's own */
	bool ours;         /* we added it, or the name says so */
	bool public_certs; /* a slot of it is marked as having certificates to list without login */
} ModlistEntry;

/* All of them, in their order: ModlistEntry. */
GPtrArray *modlist_entries(const char *text) G_GNUC_WARN_UNUSED_RESULT;

/* The text with a block for the module at `library` at its end. What we added before for a module
   with the same file name is replaced; the text comes back unchanged if that is right already.
   Errors: FAILED for a path that NSS could not read back. */
char *modlist_add(const char *text, const char *library, GError **error) G_GNUC_WARN_UNUSED_RESULT;
/* The text without any block of ours: the very text that it was before modlist_add(), if nobody has
   changed it since. */
char *modlist_remove(const char *text) G_GNUC_WARN_UNUSED_RESULT;

/* What NSS writes into a new file for the database in `dir`; "" if the path has characters in it
   that make NSS's quoting of quotes unsafe (NSS can do without). */
char *modlist_new(const char *dir) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
