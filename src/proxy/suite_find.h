/* Which files of a folder are tests.
 *
 * Called once per suite of the configuration, before anything runs. It looks at names and modes
 * only: it never opens, imports or runs a file. Python files, executables, and what lies in
 * packages (folders with an __init__.py) below.
 */
#ifndef CANRING_SUITE_FIND_H
#define CANRING_SUITE_FIND_H

#include <canring/config.h>
#include <canring/error.h>
#include <stdbool.h>

struct cr_suite_file {
    const struct canring_config_suite *suite;
    char *path;
    const char *name; /* within `path`: relative to the suite's folder */
    bool python;
};

/* Zero-initialise. */
struct cr_suite_files {
    struct cr_suite_file *list;
    size_t count;
};

/* Append the tests of `suite` whose file's name matches `pattern`, in the order of their names.
 * Returns how many; 0 with the reason in `err`; -ENOENT, -ENOTDIR, … the folder cannot be read. */
int cr_suite_find(struct cr_suite_files *files, const struct canring_config_suite *suite,
                  const char *pattern, struct canring_error *err);

void cr_suite_files_free(struct cr_suite_files *files);

#endif
