/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Report frames. Text goes out as it is: whoever shows it escapes it. When the reading end has gone
 * the reports are broken, and the run ends after the step at hand: what nobody hears of should not
 * be done.
 */

#include "reports.h"

#include "error.h"
#include "text.h"
#include "wire.h"

#define HEX_BYTES_MAX 128u /* of an id or a serial, in a report */

/* Wraps each send: the first failure is the last try. */
#define REPORT(reports, type, ...)                                                            \
	G_STMT_START                                                                          \
	{                                                                                     \
		if (!(reports)->broken && !wire_send((reports)->fd, NULL, type, __VA_ARGS__)) \
			(reports)->broken = true;                                             \
	}                                                                                     \
	G_STMT_END

static char *hex(GBytes *bytes)
{
	gsize len;
	const void *data = g_bytes_get_data(bytes, &len);

	return text_hex(data, MIN(len, HEX_BYTES_MAX));
}

void reports_token(Reports *reports, const PlanToken *token)
{
	const Token *t = token->token;

	REPORT(reports, WIRE_REPORT_TOKEN, "tttttn", t->manufacturer, t->model, t->serial, t->label,
		token->module, (guint64)token->certs->len);
}

/* The words of "databases" in certpropctl's JSON. */
static const char *status_word(const GError *error)
{
	if (error == NULL)
		return "ok";

	switch ((CertpropError)error->code) {
	case CERTPROP_ERROR_TIMEOUT:
		return certprop_error_word(CERTPROP_ERROR_BUSY);
	case CERTPROP_ERROR_BUSY:
	case CERTPROP_ERROR_READ_ONLY:
	case CERTPROP_ERROR_MISSING:
	case CERTPROP_ERROR_FOREIGN:
		return certprop_error_word((CertpropError)error->code);
	case CERTPROP_ERROR_FAILED:
	case CERTPROP_ERROR_PROTOCOL:
	case CERTPROP_ERROR_LIMIT:
	case CERTPROP_ERROR_DENIED:
	case CERTPROP_ERROR_DAMAGED:
	case CERTPROP_ERROR_CHANGED:
	case CERTPROP_ERROR_CONFIG:
		break;
	}

	return certprop_error_word(CERTPROP_ERROR_DAMAGED);
}

void reports_database(Reports *reports, const Database *database, const GError *error)
{
	g_autofree char *path = g_strconcat("sql:", database->dir, NULL);

	REPORT(reports, WIRE_REPORT_DATABASE, "ttttt", path, database->application,
		database->profile, status_word(error), error != NULL ? error->message : "");
	reports->told = database;
}

/* Only to be told, not to be mended: a profile that has no database yet, or one that the
   configuration does not allow. */
static bool is_error(const Database *database, const GError *error)
{
	if (g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_MISSING))
		return false;

	return database->fault == NULL ||
	       !g_error_matches(error, CERTPROP_ERROR, CERTPROP_ERROR_FOREIGN);
}

void reports_about(Reports *reports, const Database *database, const GError *error)
{
	/* What is wrong now counts for more than what was said of it in an earlier round. */
	if (reports->told != database || error != NULL)
		reports_database(reports, database, error);
	if (error != NULL && is_error(database, error))
		reports_error(reports, error);
}

static void report_claim(Reports *reports, const Claim *claim)
{
	g_autofree char *uri = claim_format(claim, NULL);
	g_autofree char *id = hex(claim->id);
	const Token *t = claim->token;

	REPORT(reports, WIRE_REPORT_CLAIM, "tttttttttttt", uri, t->manufacturer, t->model,
		t->serial, t->label, id, claim->object, claim->module, claim->endpoint,
		claim->reader, claim->host, claim->since);
}

static bool is_ours(const PlanObject *object)
{
	return object->marker != NULL && marker_is_ours(object->marker);
}

static void report_cert(Reports *reports, const PlanObject *object)
{
	const Cert *cert = object->cert;
	bool ours = is_ours(object);
	guint64 flags = (cert->ca ? WIRE_CERT_CA : 0) | (ours ? WIRE_CERT_OURS : 0);

	if (ours && plan_object_adopted(object))
		flags |= WIRE_CERT_ADOPTED;
	if (object->has_trust)
		flags |= plan_object_trusted(object) ? WIRE_CERT_PINNED : WIRE_CERT_TRUST;
	REPORT(reports, WIRE_REPORT_CERT, "tttttnnn", cert->sha256_hex, object->label,
		cert->subject, cert->issuer, cert->serial, (guint64)cert->not_before,
		(guint64)cert->not_after, flags);
}

