/* An auxiliary from a shared object: `type: ./libmine.so:my_ops`.
 *
 * Loaded in the process that will be the auxiliary, never in the coordinator's.
 */
#ifndef CANRING_AUXILIARY_OBJECT_H
#define CANRING_AUXILIARY_OBJECT_H

#include <canring/auxiliary.h>

/* Load `path` and find the `const struct canring_auxiliary_ops` named `symbol` in it, complete. It
 * stays loaded. -ENOENT no such file; -ELIBBAD it cannot be loaded; -ENOSYS no such symbol; -EINVAL
 * what the ops lack. */
int cr_auxiliary_object(const char *path, const char *symbol,
                        const struct canring_auxiliary_ops **ops, struct canring_error *err);

#endif
