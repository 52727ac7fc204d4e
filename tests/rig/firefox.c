/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scripts that Firefox runs are in firefox.js, which is read into each new Firefox. Nothing is
 * configured but that it shall leave the network alone, choose a certificate by itself, and listen
 * on a port of its own choice. (It can also ask which one to send, but an answer that comes too
 * soon for that dialog is sometimes lost, and nothing says when it is soon enough.)
 */
#include "firefox.h"

#include "enter.h"
#include "marionette.h"
#include "process.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>

#define PROGRAM     "firefox-esr"
#define NAME        "certprop"
#define START_MS    60000
#define END_MS      30000
#define PATIENCE_US (5 * G_USEC_PER_SEC)
#define PAGE_MS     30000

static const char preferences[] =
	"user_pref(\"marionette.port\", 0);\n"
	"user_pref(\"security.default_personal_cert\", \"Select Automatically\");\n"
	"user_pref(\"app.update.disabledForTesting\", true);\n"
	"user_pref(\"app.normandy.enabled\", false);\n"
	"user_pref(\"browser.aboutwelcome.enabled\", false);\n"
	"user_pref(\"browser.newtabpage.enabled\", false);\n"
	"user_pref(\"browser.region.network.url\", \"\");\n"
	"user_pref(\"browser.safebrowsing.downloads.enabled\", false);\n"
	"user_pref(\"browser.safebrowsing.malware.enabled\", false);\n"
	"user_pref(\"browser.safebrowsing.phishing.enabled\", false);\n"
	"user_pref(\"browser.shell.checkDefaultBrowser\", false);\n"
	"user_pref(\"browser.startup.homepage_override.mstone\", \"ignore\");\n"
	"user_pref(\"browser.startup.page\", 0);\n"
	"user_pref(\"datareporting.healthreport.uploadEnabled\", false);\n"
	"user_pref(\"datareporting.policy.dataSubmissionEnabled\", false);\n"
	"user_pref(\"dom.push.connection.enabled\", false);\n"
	"user_pref(\"extensions.getAddons.cache.enabled\", false);\n"
	"user_pref(\"extensions.systemAddon.update.enabled\", false);\n"
	"user_pref(\"extensions.update.enabled\", false);\n"
	"user_pref(\"media.gmp-manager.updateEnabled\", false);\n"
	"user_pref(\"network.captive-portal-service.enabled\", false);\n"
	"user_pref(\"network.connectivity-service.enabled\", false);\n"
	"user_pref(\"network.dns.use_https_rr_as_altsvc\", false);\n"
	"user_pref(\"network.http.connection-retry-timeout\", 0);\n"
	"user_pref(\"network.http.speculative-parallel-limit\", 0);\n"
	"user_pref(\"services.settings.server\", \"data:,\");\n"
	"user_pref(\"toolkit.telemetry.enabled\", false);\n"
	"user_pref(\"toolkit.telemetry.server\", \"data:,\");\n";

struct RigFirefox {
	char *profile, *pin;
	char **environment;
	RigProcess *process; /* NULL: does not run */
	Marionette *marionette;
};

/* The only profile that profiles.ini names, wherever this Firefox keeps that. */
static char *find_profile(const RigHome *home)
{
	const char *const places[] = {
		".config/mozilla/firefox", ".mozilla/firefox", ".mozilla/firefox-esr"};

	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *place = rig_home_path(home, places[i]);
		g_autofree char *ini = g_build_filename(place, "profiles.ini", NULL);
		g_autoptr(GKeyFile) file = g_key_file_new();
		g_autofree char *path = NULL;

		if (!g_key_file_load_from_file(file, ini, G_KEY_FILE_NONE, NULL))
			continue;
		path = g_key_file_get_string(file, "Profile0", "Path", NULL);
		ck_assert_ptr_nonnull(path);
		return g_build_filename(place, path, NULL);
	}
	ck_abort_msg("Firefox has made no profile in %s", home->home);
}

RigFirefox *rig_firefox_new(const RigHome *home, const char *pin)
{
	const char *argv[] = {PROGRAM, "--headless", "-CreateProfile", NAME, NULL};
	RigFirefox *firefox = g_new0(RigFirefox, 1);
	g_autofree char *user = NULL;

	firefox->pin = g_strdup(pin);
	firefox->environment = rig_home_environment(home);
	g_free(rig_run_ok(argv, firefox->environment));
	firefox->profile = find_profile(home);
	user = g_build_filename(firefox->profile, "user.js", NULL);
	ck_assert(g_file_set_contents(user, preferences, -1, NULL));
	return firefox;
}

void rig_firefox_free(RigFirefox *firefox)
{
	if (firefox == NULL)
		return;
	g_clear_pointer(&firefox->marionette, marionette_free);
	rig_process_free(firefox->process);
	g_strfreev(firefox->environment);
	g_free(firefox->profile);
	g_free(firefox->pin);
	g_free(firefox);
}

