/* Who is at the other end of a UNIX socket, as the kernel knows it from connect(2). */
#ifndef CANRING_PEER_H
#define CANRING_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Of another user than ours, and not root. */
bool cr_peer_is_foreign(int socket);

/* 0 when it is not known (another PID namespace). */
uint32_t cr_peer_pid(int socket);

/* A member of `group`, which (gid_t)-1 has none of. */
bool cr_peer_in_group(int socket, gid_t group);

#endif
