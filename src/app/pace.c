/* SPDX-License-Identifier: Apache-2.0 */
#include "app/pace.h"

#include "base/clock.h"

/* Further away than anybody waits, and far from where sums overflow. */
#define FAR_NS ((double)(INT64_MAX / 4))

void weir_pace_begin(struct weir_pace *pace, const struct weir_pace_config *config, int64_t now_ns)
{
    *pace = (struct weir_pace){.config = *config, .start_ns = now_ns, .due_ns = now_ns};
}

void weir_pace_splice(struct weir_pace *pace)
{
    pace->has_origin = false;
}

/* After `count` messages at the rate. */
static int64_t by_rate(const struct weir_pace *pace)
{
    uint64_t rate = pace->config.rate;
    uint64_t seconds = pace->count / rate, rest = pace->count % rate;
    return pace->start_ns + (int64_t)seconds * WEIR_NS_PER_SECOND +
           (int64_t)((double)rest / (double)rate * (double)WEIR_NS_PER_SECOND);
}

/* As long after the recording's first message as it was recorded, sped up. */
static int64_t by_speed(const struct weir_pace *pace, int64_t recorded_ns)
{
    double after = ((double)recorded_ns - (double)pace->origin_ns) / pace->config.speed;
    if (after <= 0)
        return pace->due_ns;
    return pace->origin_due + (int64_t)(after < FAR_NS ? after : FAR_NS);
}

int64_t weir_pace_next(struct weir_pace *pace, int64_t recorded_ns)
{
    int64_t due_ns = pace->start_ns;
    if (!pace->has_origin) {
        pace->has_origin = true;
        pace->origin_ns = recorded_ns;
        pace->origin_due = pace->due_ns;
    }
    if (pace->config.rate > 0)
        due_ns = by_rate(pace);
    else if (pace->config.speed > 0)
        due_ns = by_speed(pace, recorded_ns);
    pace->count++;
    if (due_ns > pace->due_ns)
        pace->due_ns = due_ns;
    return pace->due_ns;
}
