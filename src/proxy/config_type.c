#include "proxy/config_type.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_LENGTH 63

static bool is_shared_object(const char *path)
{
    const char *dot = strstr(path, ".so");
    return dot && (dot[3] == '\0' || dot[3] == '.');
}

static const char *beside(struct cr_build *build, const struct cr_yaml_node *node,
                          const char *location)
{
    if (location[0] == '/' || node->folder[0] == '\0')
        return location;
    return cr_arena_print(build->arena, "%s/%s", node->folder, location);
}

/* A type that is none of ours: 0 with the kind set when it is a file that can be used. */
static int use_file(struct cr_build *build, struct cr_type *type, const struct cr_yaml_node *node,
                    const char *location)
{
    struct stat status;

    type->path = beside(build, node, location);
    if (!type->path)
        return -ENOMEM;
    bool shared = is_shared_object(location);
    if (stat(type->path, &status) < 0)
        cr_error(build, node, "type: cannot use '%s': %s", type->path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        cr_error(build, node, "type: '%s' is not a file", type->path);
    else if (!shared && access(type->path, X_OK) < 0)
        cr_error(build, node,
                 "type: '%s' is not executable, allowed: a shared object (.so), an executable",
                 type->path);
    else
        type->kind = shared ? CR_TYPE_SHARED_OBJECT : CR_TYPE_EXECUTABLE;
    return 0;
}

int cr_build_type(struct cr_build *build, struct cr_type *type, const struct cr_yaml_node *node,
                  const char *const *known, size_t count)
{
    memset(type, 0, sizeof(*type));
    if (!node)
        return 0;
    if (node->type != CR_YAML_STRING) {
        cr_error(build, node, "type: found %s, allowed: module.path:Class",
                 cr_yaml_type_name(node->type));
        return 0;
    }
    const char *colon = strrchr(node->text, ':');
    type->class_name = colon ? colon + 1 : node->text;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(type->class_name, known[i]) == 0) {
            type->kind = CR_TYPE_KNOWN;
            type->known = i;
            return 0;
        }
    }
    const char *location = cr_arena_copy(build->arena, node->text,
                                         colon ? (size_t)(colon - node->text) : strlen(node->text));
    if (!location)
        return -ENOMEM;
    if (!colon)
        type->class_name = "";
    if (strchr(location, '/') || is_shared_object(location))
        return use_file(build, type, node, location);
    cr_error_choice(build, node, "unknown type", colon ? colon + 1 : node->text, known, count);
    return 0;
}

bool cr_build_name(struct cr_build *build, const struct cr_yaml_node *key, const char *what)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    size_t length = strlen(key->text);

    if (key->type == CR_YAML_STRING && length > 0 && length <= NAME_MAX_LENGTH &&
        key->text[0] != '.' && key->text[0] != '-' && strspn(key->text, allowed) == length)
        return true;
    cr_error(build, key,
             "found '%.100s', %s, as the name of %s, allowed: a string of letters, digits, '_', "
             "'-' and '.', not beginning with '.' or '-', at most %d",
             key->text, cr_yaml_type_name(key->type), what, NAME_MAX_LENGTH);
    return false;
}

const struct cr_yaml_node *cr_build_section(struct cr_build *build,
                                            const struct cr_yaml_node *section, const char *name)
{
    if (!section || section->type == CR_YAML_MAP)
        return section;
    cr_error(build, section, "%s: found %s, allowed: a map of names", name,
             cr_yaml_type_name(section->type));
    return NULL;
}
