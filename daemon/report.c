/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certprop-store's frames, taken apart into plain structures. Frames that belong to a database come
 * after it and are added to the last one; a frame that has nothing to belong to is an error of the
 * sender, and so is anything after the end.
 */

#include "report.h"

#include "error.h"

#define REPORT_HEX_MAX  256u
#define REPORT_CUES_MAX 1024u

static void token_entry_free(ReportToken *entry)
{
	token_free(entry->token);
	g_free(entry->module);
	g_free(entry);
}

static void claim_entry_free(ReportClaim *claim)
{
	g_free(claim->uri);
	token_free(claim->token);
	g_free(claim->id);
	g_free(claim->object);
	g_free(claim->module);
	g_free(claim->endpoint);
	g_free(claim->reader);
	g_free(claim->host);
	g_free(claim->since);
	g_free(claim);
}

static void cert_entry_free(ReportCert *cert)
{
	g_free(cert->sha256);
	g_free(cert->nickname);
	g_free(cert->subject);
	g_free(cert->issuer);
	g_free(cert->serial);
	g_ptr_array_unref(cert->claims);
	g_free(cert);
}

static void step_free(ReportStep *step)
{
	g_free(step->action);
	g_free(step->sha256);
	g_free(step->nickname);
	g_free(step->reason);
	g_free(step);
}

static void reach_free(ReportReach *reach)
{
	g_free(reach->how);
	g_free(reach->name);
	g_free(reach->library);
	g_free(reach->file);
	g_free(reach);
}

static void module_free(ReportModule *module)
{
	g_free(module->path);
	g_free(module->change);
	g_free(module->reason);
	g_ptr_array_unref(module->reaches);
	g_free(module);
}

static void cue_free(ReportCue *cue)
{
	g_free(cue->dir);
	g_free(cue->name);
	g_free(cue->stamp);
	g_free(cue);
}

GPtrArray *report_cues_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)cue_free);
}

static void database_free(ReportDatabase *database)
{
	g_free(database->path);
	g_free(database->application);
	g_free(database->profile);
	g_free(database->status);
	g_free(database->reason);
	g_ptr_array_unref(database->certs);
	g_ptr_array_unref(database->steps);
	g_ptr_array_unref(database->modules);
	g_ptr_array_unref(database->errors);
	g_free(database);
}

GPtrArray *report_tokens_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)token_entry_free);
}

ReportToken *report_token_dup(const ReportToken *token)
{
	ReportToken *copy = g_new0(ReportToken, 1);

	copy->token = token_dup(token->token);
	copy->module = g_strdup(token->module);
	copy->n_certs = token->n_certs;
	return copy;
}

ReportCue *report_cue_dup(const ReportCue *cue)
{
	ReportCue *copy = g_new0(ReportCue, 1);

	copy->dir = g_strdup(cue->dir);
	copy->name = g_strdup(cue->name);
	copy->stamp = g_strdup(cue->stamp);
	copy->flags = cue->flags;
	return copy;
}

Report *report_new(void)
{
	Report *report = g_new0(Report, 1);

	report->tokens = report_tokens_new();
	report->databases = g_ptr_array_new_with_free_func((GDestroyNotify)database_free);
	report->cues = report_cues_new();
	report->errors = g_ptr_array_new_with_free_func(g_free);
	return report;
}

Report *report_free(Report *report)
{
	if (report == NULL)
		return NULL;

	g_ptr_array_unref(report->tokens);
	g_ptr_array_unref(report->databases);
	g_ptr_array_unref(report->cues);
	g_ptr_array_unref(report->errors);
	g_free(report->scanned);
	g_free(report);
	return NULL;
}

static void *last_of(const GPtrArray *array)
{
	return array->len > 0 ? g_ptr_array_index(array, array->len - 1) : NULL;
}

static char *name(WireReader *frame)
{
	return wire_get_text(frame, WIRE_NAME_MAX);
}

static char *text(WireReader *frame)
{
	return wire_get_text(frame, WIRE_TEXT_MAX);
}

