/* SPDX-License-Identifier: Apache-2.0 */
#include "ie/element.h"

#include <string.h>

#include "base/nearest.h"
#include "ie/element-tables.h"

static const struct {
    const char *name;
    uint16_t length;
} types[WEIR_TYPE_COUNT] = {
    [WEIR_TYPE_OCTET_ARRAY] = {"octetArray", 65535},
    [WEIR_TYPE_UNSIGNED8] = {"unsigned8", 1},
    [WEIR_TYPE_UNSIGNED16] = {"unsigned16", 2},
    [WEIR_TYPE_UNSIGNED32] = {"unsigned32", 4},
    [WEIR_TYPE_UNSIGNED64] = {"unsigned64", 8},
    [WEIR_TYPE_SIGNED8] = {"signed8", 1},
    [WEIR_TYPE_SIGNED16] = {"signed16", 2},
    [WEIR_TYPE_SIGNED32] = {"signed32", 4},
    [WEIR_TYPE_SIGNED64] = {"signed64", 8},
    [WEIR_TYPE_FLOAT32] = {"float32", 4},
    [WEIR_TYPE_FLOAT64] = {"float64", 8},
    [WEIR_TYPE_BOOLEAN] = {"boolean", 1},
    [WEIR_TYPE_MAC_ADDRESS] = {"macAddress", 6},
    [WEIR_TYPE_STRING] = {"string", 65535},
    [WEIR_TYPE_DATE_TIME_SECONDS] = {"dateTimeSeconds", 4},
    [WEIR_TYPE_DATE_TIME_MILLISECONDS] = {"dateTimeMilliseconds", 8},
    [WEIR_TYPE_DATE_TIME_MICROSECONDS] = {"dateTimeMicroseconds", 8},
    [WEIR_TYPE_DATE_TIME_NANOSECONDS] = {"dateTimeNanoseconds", 8},
    [WEIR_TYPE_IPV4_ADDRESS] = {"ipv4Address", 4},
    [WEIR_TYPE_IPV6_ADDRESS] = {"ipv6Address", 16},
    [WEIR_TYPE_BASIC_LIST] = {"basicList", 65535},
    [WEIR_TYPE_SUB_TEMPLATE_LIST] = {"subTemplateList", 65535},
    [WEIR_TYPE_SUB_TEMPLATE_MULTI_LIST] = {"subTemplateMultiList", 65535},
    [WEIR_TYPE_UNSIGNED256] = {"unsigned256", 32},
};

static const char *const semantics_texts[WEIR_SEMANTICS_COUNT] = {
    [WEIR_SEMANTICS_DEFAULT] = "default",
    [WEIR_SEMANTICS_QUANTITY] = "quantity",
    [WEIR_SEMANTICS_TOTAL_COUNTER] = "totalCounter",
    [WEIR_SEMANTICS_DELTA_COUNTER] = "deltaCounter",
    [WEIR_SEMANTICS_IDENTIFIER] = "identifier",
    [WEIR_SEMANTICS_FLAGS] = "flags",
    [WEIR_SEMANTICS_LIST] = "list",
    [WEIR_SEMANTICS_SNMP_COUNTER] = "snmpCounter",
    [WEIR_SEMANTICS_SNMP_GAUGE] = "snmpGauge",
};

/* Those that data/ has elements of. */
static const struct {
    uint32_t pen;
    const char *name;
} enterprises[] = {
    {0, "IANA"},
    {9, "Cisco"},
    {637, "Nokia"},
    {2011, "Huawei"},
    {2620, "Check Point"},
    {3054, "Ixia"},
    {3746, "Swisscom"},
    {5951, "NetScaler"},
    {6321, "Calix"},
    {6871, "CERT"},
    {6876, "VMware"},
    {8057, "CESNET"},
    {8741, "SonicWall"},
    {9789, "Astaro"},
    {15397, "Procera"},
    {16982, "Masaryk University"},
    {21373, "netfilter"},
    {26866, "Gigamon"},
    {WEIR_PEN_REVERSE, "IANA, reverse"},
    {35632, "ntop"},
    {39499, "Flowmon"},
    {56506, "Antrea"},
    {WEIR_PEN_BUILTIN, "fixed formats"},
};

/* Fibonacci hashing: the high bits of a product depend on all bits of the value. */
static uint32_t slot_of(uint64_t value)
{
    return (uint32_t)((value * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - weir_element_hash_bits));
}

static uint32_t slot_after(uint32_t slot)
{
    return (slot + 1) & ((1u << weir_element_hash_bits) - 1);
}

const struct weir_element *weir_element_find(uint32_t pen, uint16_t id)
{
    for (uint32_t slot = slot_of((uint64_t)pen << 16 | id); weir_element_numbers[slot];
         slot = slot_after(slot)) {
        const struct weir_element *row = &weir_element_rows[weir_element_numbers[slot] - 1];
        if (row->pen == pen && row->id == id)
            return row;
    }
    return NULL;
}

const struct weir_element *weir_element_by_name(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (const char *at = name; *at; at++)
        hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    for (uint32_t slot = slot_of(hash); weir_element_names[slot]; slot = slot_after(slot)) {
        const struct weir_element *row = &weir_element_rows[weir_element_names[slot] - 1];
        if (strcmp(row->name, name) == 0)
            return row;
    }
    return NULL;
}

const struct weir_element *weir_elements(size_t *ret_count)
{
    *ret_count = weir_element_count;
    return weir_element_rows;
}

const struct weir_element *weir_element_nearest(const char *name)
{
    const struct weir_element *nearest = NULL;
    struct weir_nearest search = weir_nearest_begin(name);
    for (uint32_t i = 0; i < weir_element_count; i++)
        if (weir_nearest_offer(&search, weir_element_rows[i].name))
            nearest = &weir_element_rows[i];
    return nearest;
}

const char *weir_type_text(enum weir_type type)
{
    return (unsigned)type < WEIR_TYPE_COUNT ? types[type].name : "unknown type";
}

uint16_t weir_type_length(enum weir_type type)
{
    return (unsigned)type < WEIR_TYPE_COUNT ? types[type].length : 65535;
}

const char *weir_semantics_text(enum weir_semantics semantics)
{
    return (unsigned)semantics < WEIR_SEMANTICS_COUNT ? semantics_texts[semantics] : "default";
}

const char *weir_enterprise_text(uint32_t pen)
{
    for (size_t i = 0; i < sizeof(enterprises) / sizeof(enterprises[0]); i++)
        if (enterprises[i].pen == pen)
            return enterprises[i].name;
    return "";
}
