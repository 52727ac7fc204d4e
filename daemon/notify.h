/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tells the service manager, if there is one, what state we are in: "READY=1", "STOPPING=1"
   (sd_notify(3)). Failing is not worth a word: who does not listen does not wait. */
void notify_send(const char *state);
/* The configuration is read again; "READY=1" has to follow, whatever comes of it. */
void notify_reloading(void);
