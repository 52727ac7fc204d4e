/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What pcscd says of its readers, seen as any PC/SC program sees it. */

#include <glib.h>
#include <stdbool.h>

typedef struct {
	bool present;
	bool mute;     /* a card that gives no sensible ATR */
	guint counter; /* of events, as in the upper half of dwEventState */
	guint8 atr[33];
	gsize atr_length;
} RigReader;

/* pcscd answers. */
bool rig_readers_ready(void);
/* Names in pcscd's order; empty also when there is no pcscd. Free with g_strfreev(). */
char **rig_readers_list(void) G_GNUC_WARN_UNUSED_RESULT;
/* Fails the test when the reader does not exist. */
RigReader rig_reader_look(const char *name);
/* Waits, at most 10 s, until pcscd says so; returns the state. */
RigReader rig_reader_wait(const char *name, bool present);
RigReader rig_reader_wait_counter(const char *name, guint at_least);
