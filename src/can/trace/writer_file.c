#include "can/trace/writer_file.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIAL_ROOM (4 * CR_TRACE_ENTRY_ROOM)

struct cr_writer_file *cr_writer_file_new(const struct cr_trace_encoder *encoder)
{
    struct cr_writer_file *file = calloc(1, sizeof(*file));

    if (!file)
        return NULL;
    file->encoder = encoder;
    file->fd = -1;
    pthread_mutex_init(&file->lock, NULL);
    file->state = calloc(1, encoder->state_size + 1);
    if (!file->state) {
        cr_writer_file_free(file);
        return NULL;
    }
    return file;
}

void cr_writer_file_free(struct cr_writer_file *file)
{
    if (!file)
        return;
    if (file->fd >= 0)
        close(file->fd);
    pthread_mutex_destroy(&file->lock);
    free(file->state);
    free(file->trial);
    free(file->path);
    free(file->prelude.data);
    free(file->again.data);
    free(file);
}

/* On a copy of the state: encoders have all of it there, and nothing elsewhere. */
int cr_writer_file_try(struct cr_writer_file *file, uint32_t buses,
                       const struct canring_trace_entry *entry, uint64_t *bytes)
{
    const struct cr_trace_encoder *encoder = file->encoder;

    if (!file->trial)
        file->trial = malloc(encoder->state_size + TRIAL_ROOM);
    if (!file->trial)
        return -ENOMEM;
    struct cr_bytes out = {.data = (uint8_t *)file->trial + encoder->state_size,
                           .size = TRIAL_ROOM};
    memcpy(file->trial, file->state, encoder->state_size);
    int result = 0;
    for (uint32_t bus = file->buses; bus < buses && encoder->bus && result == 0; bus++)
        result = encoder->bus(file->trial, bus, &out);
    if (result == 0)
        result = encoder->entry(file->trial, entry, &out);
    if (result == 0 && encoder->end)
        (void)encoder->end(file->trial, &out); /* what does not fit is left out there, too */
    *bytes = out.overflow ? UINT64_MAX : result < 0 ? 0 : file->encoded + out.used;
    return 0;
}

int cr_writer_file_remember(struct cr_writer_file *file, const void *data, size_t length)
{
    pthread_mutex_lock(&file->lock);
    size_t used = file->prelude.used;
    uint8_t *more = realloc(file->prelude.data, used + length + 1);
    if (more) {
        file->prelude = (struct cr_bytes){.data = more, .used = used, .size = used + length};
        cr_bytes_put(&file->prelude, data, length);
    }
    pthread_mutex_unlock(&file->lock);
    return more ? 0 : -ENOMEM;
}

int cr_writer_file_opened(struct cr_writer_file *file, int fd, const char *path)
{
    struct stat status;
    char *copy = strdup(path);

    if (!copy || fstat(fd, &status) < 0) {
        int error = copy ? -errno : -ENOMEM;
        free(copy);
        close(fd);
        return error;
    }
    free(file->path);
    file->path = copy;
    file->fd = fd;
    file->device = status.st_dev;
    file->inode = status.st_ino;
    file->regular = S_ISREG(status.st_mode);
    file->has_place = file->regular && status.st_nlink > 0;
    return 0;
}

bool cr_writer_file_is_gone(const struct cr_writer_file *file)
{
    struct stat status;

    return file->has_place && fstat(file->fd, &status) == 0 && status.st_nlink == 0;
}

int cr_writer_file_rewrite_head(struct cr_writer_file *file)
{
    uint8_t room[CR_TRACE_ENTRY_ROOM];
    struct cr_bytes head = {.data = room, .size = sizeof(room)};

    if (!file->encoder->header || !file->regular)
        return 0;
    file->totals.file_bytes = file->offset;
    int result = file->encoder->header(file->state, &file->totals, &head);
    if (result < 0 || head.overflow || head.used != file->head)
        return result < 0 ? result : -EMSGSIZE;
    ssize_t written = pwrite(file->fd, head.data, head.used, 0);
    if (written < 0)
        return -errno;
    return (size_t)written == head.used ? 0 : -ENOSPC;
}
