/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-holder READER: keeps the card in a reader for itself, as GnuPG's scdaemon does, until it is
 * killed. Says "held" when it has it.
 */

#include <stdio.h>
#include <unistd.h>
#include <winscard.h>

int main(int argc, char **argv)
{
	SCARDCONTEXT context;
	SCARDHANDLE handle;
	DWORD protocol;

	if (argc != 2 ||
		SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context) !=
			SCARD_S_SUCCESS ||
		SCardConnect(context, argv[1], SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_ANY, &handle,
			&protocol) != SCARD_S_SUCCESS)
		return 1;
	(void)puts("held");
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}
