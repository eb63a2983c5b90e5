/* A runtime directory of the test's own, and a look at what buses leave behind. */
#ifndef CANRING_TESTS_VIRTUAL_ROOM_H
#define CANRING_TESTS_VIRTUAL_ROOM_H

#include "bus_pump.h"

#include "can/virtual.h"
#include "shm/runtime_dir.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char room[] = "/tmp/canring-test-XXXXXX";

static inline int enter_room(void)
{
    return mkdtemp(room) ? setenv("CANRING_RUNTIME_DIR", room, 1) : -1;
}

static inline void leave_room(void)
{
    rmdir(room);
}

static inline unsigned files_in(const char *directory, const char *prefix)
{
    unsigned count = 0;
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    if (dir)
        closedir(dir);
    return count;
}

/* Objects in /dev/shm and FIFOs of the buses in this room. */
static inline unsigned leftovers(void)
{
    char name[128], mark[128];
    struct canring_error err;
    if (cr_shm_name(name, sizeof(name), "bus", "x", NULL, &err))
        return 999;
    snprintf(mark, sizeof(mark), "%.*s", (int)strlen("canring-01234567.bus."), name + 1);
    return files_in("/dev/shm", mark) + files_in(room, "");
}

static inline struct canring_bus_options virtual_options(const char *name)
{
    return (struct canring_bus_options){
        .interface = "virtual",
        .channel = name,
        .fd = true,
        .xl = true,
        .filters.error_mask = CANRING_ID_MASK_EXT,
    };
}

static inline int open_virtual(struct pump *pump, const char *name)
{
    struct canring_bus_options options = virtual_options(name);
    return pump_open(pump, &cr_driver_virtual, &options, false);
}

#endif
