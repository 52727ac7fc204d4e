/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where a redirected endpoint's socket is, and whether it may be used now.
 */

#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "config.h"
#include "wire.h"

G_BEGIN_DECLS

#define SITE_SOCKET "pcscd.comm" /* its name in xrdp's directory */

#define SITES_MAX       15u                                   /* with the local one 16 endpoints */
#define SITES_SPARE_MAX (WIRE_ENDPOINTS_MAX - SITES_MAX - 1u) /* more, told to a store by name */
#define SITES_FOUND_MAX 10000u /* of xrdp's: beyond that they are not counted any more */

typedef struct Site {
	char *endpoint; /* "forwarded:NAME", "xrdp:N" */
	char *socket;   /* its whole path */
	bool silent;    /* nobody answers there; known after sites_rank() only */
} Site;

typedef enum {
	SITE_READY,
	SITE_ABSENT,      /* there is no socket */
	SITE_DENIED,      /* it cannot be looked at */
	SITE_FOREIGN,     /* what is there is not ours alone, or no socket */
	SITE_UNSUPPORTED, /* there is no library that speaks its protocol */
	SITE_STALE,       /* nobody listens: see site_stale() */
} SiteState;

/* Tells a socket from one that came in its place. */
typedef struct SiteEpoch {
	dev_t device;
	ino_t inode;
	struct timespec changed;
} SiteEpoch;

/* "ready", "absent", "denied", "foreign", "unsupported", "stale" */
const char *site_state_word(SiteState state);
/* In this state nobody can tell whether a client is there. */
bool site_state_dark(SiteState state);

Site *site_dup(const Site *site) G_GNUC_WARN_UNUSED_RESULT;
void site_free(Site *site);

/* Site: what the configuration names, and xrdp's below the home directory; none if [redirected]
   policy is "ignore". Not more than SITES_MAX of them are to be used at once. */
GPtrArray *sites_find(const Config *config) G_GNUC_WARN_UNUSED_RESULT;
/* Who is to have a place if there are not enough: forwarded ones first, then those of xrdp's where
   somebody answers, or may, and those where nobody does. */
void sites_rank(GPtrArray *sites);
/* The one of this endpoint; NULL: it is not among them. Borrowed. */
const Site *sites_get(const GPtrArray *sites, const char *endpoint);
/* Names for people, of all from this one on; "" if there are none. */
char *sites_names(const GPtrArray *sites, guint from) G_GNUC_WARN_UNUSED_RESULT;
/* *ret_detail says why, for people. Nobody is asked: it is never SITE_STALE. */
SiteState site_check(const Site *site, SiteEpoch *ret_epoch, char **ret_detail);
/* xrdp's socket, which may be used, and on which nobody on this machine listens; *ret_detail as
   above. One that has just come may be so for a moment. */
bool site_stale(const Site *site, char **ret_detail);
/* There is something where the socket's directory should be. */
bool site_exists(const Site *site);
bool site_epoch_equal(const SiteEpoch *a, const SiteEpoch *b);
/* The home directory below which xrdp's sockets are, or NULL. */
const char *site_home(void);

G_END_DECLS
