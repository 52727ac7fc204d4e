/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program as there are many in a session: it waits for what happens to a reader, for ever, and
 * prints it as it comes. When there is no service it says so, and waits for one to come.
 *
 *   xrdp-follow
 *
 * "reader NAME", "empty", "card BYTES-OF-ATR", "error CODE", each in a line of its own. It is
 * linked with the stock libpcsclite; which library it really calls is a matter of LD_LIBRARY_PATH.
 */
#include <winscard.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#define NAMES 2048
#define AGAIN                       \
	(const struct timespec)     \
	{                           \
		.tv_nsec = 50000000 \
	}

static void say_error(LONG code)
{
	static LONG last = SCARD_S_SUCCESS;

	if (code != last)
		printf("error %08lx\n", (unsigned long)code);
	last = code;
}

static LONG follow_reader(SCARDCONTEXT context, const char *name)
{
	SCARD_READERSTATE state = {.szReader = name};

	printf("reader %s\n", name);
	for (;;) {
		LONG code = SCardGetStatusChange(context, INFINITE, &state, 1);

		if (code != SCARD_S_SUCCESS)
			return code;
		if ((state.dwEventState & SCARD_STATE_PRESENT) != 0)
			printf("card %lu\n", (unsigned long)state.cbAtr);
		else
			puts("empty");
		state.dwCurrentState = state.dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
	}
}

static LONG follow(void)
{
	char names[NAMES] = "";
	DWORD length = sizeof(names);
	SCARDCONTEXT context;
	LONG code = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &context);

	if (code != SCARD_S_SUCCESS)
		return code;
	code = SCardListReaders(context, NULL, names, &length);
	if (code == SCARD_S_SUCCESS)
		code = follow_reader(context, names);
	(void)SCardReleaseContext(context);
	return code;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (;;) {
		say_error(follow());
		(void)nanosleep(&AGAIN, NULL);
	}
}
