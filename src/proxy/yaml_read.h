/* The bytes of a YAML file: read whole, bounded, and known to be text.
 *
 * Called by yaml_load before libyaml sees anything. Never reads more than the bound, and
 * never waits on a pipe for an included file.
 */
#ifndef CR_YAML_READ_H
#define CR_YAML_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "proxy/config_arena.h"
#include "proxy/config_diagnostics.h"

#define CR_YAML_FILE_MAX ((size_t)4 * 1024 * 1024)

struct cr_yaml_bytes {
    char *data; /* malloc'ed: the caller frees */
    size_t size;
    unsigned long long device, inode; /* who it is, to notice that it includes itself */
};

/* Negative errno with a diagnostic at `at`. `regular_only`: refuse pipes and devices. */
int cr_yaml_read(struct cr_yaml_bytes *bytes, const char *path, bool regular_only,
                 struct cr_mark at, struct canring_diagnostics *diagnostics);

/* Leading bytes of `data` that are UTF-8 and characters that YAML allows. */
size_t cr_yaml_text_length(const char *data, size_t size);

/* 0 when all of it is UTF-8 that YAML allows; else -EINVAL with a diagnostic in `file`. */
int cr_yaml_check_text(const char *data, size_t size, const char *file,
                       struct canring_diagnostics *diagnostics);

#endif
