/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is made of logind's answers, with a real system bus of the test's own and a logind that is
 * none. It answers from a thread, since the question waits in the main loop.
 */
#include "logind.h"

#include <gio/gio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "rig.h"
#include "seen.h"

#define PATH "/org/freedesktop/login1"

static const char xml[] = "<node>"
			  "<interface name='org.freedesktop.login1.Manager'>"
			  "<method name='ListSessions'><arg name='sessions' type='a(susso)' "
			  "direction='out'/></method>"
			  "</interface>"
			  "<interface name='org.freedesktop.login1.Session'>"
			  "<property name='Display' type='s' access='read'/>"
			  "<property name='Service' type='s' access='read'/>"
			  "<property name='RemoteHost' type='s' access='read'/>"
			  "<property name='State' type='s' access='read'/>"
			  "</interface>"
			  "</node>";

static const struct {
	const char *id;
	bool ours;
	const char *display, *service, *host, *state;
} sessions[] = {
	{"c1", true, ":10", "xrdp-sesman", "192.0.2.7", "closing"},
	{"c2", true, ":10", "xrdp-sesman", "192.0.2.8", "active"},
	{"c3", true, ":11.0", "xrdp-sesman", "", "online"},
	{"c4", true, ":12", "lightdm", "", "active"},
	{"c5", false, ":13", "xrdp-sesman", "192.0.2.9", "active"},
	{"c6", true, ":100", "xrdp-sesman", "", "active"},
};

static bool silent; /* it takes the question and gives no answer */

static GVariant *list(void)
{
	GVariantBuilder builder;

	g_variant_builder_init(&builder, G_VARIANT_TYPE("(a(susso))"));
	g_variant_builder_open(&builder, G_VARIANT_TYPE("a(susso)"));
	for (gsize i = 0; i < G_N_ELEMENTS(sessions); i++) {
		g_autofree char *path = g_strdup_printf(PATH "/session/%s", sessions[i].id);

		g_variant_builder_add(&builder, "(susso)", sessions[i].id,
			(guint32)(sessions[i].ours ? geteuid() : geteuid() + 1), "ada", "", path);
	}
	g_variant_builder_close(&builder);
	return g_variant_builder_end(&builder);
}

static void on_call(GDBusConnection *bus, const char *sender, const char *path,
	const char *interface, const char *method, GVariant *arguments, GDBusMethodInvocation *call,
	gpointer data)
{
	if (!silent)
		g_dbus_method_invocation_return_value(call, list());
}

static GVariant *on_property(GDBusConnection *bus, const char *sender, const char *path,
	const char *interface, const char *name, GError **error, gpointer data)
{
	gsize i = GPOINTER_TO_SIZE(data);

	if (strcmp(name, "Display") == 0)
		return g_variant_new_string(sessions[i].display);
	if (strcmp(name, "Service") == 0)
		return g_variant_new_string(sessions[i].service);
	if (strcmp(name, "State") == 0)
		return g_variant_new_string(sessions[i].state);
	return g_variant_new_string(sessions[i].host);
}

static gpointer serve(gpointer data)
{
	static const GDBusInterfaceVTable manager = {.method_call = on_call};
	static const GDBusInterfaceVTable session = {.get_property = on_property};
	g_autoptr(GMainContext) context = g_main_context_new();
	g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(xml, NULL);
	g_autoptr(GDBusConnection) bus = NULL;
	g_autoptr(GVariant) owned = NULL;

	g_main_context_push_thread_default(context);
	bus = g_dbus_connection_new_for_address_sync(g_getenv("DBUS_SYSTEM_BUS_ADDRESS"),
		G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
			G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
		NULL, NULL, NULL);
	(void)g_dbus_connection_register_object(
		bus, PATH, node->interfaces[0], &manager, NULL, NULL, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(sessions); i++) {
		g_autofree char *path = g_strdup_printf(PATH "/session/%s", sessions[i].id);

		(void)g_dbus_connection_register_object(
			bus, path, node->interfaces[1], &session, GSIZE_TO_POINTER(i), NULL, NULL);
	}
	owned = g_dbus_connection_call_sync(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
		"org.freedesktop.DBus", "RequestName",
		g_variant_new("(su)", "org.freedesktop.login1", (guint32)0), NULL,
		G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
	g_async_queue_push(data, GINT_TO_POINTER(1));
	for (;;)
		(void)g_main_context_iteration(context, TRUE);
	return NULL;
}

static GTestDBus *test_bus;
static GAsyncQueue *ready; /* something is in it when logind answers */

/* Both last as long as the process, as the thread does. */
static void start(bool with_logind)
{
	test_bus = g_test_dbus_new(G_TEST_DBUS_NONE);
	ready = g_async_queue_new();
	g_test_dbus_up(test_bus);
	g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(test_bus), TRUE);
	if (!with_logind)
		return;
	g_thread_unref(g_thread_new("logind", serve, ready));
	ck_assert_ptr_nonnull(g_async_queue_timeout_pop(ready, 10 * G_USEC_PER_SEC));
}

static GPtrArray *endpoints(void)
{
	static const char *const names[] = {
		"local", "forwarded:desk", "xrdp:10", "xrdp:11", "xrdp:12", "xrdp:13", "xrdp:1"};
	GPtrArray *list_of = g_ptr_array_new_with_free_func((GDestroyNotify)seen_endpoint_free);

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		g_ptr_array_add(list_of, seen_endpoint_new(names[i]));
	return list_of;
}

static void check(const GPtrArray *list_of, const char *name, const char *text)
{
	g_autofree char *whose = seen_endpoint_whose(seen_find(list_of, name));

	ck_assert_pstr_eq(whose, text);
}

START_TEST(sessions_of_displays)
{
	g_autoptr(GPtrArray) list_of = endpoints();

	start(true);
	logind_fill(list_of);
	check(list_of, "local", NULL);
	check(list_of, "forwarded:desk", NULL);
	check(list_of, "xrdp:10", "display :10, session c2, begun from 192.0.2.8");
	check(list_of, "xrdp:11", "display :11, session c3");
	check(list_of, "xrdp:12", "display :12"); /* not xrdp's */
	check(list_of, "xrdp:13", "display :13"); /* somebody else's */
	check(list_of, "xrdp:1", "display :1");   /* 10 and 100 are others */
}
END_TEST

START_TEST(nobody_knows)
{
	g_autoptr(GPtrArray) list_of = endpoints();

	if (_i == 0)
		g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", TRUE);
	else
		start(false);
	logind_fill(list_of);
	check(list_of, "xrdp:10", "display :10");
}
END_TEST

START_TEST(silence_has_an_end)
{
	g_autoptr(GPtrArray) list_of = endpoints();
	gint64 began;

	silent = true;
	start(true);
	began = g_get_monotonic_time();
	logind_fill(list_of);
	ck_assert_int_lt(g_get_monotonic_time() - began, 10 * G_USEC_PER_SEC);
	check(list_of, "xrdp:10", "display :10");
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("logind");
	TCase *tcase = tcase_create("logind");

	rig_enter();
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, sessions_of_displays);
	tcase_add_loop_test(tcase, nobody_knows, 0, 2);
	tcase_add_test(tcase, silence_has_an_end);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