static char *hex(WireReader *frame)
{
	return wire_get_text(frame, REPORT_HEX_MAX);
}

/* Four fields: manufacturer, model, serial, label. */
static Token *get_token(WireReader *frame)
{
	g_autofree char *manufacturer = name(frame);
	g_autofree char *model = name(frame);
	g_autofree char *serial = name(frame);
	g_autofree char *label = name(frame);

	return token_new(manufacturer, model, serial, label);
}

static void add_token(Report *report, WireReader *frame)
{
	ReportToken *entry = g_new0(ReportToken, 1);

	entry->token = get_token(frame);
	entry->module = text(frame);
	entry->n_certs = wire_get_number(frame);
	g_ptr_array_add(report->tokens, entry);
}

static ReportDatabase *database_new(void)
{
	ReportDatabase *database = g_new0(ReportDatabase, 1);

	database->certs = g_ptr_array_new_with_free_func((GDestroyNotify)cert_entry_free);
	database->steps = g_ptr_array_new_with_free_func((GDestroyNotify)step_free);
	database->modules = g_ptr_array_new_with_free_func((GDestroyNotify)module_free);
	database->errors = g_ptr_array_new_with_free_func(g_free);
	return database;
}

/* The one with this path, taken out; or a new one. */
static ReportDatabase *take_database(Report *report, const char *path)
{
	for (guint i = 0; i < report->databases->len; i++) {
		ReportDatabase *database = g_ptr_array_index(report->databases, i);

		if (g_strcmp0(database->path, path) == 0)
			return g_ptr_array_steal_index(report->databases, i);
	}

	return database_new();
}

/* A database can come twice: what is taken away comes when all have got what they lack. */
static void add_database(Report *report, WireReader *frame)
{
	g_autofree char *path = text(frame);
	ReportDatabase *database = take_database(report, path);

	g_free(database->path);
	g_free(database->application);
	g_free(database->profile);
	g_free(database->status);
	g_free(database->reason);
	database->path = g_steal_pointer(&path);
	database->application = name(frame);
	database->profile = name(frame);
	database->status = name(frame);
	database->reason = text(frame);
	g_ptr_array_add(report->databases, database);
}

static void add_cert(ReportDatabase *database, WireReader *frame)
{
	ReportCert *cert = g_new0(ReportCert, 1);

	cert->claims = g_ptr_array_new_with_free_func((GDestroyNotify)claim_entry_free);
	cert->sha256 = hex(frame);
	cert->nickname = text(frame);
	cert->subject = text(frame);
	cert->issuer = text(frame);
	cert->serial = text(frame);
	cert->not_before = (gint64)wire_get_number(frame);
	cert->not_after = (gint64)wire_get_number(frame);
	cert->flags = (guint32)wire_get_number(frame);
	g_ptr_array_add(database->certs, cert);
}

static void add_claim(ReportCert *cert, WireReader *frame)
{
	ReportClaim *claim = g_new0(ReportClaim, 1);

	claim->uri = text(frame);
	claim->token = get_token(frame);
	claim->id = text(frame);
	claim->object = text(frame);
	claim->module = text(frame);
	claim->endpoint = text(frame);
	claim->reader = text(frame);
	claim->host = text(frame);
	claim->since = text(frame);
	g_ptr_array_add(cert->claims, claim);
}

static void add_step(ReportDatabase *database, WireReader *frame)
{
	ReportStep *step = g_new0(ReportStep, 1);

	step->action = name(frame);
	step->sha256 = hex(frame);
	step->nickname = text(frame);
	step->reason = text(frame);
	step->done = wire_get_number(frame) == 1;
	g_ptr_array_add(database->steps, step);
}

static void add_module(ReportDatabase *database, WireReader *frame)
{
	ReportModule *module = g_new0(ReportModule, 1);

	module->reaches = g_ptr_array_new_with_free_func((GDestroyNotify)reach_free);
	module->path = text(frame);
	module->change = name(frame);
	module->done = wire_get_number(frame) == 1;
	module->reason = text(frame);
	g_ptr_array_add(database->modules, module);
}

