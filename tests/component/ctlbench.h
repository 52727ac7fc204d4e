/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the component tests of certpropctl share: two readers, a card for the first, a home with an
 * empty shared database, and the contracts of all commands.
 */

#include <check.h>

#include "contract.h"
#include "rig.h"

#define CTL_GUID_A  "00112233445566778899aabbccddee0a"
#define CTL_GUID_B  "00112233445566778899aabbccddee0b"
#define CTL_SERIAL  "8899aabbccddee0a" /* of a card with the first */
#define CTL_LONG_MS 30000
#define CTL_CERTS   4 /* on the card */

extern const char ctl_list_contract[];
extern const char ctl_sync_contract[];
extern const char ctl_status_contract[];
extern const char ctl_show_contract[];
extern const char ctl_databases_contract[];
extern const char ctl_config_contract[];

typedef struct {
	RigHome *home;
	char **environment;
	RigPcscd *pcscd;
	char *directory; /* what is on the card */
	RigCard *card;
	char *database;
	char *program;
} CtlBench;

extern CtlBench bench;

/* A test case with the bench around each of its tests. */
void ctl_add_case(Suite *suite, const char *name, const TTest *const *tests, gsize n);

/* The same around a test case of one's own making. */
void ctl_add_fixture(TCase *tcase);

/* Runs certpropctl with up to three words; both outputs where wanted. Returns the exit status. */
int ctl_run(char **ret_out, char **ret_err, const char *a, const char *b, const char *c);
/* Runs it with one or two words and --json; asserts the exit status and the contract. */
JsonNode *ctl_json(
	int status, const char *contract, const char *a, const char *b) G_GNUC_WARN_UNUSED_RESULT;
guint ctl_number(JsonObject *object, const char *member);

/* Puts the card in and runs sync: all its certificates are created, nothing else happens. */
void ctl_sync_card(void);
char *ctl_sha256(GBytes *der) G_GNUC_WARN_UNUSED_RESULT;
/* The one entry of `list` for it, or NULL. */
JsonObject *ctl_listed(JsonObject *database, const char *sha256);
/* Every marked row is listed, with its own label and marker, and this key state; nothing else is.
 */
void ctl_assert_list(JsonNode *root, const char *key);
