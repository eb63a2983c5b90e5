#include "proxy/doctor.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <limits.h>
#include <linux/can.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "can/loop.h"
#include "shm/huge.h"

#define NAMES_MAX 4096
#define LINE      4096 /* the kernel's command line is the longest */

/* ---- what is tried ----------------------------------------------------------------------------
 */

static void try_can(struct cr_machine *machine)
{
    int fd = socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC, CAN_RAW);
    machine->can_error = fd < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
}

static void try_uring(struct cr_machine *machine)
{
    struct io_uring ring;
    struct cr_loop *loop;
    struct io_uring_params params = {.flags =
                                         IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    machine->uring_error = io_uring_queue_init(2, &ring, 0);
    if (machine->uring_error < 0)
        return;
    io_uring_queue_exit(&ring);
    machine->uring_defer = io_uring_queue_init_params(2, &ring, &params) == 0;
    if (machine->uring_defer)
        io_uring_queue_exit(&ring);
    if (cr_loop_open(&loop, false, NULL) == 0) {
        machine->uring_multishot = cr_loop_has_recvmsg(loop);
        cr_loop_close(loop);
    }
}

static void try_shm(struct cr_machine *machine)
{
    struct statfs fs;
    machine->shm_mounted = statfs("/dev/shm", &fs) == 0;
    if (!machine->shm_mounted)
        return;
    machine->shm_tmpfs = fs.f_type == TMPFS_MAGIC;
    machine->shm_bytes = (uint64_t)fs.f_blocks * (uint64_t)fs.f_frsize;
    machine->shm_free = (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
    if (faccessat(AT_FDCWD, "/dev/shm", W_OK | X_OK, AT_EACCESS) < 0)
        machine->shm_error = -errno;
}

void cr_machine_probe(struct cr_machine *machine)
{
    *machine = (struct cr_machine){.root = "", .link = cr_link_get};
    try_can(machine);
    try_uring(machine);
    try_shm(machine);
    machine->huge_error = cr_huge_check(NULL);
}

/* ---- what is read -----------------------------------------------------------------------------
 */

static FILE *open_below(const struct cr_machine *machine, const char *path)
{
    char whole[PATH_MAX];
    int length = snprintf(whole, sizeof(whole), "%s/%s", machine->root, path);
    return length < (int)sizeof(whole) ? fopen(whole, "re") : NULL;
}

static void cut_blanks(char *text)
{
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
}

bool cr_machine_line(const struct cr_machine *machine, const char *path, char *text, size_t space)
{
    FILE *file = open_below(machine, path);
    text[0] = '\0';
    if (!file)
        return false;
    bool got = fgets(text, (int)space, file) != NULL;
    fclose(file);
    cut_blanks(text);
    return got;
}

bool cr_machine_number(const struct cr_machine *machine, const char *path, int64_t *value)
{
    char text[64], *end = text;
    *value = 0;
    if (cr_machine_line(machine, path, text, sizeof(text)))
        *value = strtoll(text, &end, 10);
    return end != text;
}

bool cr_machine_there(const struct cr_machine *machine, const char *path)
{
    char whole[PATH_MAX];
    int length = snprintf(whole, sizeof(whole), "%s/%s", machine->root, path);
    return length < (int)sizeof(whole) && access(whole, F_OK) == 0;
}

bool cr_machine_field(const struct cr_machine *machine, const char *path, const char *key,
                      char *text, size_t space)
{
    char line[LINE];
    size_t length = strlen(key);
    bool found = false;
    FILE *file = open_below(machine, path);
    text[0] = '\0';
    while (file && !found && fgets(line, sizeof(line), file)) {
        found = strncmp(line, key, length) == 0;
        if (!found)
            continue;
        cut_blanks(line);
        snprintf(text, space, "%s", line + length + strspn(line + length, " \t:"));
    }
    if (file)
        fclose(file);
    return found;
}

bool cr_machine_boot(const struct cr_machine *machine, const char *key, char *text, size_t space)
{
    char line[LINE], *rest = line, *word;
    size_t length = strlen(key);
    text[0] = '\0';
    if (!cr_machine_line(machine, "proc/cmdline", line, sizeof(line)))
        return false;
    while ((word = strsep(&rest, " ")) != NULL) {
        if (strncmp(word, key, length) != 0 || word[length] != '=')
            continue;
        snprintf(text, space, "%s", word + length + 1);
        return true;
    }
    return false;
}

uint64_t cr_machine_limit(const struct cr_machine *machine, const char *name)
{
    char text[256];
    if (!cr_machine_field(machine, "proc/self/limits", name, text, sizeof(text)))
        return 0;
    return strncmp(text, "unlimited", 9) == 0 ? UINT64_MAX : strtoull(text, NULL, 10);
}

bool cr_machine_capable(const struct cr_machine *machine, int capability)
{
    char text[64];
    if (!cr_machine_field(machine, "proc/self/status", "CapEff", text, sizeof(text)))
        return false;
    return strtoull(text, NULL, 16) >> capability & 1;
}

static int by_number(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

static size_t list_names(DIR *folder, const char *prefix, char **names)
{
    size_t count = 0;
    for (struct dirent *entry; count < NAMES_MAX && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.' || strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        names[count] = strdup(entry->d_name);
        count += names[count] != NULL;
    }
    return count;
}

void cr_machine_each(const struct cr_machine *machine, const char *folder, const char *prefix,
                     void (*each)(void *arg, const char *name), void *arg)
{
    char whole[PATH_MAX];
    snprintf(whole, sizeof(whole), "%s/%s", machine->root, folder);
    DIR *open = opendir(whole);
    char **names = open ? calloc(NAMES_MAX, sizeof(*names)) : NULL;
    size_t count = names ? list_names(open, prefix, names) : 0;
    if (open)
        closedir(open);
    if (names)
        qsort(names, count, sizeof(*names), by_number);
    for (size_t i = 0; i < count; i++) {
        each(arg, names[i]);
        free(names[i]);
    }
    free(names);
}
