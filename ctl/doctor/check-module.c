/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PKCS#11 modules that cards are read with: can each be loaded? That was tried in
 * certprop-scan; here its answer is taken apart. A module that was configured and is no good is
 * taken out of the configuration; the one that is built in is installed.
 */

#include "chart.h"

#include <string.h>

#include "names.h"
#include "remedy.h"

static bool all_plain(char *const *names)
{
	for (; *names != NULL; names++)
		if (!remedy_is_plain(*names))
			return false;

	return true;
}

/* The line that names the modules, without this one. sed and GKeyFile have letters of their own:
   with a name that has one of these in it, no command is named. */
static void leave_out(Finding *finding, const Chart *chart, const char *module)
{
	const char *origin = config_origin(chart->config, "propagation", "modules");
	const char *colon = strrchr(origin, ':');
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_auto(GStrv) left = NULL;
	g_autofree char *list = NULL;
	g_autofree char *script = NULL;
	g_autofree char *file = NULL;

	for (char **m = chart->config->modules; *m != NULL; m++)
		if (strcmp(*m, module) != 0)
			g_strv_builder_add(builder, *m);
	left = g_strv_builder_end(builder);
	if (g_strv_length(left) == 0) {
		remedy_take_back(finding, chart->config, "propagation", "modules");
		return;
	}
	if (!all_plain(left))
		return;

	list = g_strjoinv(";", left);
	script = g_strdup_printf("%sc modules=%s", colon + 1, list);
	file = g_strndup(origin, (gsize)(colon - origin));
	remedy_edit(finding, file, script);
}

static void add_bad(const Chart *chart, const Probe *probe, GPtrArray *findings)
{
	bool there = g_file_test(probe->path, G_FILE_TEST_EXISTS);
	bool built_in = strchr(config_origin(chart->config, "propagation", "modules"), ':') == NULL;
	Finding *finding = there ? finding_add(findings, "modules", "broken", VERDICT_WRONG,
					   probe->path, "%s", probe->error->message)
				 : finding_add(findings, "modules", "not-installed", VERDICT_WRONG,
					   probe->path, "there is no such file");

	if (built_in) {
		finding_why(finding, "It comes with OpenSC, which is %s",
			there ? "installed, and not whole" : "not installed");
		finding_mend(finding, remedy_install(REMEDY_OPENSC, there), true);
		return;
	}
	finding_cause(finding, "unusable",
		"%s names it. Install what it belongs to, or take it out of there; without a line "
		"modules= it is OpenSC",
		config_origin(chart->config, "propagation", "modules"));
	leave_out(finding, chart, probe->module);
}

/* Nothing is known of the module, nor of any other. */
static void add_no_scan(const Probe *probe, GPtrArray *findings)
{
	Finding *finding = finding_add(findings, "modules", NULL, VERDICT_WRONG, probe->path,
		"it cannot be tried: %s", probe->error->message);

	remedy_own_program(finding, NAME_SCAN);
}

void check_modules(const Chart *chart, GPtrArray *findings)
{
	if (chart->loads->len == 0) {
		Finding *finding = finding_add(findings, "modules", "none", VERDICT_WRONG,
			config_origin(chart->config, "propagation", "modules"),
			"there is none, so no card can be read");

		remedy_take_back(finding, chart->config, "propagation", "modules");
	}
	for (guint i = 0; i < chart->loads->len; i++) {
		const Probe *probe = g_ptr_array_index(chart->loads, i);

		if (probe->no_scan) { /* as it will be for all others */
			add_no_scan(probe, findings);
			return;
		}
		if (probe->error != NULL)
			add_bad(chart, probe, findings);
		else
			finding_add_ok(findings, "modules", probe->path, "it loads");
	}
}
