/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A harness is one function with libFuzzer's name that takes any bytes and asserts what must hold
 * for all of them. With -Dfuzz=enabled and clang it becomes a fuzzer; in every build replay.c runs
 * it over its seeds as an ordinary test.
 */

#include <glib.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);
