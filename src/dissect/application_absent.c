/* SPDX-License-Identifier: Apache-2.0 */
/* Applications where weir is built without nDPI. */
#include "dissect/application.h"

bool weir_applications_are_known(void)
{
    return false;
}

int weir_applications_new(uint32_t entries, uint32_t regions,
                          struct weir_applications **ret_applications, struct weir_diag *diag)
{
    (void)entries;
    (void)regions;
    (void)ret_applications;
    return weir_diag_set(diag, WEIR_E_UNSUPPORTED,
                         "applications are told by nDPI, and this weir was built without it "
                         "(Debian package libndpi-dev)");
}

void weir_applications_free(struct weir_applications *applications)
{
    (void)applications;
}

const struct weir_application_counters *weir_applications_counters(
    const struct weir_applications *applications)
{
    static const struct weir_application_counters none;
    (void)applications;
    return &none;
}

uint64_t weir_applications_octets(const struct weir_applications *applications)
{
    (void)applications;
    return 0;
}

void weir_applications_look_closely(struct weir_applications *applications,
                                    struct weir_application_search *search,
                                    const struct weir_payload *payload)
{
    (void)applications;
    (void)payload;
    search->is_done = true;
}

void weir_applications_finish(struct weir_applications *applications,
                              struct weir_application_search *search, unsigned region)
{
    (void)applications;
    (void)search;
    (void)region;
}

void weir_applications_release(struct weir_applications *applications,
                               struct weir_application_search *search, unsigned region)
{
    (void)applications;
    (void)region;
    *search = (struct weir_application_search){0};
}

size_t weir_applications_name(const struct weir_applications *applications,
                              const struct weir_application_search *search,
                              char ret_name[WEIR_APPLICATION_NAME_OCTETS_MAX])
{
    (void)applications;
    (void)search;
    (void)ret_name;
    return 0;
}
