/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures and reference files beside the project, which are read in place and never copied.
 * A tree without them is complete all the same: the tests that want them skip.
 *
 *     char path[WEIR_TEST_PATH_MAX];
 *     test_shared_or_skip("data/capture/zeek/dns.pcap", path);
 */
#ifndef WEIR_TESTS_SUPPORT_SHARED_H
#define WEIR_TESTS_SUPPORT_SHARED_H

#include "support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WEIR_TEST_PATH_MAX 4096

/* Writes the path of NAME below the shared folder; ends the running test as skipped, with a
 * message, when it is not there. */
static inline void test_shared_or_skip(const char *name, char ret_path[WEIR_TEST_PATH_MAX])
{
    const char *root = getenv("WEIR_SHARED");
    if (root != NULL) {
        int length = snprintf(ret_path, WEIR_TEST_PATH_MAX, "%s/%s", root, name);
        if (length > 0 && length < WEIR_TEST_PATH_MAX && access(ret_path, R_OK) == 0) {
            return;
        }
    }
    printf("# skipped: shared file %s is not here\n", name);
    fflush(stdout);
    skip();
}

#endif
