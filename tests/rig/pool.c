/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the pool of test keys at build time: two dozen RSA keys take seconds, once. */
#include "mint.h"

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	if (argc != 2) {
		g_printerr("usage: %s FILE\n", argv[0]);
		return 2;
	}
	if (!mint_pool(argv[1], &error)) {
		g_printerr("cannot make the test keys: %s\n", error->message);
		return 1;
	}
	return 0;
}
