#include "proxy/config_build.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/nearest.h"

void cr_error(struct cr_build *build, const struct cr_yaml_node *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    cr_diagnostics_addv(build->diagnostics, CANRING_SEVERITY_ERROR, at->at, format, args);
    va_end(args);
}

void cr_warning(struct cr_build *build, const struct cr_yaml_node *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    cr_diagnostics_addv(build->diagnostics, CANRING_SEVERITY_WARNING, at->at, format, args);
    va_end(args);
}

void cr_error_choice(struct cr_build *build, const struct cr_yaml_node *at, const char *what,
                     const char *found, const char *const *allowed, size_t count)
{
    char list[640] = "";
    size_t used = 0;

    if (cr_diagnostics_full(build->diagnostics)) {
        cr_error(build, at, "%s", what);
        return;
    }
    const char *nearest = cr_nearest(found, allowed, count);
    for (size_t i = 0; i < count && used < sizeof(list); i++)
        used +=
            (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", allowed[i]);
    cr_error(build, at, "%s: found '%.100s', allowed: %s%s%s%s", what, found,
             count ? list : "nothing", nearest ? "; did you mean '" : "", nearest ? nearest : "",
             nearest ? "'?" : "");
}

const char *cr_build_path(struct cr_build *build, const struct cr_yaml_node *node)
{
    char real[PATH_MAX];

    if (!node->maybe_path || node->text[0] == '/' || node->text[0] == '\0')
        return node->text;
    const char *joined = cr_arena_print(build->arena, "%s%s%s", node->folder,
                                        node->folder[0] ? "/" : "", node->text);
    if (!joined)
        return NULL;
    if (!realpath(joined, real))
        return node->text;
    return cr_arena_copy(build->arena, real, strlen(real));
}