static void add_reach(ReportModule *module, WireReader *frame)
{
	ReportReach *reach = g_new0(ReportReach, 1);

	reach->how = name(frame);
	reach->name = text(frame);
	reach->library = text(frame);
	reach->file = text(frame);
	g_ptr_array_add(module->reaches, reach);
}

static void add_cue(Report *report, WireReader *frame)
{
	ReportCue *cue = g_new0(ReportCue, 1);

	cue->dir = text(frame);
	cue->name = name(frame);
	cue->stamp = name(frame);
	cue->flags = (guint32)wire_get_number(frame);
	g_ptr_array_add(report->cues, cue);
}

static void add_error(Report *report, ReportDatabase *database, WireReader *frame)
{
	guint64 code = wire_get_number(frame);
	char *message = text(frame);

	if (database != NULL) {
		g_ptr_array_add(database->errors, message);
		return;
	}
	if (report->errors->len == 0)
		report->code =
			code <= CERTPROP_ERROR_CONFIG ? (CertpropError)code : CERTPROP_ERROR_FAILED;
	g_ptr_array_add(report->errors, message);
}

static bool misplaced(const WireReader *frame, GError **error)
{
	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL,
		"A report frame of type 0x%02x came where none belongs", frame->type);
	return false;
}

bool report_add_frame(Report *report, WireReader *frame, GError **error)
{
	ReportDatabase *database = last_of(report->databases);
	ReportCert *cert = database != NULL ? last_of(database->certs) : NULL;
	ReportModule *module = database != NULL ? last_of(database->modules) : NULL;
	guint type = frame->type; /* whatever the sender wrote, so not the enum */

	if (report->ended)
		return misplaced(frame, error);

	if (type == WIRE_REPORT_TOKEN) {
		add_token(report, frame);
	} else if (type == WIRE_REPORT_DATABASE) {
		add_database(report, frame);
	} else if (type == WIRE_REPORT_CERT && database != NULL) {
		add_cert(database, frame);
	} else if (type == WIRE_REPORT_CLAIM && cert != NULL) {
		add_claim(cert, frame);
	} else if (type == WIRE_REPORT_STEP && database != NULL) {
		add_step(database, frame);
	} else if (type == WIRE_REPORT_MODULE && database != NULL) {
		add_module(database, frame);
	} else if (type == WIRE_REPORT_REACH && module != NULL) {
		add_reach(module, frame);
	} else if (type == WIRE_REPORT_CUES && !report->cued) {
		(void)wire_get_number(frame);
		report->cued = true;
	} else if (type == WIRE_REPORT_CUE && report->cued && report->cues->len < REPORT_CUES_MAX) {
		add_cue(report, frame);
	} else if (type == WIRE_REPORT_ERROR) {
		add_error(report, database, frame);
	} else if (type == WIRE_REPORT_SCANNED && report->scanned == NULL) {
		report->scanned = text(frame);
	} else if (type == WIRE_REPORT_WAITING) {
		report->n_waiting = wire_get_number(frame);
	} else if (type == WIRE_REPORT_END) {
		(void)wire_get_number(frame);
		report->ended = true;
	} else {
		return misplaced(frame, error);
	}

	if (wire_reader_done(frame, error))
		return true;
	report->ended = false;
	return false;
}

static bool is_write(const char *action)
{
	return g_strcmp0(action, "create") == 0 || g_strcmp0(action, "claim") == 0 ||
	       g_strcmp0(action, "release") == 0 || g_strcmp0(action, "delete") == 0;
}

unsigned report_count(const ReportDatabase *database, const char *action)
{
	unsigned n = 0;

	for (guint i = 0; i < database->steps->len; i++) {
		const ReportStep *step = g_ptr_array_index(database->steps, i);

		if (action != NULL ? g_strcmp0(step->action, action) == 0 : is_write(step->action))
			n++;
	}

	return n;
}
