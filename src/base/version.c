/* SPDX-License-Identifier: Apache-2.0 */
#include "base/version.h"

const char *weir_version(void)
{
    return WEIR_VERSION;
}
