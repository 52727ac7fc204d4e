/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Shared by the files of a reader: its state, and the look at the card in it.
 */

#include "event.h"
#include "reader.h"

G_BEGIN_DECLS

#define READER_PAUSE_FIRST_MS 1000u

void reader_say(Reader *reader, EventKind kind, const char *token, const char *reason);
void reader_set_state(Reader *reader, ReaderState state, const char *reason);
/* It will be looked at again after so long. */
void reader_retry(Reader *reader, unsigned ms);
/* And until then it waits. */
void reader_wait(Reader *reader, unsigned ms, const char *reason);
/* The same after a pause that doubles each time, up to the last one. */
void reader_pause(Reader *reader, unsigned last_ms, const char *reason);
/* Does what the reader's state calls for. No pipeline runs; manager_settle() is the caller's. */
void reader_consider(Reader *reader);

/* Starts the pipeline of the module at `module`. */
void reader_start_module(Reader *reader);

G_END_DECLS
