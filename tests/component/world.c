/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "world.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

#include "names.h"

#define WAIT_MS 20000u
#define CALL_MS 5000

World world;

void world_setup(void)
{
	rig_setup();
	memset(&world, 0, sizeof world);
	world.home = rig_home_new();
	world.pcscd = rig_pcscd_new(WORLD_READERS);
	rig_pcscd_start(world.pcscd);
	world.environment = rig_home_environment(world.home);
	world.database = g_build_filename(world.home->data, "pki", "nssdb", NULL);
}

/* Whatever a test wanted of it, a library must not have had to warn of how we use it. */
static void end_daemon(void)
{
	g_autofree char *said = world.daemon != NULL ? rig_process_errors(world.daemon) : NULL;
	const char *warning = said != NULL ? strstr(said, "GLib") : NULL;

	g_clear_pointer(&world.daemon, rig_process_free);
	ck_assert_msg(warning == NULL, "%.200s", warning);
}

void world_teardown(void)
{
	g_clear_object(&world.bus);
	end_daemon();
	for (unsigned i = 0; i < WORLD_READERS; i++)
		g_clear_pointer(&world.cards[i], rig_card_free);
	g_clear_pointer(&world.pcscd, rig_pcscd_free);
	g_clear_pointer(&world.home, rig_home_free);
	g_clear_pointer(&world.environment, g_strfreev);
	g_clear_pointer(&world.database, g_free);
	rig_teardown();
}

void world_configure(const char *text)
{
	rig_home_write(world.home, ".config/certprop/certprop.conf", text);
}

/* certpropd answers its own user only, and goes by the effective one. */
static void be(uid_t user)
{
	ck_assert_int_eq(seteuid(user), 0);
}

static bool is_reachable(gpointer data)
{
	g_autofree char *address = g_strdup_printf(
		"unix:path=%s/%s/%s", world.home->runtime, NAME_RUNTIME_DIR, NAME_RUNTIME_BUS);

	g_clear_object(&world.bus);
	if (world.where.user > 0)
		be(world.where.user);
	world.bus = g_dbus_connection_new_for_address_sync(
		address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL, NULL, NULL);
	if (world.where.user > 0)
		be(getuid());
	return world.bus != NULL;
}

void world_launch(void)
{
	g_autofree char *program = rig_program("daemon/" NAME_DAEMON);
	const char *argv[] = {program, "--verbose", NULL};
	RigProcessOptions options = world.where;

	options.environment = world.environment;
	end_daemon();
	world.daemon = rig_process_start(argv, &options);
}

void world_connect(void)
{
	rig_wait_until(is_reachable, NULL, WAIT_MS, "certpropd answers");
}

void world_start(void)
{
	world_launch();
	world_connect();
}

void world_start_plain(void)
{
	g_autofree char *program = rig_program("daemon/" NAME_DAEMON);
	const char *argv[] = {"setpriv", "--bounding-set=-dac_override,-dac_read_search",
		"--inh-caps=-dac_override,-dac_read_search", program, "--verbose", NULL};
	const RigProcessOptions options = {.environment = world.environment};

	end_daemon();
	world.daemon = rig_process_start(argv, &options);
	world_connect();
}

int world_stop(void)
{
	g_clear_object(&world.bus);
	return rig_process_stop(world.daemon, WAIT_MS);
}

char *world_deal(unsigned reader, unsigned certs, const char *guid)
{
	char *directory = rig_deal_simple(certs, guid);

	world.cards[reader] = rig_card_new(world.pcscd, reader, directory);
	return directory;
}

GVariant *world_call(const char *method)
{
	g_autoptr(GError) error = NULL;
	GVariant *answer = g_dbus_connection_call_sync(world.bus, NULL, NAME_BUS_PATH,
		NAME_BUS_IFACE, method, NULL, NULL, G_DBUS_CALL_FLAGS_NONE, CALL_MS, NULL, &error);

	ck_assert_msg(answer != NULL, "%s: %s", method, error != NULL ? error->message : "");
	return answer;
}

/* The local endpoint's dictionary, or NULL before there is one. */
static GVariant *endpoint(void)
{
	g_autoptr(GVariant) answer = world_call("GetStatus");
	g_autoptr(GVariant) status = g_variant_get_child_value(answer, 0);
	g_autoptr(GVariant) endpoints =
		g_variant_lookup_value(status, "endpoints", G_VARIANT_TYPE("aa{sv}"));

	ck_assert_ptr_nonnull(endpoints);
	if (g_variant_n_children(endpoints) == 0)
		return NULL;
	return g_variant_get_child_value(endpoints, 0);
}

char *world_reader(unsigned reader, const char *key)
{
	g_autoptr(GVariant) local = endpoint();
	g_autoptr(GVariant) readers = NULL;

	if (local == NULL)
		return NULL;
	readers = g_variant_lookup_value(local, "readers", G_VARIANT_TYPE("aa{sv}"));
	for (gsize i = 0; i < g_variant_n_children(readers); i++) {
		g_autoptr(GVariant) entry = g_variant_get_child_value(readers, i);
		const char *name = NULL;
		char *value = NULL;

		ck_assert(g_variant_lookup(entry, "name", "&s", &name));
		if (strcmp(name, rig_pcscd_reader(world.pcscd, reader)) != 0)
			continue;
		ck_assert(g_variant_lookup(entry, key, "s", &value));
		return value;
	}

	return NULL;
}

typedef struct Wanted {
	unsigned number;
	const char *state;
} Wanted;

static bool reader_is(gpointer data)
{
	const Wanted *wanted = data;
	g_autofree char *state = world_reader(wanted->number, "state");

	return g_strcmp0(state, wanted->state) == 0;
}

void world_wait_reader(unsigned reader, const char *state)
{
	Wanted wanted = {.number = reader, .state = state};

	rig_wait_until(reader_is, &wanted, WAIT_MS, state);
}

static bool service_is(gpointer data)
{
	g_autoptr(GVariant) local = endpoint();
	const char *state = NULL;

	return local != NULL && g_variant_lookup(local, "state", "&s", &state) &&
	       strcmp(state, data) == 0;
}

void world_wait_service(const char *state)
{
	rig_wait_until(service_is, (gpointer)state, WAIT_MS, state);
}

static unsigned marked(void)
{
	g_autoptr(GPtrArray) rows = NULL;

	if (!rig_db_exists(world.database))
		return 0;
	rows = rig_db_certificates(world.database);
	return rig_db_marked(rows);
}

static bool marked_are(gpointer data)
{
	return marked() == *(const unsigned *)data;
}

void world_wait_marked(unsigned n)
{
	g_autofree char *what = g_strdup_printf("%u marked certificates", n);

	rig_wait_until(marked_are, &n, WAIT_MS, what);
}

void world_check_stored(const char *card, unsigned n)
{
	g_autoptr(GPtrArray) rows = rig_db_certificates(world.database);

	for (unsigned i = 0; i < n; i++) {
		g_autoptr(GBytes) der = rig_dealt_der(card, i);
		const RigDbRow *row = rig_db_find(rows, der);

		ck_assert_msg(row != NULL, "certificate %u of %s is not there", i, card);
		ck_assert_ptr_nonnull(row->url);
		ck_assert_ptr_nonnull(strstr(row->url, "x-certprop=1"));
	}
}

static bool is_quiet(gpointer data)
{
	g_autoptr(GArray) children = rig_descendants(rig_process_pid(world.daemon));

	return children->len == 1;
}

void world_wait_quiet(void)
{
	rig_wait_until(is_quiet, NULL, WAIT_MS, "nothing but certprop-watch runs");
}
