/* The least that a capture can cost: recvmmsg in a loop, nothing written.
 *
 * usage: recvmmsg_loop INTERFACE [ID]; prints "receiving" at the first frame and, when it is told
 * to end (SIGINT), how many of ID (hexadecimal, default 100) there were.
 */
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool tell(const char *what)
{
    puts(what);
    fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    static struct canfd_frame frames[BATCH];
    static char control[BATCH][128];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
    const struct sigaction action = {.sa_handler = on_signal};
    unsigned long long total = 0;
    int fd = argc == 2 || argc == 3 ? open_can(argv[1]) : -1;
    canid_t id = argc == 3 ? (canid_t)strtoul(argv[2], NULL, 16) : 0x100;
    bool receiving = false;
    if (fd < 0) {
        fputs("usage: recvmmsg_loop INTERFACE [ID]\n", stderr);
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
        for (int i = 0; i < got; i++)
            total += frames[i].can_id == id;
        if (got > 0 && !receiving)
            receiving = tell("receiving");
    }
    printf("%llu\n", total);
    close(fd);
    return 0;
}
