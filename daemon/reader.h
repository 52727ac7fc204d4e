/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One reader of one endpoint and the looks at the card in it: one pipeline a module, one after the
 * other; killed when the card changes, tried again when it failed.
 */

#include <gio/gio.h>
#include <stdbool.h>

#include "pipeline.h"
#include "watcher.h"

G_BEGIN_DECLS

typedef struct Manager Manager;

typedef enum {
	READER_EMPTY,
	READER_SCANNING,
	READER_READ,
	READER_UNRECOGNISED, /* read whole, and no module knows it */
	READER_WAITING,      /* it will be looked at again at `retry_at`, or when it is its turn */
	READER_FAILED,       /* only another card, or this one put in again, can help */
	READER_DISABLED,     /* [propagation] enabled=false */
	READER_TWIN,         /* hidden behind another reader of the same name */
} ReaderState;

typedef struct Reader {
	Manager *manager;
	char *endpoint;
	char *name;
	unsigned ordinal;
	guint32 flags; /* WireReaderFlags */
	guint32 counter;
	GBytes *atr;

	ReaderState state;
	char *reason;      /* behind the state, or NULL */
	gint64 retry_at;   /* Unix seconds, or 0 */
	bool known;        /* all tokens of the card that is in now are in `tokens` */
	GPtrArray *tokens; /* ReportToken: read from the card that is in now */

	/* of the look that runs */
	Pipeline *pipeline;
	gint64 since;     /* Unix seconds: when it began */
	unsigned n_certs; /* read so far; not known of fast readers */
	bool again;       /* it was cancelled: look again when it has ended */
	bool gone;        /* the reader is: freed when it has ended */
	guint module;     /* index in [propagation] modules */
	GPtrArray *found; /* ReportToken */
	GError *failure;  /* the first */
	bool store_again; /* a database was busy */
	unsigned doubts;  /* looks in a row that said something that is not believed at once */
	bool was_in;      /* nobody saw the card come: it may be any that was here before */
	guint settle_source;

	/* of the next */
	bool queued; /* another card of the endpoint is being read */
	guint retry_source;
	unsigned pause_ms;
	gint64 burst_start; /* monotonic */
	unsigned burst_n;
	Watcher *probe;
} Reader;

/* As on the bus: "empty", "scanning", … */
const char *reader_state_word(ReaderState state);

/* A reader that came up. */
Reader *reader_new(Manager *manager, const char *endpoint, const WatcherReader *seen);
/* Its first look, once all readers that came up with it are known. */
void reader_begin(Reader *reader);
/* What the watcher says of it now. */
void reader_update(Reader *reader, const WatcherReader *seen);
/* Looks again, from the beginning, at a card that is the same. */
void reader_look(Reader *reader);
/* It is the turn of one that is queued. */
void reader_take_turn(Reader *reader);
/* The reader is no more. Returns false while a store still ends its work: the object then frees
   itself, through manager_reader_left(). */
bool reader_leave(Reader *reader) G_GNUC_WARN_UNUSED_RESULT;
/* Kills what runs. */
void reader_free(Reader *reader);
/* No card, or all is known of it: what is not in `tokens` is not in this reader. */
bool reader_settled(const Reader *reader);

G_END_DECLS
