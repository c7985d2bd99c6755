/* SPDX-License-Identifier: Apache-2.0 */
/* What net/http.h is in a build without libmicrohttpd: nothing can be opened. */
#include "net/http.h"

int weir_http_open(const struct weir_http_config *config, struct weir_http **ret_http,
                   struct weir_diag *diag)
{
    (void)ret_http;
    return weir_diag_set(diag, WEIR_E_UNSUPPORTED,
                         "'%s': this weir was built without libmicrohttpd, which serves pages: "
                         "install libmicrohttpd-dev and build again",
                         config->address);
}

/* No server can exist, so the rest is never called with one. */

void weir_http_close(struct weir_http *http)
{
    (void)http;
}

uint16_t weir_http_port(const struct weir_http *http)
{
    (void)http;
    return 0;
}

int weir_http_fd(const struct weir_http *http)
{
    (void)http;
    return -1;
}

int weir_http_wait(const struct weir_http *http)
{
    (void)http;
    return -1;
}

void weir_http_serve(struct weir_http *http)
{
    (void)http;
}

struct weir_http_counters weir_http_count(const struct weir_http *http)
{
    (void)http;
    return (struct weir_http_counters){0};
}
