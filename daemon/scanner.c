/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card is read a second time when something is to be taken away on the word of the first. Both
 * times are started from here, so that they differ in nothing but who listens.
 */

#include "scanner.h"

#include "environment.h"
#include "names.h"
#include "pipeline.h"
#include "route.h"

#define FRAMES_BYTES_MAX (32u << 20)

struct Scanner {
	char **args;
	char *endpoint;
	char *socket;
	char *reader;
	unsigned deadline_ms;
};

unsigned scanner_deadline_ms(const PipelineRequest *request)
{
	return config_scan_seconds(request->config, request->endpoint) * 1000;
}

static char **arguments(const PipelineRequest *request)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	g_autofree char *certs =
		g_strdup_printf("%" G_GUINT64_FORMAT, request->config->certificates_per_token);
	g_autofree char *bytes =
		g_strdup_printf("%" G_GUINT64_FORMAT, request->config->certificate_bytes);
	g_autofree char *module = pipeline_module_path(request->module);
	unsigned display;

	if (request->reader != NULL)
		g_strv_builder_add_many(builder, "--reader", request->reader, NULL);
	g_strv_builder_add_many(builder, "--module", module, "--max-certificates", certs,
		"--max-bytes", bytes, NULL);
	for (guint i = 0; request->others != NULL && i < request->others->len; i++)
		g_strv_builder_add_many(
			builder, "--ignore", g_ptr_array_index(request->others, i), NULL);
	if (route_display(request->endpoint, &display)) {
		g_autofree char *provider = environment_provider();

		g_strv_builder_add_many(builder, "--provider", provider, NULL);
	}
	return g_strv_builder_end(builder);
}

Scanner *scanner_new(const PipelineRequest *request)
{
	Scanner *scanner = g_new0(Scanner, 1);

	scanner->args = arguments(request);
	scanner->endpoint = g_strdup(request->endpoint);
	scanner->socket = g_strdup(request->socket);
	scanner->reader = g_strdup(request->reader);
	scanner->deadline_ms = scanner_deadline_ms(request);
	return scanner;
}

Scanner *scanner_free(Scanner *scanner)
{
	if (scanner == NULL)
		return NULL;

	g_strfreev(scanner->args);
	g_free(scanner->endpoint);
	g_free(scanner->socket);
	g_free(scanner->reader);
	g_free(scanner);
	return NULL;
}

Helper *scanner_start(
	Scanner *scanner, int output, const HelperFuncs *funcs, gpointer data, GError **error)
{
	return helper_start(
		&(const HelperSpec){
			.program = NAME_SCAN,
			.args = (const char *const *)scanner->args,
			.endpoint = scanner->endpoint,
			.socket = scanner->socket,
			.reader = scanner->reader,
			.output = output,
			.extra = -1,
			.bytes_max = FRAMES_BYTES_MAX,
			.deadline_ms = scanner->deadline_ms,
		},
		funcs, data, error);
}
