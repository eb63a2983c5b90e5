#include "proxy/suite_find.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 16 /* packages in packages: links between them could make very many ways */

struct finder {
    struct cr_suite_files *files;
    const struct canring_config_suite *suite;
    const char *pattern;
    unsigned found;
    unsigned useless; /* match, but neither Python nor executable */
};

/* Folders that we are in, the innermost first. */
struct way {
    const struct way *up;
    dev_t dev;
    ino_t ino;
    unsigned depth;
};

static char *join(const char *dir, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static bool is_python(const char *name)
{
    size_t length = strlen(name);
    return length > 3 && strcmp(name + length - 3, ".py") == 0;
}

/* Takes `path`. */
static int add(struct finder *finder, char *path, bool python)
{
    struct cr_suite_files *files = finder->files;
    struct cr_suite_file *list = realloc(files->list, (files->count + 1) * sizeof(*list));
    if (!list) {
        free(path);
        return -ENOMEM;
    }
    files->list = list;
    list[files->count++] = (struct cr_suite_file){.suite = finder->suite,
                                                  .path = path,
                                                  .name = path + strlen(finder->suite->dir) + 1,
                                                  .python = python};
    finder->found++;
    return 0;
}

static int look(struct finder *finder, const char *dir, const struct way *up);

/* A link back to where we come from. */
static bool been_in(const struct way *way, const struct stat *st)
{
    for (; way; way = way->up)
        if (way->dev == st->st_dev && way->ino == st->st_ino)
            return true;
    return false;
}

static int look_in_package(struct finder *finder, const char *dir, const struct way *up)
{
    char *mark = join(dir, "__init__.py");
    int result = mark ? 0 : -ENOMEM;
    if (mark && up->depth < DEPTH_MAX && access(mark, F_OK) == 0)
        result = look(finder, dir, up);
    free(mark);
    return result;
}

static int consider(struct finder *finder, const char *dir, const char *name, const struct way *way)
{
    struct stat st;
    char *path = join(dir, name);
    if (!path)
        return -ENOMEM;
    int result = 0;
    bool known = stat(path, &st) == 0;
    if (known && S_ISDIR(st.st_mode)) {
        result = been_in(way, &st) ? 0 : look_in_package(finder, path, way);
    } else if (known && S_ISREG(st.st_mode) && fnmatch(finder->pattern, name, 0) == 0) {
        if (is_python(name) || access(path, X_OK) == 0)
            return add(finder, path, is_python(name));
        finder->useless++;
    }
    free(path);
    return result;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Not alphasort: the order must not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int look(struct finder *finder, const char *dir, const struct way *up)
{
    struct dirent **entries;
    struct stat st;
    if (stat(dir, &st) < 0)
        return -errno;
    const struct way here = {
        .up = up, .dev = st.st_dev, .ino = st.st_ino, .depth = up ? up->depth + 1 : 0};
    int count = scandir(dir, &entries, visible, by_name);
    if (count < 0)
        return -errno;
    int result = 0;
    for (int i = 0; i < count; i++) {
        if (result == 0)
            result = consider(finder, dir, entries[i]->d_name, &here);
        free(entries[i]);
    }
    free(entries);
    return result;
}

int cr_suite_find(struct cr_suite_files *files, const struct canring_config_suite *suite,
                  const char *pattern, struct canring_error *err)
{
    struct finder finder = {.files = files, .suite = suite, .pattern = pattern};
    int result = look(&finder, suite->dir, NULL);
    if (result < 0)
        return canring_error_set(err, result, "test suite %lld: suite_dir '%s': %s",
                                 (long long)suite->id, suite->dir, strerror(-result));
    if (finder.found == 0 && finder.useless)
        canring_error_set(err, -ENOENT,
                          "test suite %lld: what matches '%s' in %s is neither Python (.py) nor "
                          "executable",
                          (long long)suite->id, pattern, suite->dir);
    else if (finder.found == 0)
        canring_error_set(err, -ENOENT, "test suite %lld: nothing in %s matches '%s'",
                          (long long)suite->id, suite->dir, pattern);
    return (int)finder.found;
}

void cr_suite_files_free(struct cr_suite_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->list[i].path);
    free(files->list);
    *files = (struct cr_suite_files){0};
}
