/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/timing.h"

#include "base/bytes.h"
#include "base/clock.h"

#define MEAN_MESSAGES  16 /* that the mean follows */
#define WINDOW_NS      (UINT64_C(60) * WEIR_NS_PER_SECOND)
#define SKEW_FLOOR_NS  (UINT64_C(2) * WEIR_NS_PER_SECOND)
#define SKEW_STEP_NS   (UINT64_C(1) * WEIR_NS_PER_SECOND)
#define HEADER_STEP_NS WEIR_NS_PER_SECOND
#define RESTART_NS     (3600 * WEIR_NS_PER_SECOND)
#define DELAY_NS       (10 * WEIR_NS_PER_SECOND) /* most that a network is thought to take */
#define PACE_SHARE     1024                      /* clocks differ: so much of it is followed */

#define FLOW_END_SYS_UP_TIME   21u
#define FLOW_START_SYS_UP_TIME 22u
#define SYSTEM_INIT_TIME       160u

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
}

/* Within 73 years, so that means and differences of it stay in their range. */
static int64_t skew_of(int64_t received_ns, int64_t export_time_ns)
{
    const int64_t most = INT64_C(1) << 61;
    int64_t skew_ns;
    if (__builtin_sub_overflow(received_ns, export_time_ns, &skew_ns))
        return received_ns < 0 ? -most : most;
    if (skew_ns > most)
        return most;
    return skew_ns < -most ? -most : skew_ns;
}

int64_t weir_skew_least(const struct weir_skew *skew)
{
    return smaller(skew->least_ns[0], skew->least_ns[1]);
}

void weir_skew_take(struct weir_skew *skew, int64_t received_ns, int64_t export_time_ns)
{
    int64_t now_ns = skew_of(received_ns, export_time_ns);
    if (!skew->has_started)
        *skew = (struct weir_skew){
            .has_started = true,
            .mean_ns = now_ns,
            .least_ns = {now_ns, now_ns},
            .window_from_ns = received_ns,
        };
    skew->mean_ns += (now_ns - skew->mean_ns) / MEAN_MESSAGES;
    if (distance(received_ns, skew->window_from_ns) >= WINDOW_NS) {
        skew->least_ns[1] = skew->least_ns[0];
        skew->least_ns[0] = now_ns;
        skew->window_from_ns = received_ns;
    }
    skew->least_ns[0] = smaller(skew->least_ns[0], now_ns);
    int64_t least_ns = weir_skew_least(skew);
    if (distance(least_ns, skew->step_ns) > SKEW_STEP_NS)
        skew->step_ns = distance(least_ns, 0) < SKEW_FLOOR_NS ? 0 : least_ns;
}

int64_t weir_skew_shift(const struct weir_skew *skew, const struct weir_exporter *exporter)
{
    const int64_t shifts[] = {
        [WEIR_SKEW_KEEP] = 0,
        [WEIR_SKEW_ADD] = exporter->skew_ns,
        [WEIR_SKEW_AUTO] = skew->step_ns,
    };
    return shifts[exporter->skew_mode];
}

/* Where an element of fixed length stands in the first record of a Template. */
static bool find_field(const struct weir_template *source, uint16_t id, uint16_t field_length,
                       size_t *ret_offset)
{
    size_t offset = 0;
    for (uint16_t i = 0; i < source->field_count; i++) {
        const struct weir_field *field = &source->fields[i];
        if (field->pen == 0 && field->id == id && field->length == field_length) {
            *ret_offset = offset;
            return true;
        }
        if (field->length == WEIR_LENGTH_VARIABLE)
            return false;
        offset += field->length;
    }
    return false;
}

/* The latest sysUpTime of a run of records; of the first only where they are of any length. */
static uint32_t latest_uptime(const struct weir_template *source, const uint8_t *octets,
                              size_t length, size_t offset)
{
    uint32_t latest = weir_load_be32(octets + offset);
    if (source->is_variable)
        return latest;
    for (size_t at = 0; length - at >= source->record_length; at += source->record_length) {
        uint32_t uptime_ms = weir_load_be32(octets + at + offset);
        if ((int32_t)(uptime_ms - latest) > 0)
            latest = uptime_ms;
    }
    return latest;
}

/* How long before its message a flow ended whose sysUpTime began so. */
static int64_t age_of(uint32_t uptime_ms, int64_t zero_ns, int64_t export_time_ns)
{
    uint32_t now_ms = (uint32_t)((export_time_ns - zero_ns) / WEIR_NS_PER_MS);
    return (int64_t)(int32_t)(now_ms - uptime_ms) * WEIR_NS_PER_MS;
}

static bool is_plausible(int64_t age_ns, int64_t ahead_ns)
{
    return age_ns >= -ahead_ns && age_ns <= RESTART_NS;
}

static int64_t init_time_of(const uint8_t *octets)
{
    uint64_t init_ms = weir_load_be64(octets);
    return init_ms <= (uint64_t)(INT64_MAX / WEIR_NS_PER_MS) ? (int64_t)init_ms * WEIR_NS_PER_MS
                                                             : 0;
}

int64_t weir_uptime_zero(struct weir_uptime *uptime, const struct weir_template *source,
                         const uint8_t *octets, size_t length, int64_t export_time_ns)
{
    size_t offset, init_offset;
    if (source->record_length == 0 || length < source->record_length ||
        (!find_field(source, FLOW_END_SYS_UP_TIME, 4, &offset) &&
         !find_field(source, FLOW_START_SYS_UP_TIME, 4, &offset)))
        return export_time_ns;
    uint32_t latest = latest_uptime(source, octets, length, offset);
    int64_t init_ns = uptime->init_time_ns;
    if (find_field(source, SYSTEM_INIT_TIME, 8, &init_offset))
        init_ns = init_time_of(octets + init_offset);
    if (init_ns && is_plausible(age_of(latest, init_ns, export_time_ns), HEADER_STEP_NS))
        return init_ns;
    if (uptime->zero_ns == 0 || !is_plausible(age_of(latest, uptime->zero_ns, export_time_ns), 0))
        uptime->zero_ns = export_time_ns - latest * WEIR_NS_PER_MS;
    return uptime->zero_ns;
}

int64_t weir_uptime_sent(struct weir_uptime *uptime, uint32_t uptime_ms, int64_t received_ns)
{
    int64_t zero_ns, later_ns;
    /* Captures may say any time, also one that nothing can have been before. */
    if (__builtin_sub_overflow(received_ns, uptime_ms * WEIR_NS_PER_MS, &zero_ns) ||
        __builtin_sub_overflow(zero_ns, uptime->zero_ns, &later_ns))
        return received_ns;
    bool is_first = uptime->zero_ns == 0 || later_ns > DELAY_NS;
    bool is_new = is_first || uptime_ms > uptime->latest_ms;
    if (is_first || later_ns < 0)
        uptime->zero_ns = zero_ns;
    else if (is_new)
        uptime->zero_ns += later_ns / PACE_SHARE;
    if (is_new)
        uptime->latest_ms = uptime_ms;
    return uptime->zero_ns + uptime_ms * WEIR_NS_PER_MS;
}
