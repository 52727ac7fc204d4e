/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A pcscd of the test's own with virtual readers, which it may stop, kill and start again. */

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct RigPcscd RigPcscd;

#define RIG_READERS_MAX 16

/* An even number of readers, at most 16. Not yet started. */
RigPcscd *rig_pcscd_new(unsigned readers) G_GNUC_WARN_UNUSED_RESULT;
/* The same with a FRIENDLYNAME of one's own for each two of them. pcscd adds " 00 00", " 00 01". */
RigPcscd *rig_pcscd_new_named(unsigned readers, const char *const *names) G_GNUC_WARN_UNUSED_RESULT;
/* The same by socket activation, as where namespaces are not allowed: with its own socket and
   ports, to which PCSCLITE_CSOCK_NAME points from here on. libpcsclite looks at that variable once
   in a process, so one test process can talk to one such pcscd only. */
RigPcscd *rig_pcscd_new_activated(unsigned readers) G_GNUC_WARN_UNUSED_RESULT;
/* Kills it if it runs. */
void rig_pcscd_free(RigPcscd *pcscd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RigPcscd, rig_pcscd_free)

/* Returns when it answers and lists all its readers. */
void rig_pcscd_start(RigPcscd *pcscd);
/* Both return when it has gone and is reaped. */
void rig_pcscd_stop(RigPcscd *pcscd);
void rig_pcscd_kill(RigPcscd *pcscd);

pid_t rig_pcscd_pid(const RigPcscd *pcscd);
/* Borrowed. */
const char *rig_pcscd_reader(const RigPcscd *pcscd, unsigned index);
guint16 rig_pcscd_port(const RigPcscd *pcscd, unsigned index);
/* Its socket when started by activation, otherwise NULL. */
const char *rig_pcscd_socket(const RigPcscd *pcscd);
