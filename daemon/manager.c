/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owns everything that the daemon knows, and nothing else: what is believed follows from the
 * watchers' last views, the looks since, and the configuration. No state of ours outlives the
 * process; the databases carry it.
 *
 * It decides nothing about cards (reader.c) or about the databases (certprop-store); it answers
 * what is live and present, and it says what happened.
 */

#include "manager.h"

#include <string.h>

#include "host.h"
#include "log.h"
#include "names.h"
#include "notify.h"
#include "route.h"

static void database_free(ManagerDatabase *database)
{
	g_free(database->path);
	g_free(database->application);
	g_free(database->profile);
	g_free(database->status);
	g_free(database->reason);
	g_free(database);
}

Manager *manager_new(Config *config, GPtrArray *faults, EventFunc event, gpointer data)
{
	Manager *manager = g_new0(Manager, 1);

	manager->config = config;
	manager->faults = faults;
	manager->host = host_here();
	manager->since = g_get_real_time() / G_USEC_PER_SEC;
	manager->endpoints = g_ptr_array_new_with_free_func((GDestroyNotify)endpoint_free);
	manager->leaving = g_ptr_array_new_with_free_func((GDestroyNotify)reader_free);
	manager->databases = g_ptr_array_new_with_free_func((GDestroyNotify)database_free);
	manager->batch = batch_new(manager);
	manager->redirected = redirected_new(manager);
	manager->vigil = vigil_new(manager);
	manager->event = event;
	manager->event_data = data;
	return manager;
}

Manager *manager_free(Manager *manager)
{
	if (manager == NULL)
		return NULL;

	manager->vigil = vigil_free(manager->vigil);
	redirected_free(manager->redirected);
	g_ptr_array_unref(manager->endpoints);
	g_ptr_array_unref(manager->leaving);
	batch_free(manager->batch);
	g_clear_handle_id(&manager->end_source, g_source_remove);
	g_ptr_array_unref(manager->databases);
	g_ptr_array_unref(manager->faults);
	config_free(manager->config);
	g_free(manager->host);
	g_free(manager);
	return NULL;
}

void manager_start(Manager *manager)
{
	/* Whatever happened while no daemon ran is put right by the first batch. */
	batch_due(manager->batch);
	g_ptr_array_add(manager->endpoints, endpoint_new(manager, ROUTE_LOCAL, NULL));
	redirected_update(manager->redirected);
}

void manager_look(Manager *manager)
{
	batch_due(manager->batch);
	redirected_review(manager->redirected);
	for (guint i = 0; i < manager->endpoints->len; i++)
		endpoint_look(g_ptr_array_index(manager->endpoints, i));
	manager_settle(manager);
}

/* Also "READY=1" after a faulty one: what is in force goes on. */
static void tell_reloaded(bool taken)
{
	notify_send(taken ? "READY=1\nSTATUS="
			  : "READY=1\nSTATUS=The new configuration is faulty, the one that was in "
			    "force is kept");
}

static Config *read_again(Manager *manager)
{
	g_autofree char *user_dir = config_user_dir();
	g_autoptr(GPtrArray) faults = NULL;
	Config *config = config_load(CERTPROP_SYSCONFDIR "/" NAME_CONFIG_DIR, user_dir, &faults);

	g_ptr_array_unref(manager->faults);
	manager->faults = g_ptr_array_ref(faults);
	for (guint i = 0; i < faults->len; i++) {
		const ConfigFault *fault = g_ptr_array_index(faults, i);
		g_autofree char *text = config_fault_text(fault);

		log_say(fault->warning ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_CRITICAL, NULL, "%s",
			text);
	}
	manager_say(manager,
		&(const Event){
			.kind = EVENT_RELOAD,
			.reason = config != NULL ? "read again"
						 : "faulty, the one that was in force is kept",
		});
	return config;
}

bool manager_reload(Manager *manager)
{
	Config *config;

	notify_reloading();
	config = read_again(manager);
	if (config != NULL) {
		config_free(manager->config);
		manager->config = config;
		redirected_update(manager->redirected);
		manager_look(manager);
	}
	tell_reloaded(config != NULL);
	return config != NULL;
}

static gboolean call_ended(gpointer data)
{
	Manager *manager = data;

	manager->end_source = 0;
	manager->ended(manager->ended_data);
	return G_SOURCE_REMOVE;
}

