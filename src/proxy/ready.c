#include "proxy/ready.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#define SLICE_MS 100 /* between looks at the signals */

bool cr_asked_to_end(void)
{
    sigset_t waiting;
    sigemptyset(&waiting);
    return sigpending(&waiting) == 0 &&
           (sigismember(&waiting, SIGINT) == 1 || sigismember(&waiting, SIGTERM) == 1);
}

int cr_ready_wait(int fd, int timeout_ms)
{
    struct pollfd word = {.fd = fd, .events = POLLIN};
    for (int gone_ms = 0; timeout_ms < 0 || gone_ms < timeout_ms;
         gone_ms += timeout_ms < 0 ? 0 : SLICE_MS) {
        if (poll(&word, 1, SLICE_MS) > 0)
            return 1;
        if (cr_asked_to_end())
            return -EINTR;
    }
    return 0;
}
