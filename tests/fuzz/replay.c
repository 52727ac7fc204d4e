/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs a harness over the files of its seed directory: each as it is, cut off at every length, and
 * with bytes changed here and there, the same ones each time. No fuzzer, but it keeps what a fuzzer
 * found once from coming back, on every compiler.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "harness.h"

#define CUTS_MAX 600u
#define FLIPS    300u

static GPtrArray *seeds; /* paths, sorted */

static int compare_paths(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void find_seeds(const char *path)
{
	GDir *dir = g_dir_open(path, 0, NULL);
	const char *name;

	seeds = g_ptr_array_new_with_free_func(g_free);
	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
		g_ptr_array_add(seeds, g_build_filename(path, name, NULL));
	if (dir != NULL)
		g_dir_close(dir);
	g_ptr_array_sort(seeds, compare_paths);
}

/* In memory of exactly this size, so that a sanitizer sees one byte too many. */
static void run_once(const guint8 *data, gsize len)
{
	guint8 *copy = g_memdup2(data, len);

	(void)LLVMFuzzerTestOneInput(copy, len);
	g_free(copy);
}

START_TEST(seed)
{
	g_autofree char *data = NULL;
	const char *path = g_ptr_array_index(seeds, _i);
	GRand *rand = g_rand_new_with_seed(1);
	gsize len;

	(void)fprintf(stderr, "%s\n", path); /* a crash must name its seed */
	ck_assert(g_file_get_contents(path, &data, &len, NULL));
	run_once((const guint8 *)data, len);
	for (gsize cut = 0; cut < MIN(len, CUTS_MAX); cut++)
		run_once((const guint8 *)data, cut);
	for (unsigned i = 0; len > 0 && i < FLIPS; i++) {
		gsize at = (gsize)g_rand_int_range(rand, 0, (gint32)len);

		/* The changes add up, and every tenth begins anew. */
		if (i % 10 == 0) {
			g_free(g_steal_pointer(&data));
			ck_assert(g_file_get_contents(path, &data, &len, NULL));
		}
		data[at] = (char)g_rand_int_range(rand, 0, 256);
		run_once((const guint8 *)data, len);
	}
	g_rand_free(rand);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("replay");
	TCase *tcase = tcase_create("seeds");
	int status;

	if (argc != 2) {
		(void)fprintf(stderr, "Usage: %s SEED-DIRECTORY\n", argv[0]);
		return 2;
	}
	find_seeds(argv[1]);
	if (seeds->len == 0) {
		(void)fprintf(stderr, "%s: there are no seeds in %s\n", argv[0], argv[1]);
		return 2;
	}

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, seed, 0, (int)seeds->len);
	suite_add_tcase(suite, tcase);
	status = harness_run(suite, 1, argv);
	g_ptr_array_unref(seeds);
	return status;
}
