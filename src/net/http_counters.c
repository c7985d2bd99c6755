/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#define ROW(member, help) WEIR_COUNTER(struct weir_http_counters, member, NONE, help)
const struct weir_counter weir_http_counter_table[] = {
    ROW(http_requests, "requests that a page answered"),
    ROW(http_requests_refused, "requests for what there is not, or with another method than GET"),
    ROW(http_connections_cut, "connections that took too long"),
};
#undef ROW
const size_t weir_http_counter_count =
    sizeof(weir_http_counter_table) / sizeof(weir_http_counter_table[0]);