void manager_end(Manager *manager, void (*done)(gpointer data), gpointer data)
{
	g_autoptr(Presence) presence = manager_presence(manager);

	manager->redirected = redirected_free(manager->redirected);
	manager->vigil = vigil_free(manager->vigil);
	g_ptr_array_set_size(manager->endpoints, 0);
	g_ptr_array_set_size(manager->leaving, 0);
	if (manager->config->on_logout == CONFIG_REMOVE ||
		manager->config->redirected == CONFIG_REDIRECTED_SESSION) {
		batch_logout(manager->batch, presence, done, data);
		return;
	}

	manager->batch = batch_free(manager->batch);
	manager->ended = done;
	manager->ended_data = data;
	manager->end_source = g_idle_add(call_ended, manager);
}

void manager_say(Manager *manager, const Event *event)
{
	manager->event(event, manager->event_data);
}

static void add_tokens(Presence *presence, const Reader *reader, const GPtrArray *tokens)
{
	for (guint i = 0; tokens != NULL && i < tokens->len; i++) {
		const ReportToken *read = g_ptr_array_index(tokens, i);

		presence_add_token(presence, reader->endpoint, reader->name, read->token);
	}
}

Presence *manager_presence(const Manager *manager)
{
	Presence *presence = presence_new();

	redirected_tell(manager->redirected, presence);
	for (guint i = 0; i < manager->endpoints->len; i++) {
		const Endpoint *endpoint = g_ptr_array_index(manager->endpoints, i);

		presence_add_endpoint(presence, endpoint->name,
			endpoint_live(endpoint) || endpoint_held(endpoint),
			endpoint_settled(endpoint) && !endpoint_held(endpoint));
		for (guint j = 0; j < endpoint->readers->len; j++) {
			const Reader *reader = g_ptr_array_index(endpoint->readers, j);

			add_tokens(presence, reader, reader->tokens);
			/* What an earlier module has just read of the same card. */
			add_tokens(presence, reader, reader->found);
		}
	}

	return presence;
}

Endpoint *manager_endpoint(const Manager *manager, const char *name)
{
	for (guint i = 0; i < manager->endpoints->len; i++) {
		Endpoint *endpoint = g_ptr_array_index(manager->endpoints, i);

		if (strcmp(endpoint->name, name) == 0)
			return endpoint;
	}

	return NULL;
}

GPtrArray *manager_other_readers(const Manager *manager, const Reader *reader)
{
	const Endpoint *endpoint = manager_endpoint(manager, reader->endpoint);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; endpoint != NULL && i < endpoint->readers->len; i++) {
		const Reader *other = g_ptr_array_index(endpoint->readers, i);

		if (other != reader && strcmp(other->name, reader->name) != 0)
			g_ptr_array_add(names, g_strdup(other->name));
	}

	return names;
}

static const ManagerDatabase *find_database(const Manager *manager, const char *path)
{
	for (guint i = 0; i < manager->databases->len; i++) {
		const ManagerDatabase *database = g_ptr_array_index(manager->databases, i);

		if (strcmp(database->path, path) == 0)
			return database;
	}

	return NULL;
}

/* A database that cannot be used is said once, and again when it changes. */
static void say_status(Manager *manager, const ReportDatabase *found)
{
	const ManagerDatabase *known = find_database(manager, found->path);
	g_autofree char *reason = NULL;

	if (strcmp(found->status, "ok") == 0 ||
		(known != NULL && strcmp(known->status, found->status) == 0))
		return;

	reason = g_strdup_printf(
		"%s%s%s", found->status, found->reason[0] != '\0' ? ": " : "", found->reason);
	manager_say(manager, &(const Event){
				     .kind = EVENT_ERROR,
				     .database = found->path,
				     .reason = reason,
			     });
}

static void remember_databases(Manager *manager, const Report *report)
{
	GPtrArray *databases = g_ptr_array_new_with_free_func((GDestroyNotify)database_free);

	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *found = g_ptr_array_index(report->databases, i);
		ManagerDatabase *database = g_new0(ManagerDatabase, 1);

		say_status(manager, found);
		database->path = g_strdup(found->path);
		database->application = g_strdup(found->application);
		database->profile = g_strdup(found->profile);
		database->status = g_strdup(found->status);
		database->reason = g_strdup(found->reason);
		g_ptr_array_add(databases, database);
	}
	g_ptr_array_unref(manager->databases);
	manager->databases = databases;
}

/* What [keys] register-module has led to. */
static void say_modules(const ReportDatabase *database)
{
	for (guint i = 0; i < database->modules->len; i++) {
		const ReportModule *module = g_ptr_array_index(database->modules, i);
		const LogContext context = {.database = database->path,
			.action = module->change,
			.reason = module->reason};

		if (module->done)
			log_say(G_LOG_LEVEL_MESSAGE, &context,
				"Registered %s in %s; programs that run notice at their next start",
				module->path, database->path);
		else
			log_say(G_LOG_LEVEL_WARNING, &context,
				"Registering %s in %s failed, ignoring: %s", module->path,
				database->path, module->reason);
	}
}

