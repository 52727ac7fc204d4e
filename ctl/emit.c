/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of JSON members, once: scripts rely on them, so none is ever renamed. Commands add
 * members of their own around these.
 */

#include "emit.h"

void emit_database(Json *json, const char *path, const char *application, const char *profile,
	const char *status, const char *reason)
{
	json_put_text(json, "path", path);
	json_put_text(json, "application", application);
	json_put_text(json, "profile", profile);
	json_put_text(json, "status", status);
	json_put_text(json, "reason", reason);
}

void emit_cert(Json *json, const ReportCert *cert)
{
	json_put_text(json, "sha256", cert->sha256);
	json_put_text(json, "subject", cert->subject);
	json_put_text(json, "issuer", cert->issuer);
	json_put_text(json, "serial", cert->serial);
	json_put_time(json, "not_before", cert->not_before);
	json_put_time(json, "not_after", cert->not_after);
	json_put_bool(json, "ca", (cert->flags & WIRE_CERT_CA) != 0);
}

const char *emit_trust_word(const ReportCert *cert)
{
	if ((cert->flags & WIRE_CERT_OURS) == 0)
		return "unknown";
	if ((cert->flags & WIRE_CERT_PINNED) != 0)
		return "pinned";
	return (cert->flags & WIRE_CERT_TRUST) != 0 ? "users" : "none";
}

void emit_claim(Json *json, const ReportClaim *claim)
{
	json_put_text(json, "uri", claim->uri);
	json_put_text(json, "manufacturer", claim->token->manufacturer);
	json_put_text(json, "model", claim->token->model);
	json_put_text(json, "serial", claim->token->serial);
	json_put_text(json, "label", claim->token->label);
	json_put_text(json, "id", claim->id);
	json_put_text(json, "object", claim->object);
	json_put_text(json, "module", claim->module);
	json_put_text(json, "endpoint", claim->endpoint);
	json_put_text(json, "reader", claim->reader);
	json_put_text(json, "host", claim->host);
	json_put_text(json, "since", claim->since);
}

void emit_token(Json *json, const SeenToken *token)
{
	json_put_text(json, "manufacturer", token->token->manufacturer);
	json_put_text(json, "model", token->token->model);
	json_put_text(json, "serial", token->token->serial);
	json_put_text(json, "label", token->token->label);
	json_put_text(json, "module", token->module);
	json_put_number(json, "certificates", (gint64)token->n_certs);
}

void emit_faults(Json *json, const char *key, const GPtrArray *faults)
{
	json_open_array(json, key);
	for (guint i = 0; i < faults->len; i++) {
		const ConfigFault *fault = g_ptr_array_index(faults, i);

		json_open_object(json, NULL);
		json_put_text(json, "file", fault->file);
		json_put_number(json, "line", fault->line);
		json_put_text(json, "message", fault->message);
		json_put_bool(json, "warning", fault->warning);
		json_close_object(json);
	}
	json_close_array(json);
}
