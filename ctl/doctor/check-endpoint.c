/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readers that come from elsewhere: sockets that the configuration names, and xrdp's. Whether one
 * may be used is site.c's to say; what it answers was seen. In an xrdp session there is one thing
 * more: certprop reaches the cards by itself, but the session's browsers only with the library.
 */

#include "chart.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "environment.h"
#include "names.h"
#include "owner.h"
#include "provider.h"
#include "remedy.h"
#include "route.h"
#include "site.h"

#define SESMAN_FILE "/etc/xrdp/sesman.ini"
#define CONF_DIR    "/etc/certprop"
#define CONF_FILE   CONF_DIR "/opensc-xrdp.conf"

static void add_unsupported(Finding *finding)
{
	const char *given = g_getenv(NAME_ENV_PCSCDIR);

	if (given == NULL) {
		finding_cause(finding, "unsupported",
			"certprop was installed without its library for xrdp: install it anew, "
			"with that");
		return;
	}
	finding_cause(finding, "variable",
		"The variable " NAME_ENV_PCSCDIR " says that it is in %s; without it it is looked "
		"for where it was installed",
		given);
	finding_mend(finding, remedy_line("unset", NAME_ENV_PCSCDIR, NULL), false);
}

/* A directory that is too open can be closed by its owner. One of the system's was made so on
   purpose, perhaps: then it is not the place for a socket. */
