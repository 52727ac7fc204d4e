/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The RDP client behind a connection of fake-chansrv: the PC/SC service that this process reaches,
   seen through what chansrv does to its answers. */

#include "frame.h"

typedef struct Relay Relay;

Relay *relay_new(void);
void relay_free(Relay *relay);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Relay, relay_free)

/* A client that packs what it answers to a connect so that chansrv reads the wrong bytes for the
   card's handle, as FreeRDP does. */
void relay_set_confused(Relay *relay, bool confused);
/* The answer's payload; NULL: there is none, and *ret_close says whether that is the end. */
GByteArray *relay_answer(Relay *relay, Frame *frame, bool *ret_close) G_GNUC_WARN_UNUSED_RESULT;
/* Says yes to everything, and that there is nothing: what a context gets that was made before the
   client reconnected. */
GByteArray *relay_answer_nothing(Frame *frame) G_GNUC_WARN_UNUSED_RESULT;
