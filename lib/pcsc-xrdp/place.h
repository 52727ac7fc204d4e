/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where chansrv of this session listens, and which of its sockets it was. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define PLACE_SOCKET "pcscd.comm"

typedef struct {
	char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct sockaddr_un address;
	dev_t device;
	ino_t inode;
	struct timespec changed;
} Place;

/* From XRDP_SESSION, HOME and DISPLAY. false: this is no xrdp session. */
bool place_find(Place *ret_place);
/* There is a socket, ours and nobody else's, in a directory of which the same is true; remembers
   which one it is. */
bool place_pin(Place *place);
/* The socket that was pinned is still there. */
bool place_holds(const Place *place);
