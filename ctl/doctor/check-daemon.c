/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certpropd itself, and what brings it up at login. A daemon of another version than certpropctl is
 * one that was not started again after an update.
 */

#include "chart.h"

#include <string.h>

#include "build.h"
#include "culprit.h"
#include "names.h"
#include "process.h"
#include "remedy.h"
#include "restart.h"
#include "runtime.h"
#include "unit.h"

static char *lock_path(void)
{
	g_autofree char *dir = runtime_dir();

	return g_build_filename(dir, NAME_LOCK_INSTANCE, NULL);
}

static void add_silent(const Chart *chart, GPtrArray *findings)
{
	Finding *finding = finding_add(
		findings, "daemon", "silent", VERDICT_WRONG, NULL, "%s", chart->live->trouble);

	finding_why(finding, "It hangs, or is too busy");
	restart_mend(finding, "kill -KILL");
}

/* Its lock is held, and its socket is not there: somebody has removed it. */
static bool add_cut_off(GPtrArray *findings)
{
	g_autofree char *lock = lock_path();
	g_autoptr(GPtrArray) holders = culprits_of_lock(lock);
	g_autofree char *text = culprits_text(holders);
	Finding *finding;

	if (holders->len == 0)
		return false;

	finding = finding_add(findings, "daemon", "cut-off", VERDICT_WRONG, NULL,
		"%s runs, and its socket is gone", text);
	finding_why(finding, "Nobody can ask it anything");
	restart_mend(finding, "kill");
	return true;
}

static void add_stopped(GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "daemon", NULL, VERDICT_WRONG, NULL,
		"no " NAME_DAEMON " runs in this session");

	if (unit_has_manager()) {
		finding_cause(finding, "stopped",
			"Cards are propagated only by hand, with " NAME_CTL
			" sync; journalctl --user -u " UNIT_NAME " tells why it has ended");
		finding_mend(finding,
			remedy_line("systemctl", "--user", "enable", "--now", UNIT_NAME, NULL),
			false);
		return;
	}
	finding_cause(finding, "no-manager",
		"No systemd user manager runs here that could start it: have the session start it "
		"at login");
	finding_mend(finding, restart_by_hand(), false);
}

/* It runs; will it at the next login? */
static void check_enabled(GPtrArray *findings)
{
	static const char *const words[] = {"is-enabled", "--quiet", UNIT_NAME, NULL};
	g_autoptr(GError) error = NULL;
	Finding *finding;

	if (!unit_has_manager() || unit_call(words, &error))
		return;

	finding = finding_add(findings, "daemon", "not-enabled", VERDICT_NOTE, NULL,
		NAME_DAEMON " runs, and will not at the next login");
	finding_mend(finding, restart_unit("enable"), false);
}

static bool has_faults(const GPtrArray *faults)
{
	for (guint i = 0; i < faults->len; i++)
		if (!((const ConfigFault *)g_ptr_array_index(faults, i))->warning)
			return true;

	return false;
}

/* It has refused a configuration that has been put right since. */
static void check_loaded(const Chart *chart, GPtrArray *findings)
{
	Finding *finding;

	if (!has_faults(chart->live->faults) || has_faults(chart->faults))
		return;

	finding = finding_add(findings, "daemon", "outdated", VERDICT_NOTE, NULL,
		NAME_DAEMON " goes by an older configuration");
	finding_why(finding, "The files had faults when it read them last");
	if (unit_has_manager())
		finding_mend(finding, restart_unit("reload"), false);
	else
		finding_mend(finding, g_strdup_printf("kill -HUP %u", chart->live->pid), false);
}

void check_daemon(const Chart *chart, GPtrArray *findings)
{
	const Live *live = chart->live;

	if (!live->running) {
		if (!add_cut_off(findings))
			add_stopped(findings);
		return;
	}
	if (!live->answers) {
		add_silent(chart, findings);
		return;
	}

	if (strcmp(live->version, CERTPROP_VERSION) != 0) {
		Finding *finding = finding_add(findings, "daemon", "version", VERDICT_WRONG, NULL,
			NAME_DAEMON " %s runs, and this is " NAME_CTL " " CERTPROP_VERSION,
			live->version);

		finding_why(finding, "It was not started again after an update");
		restart_mend(finding, "kill");
		return;
	}
	finding_add_ok(findings, "daemon", NULL, NAME_DAEMON " %s runs since %s (process %u)",
		live->version, live->since, live->pid);
	check_loaded(chart, findings);
	check_enabled(findings);
}
