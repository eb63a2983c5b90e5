/* The least that a capture can cost: recvmmsg in a loop, nothing written.
 *
 * usage: recvmmsg_loop INTERFACE; prints the frames received when it is told to end (SIGINT).
 */
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/can.h>
#include <linux/can/raw.h>

#define BATCH 64

static volatile sig_atomic_t over;

static void on_signal(int number)
{
    (void)number;
    over = 1;
}

static int open_can(const char *interface)
{
    const int enable = 1, bytes = 8 << 20;
    struct sockaddr_can address = {.can_family = AF_CAN};
    int fd = socket(PF_CAN, SOCK_RAW, CAN_RAW);
    address.can_ifindex = (int)if_nametoindex(interface);
    if (fd < 0 || !address.can_ifindex)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &enable, sizeof(enable));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : fd;
}

int main(int argc, char **argv)
{
    static struct canfd_frame frames[BATCH];
    static char control[BATCH][128];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    const struct sigaction action = {.sa_handler = on_signal};
    unsigned long long total = 0;
    int fd = argc == 2 ? open_can(argv[1]) : -1;
    if (fd < 0) {
        fputs("usage: recvmmsg_loop INTERFACE\n", stderr);
        return 2;
    }
    sigaction(SIGINT, &action, NULL);
    while (!over) {
        for (int i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){&frames[i], sizeof(frames[i])};
            messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i],
                                                       .msg_iovlen = 1,
                                                       .msg_control = control[i],
                                                       .msg_controllen = sizeof(control[i])}};
        }
        int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
        total += got > 0 ? (unsigned)got : 0;
    }
    printf("%llu\n", total);
    close(fd);
    return 0;
}
