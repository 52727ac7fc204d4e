/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library that a pkcs11.txt names: whoever loads it leaves a trace in his home.
 */

#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void spring(void)
{
	const char *home = getenv("HOME");
	char path[4096];
	FILE *file;

	if (home == NULL)
		return;
	(void)snprintf(path, sizeof path, "%s/trapped", home);
	file = fopen(path, "we");
	if (file != NULL)
		(void)fclose(file);
}
