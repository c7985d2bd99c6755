/* SPDX-License-Identifier: Apache-2.0 */
#include "store/duckdb_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

static struct weir_duckdb_api api;
static bool loaded;
static char why_not[200];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    /* Never closed: its threads and exit handlers outlive any one database. */
    void *library = dlopen(WEIR_DUCKDB_LIB, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(why_not, sizeof(why_not), "%s", dlerror());
        return;
    }
    /* POSIX guarantees that dlsym's result converts; the copy is what ISO C allows. */
#define X(name)                                                       \
    *(void **)&api.name = dlsym(library, "duckdb_" #name);            \
    if (!api.name) {                                                  \
        snprintf(why_not, sizeof(why_not),                            \
                 WEIR_DUCKDB_LIB " has no duckdb_" #name ": not the " \
                                 "release weir was built with");      \
        return;                                                       \
    }
    WEIR_DUCKDB_SYMBOLS(X)
#undef X
    loaded = true;
}

const struct weir_duckdb_api *weir_duckdb_api(struct weir_diag *diag)
{
    if (pthread_once(&once, load) == 0 && loaded)
        return &api;
    (void)weir_diag_set(diag, WEIR_E_UNSUPPORTED,
                        "DuckDB, which answers queries, cannot be loaded: %s; `make` fetches it, "
                        "or build with -Dduckdb=FOLDER",
                        why_not);
    return NULL;
}
