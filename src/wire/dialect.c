/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/dialect.h"

#include <stddef.h>

static const struct weir_dialect *const dialects[] = {
    &weir_dialect_ipfix,
    &weir_dialect_netflow9,
    &weir_dialect_netflow5,
};

const struct weir_dialect *weir_dialect_find(unsigned protocol)
{
    for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
        if ((unsigned)dialects[i]->protocol == protocol)
            return dialects[i];
    return NULL;
}

const char *weir_protocol_text(enum weir_protocol protocol)
{
    const struct weir_dialect *dialect = weir_dialect_find((unsigned)protocol);
    return dialect ? dialect->name : "unknown";
}

const struct weir_template *weir_message_builtin_template(enum weir_protocol protocol)
{
    const struct weir_dialect *dialect = weir_dialect_find((unsigned)protocol);
    return dialect ? dialect->builtin : NULL;
}
