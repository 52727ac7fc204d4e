/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Documents of certpropctl, and a database that has something of everything for them to tell. */

#include "ctlbench.h"
#include "mainjob.h"

#define ADA    (&(const Deal){.certs = 6, .guid = JOB_GUID_A, .expired = 1u << 4, .ca = 1u << 5})
#define STORED 5u /* the expired one is not */
#define BORIS  (&(const Deal){.certs = 2, .guid = JOB_GUID_B, .cn = "Boris"})
#define OTHERS 2u

/* Directories of cards: in the first reader, out of the second one, and of the user's own
   certificate. */
extern char *ask_ada, *ask_boris, *ask_own;

/* A database with all there is: a card that is in, one that is out, an adopted certificate ("Bob"),
   one of the user's own. A daemon runs. */
void ask_arrange(void);
void ask_tidy(void);

/* The document that a verb gives, which has to keep its contract. */
JsonNode *ask_json(
	const char *contract, const char *verb, const char *word) G_GNUC_WARN_UNUSED_RESULT;
bool ask_bool(JsonObject *object, const char *member);

/* It is the shared one, and well. */
void ask_check_database(JsonObject *database);
/* It is Ada's. */
void ask_check_token(JsonObject *token, guint certificates);
