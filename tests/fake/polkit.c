/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What pcscd asks of polkit where it was built with it (pcsc-lite's src/auth.c), in the same words:
 * the process at the other end, its start and its user. pcscd asks for the card when one is
 * connected to; here that is asked at once, too. No answer is a no.
 */
#include "polkit.h"

#include <gio/gio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NAME        "org.freedesktop.PolicyKit1"
#define PATH        "/org/freedesktop/PolicyKit1/Authority"
#define ANSWER_MS   10000
#define INTERACTIVE 1  /* AllowUserInteraction */
#define AFTER_NAME  20 /* of the fields of /proc/PID/stat that come after the name, the start */

/* A program's name may have blanks and brackets in it. */
static guint64 start_of(pid_t pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
	g_autofree char *text = NULL;
	g_auto(GStrv) fields = NULL;
	const char *end;

	if (!g_file_get_contents(path, &text, NULL, NULL) || (end = strrchr(text, ')')) == NULL)
		return 0;
	fields = g_strsplit(end, " ", -1);
	return g_strv_length(fields) > AFTER_NAME ? g_ascii_strtoull(fields[AFTER_NAME], NULL, 10)
						  : 0;
}

static GVariant *question(const struct ucred *who, const char *action)
{
	GVariantBuilder subject;

	g_variant_builder_init(&subject, G_VARIANT_TYPE_VARDICT);
	g_variant_builder_add(&subject, "{sv}", "pid", g_variant_new_uint32((guint32)who->pid));
	g_variant_builder_add(
		&subject, "{sv}", "start-time", g_variant_new_uint64(start_of(who->pid)));
	g_variant_builder_add(&subject, "{sv}", "uid", g_variant_new_int32((gint32)who->uid));
	return g_variant_new(
		"((sa{sv})sa{ss}us)", "unix-process", &subject, action, NULL, INTERACTIVE, "");
}

static bool allows(GDBusConnection *bus, const struct ucred *who, const char *action)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GVariant) answer = NULL;
	gboolean allowed = FALSE;

	answer = g_dbus_connection_call_sync(bus, NAME, PATH, NAME ".Authority",
		"CheckAuthorization", question(who, action), G_VARIANT_TYPE("((bba{ss}))"),
		G_DBUS_CALL_FLAGS_NONE, ANSWER_MS, NULL, &error);
	if (answer == NULL)
		g_printerr("%s: %s\n", action, error->message);
	else
		g_variant_get(answer, "((bba{ss}))", &allowed, NULL, NULL);
	return allowed;
}

bool polkit_allows(int client)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GDBusConnection) bus = NULL;
	struct ucred who;
	socklen_t length = sizeof(who);

	if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0)
		return false;
	bus = g_bus_get_sync(G_BUS_TYPE_SYSTEM, NULL, &error);
	if (bus == NULL) {
		g_printerr("no system bus: %s\n", error->message);
		return false;
	}
	return allows(bus, &who, "org.debian.pcsc-lite.access_pcsc") &&
	       allows(bus, &who, "org.debian.pcsc-lite.access_card");
}
