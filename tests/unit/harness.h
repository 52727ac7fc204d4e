/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs one check Suite and prints TAP, so that meson counts single tests. Every test program of
 * every level ends in it.
 */

#include <check.h>

/* Runs and frees the suite. Arguments after the program's name select test cases by name (any of
   them); CK_FORK=no is honoured. Returns main()'s exit status. */
int harness_run(Suite *suite, int argc, char **argv);
/* In a test: ends it as skipped, with the reason. CI counts a skip as a failure. */
_Noreturn void harness_skip(const char *reason);
