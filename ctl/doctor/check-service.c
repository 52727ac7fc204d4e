/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The smart card service and its readers, as certprop-watch saw them. Why pcscd does not answer is
 * looked for where it can be seen without it: is it installed, is its socket there, who refuses.
 */

#include "chart.h"

#include <string.h>
#include <unistd.h>

#include "culprit.h"
#include "names.h"
#include "remedy.h"
#include "restart.h"
#include "route.h"
#include "unit.h"

#define SOCKET_VARIABLE "PCSCLITE_CSOCK_NAME"
#define SOCKET_PATH     "/run/pcscd/pcscd.comm"
#define NAME_LETTERS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@-"
#define URI_LETTERS     "!'()*" /* JavaScript leaves them, beside those that GLib does */
#define RULE_FILE       "/etc/polkit-1/rules.d/50-pcscd-%s.rules"
#define RULE                                                                                    \
	"polkit.addRule(function(action, subject) { if (/^org[.]debian[.]pcsc-lite[.]access_/." \
	"test(action.id) && %s == \"%s\") return polkit.Result.YES; });"

static const char *const boxes[][2] = {
	{"/.flatpak-info", "a Flatpak sandbox"},
	{"/run/.containerenv", "a container"},
	{"/.dockerenv", "a container"},
};

/* What this process is shut into, or NULL. */
static const char *box(void)
{
	if (g_getenv("SNAP") != NULL)
		return "a snap";
	for (gsize i = 0; i < G_N_ELEMENTS(boxes); i++)
		if (g_file_test(boxes[i][0], G_FILE_TEST_EXISTS))
			return boxes[i][1];

	return NULL;
}

/* What the user's programs are started with. */
static void forget_variable(Finding *finding)
{
	if (unit_has_manager())
		finding_mend(finding,
			remedy_line(
				"systemctl", "--user", "unset-environment", SOCKET_VARIABLE, NULL),
			false);
}

static void add_absent(Finding *finding)
{
	const char *given = g_getenv(SOCKET_VARIABLE);
	const char *path = given != NULL ? given : SOCKET_PATH;
	bool there = g_file_test(path, G_FILE_TEST_EXISTS);

	if (given != NULL)
		finding_cause(finding, "variable",
			"The variable " SOCKET_VARIABLE " names the socket %s, %s. It was set for "
			"this session, perhaps by a connection that has ended; without it pcscd's "
			"own socket is used",
			given, there ? "behind which nobody answers" : "which does not exist");
	else if (!remedy_has_program("pcscd"))
		finding_cause(finding, "not-installed", "pcscd is not installed");
	else
		finding_cause(finding, "not-running", "%s %s: pcscd is installed and does not run",
			path, there ? "is there, and nobody answers" : "does not exist");

	if (given != NULL) {
		forget_variable(finding);
		finding_mend(finding, remedy_line("unset", SOCKET_VARIABLE, NULL), false);
		return;
	}
	if (!remedy_has_program("pcscd"))
		finding_mend(finding, remedy_install(REMEDY_PCSCD, false), true);
	finding_mend(finding, remedy_pcscd(false, there), true);
}

/* One line of a rule; the finding gets the command that writes it. A name that JavaScript might
   take for something else is compared as encodeURIComponent() writes it, which leaves no quote and
   no backslash. */
static char *mend_rule(Finding *finding)
{
	const char *user = g_get_user_name();
	bool plain = user[strspn(user, NAME_LETTERS)] == '\0';
	g_autofree char *name =
		plain ? g_strdup(user) : g_uri_escape_string(user, URI_LETTERS, FALSE);
	g_autofree char *file = g_strdup_printf(RULE_FILE, name);
	g_autofree char *quoted_file = remedy_word(file);
	char *rule = g_strdup_printf(
		RULE, plain ? "subject.user" : "encodeURIComponent(subject.user)", name);
	g_autofree char *quoted_rule = g_shell_quote(rule);
	/* polkitd is no longer root when it reads the file */
	g_autofree char *script =
		g_strdup_printf("umask 022 && echo %s >%s", quoted_rule, quoted_file);

	finding_mend(finding, remedy_line("sh", "-c", script, NULL), true);
	return rule;
}

static void add_denied(Finding *finding)
{
	g_autofree char *rule = mend_rule(finding);

	finding_cause(finding, "denied",
		"polkit lets only users who sit at the machine use smart cards, and this session "
		"is none of those (ssh, VNC, RDP, or a service). The rule that allows it to %s: %s",
		g_get_user_name(), rule);
}

static void add_told_denied(Finding *finding)
{
	g_autofree char *rule = mend_rule(finding);

	finding_cause(finding, "denied",
		"polkit lets this session use smart cards, and did not let " NAME_DAEMON
		", which asks again with pauses of up to a minute: where the rule is there "
		"already, only wait. The rule that allows it to %s: %s",
		g_get_user_name(), rule);
}

static void add_incompatible(Finding *finding)
{
	/* with a pcscd of its own it is the whole machine */
	const char *in = remedy_has_program("pcscd") ? NULL : box();

	if (in != NULL)
		finding_cause(finding, "incompatible-sandbox",
			"This runs in %s, with a libpcsclite of its own, and pcscd outside is of "
			"another release: one of the two has to be updated",
			in);
	else
		finding_cause(finding, "incompatible",
			"After an update the old pcscd runs until it is started again; else both "
			"have to be installed in one release");
	if (in == NULL)
		finding_mend(finding, remedy_pcscd(true, true), true);
}

