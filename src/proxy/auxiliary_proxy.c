#include <errno.h>
#include <unistd.h>

#include "proxy/auxiliary_handle.h"
#include "proxy/control.h"

int cr_auxiliary_proxy_find(const char *name, struct canring_error *err)
{
    int fd = cr_control_connect(name, err);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

/* The proxy's number, or a negative errno; -EPIPE when it is gone. */
int cr_auxiliary_proxy_ask(const struct canring_auxiliary *auxiliary, uint32_t operation,
                           struct canring_error *err)
{
    const struct cr_request request = {.magic = CR_CONTROL_MAGIC, .operation = operation};
    struct cr_reply reply;
    int fd = cr_control_connect(auxiliary->name, err);
    if (fd < 0)
        return fd == -ENOENT || fd == -ECONNREFUSED ? -EPIPE : fd;
    int result = cr_control_ask(fd, &request, &reply, err);
    close(fd);
    return result < 0 ? result : reply.result;
}
