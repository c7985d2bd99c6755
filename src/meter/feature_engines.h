/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What features keep outside of their states: names and applications, which need much room for few
 * flows and for a short time. A cache whose definition has such fields makes the engines, and says
 * when a flow ends. Private to meter/.
 */
#ifndef WEIR_METER_FEATURE_ENGINES_H
#define WEIR_METER_FEATURE_ENGINES_H

#include "dissect/application.h"
#include "dissect/names.h"
#include "meter/cache.h"
#include "meter/feature.h"
#include "meter/property.h"

struct weir_feature_engines {
    struct weir_name_finder names;
    struct weir_applications *applications; /* NULL: no field needs them */
};

/*
 * The engines of a cache of so many flows in so many regions. 0; WEIR_E_NOMEM; WEIR_E_UNSUPPORTED
 * with diag.
 */
WEIR_CHECKED int weir_feature_engines_new(const struct weir_feature_set *set, uint32_t entries,
                                          uint32_t regions,
                                          struct weir_feature_engines **ret_engines,
                                          struct weir_diag *diag);

/* All flows have been released. NULL does nothing. */
void weir_feature_engines_free(struct weir_feature_engines *engines);

/* Octets that names and flows in nDPI's hands take; they only become more. NULL has none. */
uint64_t weir_feature_engines_octets(const struct weir_feature_engines *engines);

/* Sets the counters of names and applications. NULL does nothing. */
void weir_feature_engines_count(const struct weir_feature_engines *engines,
                                struct weir_cache_counters *counters);

/* The functions of the features' table. */
void weir_names_update(void *state, const struct weir_feature_packet *in);
void weir_names_finish_state(void *state, struct weir_feature_engines *engines, unsigned region);
void weir_names_release_state(void *state, struct weir_feature_engines *engines, unsigned region);
void weir_application_update(void *state, const struct weir_feature_packet *in);
void weir_application_finish_state(void *state, struct weir_feature_engines *engines,
                                   unsigned region);
void weir_application_release_state(void *state, struct weir_feature_engines *engines,
                                    unsigned region);

/* Those of the properties'. */
bool weir_write_name(const struct weir_flow_view *flow, const struct weir_flow_property *property,
                     uint8_t *octets);
bool weir_write_dns_type(const struct weir_flow_view *flow,
                         const struct weir_flow_property *property, uint8_t *octets);
bool weir_write_tls_version(const struct weir_flow_view *flow,
                            const struct weir_flow_property *property, uint8_t *octets);
bool weir_write_quic_version(const struct weir_flow_view *flow,
                             const struct weir_flow_property *property, uint8_t *octets);
bool weir_write_application(const struct weir_flow_view *flow,
                            const struct weir_flow_property *property, uint8_t *octets);

#endif
