/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The two descriptors that the store listens to: the request's, on which the confirmation comes
 * later, and the scan's.
 */

#include <glib.h>
#include <stdbool.h>

#include "request.h"
#include "scanned.h"
#include "wire.h"

G_BEGIN_DECLS

typedef struct Intake Intake;

Intake *intake_new(int request_fd, int scan_fd);
Intake *intake_free(Intake *intake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Intake, intake_free)

/* Waits for the whole request. */
Request *intake_request(Intake *intake, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes the scan to its end. After each batch of frames that came at once, `look` is called (not
   after the last one). Returns false if the scan failed, in whatever way: then nothing that it said
   counts. Errors: the scan's own, CHANGED when it was cut short, TIMEOUT. */
bool intake_scan(Intake *intake, const Request *request, Scanned *scanned,
	void (*look)(gpointer data), gpointer data, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Waits for the confirmation. NO also when nobody is there to say. */
WireConfirm intake_confirmed(Intake *intake, const Request *request);

G_END_DECLS
