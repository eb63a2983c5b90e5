#include "proxy/yaml_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(struct cr_yaml_bytes *bytes, int fd)
{
    size_t space = 0;

    for (;;) {
        if (bytes->size == space) {
            space = space ? 2 * space : 4096;
            char *larger = realloc(bytes->data, space);
            if (!larger)
                return -ENOMEM;
            bytes->data = larger;
        }
        ssize_t got = read(fd, bytes->data + bytes->size, space - bytes->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : 0;
        bytes->size += (size_t)got;
        if (bytes->size > CR_YAML_FILE_MAX)
            return -EFBIG;
    }
}

static int read_fd(struct cr_yaml_bytes *bytes, int fd, bool regular_only)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    if (regular_only && !S_ISREG(status.st_mode))
        return -EINVAL;
    if (S_ISREG(status.st_mode) && status.st_size > (off_t)CR_YAML_FILE_MAX)
        return -EFBIG;
    bytes->device = status.st_dev;
    bytes->inode = status.st_ino;
    return read_all(bytes, fd);
}

static void say_why(struct canring_diagnostics *diagnostics, struct cr_mark at, const char *path,
                    int err)
{
    if (err == -EFBIG)
        cr_diagnostics_add(diagnostics, CANRING_SEVERITY_ERROR, at,
                           "'%s' is larger than %zu bytes, the most that is read", path,
                           CR_YAML_FILE_MAX);
    else if (err == -EINVAL)
        cr_diagnostics_add(diagnostics, CANRING_SEVERITY_ERROR, at, "'%s' is not a regular file",
                           path);
    else
        cr_diagnostics_add(diagnostics, CANRING_SEVERITY_ERROR, at, "cannot read '%s': %s", path,
                           strerror(-err));
}

int cr_yaml_read(struct cr_yaml_bytes *bytes, const char *path, bool regular_only,
                 struct cr_mark at, struct canring_diagnostics *diagnostics)
{
    memset(bytes, 0, sizeof(*bytes));
    /* O_NONBLOCK: opening an included FIFO must not wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | (regular_only ? O_NONBLOCK : 0));
    int err = fd < 0 ? -errno : read_fd(bytes, fd, regular_only);

    if (fd >= 0)
        close(fd);
    if (!err)
        return 0;
    free(bytes->data);
    bytes->data = NULL;
    say_why(diagnostics, at, path, err);
    return err;
}

/* Length of the well-formed UTF-8 character at `text`, 0 when there is none. */
static size_t character_length(const unsigned char *text, size_t left, uint32_t *value)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = *text < 0x80             ? 1
                    : (*text & 0xe0) == 0xc0 ? 2
                    : (*text & 0xf0) == 0xe0 ? 3
                    : (*text & 0xf8) == 0xf0 ? 4
                                             : 0;
    if (length == 0 || length > left)
        return 0;
    *value = length == 1 ? *text : *text & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        *value = *value << 6 | (text[i] & 0x3f);
    }
    return *value >= smallest[length] && *value <= 0x10ffff ? length : 0;
}

/* The characters of YAML 1.1's c-printable. */
static bool is_printable(uint32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c <= 0x7e) || c == 0x85 ||
           (c >= 0xa0 && c <= 0xd7ff) || (c >= 0xe000 && c <= 0xfffd) || c >= 0x10000;
}

size_t cr_yaml_text_length(const char *data, size_t size)
{
    const unsigned char *text = (const unsigned char *)data;
    size_t at = 0;

    while (at < size) {
        uint32_t c = 0;
        size_t length = character_length(text + at, size - at, &c);
        if (length == 0 || !is_printable(c))
            break;
        at += length;
    }
    return at;
}

static struct cr_mark mark_of(const char *data, size_t offset, const char *file)
{
    struct cr_mark at = {file, 1, 1};

    for (size_t i = 0; i < offset; i++) {
        if (data[i] == '\n') {
            at.line++;
            at.column = 1;
        } else if (((unsigned char)data[i] & 0xc0) != 0x80) {
            at.column++;
        }
    }
    return at;
}

int cr_yaml_check_text(const char *data, size_t size, const char *file,
                       struct canring_diagnostics *diagnostics)
{
    size_t good = cr_yaml_text_length(data, size);

    if (good == size)
        return 0;
    cr_diagnostics_add(diagnostics, CANRING_SEVERITY_ERROR, mark_of(data, good, file),
                       "found the byte 0x%02x, allowed: text in UTF-8 without control characters",
                       (unsigned char)data[good]);
    return -EINVAL;
}
