#include "proxy/yaml_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/yaml_parse.h"
#include "proxy/yaml_read.h"

static int skip_event(struct cr_yaml_source *source)
{
    yaml_event_t event;
    int err = cr_yaml_next_event(source, &event);

    if (!err)
        yaml_event_delete(&event);
    return err;
}

/* From behind STREAM-START to STREAM-END. */
static int read_document(struct cr_yaml_source *source, const yaml_event_t *start,
                         const struct cr_yaml_node **root)
{
    yaml_event_t event;
    int err;

    if (start->type == YAML_STREAM_END_EVENT) {
        *root = cr_yaml_new_node(source, start, CR_YAML_NULL);
        return *root ? 0 : -ENOMEM;
    }
    err = cr_yaml_read_value(source, root);
    if (!err)
        err = skip_event(source); /* DOCUMENT-END */
    if (!err)
        err = cr_yaml_next_event(source, &event);
    if (err)
        return err;
    if (event.type != YAML_STREAM_END_EVENT) {
        CR_YAML_SAY(source, event.start_mark, "found a second document, allowed: one in a file");
        err = -EINVAL;
    }
    yaml_event_delete(&event);
    return err;
}

static int read_stream(struct cr_yaml_source *source, const struct cr_yaml_node **root)
{
    yaml_event_t event;
    int err = skip_event(source); /* STREAM-START */

    if (!err)
        err = cr_yaml_next_event(source, &event);
    if (err)
        return err;
    err = read_document(source, &event, root);
    yaml_event_delete(&event);
    return err;
}

static const char *folder_of(struct cr_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return cr_arena_copy(arena, "", 0);
    return cr_arena_copy(arena, path, slash == path ? 1 : (size_t)(slash - path));
}

/* libyaml, told that it is UTF-8, would count the byte order mark of an editor as a column. */
static size_t mark_bytes(const char *data, size_t size)
{
    static const char mark[] = "\xef\xbb\xbf";
    const size_t bytes = sizeof(mark) - 1;

    return size >= bytes && memcmp(data, mark, bytes) == 0 ? bytes : 0;
}

static int parse_bytes(struct cr_yaml_source *source, const char *data, size_t size,
                       const struct cr_yaml_node **root)
{
    struct cr_yaml *yaml = source->yaml;
    int err = cr_yaml_check_text(data, size, source->name, yaml->diagnostics);
    const size_t skipped = mark_bytes(data, size);

    if (err)
        return err;
    source->folder = folder_of(yaml->arena, source->name);
    if (!source->folder || !yaml_parser_initialize(&source->parser))
        return -ENOMEM;
    yaml_parser_set_encoding(&source->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&source->parser, (const unsigned char *)data + skipped,
                                 size - skipped);
    err = read_stream(source, root);
    yaml_parser_delete(&source->parser);
    return err;
}

static bool is_including(const struct cr_yaml_source *source,
                         const struct cr_yaml_source *candidate)
{
    for (; source; source = source->parent) {
        if (source->device == candidate->device && source->inode == candidate->inode)
            return true;
    }
    return false;
}

static int load_file(struct cr_yaml *yaml, const char *path, const struct cr_yaml_source *parent,
                     struct cr_mark at, const struct cr_yaml_node **root)
{
    struct cr_yaml_source source = {.yaml = yaml, .parent = parent};
    struct cr_yaml_bytes bytes;
    int err = cr_yaml_read(&bytes, path, parent != NULL, at, yaml->diagnostics);

    if (err)
        return err;
    yaml->files++;
    source.depth = parent ? parent->depth + 1 : 0;
    source.device = bytes.device;
    source.inode = bytes.inode;
    source.name = cr_arena_copy(yaml->arena, path, strlen(path));
    if (!source.name) {
        err = -ENOMEM;
    } else if (is_including(parent, &source)) {
        cr_diagnostics_add(yaml->diagnostics, CANRING_SEVERITY_ERROR, at,
                           "'%s' is included from within itself", path);
        err = -ELOOP;
    } else {
        err = parse_bytes(&source, bytes.data, bytes.size, root);
    }
    free(bytes.data);
    return err;
}

/* A path is relative to the file that names it. */
static int load_named(struct cr_yaml_source *source, const yaml_event_t *event,
                      const struct cr_yaml_node **root)
{
    struct cr_arena *arena = source->yaml->arena;
    const char *name = (const char *)event->data.scalar.value;

    if (name[0] == '\0') {
        CR_YAML_SAY(source, event->start_mark, "!include: found no name, allowed: that of a file");
        return -EINVAL;
    }
    const char *path = name[0] == '/' ? cr_arena_copy(arena, name, strlen(name))
                                      : cr_arena_print(arena, "%s%s%s", source->folder,
                                                       source->folder[0] ? "/" : "", name);
    if (!path)
        return -ENOMEM;
    return load_file(source->yaml, path, source, cr_yaml_mark(source, event->start_mark), root);
}

int cr_yaml_include(struct cr_yaml_source *source, const yaml_event_t *event,
                    const struct cr_yaml_node **node)
{
    if (source->depth == CR_YAML_INCLUDE_MAX) {
        CR_YAML_SAY(source, event->start_mark, "more than %u files within files",
                    CR_YAML_INCLUDE_MAX);
        return -ELOOP;
    }
    if (source->yaml->files == CR_YAML_FILES_MAX) {
        CR_YAML_SAY(source, event->start_mark, "more than %u files included", CR_YAML_FILES_MAX);
        return -E2BIG;
    }
    int err = load_named(source, event, node);
    if (err == 0 || err == -ENOMEM || err == -E2BIG)
        return err;
    /* It has been said; what else is wrong in this file is worth saying too. */
    *node = cr_yaml_new_node(source, event, CR_YAML_NULL);
    return *node ? 0 : -ENOMEM;
}

int cr_yaml_load(struct cr_yaml *yaml, const char *path, const struct cr_yaml_node **root)
{
    return load_file(yaml, path, NULL, (struct cr_mark){.file = path}, root);
}

int cr_yaml_load_memory(struct cr_yaml *yaml, const char *name, const char *data, size_t size,
                        const struct cr_yaml_node **root)
{
    struct cr_yaml_source source = {.yaml = yaml};

    source.name = cr_arena_copy(yaml->arena, name, strlen(name));
    return source.name ? parse_bytes(&source, data, size, root) : -ENOMEM;
}
