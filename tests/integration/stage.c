/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fixture of the tests that look at one card, and pkcs11-tool as the program that looks: a
 * reader of cards that nobody here has written.
 */
#include "stage.h"

#include <check.h>
#include <string.h>

#define READ_MS 60000

Stage stage;

void stage_set_up(void)
{
	rig_setup();
	stage.home = rig_home_new();
	stage.pcscd = rig_pcscd_new(2);
	stage.environment = rig_home_environment(stage.home);
	stage.where = (RigProcessOptions){0};
	rig_pcscd_start(stage.pcscd);
	stage.directory = rig_deal_simple(4, STAGE_GUID);
	stage.card = rig_card_new(stage.pcscd, 0, stage.directory);
}

void stage_tear_down(void)
{
	g_clear_pointer(&stage.card, rig_card_free);
	g_clear_pointer(&stage.pcscd, rig_pcscd_free);
	g_clear_pointer(&stage.home, rig_home_free);
	g_clear_pointer(&stage.environment, g_strfreev);
	g_clear_pointer(&stage.directory, g_free);
	rig_teardown();
}

const char *stage_reader(void)
{
	return rig_pcscd_reader(stage.pcscd, 0);
}

unsigned stage_occurrences(const char *text, const char *word)
{
	unsigned found = 0;

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word))
		found++;
	return found;
}

/* Its output, for ret_length bytes. */
static char *run_there(const char *const *argv, gsize *ret_length)
{
	RigProcessOptions options = stage.where;
	g_autoptr(RigProcess) process = NULL;
	int status;

	options.environment = stage.environment;
	process = rig_process_start(argv, &options);
	status = rig_process_wait(process, READ_MS);
	if (status != 0) {
		g_autofree char *output = rig_process_output(process, NULL);
		g_autofree char *errors = rig_process_errors(process);

		ck_abort_msg("%s exited with %d: %s%s", argv[0], status, output, errors);
	}
	return rig_process_output(process, ret_length);
}

unsigned stage_listed(void)
{
	const char *argv[] = {"pkcs11-tool", "-O", "--type", "cert", NULL};
	g_autofree char *output = run_there(argv, NULL);

	return stage_occurrences(output, "Certificate Object");
}

bool stage_token_is(const char *serial)
{
	const char *argv[] = {"pkcs11-tool", "-L", NULL};
	g_autofree char *output = run_there(argv, NULL);

	return strstr(output, serial) != NULL;
}

/* Its CKA_ID is the place, counted from 1 and
   written in decimal, of which the digits are then taken for hex: the 10th is 0x10. */
GBytes *stage_read_der(unsigned index)
{
	g_autofree char *id = g_strdup_printf("%02u", index + 1);
	const char *argv[] = {"pkcs11-tool", "-r", "--type", "cert", "--id", id, NULL};
	gsize length;
	char *data = run_there(argv, &length);

	return g_bytes_new_take(data, length);
}

void stage_assert_reads_back(const char *directory, unsigned index)
{
	g_autoptr(GBytes) made = rig_dealt_der(directory, index);
	g_autoptr(GBytes) read = stage_read_der(index);

	ck_assert_uint_gt(g_bytes_get_size(made), 0);
	ck_assert_msg(g_bytes_equal(made, read), "place %s differs", slot_at(index)->name);
}

void stage_sign_and_verify(unsigned index, const char *mechanism)
{
	g_autofree char *data = rig_home_path(stage.home, "data");
	g_autofree char *signature = rig_home_path(stage.home, "signature");
	g_autofree char *public = rig_home_path(stage.home, "public.pem");
	g_autofree char *der = g_strdup_printf("%s/%s.der", stage.directory, slot_at(index)->name);
	g_autofree char *id = g_strdup_printf("%02u", index + 1);
	const char *sign[] = {"pkcs11-tool", "--login", "--pin", "123456", "--sign", "--id", id,
		"--mechanism", mechanism, "--signature-format", "openssl", "-i", data, "-o",
		signature, NULL};
	const char *extract[] = {"openssl", "x509", "-inform", "DER", "-in", der, "-noout",
		"-pubkey", "-out", public, NULL};
	const char *verify[] = {"openssl", "dgst", "-sha256", "-verify", public, "-signature",
		signature, data, NULL};

	rig_home_write(stage.home, "data", "what is signed\n");
	g_free(run_there(sign, NULL));
	g_free(rig_run_ok(extract, stage.environment));
	g_free(rig_run_ok(verify, stage.environment));
}