static const struct {
	const char *state, *text;
	void (*add)(Finding *finding);
} troubles[] = {
	{"absent", "pcscd does not answer", add_absent},
	{"denied", "pcscd refuses this user", add_denied},
	{"incompatible", "pcscd and libpcsclite are not of one release", add_incompatible},
};

/* pcscd may answer to a person at the machine and not to his service manager's programs. */
static void check_told(const Chart *chart, GPtrArray *findings)
{
	const SeenEndpoint *told = seen_find(chart->live->endpoints, ROUTE_LOCAL);
	Finding *finding;

	if (told == NULL || seen_endpoint_live(told) || strcmp(told->state, "unknown") == 0)
		return;

	finding = finding_add(findings, "service", NULL, VERDICT_WRONG, NULL,
		"pcscd answers here, and not to " NAME_DAEMON " (%s, 0x%08x)", told->state,
		told->code);
	if (strcmp(told->state, "denied") == 0) {
		add_told_denied(finding);
		return;
	}
	finding_cause(finding, "environment", "It runs in another environment: %s", told->detail);
	forget_variable(finding);
	restart_mend(finding, "kill");
}

void check_service(const Chart *chart, GPtrArray *findings)
{
	const SeenEndpoint *local = chart_local(chart);
	/* a server without readers of its own needs none */
	Verdict verdict = chart_is_redirected(chart) ? VERDICT_NOTE : VERDICT_WRONG;
	Finding *finding;

	if (seen_endpoint_live(local)) {
		finding_add_ok(findings, "service", NULL, "pcscd answers");
		check_told(chart, findings);
		return;
	}

	for (gsize i = 0; i < G_N_ELEMENTS(troubles); i++) {
		if (strcmp(local->state, troubles[i].state) != 0)
			continue;
		finding = finding_add(findings, "service", NULL, verdict, NULL, "%s (0x%08x)",
			troubles[i].text, local->code);
		troubles[i].add(finding);
		return;
	}
	finding = finding_add(findings, "service", NULL, verdict, NULL, "%s", local->detail);
	if (local->code == 0) {
		remedy_own_program(finding, NAME_WATCH);
		return;
	}
	finding_cause(finding, "failed", "pcscd answers, but not as it should");
	finding_mend(finding, remedy_pcscd(true, true), true);
}

/* Of one that cannot be used. */
static void add_reader(const SeenReader *reader, GPtrArray *findings)
{
	Finding *finding;

	if (strcmp(reader->state, "twin") == 0) {
		finding = finding_add(findings, "readers", "twin", VERDICT_NOTE, reader->name,
			"another reader has the same name, and only that one can be used");
		finding_why(finding, "Unplug one of the two, or give them names in reader.conf");
	} else {
		finding = finding_add(findings, "readers", "lost", VERDICT_WRONG, reader->name,
			"%s", reader->reason);
		finding_why(finding, "pcscd has lost it: unplug it and plug it in again");
		finding_mend(finding, remedy_pcscd(true, true), true);
	}
}

/* For readers that are plugged in: each has a directory of its own. */
static bool has_driver(void)
{
	static const char *const places[] = {
		"/usr/lib/pcsc/drivers", "/usr/lib64/pcsc/drivers", "/usr/local/lib/pcsc/drivers"};
	const char *name;

	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autoptr(GDir) dir = g_dir_open(places[i], 0, NULL);

		while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
			if (g_str_has_suffix(name, ".bundle"))
				return true;
	}
	return false;
}

/* Where readers come from elsewhere, none need be here. Without a driver none ever could. */
static void add_no_reader(bool redirected, GPtrArray *findings)
{
	bool driver = has_driver();
	Verdict verdict = redirected ? VERDICT_NOTE : driver ? VERDICT_UNKNOWN : VERDICT_WRONG;
	Finding *finding =
		finding_add(findings, "readers", NULL, verdict, NULL, "no reader is connected");

	if (!driver) {
		finding_cause(finding, "no-driver",
			"pcscd has no driver for readers that are plugged in: most of them need "
			"CCID's");
		finding_mend(finding, remedy_install(REMEDY_DRIVER, false), true);
		finding_mend(finding, remedy_pcscd(true, true), true);
		return;
	}
	if (!culprit_runs("scdaemon")) {
		finding_cause(finding, "none",
			"Plug one in. If it is plugged in, it needs another driver than CCID");
		return;
	}
	finding_cause(finding, "taken",
		"GnuPG's scdaemon runs, and may have taken the reader for itself, past pcscd: the "
		"line disable-ccid in ~/.gnupg/scdaemon.conf keeps it from that");
	finding_mend(finding, g_strdup("gpgconf --kill scdaemon"), false);
}

void check_readers(const Chart *chart, GPtrArray *findings)
{
	const GPtrArray *readers = chart_readers(chart);
	guint n_good = 0;

	if (readers == NULL)
		return;

	for (guint i = 0; i < readers->len; i++) {
		const SeenReader *reader = g_ptr_array_index(readers, i);

		if (strcmp(reader->state, "twin") == 0 || reader->unavailable)
			add_reader(reader, findings);
		else
			n_good++;
	}
	if (readers->len == 0)
		add_no_reader(chart_is_redirected(chart), findings);
	else if (n_good > 0)
		finding_add_ok(findings, "readers", NULL, "%u can be used", n_good);
}
