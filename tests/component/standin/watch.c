/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stands in for certprop-watch. The endpoint's name says how: "one" reports one reader with a card
 * and waits; "dies" reports it and ends; "many" reports more readers than anyone has; "twins" names
 * one twice; "no-begin" starts with a reader; "returns" is absent and then has a service; "joins"
 * has a reader with a card and an empty one, into which a card then goes; or a way of standin.c.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "standin.h"
#include "wire.h"

#define MANY 100u

static void reader(guint64 ordinal)
{
	standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_WATCH_READER, "tnnnb", "Reader", ordinal,
		(guint64)WIRE_READER_PRESENT, (guint64)7, "\x3b\x00", (gsize)2));
}

static void end(void)
{
	standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_WATCH_END, ""));
}

static void service(WireService service)
{
	standin_sent(wire_send(
		STDOUT_FILENO, NULL, WIRE_WATCH_BEGIN, "nnt", (guint64)service, (guint64)0, ""));
}

static void second_reader(guint64 flags, guint64 counter)
{
	standin_sent(wire_send(STDOUT_FILENO, NULL, WIRE_WATCH_READER, "tnnnb", "Second",
		(guint64)0, flags, counter, "", (gsize)0));
}

/* One view, and before anybody has done anything about it another. */
static void change(const char *way)
{
	if (strcmp(way, "returns") == 0) {
		service(WIRE_SERVICE_ABSENT);
		end();
	} else if (strcmp(way, "joins") == 0) {
		service(WIRE_SERVICE_OK);
		reader(0);
		second_reader(0, 1);
		end();
	}
}

int main(int argc, char **argv)
{
	const char *way = standin_option(argv, "--endpoint");

	(void)signal(SIGPIPE, SIG_IGN);
	standin_misbehave(way, STDOUT_FILENO);
	change(way);
	if (strcmp(way, "no-begin") != 0)
		service(WIRE_SERVICE_OK);
	reader(0);
	if (strcmp(way, "joins") == 0)
		second_reader(WIRE_READER_PRESENT, 2);
	if (strcmp(way, "twins") == 0)
		reader(0);
	for (guint64 i = 1; strcmp(way, "many") == 0 && i < MANY; i++)
		reader(i);
	end();
	if (strcmp(way, "dies") == 0 || g_strv_contains((const char *const *)argv, "--once"))
		return 0;
	for (;;)
		pause();
}
