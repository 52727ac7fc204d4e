/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "seat.h"

#include <check.h>
#include <gio/gio.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

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

static bool silent;

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
void seat_open(SeatKind kind)
{
	test_bus = g_test_dbus_new(G_TEST_DBUS_NONE);
	ready = g_async_queue_new();
	silent = kind == SEAT_SILENT;
	g_test_dbus_up(test_bus);
	g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(test_bus), TRUE);
	if (kind == SEAT_EMPTY)
		return;
	g_thread_unref(g_thread_new("logind", serve, ready));
	ck_assert_ptr_nonnull(g_async_queue_timeout_pop(ready, 10 * G_USEC_PER_SEC));
}
