/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Every name that something outside this tree relies on: programs, bus names, environment
 * variables, journal fields, query attributes of the marker. Nothing here may be renamed.
 */

#include "build.h" /* from meson: version and directories */

#define NAME_DAEMON "certpropd"
#define NAME_CTL    "certpropctl"
#define NAME_WATCH  "certprop-watch"
#define NAME_SCAN   "certprop-scan"
#define NAME_STORE  "certprop-store"

/* D-Bus: on the session bus where there is one, and on RUNTIME_DIR/certprop/bus always. */
#define NAME_BUS       "org.certprop"
#define NAME_BUS_PATH  "/org/certprop"
#define NAME_BUS_IFACE "org.certprop.Manager1"

/* Below $XDG_RUNTIME_DIR: the directory, and in it the socket and the two locks. */
#define NAME_RUNTIME_DIR   "certprop"
#define NAME_RUNTIME_BUS   "bus"
#define NAME_LOCK_INSTANCE "certpropd.lock" /* one daemon a user */
#define NAME_LOCK_WRITER   "writer.lock"    /* writers of one user take turns */

/* Below $CERTPROP_SYSCONFDIR and $XDG_CONFIG_HOME. */
#define NAME_CONFIG_DIR    "certprop"
#define NAME_CONFIG_FILE   "certprop.conf"
#define NAME_CONFIG_DROPIN "certprop.conf.d"

/* Below $XDG_STATE_HOME: what a purge took away. */
#define NAME_STATE_DIR     "certprop"
#define NAME_BACKUP_PREFIX "purge-"
#define NAME_BACKUP_SUFFIX ".json"
#define NAME_BACKUP_FORMAT "certprop-backup"

/* Where the helpers are, for running from a build tree. */
#define NAME_ENV_LIBEXECDIR "CERTPROP_LIBEXECDIR"
/* The same for the PC/SC library for xrdp: the directory that holds it, and the directory in that
   which holds it under the stock library's name, for LD_LIBRARY_PATH. */
#define NAME_ENV_PCSCDIR  "CERTPROP_PCSCDIR"
#define NAME_PCSC_LIBRARY "libpcsc-xrdp.so"
#define NAME_PCSC_DIR     "pcsc"

/* Marker: RFC 7512 vendor query attributes of a claim. */
#define NAME_CLAIM_OURS     "x-certprop"
#define NAME_CLAIM_ENDPOINT "x-endpoint"
#define NAME_CLAIM_READER   "x-reader"
#define NAME_CLAIM_HOST     "x-host"
#define NAME_CLAIM_SINCE    "x-since"
#define NAME_CLAIM_NICKNAME "x-nickname" /* the CKA_LABEL that we wrote */
#define NAME_CLAIM_TRUST    "x-trust"    /* "1": its trust object is ours */

/* Journal fields. */
#define NAME_FIELD_ENDPOINT "CERTPROP_ENDPOINT"
#define NAME_FIELD_READER   "CERTPROP_READER"
#define NAME_FIELD_TOKEN    "CERTPROP_TOKEN"
#define NAME_FIELD_CERT     "CERTPROP_CERT_SHA256"
#define NAME_FIELD_DATABASE "CERTPROP_DATABASE"
#define NAME_FIELD_ACTION   "CERTPROP_ACTION"
#define NAME_FIELD_REASON   "CERTPROP_REASON"
#define NAME_FIELD_HELPER   "CERTPROP_HELPER"

/* Exit status of every program. */
enum {
	EXIT_STATUS_DONE = 0,
	EXIT_STATUS_FAILED = 1,
	EXIT_STATUS_USAGE = 2,
	EXIT_STATUS_PARTLY = 3,
	EXIT_STATUS_CONFIG = 78, /* sysexits.h EX_CONFIG: do not restart */
};
