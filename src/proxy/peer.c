#include "proxy/peer.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOBODY                                                                                     \
    (struct ucred)                                                                                 \
    {                                                                                              \
        .uid = (uid_t)-1, .gid = (gid_t)-1                                                         \
    }

static struct ucred credentials(int socket)
{
    struct ucred peer = NOBODY;
    socklen_t length = sizeof(peer);
    return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer : NOBODY;
}

bool cr_peer_is_foreign(int socket)
{
    const struct ucred peer = credentials(socket);
    return peer.uid != geteuid() && peer.uid != 0;
}

uint32_t cr_peer_pid(int socket)
{
    return (uint32_t)credentials(socket).pid;
}

static bool among(const gid_t *groups, size_t count, gid_t group)
{
    for (size_t i = 0; i < count; i++)
        if (groups[i] == group)
            return true;
    return false;
}

bool cr_peer_in_group(int socket, gid_t group)
{
    socklen_t length = 0;
    if (group == (gid_t)-1)
        return false;
    if (credentials(socket).gid == group)
        return true;
    /* Fails for want of room, and says how much it takes. */
    getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &length);
    gid_t *groups = length ? malloc(length) : NULL;
    bool member = groups && getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &length) == 0 &&
                  among(groups, length / sizeof(*groups), group);
    free(groups);
    return member;
}
