/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The version of this build. It comes from meson.build and from nowhere else.
 *
 *     printf("weir %s\n", weir_version());
 */
#ifndef WEIR_BASE_VERSION_H
#define WEIR_BASE_VERSION_H

/* MAJOR.MINOR.PATCH, a static string; any thread. */
const char *weir_version(void);

#endif
