/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The configuration that OpenSC gets for one scan: the administrator's, with what this scan needs
 * put in front.
 */

#include <glib.h>
#include <stdbool.h>

G_BEGIN_DECLS

/* true if the module is OpenSC's, by the name of the file that `path` leads to in the end. */
bool opensc_is(const char *path);

/* The configuration text. `admin` is what stands in the administrator's file, or NULL; `app` is the
   name that OpenSC's module looks for ("opensc-pkcs11"); `others` are the readers to keep away
   from, or NULL; `provider` is the PC/SC library to use, NULL for the usual one. *ret_fault is set
   to the reason when OpenSC itself would throw the administrator's file away as a whole, and so is
   done here; else to NULL. Pure. */
char *opensc_config(const char *admin, const char *app, const char *reader,
	const char *const *others, const char *provider,
	char **ret_fault) G_GNUC_WARN_UNUSED_RESULT;

/* Makes OpenSC, loaded later into this process from `path`, read that configuration: writes it into
   a nameless file and points OPENSC_CONF at it. The administrator's file is the one that
   OPENSC_CONF names now, else OpenSC's usual one. */
bool opensc_prepare(const char *path, const char *reader, const char *const *others,
	const char *provider, char **ret_fault, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
