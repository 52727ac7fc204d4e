/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scan's frames. The other end ran a foreign module on what a card said: every count is capped,
 * every certificate is parsed here, by us, and what cannot be parsed is left out. A token of which
 * something could not be read is not whole: nothing is taken away on its word.
 */

#include "scanned.h"

#include "error.h"
#include "plan.h"
#include "text.h"

#define CERT_BYTES_MAX WIRE_FRAME_MAX
#define ID_BYTES_MAX   1024u

static void destroy_token(gpointer data)
{
	plan_token_free(data);
}

static void destroy_cert(gpointer data)
{
	plan_cert_free(data);
}

Scanned *scanned_new(void)
{
	Scanned *scanned = g_new0(Scanned, 1);

	scanned->tokens = g_ptr_array_new_with_free_func(destroy_token);
	scanned->sum = g_checksum_new(G_CHECKSUM_SHA256);
	return scanned;
}

Scanned *scanned_free(Scanned *scanned)
{
	if (scanned == NULL)
		return NULL;

	g_ptr_array_unref(scanned->tokens);
	g_checksum_free(scanned->sum);
	g_free(scanned);
	return NULL;
}

static bool protocol_error(GError **error, const char *what)
{
	g_set_error(
		error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL, "The scan is ill-formed: %s", what);
	return false;
}

static bool add_token(Scanned *scanned, const Request *request, WireReader *frame, GError **error)
{
	g_autofree char *manufacturer = wire_get_text(frame, WIRE_NAME_MAX);
	g_autofree char *model = wire_get_text(frame, WIRE_NAME_MAX);
	g_autofree char *serial = wire_get_text(frame, WIRE_NAME_MAX);
	g_autofree char *label = wire_get_text(frame, WIRE_NAME_MAX);
	PlanToken *token;

	(void)wire_get_number(frame); /* an uninitialised token has no certificates: that is all */
	if (!wire_reader_done(frame, error))
		return false;
	if (scanned->tokens->len == SCANNED_TOKENS_MAX)
		return protocol_error(error, "too many tokens");

	token = g_new0(PlanToken, 1);
	token->token = token_new(manufacturer, model, serial, label);
	token->endpoint = g_strdup(request->endpoint);
	token->reader = g_strdup(request->reader);
	token->module = g_strdup(request->module);
	token->certs = g_ptr_array_new_with_free_func(destroy_cert);
	token->whole = true;
	g_ptr_array_add(scanned->tokens, token);
	return true;
}

static bool add_cert(Scanned *scanned, WireReader *frame, GError **error)
{
	g_autoptr(GBytes) id = wire_get_bytes(frame, ID_BYTES_MAX);
	g_autofree char *object = wire_get_text(frame, WIRE_TEXT_MAX);
	guint64 key = wire_get_number(frame);
	g_autoptr(GBytes) der = wire_get_bytes(frame, CERT_BYTES_MAX);
	g_autoptr(GError) unreadable = NULL;
	g_autoptr(Cert) cert = NULL;
	PlanToken *token;
	PlanCert *planned;

	if (!wire_reader_done(frame, error))
		return false;
	if (scanned->tokens->len == 0)
		return protocol_error(error, "a certificate without a token");
	if (key > WIRE_KEY_NONE)
		return protocol_error(error, "an unknown kind of key");
	if (++scanned->n_certs > SCANNED_CERTS_MAX)
		return protocol_error(error, "too many certificates");

	token = g_ptr_array_index(scanned->tokens, scanned->tokens->len - 1);
	cert = cert_parse(der, &unreadable);
	if (cert == NULL) {
		g_autofree char *name = text_escape(object);

		g_printerr("Certificate \"%s\" is passed over: %s\n", name, unreadable->message);
		token->whole = false;
		return true;
	}

	planned = g_new0(PlanCert, 1);
	planned->cert = g_steal_pointer(&cert);
	planned->id = g_steal_pointer(&id);
	planned->object = g_steal_pointer(&object);
	planned->key = (WireKey)key;
	g_ptr_array_add(token->certs, planned);
	return true;
}

static bool add_note(WireReader *frame, GError **error)
{
	g_autofree char *text = wire_get_text(frame, WIRE_TEXT_MAX);
	g_autofree char *safe = text_escape(text);

	if (!wire_reader_done(frame, error))
		return false;

	g_printerr("%s\n", safe);
	return true;
}

static bool add_end(Scanned *scanned, WireReader *frame, GError **error)
{
	guint64 code = wire_get_number(frame);
	guint64 n = wire_get_number(frame);
	g_autofree char *reason = wire_get_text(frame, WIRE_TEXT_MAX);
	g_autofree char *safe = text_escape(reason);

	if (!wire_reader_done(frame, error))
		return false;
	if (code != 0) {
		g_set_error(error, CERTPROP_ERROR,
			code <= CERTPROP_ERROR_CONFIG + 1 ? (int)code - 1 : CERTPROP_ERROR_FAILED,
			"%s", safe);
		return false;
	}
	if (n != scanned->n_certs)
		return protocol_error(error, "it ends with another number of certificates");

	scanned->ended = true;
	return true;
}

bool scanned_add(Scanned *scanned, const Request *request, WireReader *frame, GError **error)
{
	guint type = frame->type;

	wire_reader_sum(frame, scanned->sum);
	if (type == WIRE_SCAN_TOKEN)
		return add_token(scanned, request, frame, error);
	if (type == WIRE_SCAN_CERT)
		return add_cert(scanned, frame, error);
	if (type == WIRE_SCAN_NOTE)
		return add_note(frame, error);
	if (type == WIRE_SCAN_END)
		return add_end(scanned, frame, error);

	return protocol_error(error, "a frame that does not belong there");
}
