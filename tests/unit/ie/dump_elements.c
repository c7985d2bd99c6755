/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads lines "PEN ID NAME" and prints for each what the look-ups find: the element of that
 * number, then the element that its name leads to; check-registry.py compares them with the XML.
 */
#include "ie/element.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print(const struct weir_element *e)
{
    if (e)
        printf("%" PRIu32 "\t%u\t%s\t%s\t%s\t%s\t%d\t%" PRIu64 "\t%" PRIu64 "\t%d\n", e->pen, e->id,
               e->name, weir_type_text((enum weir_type)e->type),
               weir_semantics_text((enum weir_semantics)e->semantics), e->units, e->has_range,
               e->range_min, e->range_max, e->is_deprecated);
    else
        puts("none");
}

int main(void)
{
    char line[256];
    while (fgets(line, sizeof(line), stdin)) {
        char *at = line;
        unsigned long pen = strtoul(at, &at, 10);
        unsigned long id = strtoul(at, &at, 10);
        at += strspn(at, " ");
        at[strcspn(at, "\n")] = 0;
        print(weir_element_find((uint32_t)pen, (uint16_t)id));
        print(weir_element_by_name(at));
    }
    return 0;
}
