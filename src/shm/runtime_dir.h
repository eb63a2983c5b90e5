/* Where sockets and FIFOs of running instances live, and how their objects are named.
 *
 * $CANRING_RUNTIME_DIR, else /run/canring for root, else $XDG_RUNTIME_DIR/canring, else
 * /tmp/canring-<uid>. Two instances with different directories do not see each other: names in
 * /dev/shm carry a mark of the directory.
 */
#ifndef CANRING_RUNTIME_DIR_H
#define CANRING_RUNTIME_DIR_H

#include <stddef.h>

#include <canring/error.h>

/* Path of the directory, created with mode 0700 if missing. -EPERM when it belongs to someone else
 * or others may write to it, -ENAMETOOLONG (a socket path has 108 bytes), or as mkdir fails. */
int cr_runtime_dir(char *path, size_t size, struct canring_error *err);

/* The same, for who looks for what others have made there: the directory is not created (-ENOENT),
 * and one that $CANRING_RUNTIME_DIR names may also be another user's, if only that user may write
 * to it. */
int cr_runtime_dir_of_others(char *path, size_t size, struct canring_error *err);

/* "/canring-<mark>.<kind>.<a>[.<b>]" for shm_open, `b` may be NULL. Dots in `a` and `b`, and what a
 * file name or a shell takes amiss, are written %XX: different names stay different. -ENAMETOOLONG.
 */
int cr_shm_name(char *name, size_t size, const char *kind, const char *a, const char *b,
                struct canring_error *err);

#endif