const char *rig_firefox_profile(const RigFirefox *firefox)
{
	return firefox->profile;
}

/* Where it says on which port it listens. */
static char *port_file(const RigFirefox *firefox)
{
	return g_build_filename(firefox->profile, "MarionetteActivePort", NULL);
}

static bool listens(gpointer data)
{
	RigFirefox *firefox = data;
	g_autofree char *path = port_file(firefox);
	g_autofree char *text = NULL;
	guint64 port;

	ck_assert_msg(rig_process_alive(firefox->process), "Firefox has ended");
	if (!g_file_get_contents(path, &text, NULL, NULL) ||
		!g_ascii_string_to_unsigned(g_strstrip(text), 10, 1, G_MAXUINT16, &port, NULL))
		return false;
	firefox->marionette = marionette_new((guint16)port);
	return true;
}

static bool is_ready(gpointer data)
{
	g_autofree char *ready = rig_firefox_do(data, "isReady", NULL);

	return ready[0] != '\0';
}

void rig_firefox_start(RigFirefox *firefox)
{
	const char *argv[] = {PROGRAM, "--headless", "--marionette", "--remote-allow-system-access",
		"-P", NAME, NULL};
	RigProcessOptions options = {.environment = firefox->environment};
	g_autofree char *script = NULL;
	g_autofree char *port = port_file(firefox);

	ck_assert_ptr_null(firefox->process);
	(void)g_unlink(port);
	firefox->process = rig_process_start(argv, &options);
	rig_wait_until(listens, firefox, START_MS, "Firefox takes orders");
	ck_assert(
		g_file_get_contents(RIG_SOURCE_ROOT "/tests/rig/firefox.js", &script, NULL, NULL));
	g_free(marionette_run(firefox->marionette, script, NULL));
	g_free(rig_firefox_do(firefox, "setPin", firefox->pin));
	rig_wait_until(is_ready, firefox, START_MS, "Firefox has started");
}

void rig_firefox_quit(RigFirefox *firefox)
{
	marionette_quit(firefox->marionette);
	g_clear_pointer(&firefox->marionette, marionette_free);
	ck_assert_int_eq(rig_process_wait(firefox->process, END_MS), 0);
	g_clear_pointer(&firefox->process, rig_process_free);
}

typedef struct {
	RigFirefox *firefox;
	const char *script, *argument;
	char *result;
} Order;

static bool is_carried_out(gpointer data)
{
	Order *order = data;

	order->result = marionette_run(order->firefox->marionette, order->script, order->argument);
	return order->result != NULL;
}

char *rig_firefox_do(RigFirefox *firefox, const char *function, const char *argument)
{
	g_autofree char *script =
		g_strdup_printf("return window.certpropPerson.%s(arguments[0])", function);
	Order order = {.firefox = firefox, .script = script, .argument = argument};

	rig_wait_until(is_carried_out, &order, PAGE_MS, "Firefox has asked what it had to ask");
	return order.result;
}

char *rig_firefox_certificates(RigFirefox *firefox)
{
	return rig_firefox_do(firefox, "list", NULL);
}

typedef struct {
	RigFirefox *firefox;
	const char *url;
	gint64 patience; /* until when */
} Visit;

/* Now and then Firefox opens a connection and then does nothing with it; so he tries again, as
   anybody would. */
static bool is_there(gpointer data)
{
	Visit *visit = data;
	g_autofree char *page = rig_firefox_do(visit->firefox, "getPage", NULL);

	if (page[0] == '\0' && g_get_monotonic_time() > visit->patience) {
		g_free(rig_firefox_do(visit->firefox, "visit", visit->url));
		visit->patience = g_get_monotonic_time() + PATIENCE_US;
	}
	return page[0] != '\0';
}

bool rig_firefox_visit(RigFirefox *firefox, const char *url)
{
	g_autofree char *what = g_strdup_printf("Firefox has loaded %s", url);
	g_autofree char *page = NULL;
	Visit visit = {.firefox = firefox, .url = url};

	g_free(rig_firefox_do(firefox, "visit", url));
	visit.patience = g_get_monotonic_time() + PATIENCE_US;
	rig_wait_until(is_there, &visit, PAGE_MS, what);
	page = rig_firefox_do(firefox, "getPage", NULL);
	return strcmp(page, "loaded") == 0;
}

static unsigned number(RigFirefox *firefox, const char *function)
{
	g_autofree char *text = rig_firefox_do(firefox, function, NULL);

	return (unsigned)g_ascii_strtoull(text, NULL, 10);
}

unsigned rig_firefox_prompts(RigFirefox *firefox)
{
	return number(firefox, "getPrompts");
}
