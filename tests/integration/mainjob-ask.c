/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cards and their neighbours in one database, so that an answer that forgets, repeats or mixes up
 * anything is not the same as the right one.
 */
#include "mainjob-ask.h"

char *ask_ada, *ask_boris, *ask_own;

JsonNode *ask_json(const char *contract, const char *verb, const char *word)
{
	g_autofree char *text = job_ctl(0, verb, "--json", word, NULL);

	return contract_check(text, contract);
}

bool ask_bool(JsonObject *object, const char *member)
{
	return json_object_get_boolean_member(object, member);
}

void ask_arrange(void)
{
	g_autofree char *der = NULL;
	g_autofree char *sql = job_sql();
	g_autofree char *nickname = NULL;

	rig_db_create(world.database);
	ask_own = rig_deal(&(const Deal){.certs = 1, .cn = "Somebody Else"});
	der = job_file(ask_own, 0, "der");
	rig_db_import(world.database, "my own", der, ",,");
	world_start();
	ask_ada = job_card(0, ADA);
	ask_boris = job_card(1, BORIS);
	job_out(1);
	nickname = job_label(ask_boris, 0);

	const char *argv[] = {
		"certutil", "--rename", "-d", sql, "-n", nickname, "--new-n", "Bob", NULL};
	g_free(rig_run_ok(argv, NULL));
}

void ask_tidy(void)
{
	g_clear_pointer(&ask_ada, g_free);
	g_clear_pointer(&ask_boris, g_free);
	g_clear_pointer(&ask_own, g_free);
}

void ask_check_database(JsonObject *database)
{
	g_autofree char *sql = job_sql();

	ck_assert_str_eq(contract_text(database, "path"), sql);
	ck_assert_str_eq(contract_text(database, "application"), "shared");
	ck_assert_str_eq(contract_text(database, "status"), "ok");
}

void ask_check_token(JsonObject *token, guint certificates)
{
	ck_assert_str_eq(contract_text(token, "manufacturer"), "piv_II");
	ck_assert_str_eq(contract_text(token, "model"), "PKCS#15 emulated");
	ck_assert_str_eq(contract_text(token, "serial"), JOB_SERIAL_A);
	ck_assert_str_eq(contract_text(token, "label"), "Ada Lovelace");
	ck_assert_uint_eq(ctl_number(token, "certificates"), certificates);
}