void reports_cert(Reports *reports, const PlanObject *object)
{
	report_cert(reports, object);
	for (guint i = 0; is_ours(object) && i < object->marker->claims->len; i++)
		report_claim(reports, g_ptr_array_index(object->marker->claims, i));
}

void reports_going(Reports *reports, const PlanStep *step)
{
	const PlanObject *object = step->object;

	report_cert(reports, object);
	for (guint i = 0; is_ours(object) && i < object->marker->claims->len; i++) {
		const Claim *claim = g_ptr_array_index(object->marker->claims, i);

		if (step->marker == NULL || marker_find(step->marker, claim) == NULL)
			report_claim(reports, claim);
	}
}

void reports_object(Reports *reports, const PlanStep *step, const Row *row)
{
	REPORT(reports, WIRE_REPORT_OBJECT, "tt", step->object->cert->sha256_hex,
		step->object->label);
	for (guint i = 0; i < row->attributes->len; i++) {
		const RowAttribute *attribute = g_ptr_array_index(row->attributes, i);
		gsize len;
		const void *data = g_bytes_get_data(attribute->value, &len);

		REPORT(reports, WIRE_REPORT_ATTRIBUTE, "nb", (guint64)attribute->type, data, len);
	}
}

void reports_step(Reports *reports, PlanAction action, const PlanStep *step, const char *nickname,
	const char *reason, bool done)
{
	const Cert *cert = step->cert != NULL ? step->cert->cert : step->object->cert;

	if (nickname == NULL)
		nickname = step->object != NULL ? step->object->label : "";
	REPORT(reports, WIRE_REPORT_STEP, "ttttn", plan_word(action), cert->sha256_hex, nickname,
		reason != NULL ? reason : step->reason, (guint64)done);
}

void reports_restore(Reports *reports, PlanAction action, const Cert *cert, const char *nickname,
	const char *reason, bool done)
{
	REPORT(reports, WIRE_REPORT_STEP, "ttttn", plan_word(action), cert->sha256_hex, nickname,
		reason, (guint64)done);
}

void reports_scanned(Reports *reports, const char *sum)
{
	REPORT(reports, WIRE_REPORT_SCANNED, "t", sum);
}

void reports_waiting(Reports *reports, unsigned n)
{
	REPORT(reports, WIRE_REPORT_WAITING, "n", (guint64)n);
}

void reports_progress(Reports *reports, unsigned n)
{
	REPORT(reports, WIRE_REPORT_PROGRESS, "n", (guint64)n);
}

void reports_pending(Reports *reports, unsigned removals, unsigned additions)
{
	REPORT(reports, WIRE_REPORT_PENDING, "nn", (guint64)removals, (guint64)additions);
}

void reports_module(
	Reports *reports, const char *path, const char *change, bool done, const char *reason)
{
	REPORT(reports, WIRE_REPORT_MODULE, "ttnt", path, change, (guint64)done, reason);
}

void reports_reach(Reports *reports, const Reach *reach)
{
	REPORT(reports, WIRE_REPORT_REACH, "tttt", reach_word(reach->how), reach->name,
		reach->library, reach->file);
}

void reports_cues(Reports *reports, guint n)
{
	REPORT(reports, WIRE_REPORT_CUES, "n", (guint64)n);
}

void reports_cue(
	Reports *reports, const char *dir, const char *name, const char *stamp, guint64 flags)
{
	REPORT(reports, WIRE_REPORT_CUE, "tttn", dir, name, stamp, flags);
}

void reports_error(Reports *reports, const GError *error)
{
	reports->n_errors++;
	REPORT(reports, WIRE_REPORT_ERROR, "nt", (guint64)error->code, error->message);
}

void reports_end(Reports *reports)
{
	REPORT(reports, WIRE_REPORT_END, "n", (guint64)reports->n_errors);
}
