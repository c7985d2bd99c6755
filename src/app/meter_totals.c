/* SPDX-License-Identifier: Apache-2.0 */
#include "app/meter_totals.h"

void weir_meter_totals_of(struct weir_meter *meter, unsigned process,
                          struct weir_meter_totals *ret_totals)
{
    const struct weir_selection_description *selection = &ret_totals->selection;
    weir_meter_count(meter, &ret_totals->own, &ret_totals->source, &ret_totals->parse,
                     &ret_totals->cache);
    weir_meter_count_process(meter, process, &ret_totals->cache, &ret_totals->selection,
                             &ret_totals->estimates);
    ret_totals->own.packets_selected = selection->count > 0
                                           ? selection->selectors[selection->count - 1].selected
                                           : ret_totals->own.packets;
}

void weir_selection_add(const struct weir_selection_description *from,
                        struct weir_selection_description *into)
{
    for (unsigned i = 0; i < into->count; i++) {
        into->selectors[i].seen += from->selectors[i].seen;
        into->selectors[i].selected += from->selectors[i].selected;
    }
}

void weir_meter_totals_add(const struct weir_meter_totals *from, struct weir_meter_totals *into)
{
    weir_counter_add_all(weir_meter_counter_table, weir_meter_counter_count, &from->own,
                         &into->own);
    weir_counter_add_all(weir_source_counter_table, weir_source_counter_count, &from->source,
                         &into->source);
    weir_parse_counters_add(&from->parse, &into->parse);
    weir_counter_add_all(weir_cache_counter_table, weir_cache_counter_count, &from->cache,
                         &into->cache);
    weir_selection_add(&from->selection, &into->selection);
    weir_estimates_add(&into->estimates, &from->estimates);
}
