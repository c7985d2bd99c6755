/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of a store as its writers share it: the marker, temporaries and who they belong to,
 * and the step by which a temporary becomes a file of the store.
 *
 * Each writer has a folder of its own below DIR/.tmp, named uniquely, and holds a lock (flock) on
 * the file `lock` in it while it lives. A folder whose lock is free belongs to a writer that died,
 * and is removed. DIR/.tmp/lock is held while folders are made or removed.
 *
 *     weir_folder_open("/var/lib/weir", now_ns, &folder, &diag);
 *     int fd = weir_folder_create(&folder, 7, &diag);        // DIR/.tmp/ID/7.parquet
 *     ...
 *     weir_folder_publish(&folder, 7, "date=.../hour=...", &name, &diag);
 *     weir_folder_close(&folder);
 *
 * Threads: one owner.
 */
#ifndef WEIR_STORE_FOLDER_H
#define WEIR_STORE_FOLDER_H

#include <stdint.h>

#include "base/error.h"
#include "store/schema.h"

#define WEIR_FOLDER_ID_MAX   48
#define WEIR_FOLDER_TEMP_MAX (WEIR_FOLDER_ID_MAX + 40)

struct weir_folder {
    char *path;                  /* as the user gave it */
    int root_fd;                 /* of DIR */
    int lock_fd;                 /* of our lock; -1: none */
    char id[WEIR_FOLDER_ID_MAX]; /* letters, digits and '-' */
    uint64_t removed;            /* temporaries of writers that died */
};

/* As weir_store_writer_open; `now_ns` goes into the id. */
WEIR_CHECKED int weir_folder_open(const char *path, int64_t now_ns, struct weir_folder *ret_folder,
                                  struct weir_diag *diag);

/* Removes our own temporaries. */
void weir_folder_close(struct weir_folder *folder);

/* A new temporary open for writing, or WEIR_E_IO. */
WEIR_CHECKED int weir_folder_create(const struct weir_folder *folder, uint64_t number,
                                    struct weir_diag *diag);
void weir_folder_remove(const struct weir_folder *folder, uint64_t number);

/* "DIR/.tmp/ID/7.parquet: " before what a diag says. */
void weir_folder_blame(const struct weir_folder *folder, uint64_t number, struct weir_diag *diag);

/*
 * Gives a temporary, whose octets are on disk, its place and name in the store; both are on disk
 * when it returns. Never replaces a file. 0, or WEIR_E_IO: the temporary is still there.
 */
WEIR_CHECKED int weir_folder_publish(const struct weir_folder *folder, uint64_t number,
                                     const char *partition, const struct weir_store_name *name,
                                     struct weir_diag *diag);

/*
 * The last step of it by itself, for files that wait elsewhere in the store: moves `from` in the
 * folder from_fd to its partition. One that is there already was moved before. 0, or -1 with errno.
 */
WEIR_CHECKED int weir_folder_place(int root_fd, int from_fd, const char *from,
                                   const char *partition, const char *file);

/* Makes and takes the lock of a file; -1 with EWOULDBLOCK where another has it. */
WEIR_CHECKED int weir_folder_lock(int folder_fd, const char *path);

/* The temporary's path below the store. */
void weir_folder_temporary(const struct weir_folder *folder, uint64_t number,
                           char path[WEIR_FOLDER_TEMP_MAX]);

#endif
