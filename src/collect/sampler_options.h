/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What records of Options Templates say of sampling, in the dialects that exporters speak, and of
 * the time at which sysUpTime began.
 *
 * The interval is the first there is of: samplingSize of samplingPopulation (309, 310);
 * samplingPacketInterval of it and samplingPacketSpace (305, 306); the same in time (307, 308);
 * samplingProbability (311); samplerRandomInterval (50); samplingInterval (34);
 * samplingPacketInterval by itself, which then is meant as one in so many; the selected ranges of a
 * hash function's range (329 to 332); and what was selected of what was observed (319, 318). It is
 * of the sampler or selector that the record names (48, 302), or else of the Template (145), the
 * interface (10, 14, NetFlow v9's scope), or the whole domain, which is the message's or that of
 * observationDomainId; id 0 of a Template or an interface means all. Other scopes, such as line
 * cards and processes, are taken as the whole domain.
 *
 * Of PSAMP (RFC 5476 section 6.5) there are the Selector Report Interpretation, where a selector
 * that filters by properties (selectorAlgorithm 5) is one of one, and the Selection Sequence Report
 * Interpretation, which lists the selectors of a sequence (301). Its statistics say nothing of how
 * selectors are configured and are left out.
 *
 * A selector with a flowSelectorAlgorithm is one of Flow Records (RFC 7014 section 9); so many
 * flows of so many are also in 396 and 397, and in time in 398 and 399.
 *
 * A learner of collect/options.h: what it learns is in the session's exporter and, sysUpTime's
 * beginning, in the session.
 */
#ifndef WEIR_COLLECT_SAMPLER_OPTIONS_H
#define WEIR_COLLECT_SAMPLER_OPTIONS_H

struct weir_options_learner;

extern const struct weir_options_learner weir_sampler_learner;

#endif