static void add_foreign(Finding *finding, const Site *site)
{
	g_autofree char *dir = g_path_get_dirname(site->socket);
	const char *why;
	g_autofree char *gap = owner_find_gap(dir, &why);
	struct stat st;

	if (gap != NULL && lstat(gap, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid()) {
		finding_cause(finding, "open-directory",
			"Who can write there decides which cards there are");
		finding_mend(finding, remedy_line("chmod", "go-w", gap, NULL), false);
	} else {
		finding_cause(finding, "foreign",
			"It may be used only if it is yours alone, and the way to it nobody "
			"else's: have it made anew, by whatever makes it, or in another place");
	}
}

/* What it has brought before stays until somebody can look. */
static void add_denied(Finding *finding, const Site *site)
{
	g_autofree char *dir = g_path_get_dirname(site->socket);
	struct stat st;

	finding_cause(finding, "no-access",
		"Whether somebody is connected cannot be told while you may not look into the "
		"directory");
	if (lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
		finding_mend(finding, remedy_line("chmod", "u+rwx", dir, NULL), false);
}

/* One whose socket may not be used, or is not there. */
static void add_barred(const Site *site, SiteState state, const char *detail, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "endpoints", NULL,
		state == SITE_ABSENT ? VERDICT_NOTE : VERDICT_WRONG, site->endpoint, "%s", detail);

	if (state == SITE_ABSENT) {
		finding_cause(finding, "not-connected", "It is looked at as soon as it is there");
	} else if (state == SITE_UNSUPPORTED) {
		add_unsupported(finding);
	} else if (state == SITE_FOREIGN) {
		add_foreign(finding, site);
	} else {
		add_denied(finding, site);
	}
}

/* One that was asked, and does not answer as it should. What to do depends on what is behind it,
   and certprop-watch has said it. */
static void add_dumb(const SeenEndpoint *endpoint, GPtrArray *findings)
{
	bool away =
		strcmp(endpoint->state, "absent") == 0 || strcmp(endpoint->state, "unknown") == 0;
	bool stale = strcmp(endpoint->state, site_state_word(SITE_STALE)) == 0;
	Finding *finding = finding_add(findings, "endpoints", NULL,
		away || stale ? VERDICT_NOTE : VERDICT_WRONG, endpoint->name, "%s: %s",
		endpoint->state, endpoint->detail);

	if (strcmp(endpoint->state, "failed") == 0 && endpoint->code == 0)
		remedy_own_program(finding, NAME_WATCH);
	else if (stale)
		finding_cause(finding, "stale",
			"It is harmless; of a session that has ended on every machine the "
			"directory may be removed");
	else if (away)
		finding_cause(finding, "not-connected",
			"It is looked at as soon as somebody answers there");
	else
		finding_cause(finding, "refused", "That is to be mended at the other end");
}

static void add_seen(const SeenEndpoint *endpoint, GPtrArray *findings)
{
	bool live = seen_endpoint_live(endpoint);

	if (live)
		finding_add_ok(findings, "endpoints", endpoint->name, "it answers; readers: %u",
			endpoint->readers->len);
	else
		add_dumb(endpoint, findings);
}

static void check_site(const Chart *chart, const Site *site, GPtrArray *findings)
{
	const SeenEndpoint *seen = seen_find(chart->endpoints, site->endpoint);
	SiteEpoch epoch;
	g_autofree char *detail = NULL;
	SiteState state = site_check(site, &epoch, &detail);

	if (state != SITE_READY)
		add_barred(site, state, detail, findings);
	else if (seen != NULL)
		add_seen(seen, findings);
}

/* This is a session of xrdp's, and its client has redirected smart cards. */
static bool is_xrdp_session(void)
{
	const char *display = g_getenv("DISPLAY");
	gsize len = display != NULL && *display == ':' ? strspn(display + 1, "0123456789") : 0;
	g_autofree char *name = NULL;
	g_autofree char *dir = NULL;

	if (g_getenv("XRDP_SESSION") == NULL || len == 0)
		return false;

	name = g_strdup_printf(".pcsc%.*s", (int)MIN(len, 5), display + 1);
	dir = g_build_filename(g_get_home_dir(), name, NULL);
	return g_file_test(dir, G_FILE_TEST_IS_DIR);
}

/* A line for the sessions that xrdp starts from now on. */
static char *edit_sesman(const char *name, const char *value)
{
	g_autofree char *script = g_strdup_printf("/^.SessionVariables./a %s=%s", name, value);

	return remedy_line("sed", "-i", script, SESMAN_FILE, NULL);
}

/* An older pcsc-lite passes nothing on. The loader's path does not do: a session that is started
   through ssh-agent, as Debian's are, loses it. */
static void mend_by_opensc(Finding *finding, const char *provider)
{
	g_autofree char *script = g_strdup_printf("mkdir -p " CONF_DIR " && printf \"app default { "
						  "reader_driver pcsc { provider_library = %s; } "
						  "}\\n\" >" CONF_FILE,
		provider);

	finding_mend(finding, remedy_line("sh", "-c", script, NULL), true);
	finding_mend(finding, edit_sesman("OPENSC_CONF", CONF_FILE), true);
}

static void check_library(GPtrArray *findings)
{
	g_autofree char *provider = environment_provider();
	bool delegates = provider_delegates();
	Finding *finding;

	if (provider_is_used(provider)) {
		finding_add_ok(findings, "endpoints", NULL,
			"programs of this xrdp session can use the client's cards");
		return;
	}

	finding = finding_add(findings, "endpoints", "no-library", VERDICT_WRONG, NULL,
		"programs of this xrdp session do not use the library for redirected readers");
	finding_why(finding,
		"Browsers see the certificates and cannot use the keys. [SessionVariables] "
		"in " SESMAN_FILE " names %s; it counts from the next session on",
		delegates ? "the library"
			  : "a file for OpenSC that names the library, as this "
			    "pcsc-lite is older than 2.1");
	if (!g_file_test(SESMAN_FILE, G_FILE_TEST_EXISTS) || !remedy_is_plain(provider) ||
		!g_file_test(provider, G_FILE_TEST_EXISTS))
		return;
	if (delegates)
		finding_mend(finding, edit_sesman("LIBPCSCLITE_DELEGATE", provider), true);
	else
		mend_by_opensc(finding, provider);
}

void check_endpoints(const Chart *chart, GPtrArray *findings)
{
	g_autoptr(GPtrArray) sites = sites_find(chart->config);
	g_autofree char *left_out = NULL;

	if (sites->len > SITES_MAX)
		sites_rank(sites);
	left_out = sites_names(sites, SITES_MAX);
	for (guint i = 0; i < sites->len && i < SITES_MAX; i++)
		check_site(chart, g_ptr_array_index(sites, i), findings);
	if (*left_out != '\0')
		finding_why(finding_add(findings, "endpoints", "too-many", VERDICT_UNKNOWN, NULL,
				    "more than %u redirected endpoints; not looked at: %s",
				    SITES_MAX, left_out),
			"Of xrdp sessions that have ended the directories ~/.pcsc… may be removed");
	if (is_xrdp_session())
		check_library(findings);
}
