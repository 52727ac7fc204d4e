/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is said of an endpoint at one moment: the service and all its readers.
 */

#include <glib.h>
#include <stdbool.h>

#include "pcsc.h"
#include "wire.h"

G_BEGIN_DECLS

typedef struct PictureReader {
	char *name;       /* as pcscd has it: any bytes */
	char *wire_name;  /* UTF-8, at most WIRE_NAME_MAX bytes */
	unsigned ordinal; /* how many readers before it have the same wire_name */
	bool twin;        /* one before it has the same name: the library finds only that one */
	guint32 state;    /* SCARD_STATE_* and the counter, as last heard */
	gsize atr_len;
	guint8 atr[PCSC_ATR_MAX];
} PictureReader;

typedef struct Picture {
	WireService service;
	guint32 code;
	char *detail;
	GPtrArray *readers; /* PictureReader */
} Picture;

Picture *picture_new(WireService service, guint32 code, const char *detail);
Picture *picture_dup(const Picture *picture);
Picture *picture_free(Picture *picture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Picture, picture_free)

/* Adds the readers of a list as SCardListReaders() returns it. Empty names, what lies beyond `len`,
   and readers beyond PCSC_READERS_MAX are left out. Their state is unknown as yet. */
void picture_add_list(Picture *picture, const char *names, gsize len);
/* Same readers in the same order, whatever their state. */
bool picture_same_list(const Picture *a, const Picture *b);

/* WireReaderFlags */
guint64 picture_reader_flags(const PictureReader *reader);
/* Says the same on the wire. */
bool picture_equal(const Picture *a, const Picture *b);
bool picture_send(const Picture *picture, int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;

G_END_DECLS
