/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happened, as a word for programs and as a sentence with fields for people. The state
 * machines only say what; how loud and in which words is decided here.
 */

#include "event.h"

#include "log.h"

static const struct {
	const char *word;
	GLogLevelFlags level;
} kinds[] = {
	[EVENT_SERVICE] = {"service", G_LOG_LEVEL_MESSAGE},
	[EVENT_CARD_IN] = {"card-in", G_LOG_LEVEL_MESSAGE},
	[EVENT_CARD_OUT] = {"card-out", G_LOG_LEVEL_MESSAGE},
	[EVENT_SCAN] = {"scan", G_LOG_LEVEL_INFO},
	[EVENT_PROGRESS] = {"progress", G_LOG_LEVEL_INFO},
	[EVENT_READ] = {"read", G_LOG_LEVEL_MESSAGE},
	[EVENT_SCAN_FAILED] = {"scan-failed", G_LOG_LEVEL_WARNING},
	[EVENT_CREATE] = {"create", G_LOG_LEVEL_MESSAGE},
	[EVENT_CLAIM] = {"claim", G_LOG_LEVEL_MESSAGE},
	[EVENT_RELEASE] = {"release", G_LOG_LEVEL_MESSAGE},
	[EVENT_DELETE] = {"delete", G_LOG_LEVEL_MESSAGE},
	[EVENT_ERROR] = {"error", G_LOG_LEVEL_WARNING},
	[EVENT_RELOAD] = {"reload", G_LOG_LEVEL_MESSAGE},
};

const char *event_word(EventKind kind)
{
	return kinds[kind].word;
}

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

/* "(reason)" after a sentence, or nothing. */
static char *in_brackets(const char *reason)
{
	return reason != NULL && reason[0] != '\0' ? g_strdup_printf(" (%s)", reason)
						   : g_strdup("");
}

static char *sentence(const Event *event)
{
	const char *reader = or_empty(event->reader);
	const char *nickname = or_empty(event->nickname);
	const char *database = or_empty(event->database);
	const char *reason = or_empty(event->reason);
	g_autofree char *brackets = in_brackets(event->reason);

	switch (event->kind) {
	case EVENT_SERVICE:
		return g_strdup_printf(
			"PC/SC service \"%s\": %s", or_empty(event->endpoint), reason);
	case EVENT_CARD_IN:
		return g_strdup_printf("Card in reader \"%s\"", reader);
	case EVENT_CARD_OUT:
		return g_strdup_printf("Card gone from reader \"%s\"", reader);
	case EVENT_SCAN:
		return g_strdup_printf("Reading the card in \"%s\" with %s", reader, reason);
	case EVENT_PROGRESS:
		return g_strdup_printf("Reading the card in \"%s\": %s", reader, reason);
	case EVENT_READ:
		if (event->token == NULL)
			return g_strdup_printf("Card in reader \"%s\": %s", reader, reason);
		return g_strdup_printf(
			"Read the token \"%s\" in reader \"%s\"", event->token, reader);
	case EVENT_SCAN_FAILED:
		return g_strdup_printf("Reading the card in \"%s\" failed: %s", reader, reason);
	case EVENT_CREATE:
		return g_strdup_printf("Put \"%s\" into %s%s", nickname, database, brackets);
	case EVENT_CLAIM:
		return g_strdup_printf("Claimed \"%s\" in %s%s", nickname, database, brackets);
	case EVENT_RELEASE:
		return g_strdup_printf("Released \"%s\" in %s%s", nickname, database, brackets);
	case EVENT_DELETE:
		return g_strdup_printf("Deleted \"%s\" from %s%s", nickname, database, brackets);
	case EVENT_ERROR:
		return event->database != NULL ? g_strdup_printf("%s: %s", database, reason)
					       : g_strdup(reason);
	case EVENT_RELOAD:
		return g_strdup_printf("Configuration: %s", reason);
	}

	return g_strdup("");
}

void event_log(const Event *event)
{
	const LogContext context = {
		.endpoint = event->endpoint,
		.reader = event->reader,
		.token = event->token,
		.cert = event->sha256,
		.database = event->database,
		.action = event_word(event->kind),
		.reason = event->reason,
	};
	g_autofree char *text = sentence(event);

	log_say(kinds[event->kind].level, &context, "%s", text);
}
