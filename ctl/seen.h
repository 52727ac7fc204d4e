/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Endpoints, their readers, and the tokens in them, as the daemon or certpropctl itself saw them.
 * Plain data.
 */

#include <gio/gio.h>
#include <stdbool.h>

#include "report.h"
#include "token.h"

G_BEGIN_DECLS

#define SEEN_MAX 1024u /* endpoints, readers or tokens in one list that a peer sends */

typedef struct SeenToken {
	Token *token;
	char *module;
	guint64 n_certs;
} SeenToken;

typedef struct SeenReader {
	char *name;
	unsigned ordinal;
	char *state;  /* empty, scanning, read, unrecognised, waiting, failed, disabled, twin */
	char *reason; /* never NULL */
	guint32 counter;
	bool exclusive;      /* in a look of our own: somebody holds the card for himself */
	bool unavailable;    /* in a look of our own: the reader cannot be asked */
	char *atr;           /* hex */
	char *retry_at;      /* ISO 8601 or "" */
	char *reading_since; /* the same */
	guint32 n_read;      /* certificates read since then */
	GPtrArray *tokens;   /* SeenToken */
} SeenReader;

typedef struct SeenEndpoint {
	char *name;
	char *state; /* ok, absent, denied, incompatible, failed, unknown, foreign, unsupported,
			stale */
	guint32 code;
	char *detail;
	bool settled;       /* every card in it was read */
	bool held;          /* a daemon waits for its client to come back */
	bool unheard;       /* in a look of our own: who answers there could not be told */
	GPtrArray *readers; /* SeenReader */
	char *session;      /* of logind, behind a display; "" if not known */
	char *remote_host;  /* from which that was begun; the same */
} SeenEndpoint;

SeenToken *seen_token_new(const Token *token, const char *module, guint64 n_certs);
SeenReader *seen_reader_new(const char *name, unsigned ordinal);
void seen_reader_free(SeenReader *reader);
void seen_reader_set_state(SeenReader *reader, const char *state, const char *reason);
SeenEndpoint *seen_endpoint_new(const char *name);
void seen_endpoint_free(SeenEndpoint *endpoint);
void seen_endpoint_set_state(
	SeenEndpoint *endpoint, const char *state, guint32 code, const char *detail);

/* The endpoint answers: who is not in it is not there. */
bool seen_endpoint_live(const SeenEndpoint *endpoint);
/* Whose readers these are, for people; NULL if nothing but the name is known. */
char *seen_endpoint_whose(const SeenEndpoint *endpoint) G_GNUC_WARN_UNUSED_RESULT;
/* The endpoint of that name, or NULL. Borrowed. */
const SeenEndpoint *seen_find(const GPtrArray *endpoints, const char *name);
/* The reader in which this token is, of any endpoint, or NULL. Borrowed. */
const SeenReader *seen_find_token(const GPtrArray *endpoints, const Token *token);

/* SeenEndpoint, from the answer to GetStatus. What is missing or of another type is empty. */
GPtrArray *seen_from_status(GVariant *status);

G_END_DECLS
