/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads lines "PEN ID NAME" and prints for each what the look-ups find: the element of that
 * number, then the element that its name leads to; check-registry.py compares them with the XML.
 */
#include "ie/element.h"

#include <inttypes.h>
#include <stdio.h>

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
    uint32_t pen;
    uint16_t id;
    char name[128];
    while (scanf("%" SCNu32 " %" SCNu16 " %127s", &pen, &id, name) == 3) {
        print(weir_element_find(pen, id));
        print(weir_element_by_name(name));
    }
    return 0;
}
