#include "can/socket_drops.h"

#include <sys/socket.h>

#include <linux/sock_diag.h>

bool cr_socket_drops(int fd, uint32_t *total)
{
    uint32_t memory[SK_MEMINFO_VARS];
    socklen_t size = sizeof(memory);
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size) < 0 ||
        size <= SK_MEMINFO_DROPS * sizeof(memory[0]))
        return false;
    *total = memory[SK_MEMINFO_DROPS];
    return true;
}
