/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * chansrv makes $HOME/.pcsc<N>/pcscd.comm, N being the display's number, when an RDP client with
 * smart cards connects, and removes both when it disconnects; it does not close the connections
 * that were made before. So a connection lives as long as the socket which it was made to: device,
 * inode and time of change together tell it from one that came in its place.
 *
 * The environment is read by secure_getenv(), so a program with more rights than its user finds
 * nothing here.
 */
#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DISPLAY_DIGITS 5

/* ":10" and ":10.0" are 10; a display of another host is none of ours. */
static bool parse_display(const char *display, char digits[DISPLAY_DIGITS + 1])
{
	size_t length;

	if (display == NULL || display[0] != ':')
		return false;
	length = strspn(display + 1, "0123456789");
	if (length == 0 || length > DISPLAY_DIGITS)
		return false;
	if (display[1 + length] != '\0' && display[1 + length] != '.')
		return false;
	memcpy(digits, display + 1, length);
	digits[length] = '\0';
	return true;
}

bool place_find(Place *ret_place)
{
	const char *home = secure_getenv("HOME");
	char digits[DISPLAY_DIGITS + 1];
	int length;

	if (secure_getenv("XRDP_SESSION") == NULL || home == NULL || home[0] != '/')
		return false;
	if (!parse_display(secure_getenv("DISPLAY"), digits))
		return false;
	*ret_place = (Place){.address.sun_family = AF_UNIX};
	length = snprintf(ret_place->address.sun_path, sizeof(ret_place->address.sun_path),
		"%s/.pcsc%s/" PLACE_SOCKET, home, digits);
	if (length < 0 || (size_t)length >= sizeof(ret_place->address.sun_path))
		return false;
	memcpy(ret_place->directory, ret_place->address.sun_path,
		(size_t)length - strlen("/" PLACE_SOCKET));
	return true;
}

static bool is_ours(const struct stat *info, mode_t type)
{
	return (info->st_mode & S_IFMT) == type && info->st_uid == geteuid();
}

bool place_pin(Place *place)
{
	struct stat directory, socket;

	if (lstat(place->directory, &directory) != 0 || !is_ours(&directory, S_IFDIR) ||
		(directory.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return false;
	if (lstat(place->address.sun_path, &socket) != 0 || !is_ours(&socket, S_IFSOCK))
		return false;
	place->device = socket.st_dev;
	place->inode = socket.st_ino;
	place->changed = socket.st_ctim;
	return true;
}

bool place_holds(const Place *place)
{
	struct stat info;

	return lstat(place->address.sun_path, &info) == 0 && info.st_dev == place->device &&
	       info.st_ino == place->inode && info.st_ctim.tv_sec == place->changed.tv_sec &&
	       info.st_ctim.tv_nsec == place->changed.tv_nsec;
}
