/* What this process may do: capabilities and limits.
 *
 * For words about what was refused, and for the doctor; the kernel decides, not this.
 */
#ifndef CANRING_PRIVILEGE_H
#define CANRING_PRIVILEGE_H

#include <stdbool.h>
#include <stdint.h>

/* `capability` as in <linux/capability.h>: whether it is effective in the calling thread. */
bool cr_capable(int capability);

/* The soft limit, UINT64_MAX = none; `resource` as getrlimit takes it. */
uint64_t cr_limit(int resource);

/* A number of kB behind `key` in a file such as /proc/self/status; 0 when it is not there. */
uint64_t cr_proc_kib(const char *path, const char *key);

#endif
