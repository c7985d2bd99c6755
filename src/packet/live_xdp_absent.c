/* SPDX-License-Identifier: Apache-2.0 */
/* In place of packet/live_xdp.c where libxdp was not there to build with. */
#include <stdlib.h>

#include "packet/live_impl.h"

static int xdp_open(struct weir_source *source, struct weir_diag *diag)
{
    const struct weir_live *live = source->state;
    return weir_diag_set(diag, WEIR_E_USAGE, "%s: this weir was built without AF_XDP (libxdp)",
                         live->interface);
}

static void xdp_stop(struct weir_source *source)
{
    struct weir_live *live = source->state;
    free(live->interface);
    free(live);
}

const struct weir_live_way weir_live_xdp = {
    .format = {.stop = xdp_stop},
    .state_octets = sizeof(struct weir_live),
    .open = xdp_open,
};
