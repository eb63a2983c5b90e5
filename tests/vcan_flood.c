/* Send frames with a sequence number onto a SocketCAN interface as fast as it takes them.
 *
 * usage: vcan_flood INTERFACE COUNT
 * Identifier 100, 8 bytes of data: the sequence number from 0, little endian. Prints the rate.
 */
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/can.h>
#include <linux/can/raw.h>

#define BATCH 64u

struct flood {
    int fd;
    struct can_frame frames[BATCH];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
};

static int open_can(const char *interface)
{
    struct sockaddr_can address = {.can_family = AF_CAN};
    int fd = socket(PF_CAN, SOCK_RAW, CAN_RAW);
    address.can_ifindex = (int)if_nametoindex(interface);
    if (fd < 0 || !address.can_ifindex)
        return -1;
    setsockopt(fd, SOL_CAN_RAW, CAN_RAW_FILTER, NULL, 0); /* sends only */
    return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : fd;
}

static void prepare(struct flood *flood)
{
    for (unsigned i = 0; i < BATCH; i++) {
        flood->frames[i] = (struct can_frame){.can_id = 0x100, .can_dlc = 8};
        flood->parts[i] = (struct iovec){&flood->frames[i], sizeof(flood->frames[i])};
        flood->messages[i].msg_hdr = (struct msghdr){.msg_iov = &flood->parts[i], .msg_iovlen = 1};
    }
}

static void number(struct flood *flood, uint64_t from, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned byte = 0; byte < 8; byte++)
            flood->frames[i].data[byte] = (uint8_t)((from + i) >> 8 * byte);
}

static int send_up_to(struct flood *flood, uint64_t total)
{
    uint64_t sent = 0;
    while (sent < total) {
        unsigned count = total - sent < BATCH ? (unsigned)(total - sent) : BATCH;
        number(flood, sent, count);
        int result = sendmmsg(flood->fd, flood->messages, count, 0);
        if (result > 0)
            sent += (uint64_t)result;
        else if (errno == ENOBUFS)
            usleep(1000);
        else if (errno != EINTR)
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct flood flood;
    struct timespec begin, end;
    if (argc != 3)
        return 2;
    uint64_t total = strtoull(argv[2], NULL, 10);
    flood.fd = open_can(argv[1]);
    if (flood.fd < 0) {
        perror(argv[1]);
        return 1;
    }
    prepare(&flood);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (send_up_to(&flood, total) < 0) {
        perror("sendmmsg");
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds =
        (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    printf("sent %llu rate %.0f\n", (unsigned long long)total, (double)total / seconds);
    close(flood.fd);
    return 0;
}
