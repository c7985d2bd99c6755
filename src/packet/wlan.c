/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IEEE 802.11: data frames as stations and access points send them, with LLC inside. What captures
 * put before a frame has a length of its own, so that of it only that counts.
 */
#include "base/bytes.h"
#include "packet/link.h"

static enum weir_rest too_short(const struct weir_link_cursor *cursor)
{
    return weir_link_too_short(cursor, WEIR_REST_MALFORMED_LINK);
}

/* Octets of a data frame's header with this frame control; 0: it carries nothing to be read. */
static uint32_t header_octets(const uint8_t *control)
{
    enum {
        TYPE = 0x0f, /* with the version, which is 0 */
        DATA = 0x08,
        NO_DATA = 0x40,
        QOS = 0x80,
        TO_AND_FROM_DS = 0x03,
        PROTECTED = 0x40,
        ORDER = 0x80, /* of QoS frames: there is an HT control field */
    };
    if ((control[0] & TYPE) != DATA || control[0] & NO_DATA || control[1] & PROTECTED)
        return 0;
    bool is_qos = control[0] & QOS;
    return 24u + ((control[1] & TO_AND_FROM_DS) == TO_AND_FROM_DS ? 6u : 0u) + (is_qos ? 2u : 0u) +
           (is_qos && control[1] & ORDER ? 4u : 0u);
}

enum weir_rest weir_wlan_frame(struct weir_link_cursor *cursor)
{
    enum {
        QOS = 0x80,
        ORDER = 0x80,
        AGGREGATED = 0x80,
        MORE_FRAGMENTS = 0x04,
        FRAGMENT = 0x0f,
        ALIGNMENT = 4,
    };
    if (cursor->left < 2)
        return too_short(cursor);
    uint32_t octets = header_octets(cursor->at);
    if (octets == 0)
        return WEIR_REST_WLAN;
    const uint8_t *header = weir_link_take(cursor, octets);
    if (!header)
        return too_short(cursor);
    bool is_qos = header[0] & QOS;
    uint32_t control = octets - (is_qos && header[1] & ORDER ? 6 : 2);
    if (header[1] & MORE_FRAGMENTS || header[22] & FRAGMENT)
        return WEIR_REST_WLAN_FRAGMENT;
    if (is_qos && header[control] & AGGREGATED)
        return WEIR_REST_WLAN_AGGREGATED;
    if (cursor->is_padded && octets % ALIGNMENT &&
        !weir_link_take(cursor, ALIGNMENT - octets % ALIGNMENT))
        return too_short(cursor);
    return weir_link_go_on(cursor, WEIR_LAYER_LLC);
}

/* The octet of radiotap's flags in a header of `octets`, or 0 where it has none. */
static uint8_t radiotap_flags(const uint8_t *header, uint32_t octets)
{
    enum { PRESENT = 4, HAS_TIME = 1, HAS_FLAGS = 2, MORE = 0x80 };
    uint32_t at = PRESENT;
    while (at + 4 <= octets && header[at + 3] & MORE)
        at += 4;
    at += 4;
    if (!(header[PRESENT] & HAS_FLAGS))
        return 0;
    if (header[PRESENT] & HAS_TIME)
        at = (at + 7) / 8 * 8 + 8;
    return at < octets ? header[at] : 0;
}

enum weir_rest weir_wlan_radiotap(struct weir_link_cursor *cursor)
{
    enum { OCTETS_MIN = 8, IS_PADDED = 0x20 };
    if (cursor->left < OCTETS_MIN)
        return too_short(cursor);
    uint32_t octets = weir_load_le16(cursor->at + 2);
    if (cursor->at[0] != 0 || octets < OCTETS_MIN)
        return WEIR_REST_MALFORMED_LINK;
    const uint8_t *header = weir_link_take(cursor, octets);
    if (!header)
        return too_short(cursor);
    cursor->is_padded = radiotap_flags(header, octets) & IS_PADDED;
    return weir_link_go_on(cursor, WEIR_LAYER_WLAN);
}

/* Both have their length in 32 bits behind the first four octets, of the order that is asked. */
static enum weir_rest with_length(struct weir_link_cursor *cursor, bool is_big)
{
    if (cursor->left < 8)
        return too_short(cursor);
    uint32_t octets = is_big ? weir_load_be32(cursor->at + 4) : weir_load_le32(cursor->at + 4);
    if (octets < 8)
        return WEIR_REST_MALFORMED_LINK;
    return weir_link_take(cursor, octets) ? weir_link_go_on(cursor, WEIR_LAYER_WLAN)
                                          : too_short(cursor);
}

enum weir_rest weir_wlan_avs(struct weir_link_cursor *cursor)
{
    return with_length(cursor, true);
}

/* Of the host's order; some drivers say prism and write AVS. */
enum weir_rest weir_wlan_prism(struct weir_link_cursor *cursor)
{
    enum { MAGIC_AVS = 0x80211 };
    bool is_avs = cursor->left >= 4 && weir_load_be32(cursor->at) >> 12 == MAGIC_AVS;
    bool is_big = is_avs || (cursor->left >= 8 && cursor->at[4] == 0 && cursor->at[5] == 0);
    return with_length(cursor, is_big);
}
