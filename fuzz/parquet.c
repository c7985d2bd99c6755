/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as one of the store: its footer, and every column chunk that the footer speaks of. */
#include "fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/pages.h"

#define CHUNKS_MAX 500u /* a footer may speak of more than there is time for */

struct reading {
    int fd;
    struct weir_pages *pages;
    unsigned chunks;
};

static int visit(void *context, const struct weir_footer_group *group)
{
    struct reading *reading = context;
    for (unsigned i = 0; i < WEIR_LEAF_COUNT && reading->chunks < CHUNKS_MAX; i++) {
        struct weir_leaf_values values;
        struct weir_diag diag = {0};
        if (!group->chunks[i].is_there)
            continue;
        reading->chunks++;
        int result = weir_pages_read(reading->pages, reading->fd, &group->chunks[i],
                                     (enum weir_leaf)i, group->rows, &values, &diag);
        if (result < 0 ? !diag.text[0] : values.row_count != group->rows)
            abort();
        /* Every value is there to be read, and is 0 where it is said to be none. */
        for (uint32_t row = 0; result == 0 && row < values.row_count; row++)
            if (weir_leaf_value(&values, row) != 0 && values.has && !values.has[row])
                abort();
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading reading = {.fd = memfd_create("parquet", MFD_CLOEXEC)};
    struct weir_diag diag = {0};
    if (reading.fd < 0 || write(reading.fd, data, size) != (ssize_t)size ||
        weir_pages_new(&reading.pages) < 0)
        abort();
    int result = weir_footer_read(reading.fd, visit, &reading, &diag);
    if (result < 0 && !diag.text[0])
        abort();
    weir_pages_free(reading.pages);
    close(reading.fd);
    return 0;
}