bool manager_take_report(
	Manager *manager, const Report *report, const char *endpoint, const char *reader)
{
	bool again = false;

	for (guint i = 0; i < report->databases->len; i++) {
		const ReportDatabase *found = g_ptr_array_index(report->databases, i);
		bool usable = strcmp(found->status, "ok") == 0;

		for (guint j = 0; j < found->errors->len; j++)
			manager_say(manager, &(const Event){
						     .kind = EVENT_ERROR,
						     .endpoint = endpoint,
						     .reader = reader,
						     .database = found->path,
						     .reason = g_ptr_array_index(found->errors, j),
					     });
		say_modules(found);
		/* What is read-only, damaged or somebody else's will not get better by itself. */
		again |= (usable && found->errors->len > 0) || strcmp(found->status, "busy") == 0;
	}
	if (report->n_waiting > 0 && manager->redirected != NULL)
		redirected_await(manager->redirected);
	if (report->ended && report->databases->len > 0)
		remember_databases(manager, report);
	if (report->ended && report->cued && manager->vigil != NULL)
		vigil_take(manager->vigil, report->cues);

	return again;
}

static const struct {
	const char *action;
	EventKind kind;
} writes[] = {
	{"create", EVENT_CREATE},
	{"claim", EVENT_CLAIM},
	{"release", EVENT_RELEASE},
	{"delete", EVENT_DELETE},
};

void manager_say_step(Manager *manager, const ReportDatabase *database, const ReportStep *step,
	const char *endpoint, const char *reader)
{
	for (gsize i = 0; step->done && i < G_N_ELEMENTS(writes); i++) {
		if (strcmp(step->action, writes[i].action) != 0)
			continue;
		manager_say(manager, &(const Event){
					     .kind = writes[i].kind,
					     .endpoint = endpoint,
					     .reader = reader,
					     .sha256 = step->sha256,
					     .nickname = step->nickname,
					     .database = database->path,
					     .reason = step->reason,
				     });
		return;
	}
	if (strcmp(step->reason, "trust-needs-password") == 0)
		log_say(G_LOG_LEVEL_WARNING,
			&(const LogContext){.cert = step->sha256, .database = database->path},
			"The pinned root %.16s… got no trust in %s: that takes the database's "
			"primary "
			"password; \"certutil -M -t C,C,\" asks for it",
			step->sha256, database->path);
	else if (strcmp(step->action, "skip") == 0)
		log_say(G_LOG_LEVEL_INFO,
			&(const LogContext){
				.endpoint = endpoint,
				.reader = reader,
				.cert = step->sha256,
				.database = database->path,
				.action = step->action,
				.reason = step->reason,
			},
			"Left \"%s\" out of %s (%s)", step->nickname, database->path, step->reason);
}

void manager_changed(Manager *manager, const char *endpoint, bool removed)
{
	Endpoint *changed = manager_endpoint(manager, endpoint);

	if (removed && changed != NULL && endpoint_removal_matters(changed, manager->config))
		changed->removal_due = true;
	batch_void(manager->batch);
}

/* What is not read yet is looked at anyway. */
static bool has_been_read(const Reader *reader)
{
	bool has_card = (reader->flags & WIRE_READER_PRESENT) != 0;
	bool known = reader->known && reader->tokens->len > 0;

	return has_card && (known || reader->pipeline != NULL);
}

void manager_look_cards(Manager *manager)
{
	for (guint i = 0; i < manager->endpoints->len; i++) {
		const Endpoint *endpoint = g_ptr_array_index(manager->endpoints, i);

		for (guint j = 0; j < endpoint->readers->len; j++) {
			Reader *reader = g_ptr_array_index(endpoint->readers, j);

			if (has_been_read(reader))
				reader_look(reader);
		}
	}
}

void manager_settle(Manager *manager)
{
	/* First: what is told of them must be true when a batch starts. */
	redirected_settle(manager->redirected);
	for (guint i = 0; i < manager->endpoints->len; i++)
		endpoint_next(g_ptr_array_index(manager->endpoints, i));
	batch_consider(manager->batch);
	if (manager->vigil != NULL)
		vigil_consider(manager->vigil);
}

void manager_reader_left(Manager *manager, Reader *reader)
{
	g_ptr_array_remove(manager->leaving, reader);
	/* Its last look may have ended after everybody else's, and left something open. */
	batch_due(manager->batch);
	manager_settle(manager);
}
