/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/report.h"

#include "collect/counters.h"

struct weir_report_counters weir_report_take(struct weir_report_counters *before,
                                             const struct weir_collect_counters *counters)
{
    struct weir_report_counters more;
#define X(name)                                         \
    more.name = (int64_t)counters->name - before->name; \
    before->name = (int64_t)counters->name;
    WEIR_REPORT_COUNTERS(X)
#undef X
    return more;
}

void weir_report_join(struct weir_report_counters *heir, const struct weir_report_counters *other)
{
#define X(name) heir->name += other->name;
    WEIR_REPORT_COUNTERS(X)
#undef X
}
