/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* pcsc-lite's own header is this library's interface; what it declares is what we export. */

#define PCSC_EXPORT __attribute__((visibility("default")))
#ifndef PCSC_API
#define PCSC_API PCSC_EXPORT
#endif

#include <winscard.h>

/* Readers that one context can see, as in pcsc-lite. */
#define READERS_MAX PCSCLITE_MAX_READERS_CONTEXTS
/* A reader's name with its NUL; chansrv cuts it there. */
#define READER_NAME_MAX 100
