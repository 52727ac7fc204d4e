/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stands in for certprop-scan. "--module /x/SCAN/STORE" says how this one and the store behave:
 * "good", "busy" (says that the card is held), "endless" (certificates without end), or a way of
 * standin.c.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "error.h"
#include "standin.h"
#include "wire.h"

static void certificate(void)
{
	standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_SCAN_CERT, "btnb", "\1", (gsize)1, "label",
		(guint64)WIRE_KEY_UNKNOWN, "DER", (gsize)3));
}

int main(int argc, char **argv)
{
	g_auto(GStrv) parts = g_strsplit(standin_option(argv, "--module"), "/", -1);
	const char *way = parts[2];
	bool busy = g_strcmp0(way, "busy") == 0;

	(void)signal(SIGPIPE, SIG_IGN);
	standin_misbehave(way, STDOUT_FILENO);
	if (busy) {
		fprintf(stderr, "Sharing violation\n");
		standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_SCAN_END, "nnt",
			(guint64)CERTPROP_ERROR_BUSY + 1, (guint64)0, "somebody holds the card"));
		return 1;
	}

	standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_SCAN_TOKEN, "ttttn", "maker", "model",
		"serial", "label", (guint64)1));
	do {
		certificate();
	} while (g_strcmp0(way, "endless") == 0);
	standin_sent(
		wire_send(STDOUT_FILENO, NULL, WIRE_SCAN_END, "nnt", (guint64)0, (guint64)1, ""));
	return 0;
}
