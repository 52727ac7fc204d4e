/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * By which ways the programs that use an NSS database come to a PKCS#11 module already. NSS loads a
 * module once; a second registration at best fails, at worst shows every certificate twice.
 */

#include <glib.h>
#include <stdbool.h>

#include "proxy.h"

G_BEGIN_DECLS

typedef enum {
	REACH_OWN,    /* a block of ours in pkcs11.txt */
	REACH_DIRECT, /* somebody else's */
	REACH_PROXY,  /* p11-kit's proxy module is in pkcs11.txt, and p11-kit knows the module */
	REACH_POLICY, /* the system's crypto policy loads it, or the proxy, into every program */
	REACH_BROKEN, /* a block names it where it is not: no way at all */
} ReachHow;

typedef struct Reach {
	ReachHow how;
	char *name;    /* of the block */
	char *library; /* of the block */
	char *file;    /* the file that says so, beside pkcs11.txt; or "" */
} Reach;

typedef struct ReachPlaces {
	ProxyPlaces proxy;
	const char *policy; /* the crypto policy's file, in the form of pkcs11.txt */
} ReachPlaces;

/* As it stands in JSON. */
const char *reach_word(ReachHow how);
/* The same module, whether by its usual name, by a link, or as OpenSC's "onepin" variant. */
bool reach_same(const char *path, const char *other);

/* All ways to the module at `path`, by the text of pkcs11.txt and the places: Reach. `program` as
   for proxy_modules(). */
GPtrArray *reach_find(const char *text, const char *path, const ReachPlaces *places,
	const char *program) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
