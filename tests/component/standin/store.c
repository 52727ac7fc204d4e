/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stands in for certprop-store. The third part of the module's path in the request, or its host
 * where there is no scan, says how: "good"; "pending" (deletes after the confirm); "self" (reports
 * its own environment, descriptors, directory and arguments as steps); "request" (reports the
 * frames that it was sent); "endless", "twice" (two ends), "partial" (no end), "asks-twice",
 * "asks-otherwise", "creates-otherwise" (on the word of another scan than the one that it was
 * sent); or a way of standin.c.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "standin.h"
#include "wire.h"

extern char **environ;

static const char *way;
static guint64 flags;
static GChecksum *sum; /* of the scan */

static void step(const char *action, const char *text)
{
	standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_REPORT_STEP, "ttttn", action, "00", text,
		"", (guint64)1));
}

/* The sum of what was read, or that of another scan. */
static void scanned(void)
{
	const char *what =
		g_str_has_suffix(way, "-otherwise") ? "another" : g_checksum_get_string(sum);

	standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_REPORT_SCANNED, "t", what));
}

static void database(void)
{
	standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_REPORT_DATABASE, "ttttt", "sql:/nowhere",
		"shared", "", "ok", ""));
}

static void end(guint64 n_errors)
{
	standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_REPORT_END, "n", n_errors));
}

/* Takes CONTEXT; what the module's path says becomes `way`. */
static void take_context(WireReader *request)
{
	g_autofree char *host = wire_get_text(request, WIRE_NAME_MAX);
	g_autofree char *endpoint = wire_get_text(request, WIRE_NAME_MAX);
	g_autofree char *reader = wire_get_text(request, WIRE_NAME_MAX);
	g_autofree char *module = wire_get_text(request, WIRE_TEXT_MAX);
	g_auto(GStrv) parts = g_strsplit(module, "/", -1);

	(void)wire_get_number(request);
	flags = wire_get_number(request);
	(void)wire_get_number(request);
	if (!wire_reader_done(request, NULL))
		_exit(9);
	way = g_strdup(g_strv_length(parts) > 3 ? parts[3] : "good");
}

static void read_request(WireReader *request, GPtrArray *lines)
{
	while (wire_reader_fill(request, STDIN_FILENO, NULL) == 1) {
		if (request->type == WIRE_STORE_CONTEXT)
			take_context(request);
		if (request->type == WIRE_STORE_PRESENT || request->type == WIRE_STORE_ENDPOINT) {
			g_autofree char *name = wire_get_text(request, WIRE_NAME_MAX);

			g_ptr_array_add(lines, g_strdup_printf("%02x %s", request->type, name));
		}
		if (request->type == WIRE_STORE_CONFIG) {
			g_autofree char *group = wire_get_text(request, WIRE_NAME_MAX);
			g_autofree char *key = wire_get_text(request, WIRE_NAME_MAX);
			g_autofree char *value = wire_get_text(request, WIRE_TEXT_MAX);

			g_ptr_array_add(lines, g_strdup_printf("%s.%s=%s", group, key, value));
		}
		if (request->type == WIRE_STORE_RUN)
			return;
	}
	_exit(8);
}

/* Returns whether the scan said that it is complete. */
static bool read_scan(void)
{
	g_autoptr(WireReader) scan = wire_reader_new();

	sum = g_checksum_new(G_CHECKSUM_SHA256);
	while (wire_reader_fill(scan, 3, NULL) == 1) {
		wire_reader_sum(scan, sum);
		if (scan->type == WIRE_SCAN_END) {
			guint64 code = wire_get_number(scan);

			if (code != 0)
				standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_REPORT_ERROR, "nt",
					code - 1, "the scan says that it failed"));
			return code == 0;
		}
	}
	standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_REPORT_ERROR, "nt",
		(guint64)CERTPROP_ERROR_FAILED, "the scan ended without an end"));
	return false;
}

static void report_self(char **argv)
{
	char target[512];
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	for (char **e = environ; *e != NULL; e++)
		step("env", *e);
	for (; *argv != NULL; argv++)
		step("arg", *argv);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(dir))
			step("fd", entry->d_name);
	}
	(void)closedir(dir);
	if (getcwd(target, sizeof target) != NULL)
		step("cwd", target);
}

/* Asks, and says in a step what the answer was. */
static void ask(WireReader *request, guint64 removals)
{
	static const char *const answers[] = {
		[WIRE_CONFIRM_NO] = "keep",
		[WIRE_CONFIRM_YES] = "delete",
		[WIRE_CONFIRM_OPEN] = "claim",
	};
	guint64 answer = G_N_ELEMENTS(answers);

	for (int i = strcmp(way, "asks-twice") == 0 ? 2 : 1; i > 0; i--)
		standin_sent(wire_send(
			STDOUT_FILENO, NULL, WIRE_REPORT_PENDING, "nn", removals, (guint64)1));
	if (wire_reader_fill(request, STDIN_FILENO, NULL) == 1 &&
		request->type == WIRE_STORE_CONFIRM)
		answer = wire_get_number(request);
	step(answer < G_N_ELEMENTS(answers) ? answers[answer] : "skip", "asked");
}

int main(int argc, char **argv)
{
	g_autoptr(WireReader) request = wire_reader_new();
	g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
	char text[4096] = "";
	bool complete = true;

	(void)signal(SIGPIPE, SIG_IGN);
	read_request(request, lines);
	standin_misbehave(way, STDOUT_FILENO);
	if ((flags & WIRE_STORE_HAS_SCAN) != 0)
		complete = read_scan();
	if (complete && sum != NULL)
		scanned();
	if (complete)
		standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_REPORT_TOKEN, "tttttn", "maker",
			"model", "serial", "label", "/module", (guint64)1));
	database();
	if (complete && (strcmp(way, "good") == 0 || strcmp(way, "creates-otherwise") == 0))
		step("create", "new");
	if (strcmp(way, "self") == 0)
		report_self(argv);
	for (guint i = 0; strcmp(way, "request") == 0 && i < lines->len; i++)
		step("request", g_ptr_array_index(lines, i));
	if (strcmp(way, "pending") == 0 || g_str_has_prefix(way, "asks-"))
		ask(request, 2);
	if (complete && strcmp(way, "creates-otherwise") == 0)
		ask(request, 0);
	memset(text, 'x', sizeof text - 1);
	while (strcmp(way, "endless") == 0)
		step("keep", text);
	if (strcmp(way, "partial") != 0)
		end(complete ? 0 : 1);
	if (strcmp(way, "twice") == 0)
		end(0);
	return 0;
}
