/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reader's driver for pcscd, for what vpcd never is: the file that reader.conf names as the
 * device says in one word how the reader is. "empty"; "mute", a card that does not answer when it
 * is given power; "lost", a reader that does not answer either. It is read anew each time.
 */

#include <ifdhandler.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 16

static char device[4096];

static int says(const char *wanted)
{
	char word[WORD_MAX] = "";
	FILE *file = fopen(device, "re");

	if (file == NULL)
		return 0;
	(void)!fgets(word, sizeof word, file);
	(void)fclose(file);
	return strcmp(word, wanted) == 0;
}

RESPONSECODE IFDHCreateChannelByName(DWORD lun, LPSTR name)
{
	if (strlen(name) >= sizeof device)
		return IFD_COMMUNICATION_ERROR;
	(void)strcpy(device, name);
	return IFD_SUCCESS;
}

RESPONSECODE IFDHCreateChannel(DWORD lun, DWORD channel)
{
	return IFD_COMMUNICATION_ERROR;
}

RESPONSECODE IFDHCloseChannel(DWORD lun)
{
	return IFD_SUCCESS;
}

RESPONSECODE IFDHGetCapabilities(DWORD lun, DWORD tag, PDWORD length, PUCHAR value)
{
	if (tag != TAG_IFD_SLOTS_NUMBER && tag != TAG_IFD_SIMULTANEOUS_ACCESS)
		return IFD_ERROR_TAG;
	*length = 1;
	*value = 1;
	return IFD_SUCCESS;
}

RESPONSECODE IFDHSetCapabilities(DWORD lun, DWORD tag, DWORD length, PUCHAR value)
{
	return IFD_NOT_SUPPORTED;
}

RESPONSECODE IFDHSetProtocolParameters(
	DWORD lun, DWORD protocol, UCHAR flags, UCHAR pts1, UCHAR pts2, UCHAR pts3)
{
	return IFD_NOT_SUPPORTED;
}

RESPONSECODE IFDHPowerICC(DWORD lun, DWORD action, PUCHAR atr, PDWORD length)
{
	*length = 0;
	return action == IFD_POWER_DOWN ? IFD_SUCCESS : IFD_ERROR_POWER_ACTION;
}

RESPONSECODE IFDHTransmitToICC(DWORD lun, SCARD_IO_HEADER send, PUCHAR command, DWORD n,
	PUCHAR answer, PDWORD length, PSCARD_IO_HEADER received)
{
	*length = 0;
	return IFD_COMMUNICATION_ERROR;
}

RESPONSECODE IFDHControl(
	DWORD lun, DWORD code, PUCHAR command, DWORD n, PUCHAR answer, DWORD size, LPDWORD length)
{
	*length = 0;
	return IFD_NOT_SUPPORTED;
}

RESPONSECODE IFDHICCPresence(DWORD lun)
{
	if (says("lost"))
		return IFD_COMMUNICATION_ERROR;

	return says("mute") ? IFD_ICC_PRESENT : IFD_ICC_NOT_PRESENT;
}
