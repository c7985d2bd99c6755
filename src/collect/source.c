/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/source.h"

#include <string.h>

/* Changes of port that prove that an exporter does so, and messages from one that disprove it. */
#define HOPS_PROVEN 2u
#define STEADY_MAX  16u

/* Numbers this far apart are near: what is lost in a row, or overtaken. */
#define NEAR 65536

static struct weir_source_port *find_port(struct weir_source *source, uint16_t port)
{
    for (unsigned i = 0; i < source->port_count; i++)
        if (source->ports[i].port == port)
            return &source->ports[i];
    return NULL;
}

bool weir_source_has_port(const struct weir_source *source, uint16_t port)
{
    for (unsigned i = 0; i < source->port_count; i++)
        if (source->ports[i].port == port)
            return true;
    return false;
}

static bool meets(const struct weir_expectation *next, const struct weir_arrival *arrival)
{
    return next->is_known && arrival->number != next->number &&
           arrival->number - next->low <= next->span;
}

bool weir_source_is_continued(const struct weir_source *source, const struct weir_arrival *arrival)
{
    return meets(&source->next, arrival);
}

bool weir_source_hops(const struct weir_source *source)
{
    return source->hops >= HOPS_PROVEN;
}

bool weir_source_is_near(const struct weir_source *source, const struct weir_arrival *arrival)
{
    int32_t distance = (int32_t)(arrival->number - source->next.number);
    return weir_source_hops(source) && distance > -NEAR && distance < NEAR;
}

bool weir_source_strays(const struct weir_source *source, const struct weir_arrival *arrival)
{
    if (source->port_count < 2 || source->has_every_port || meets(&source->next, arrival))
        return false;
    for (unsigned i = 0; i < source->port_count; i++)
        if (source->ports[i].port == arrival->port)
            return meets(&source->ports[i].next, arrival);
    return false;
}

void weir_source_add_port(struct weir_source *source, uint16_t port)
{
    unsigned kept =
        source->port_count < WEIR_SOURCE_PORTS ? source->port_count++ : WEIR_SOURCE_PORTS - 1;
    memmove(&source->ports[1], &source->ports[0], kept * sizeof(source->ports[0]));
    source->ports[0] = (struct weir_source_port){.port = port};
    source->steady = 0;
    if (source->messages > 0 && source->hops < UINT8_MAX)
        source->hops++;
}

void weir_source_drop_port(struct weir_source *source, uint16_t port)
{
    struct weir_source_port *found = find_port(source, port);
    if (!found)
        return;
    source->port_count--;
    memmove(found, found + 1,
            (size_t)(&source->ports[source->port_count] - found) * sizeof(*found));
    source->hops = 0;
}

/* What is overtaken changes no expectation. */
static void expect(struct weir_expectation *next, const struct weir_expectation *after)
{
    int32_t distance = (int32_t)(after->number - next->number);
    if (!next->is_known || distance >= 0 || distance < -NEAR)
        *next = *after;
}

void weir_source_enter(struct weir_source *source, const struct weir_arrival *arrival,
                       enum weir_sequence_counting counting,
                       const struct weir_sequence_message *message)
{
    struct weir_expectation after = {.number = arrival->number, .is_known = arrival->has_number};
    if (counting == WEIR_SEQUENCE_OF_MESSAGES) {
        after.low = arrival->number + 1;
    } else {
        after.low = arrival->number + message->held.flows;
        after.span = message->held.options;
        /* Where sets could not be read, or the next number counts what the next message holds. */
        if (message->slack > 0 || counting == WEIR_SEQUENCE_WITH ||
            counting == WEIR_SEQUENCE_WITH_FLOWS)
            after.is_known = false;
    }
    if (source->messages < UINT8_MAX)
        source->messages++;
    struct weir_source_port *port = find_port(source, arrival->port);
    expect(&source->next, &after);
    if (!port)
        return;
    expect(&port->next, &after);
    if (port != &source->ports[0])
        source->steady = 0;
    else if (source->steady < STEADY_MAX)
        source->steady++;
    if (source->steady == STEADY_MAX)
        source->hops = 0;
}
