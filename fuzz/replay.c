/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over the files of the folders given: what a compiler without libFuzzer
 * can do with the seeds. Exit 0 when every seed was read and none crashed. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int replay_file(const char *path)
{
    struct stat status;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        perror(path);
        if (file != NULL) {
            fclose(file);
        }
        return -1;
    }
    /* Exactly the size, so that ASan sees a read past the end. */
    size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    int result = -1;
    if (data == NULL || fread(data, 1, size, file) != size) {
        perror(path);
    } else {
        (void)LLVMFuzzerTestOneInput(data, size);
        result = 0;
    }
    free(data);
    fclose(file);
    return result;
}

static int replay_folder(const char *folder, size_t *count)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        perror(folder);
        return -1;
    }
    int result = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[4096];
        if (entry->d_name[0] == '.') {
            continue;
        }
        int length = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (length < 0 || (size_t)length >= sizeof(path) || replay_file(path) != 0) {
            result = -1;
        } else {
            ++*count;
        }
    }
    closedir(dir);
    return result;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    int result = 0;
    for (int i = 1; i < argc; i++) {
        if (replay_folder(argv[i], &count) != 0) {
            result = 1;
        }
    }
    printf("%zu seeds\n", count);
    return count > 0 ? result : 1;
}
