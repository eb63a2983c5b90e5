/* Send numbered frames onto a SocketCAN interface, between two marks for who reads the clocks.
 *
 * usage: metered_send INTERFACE ID COUNT RATE SECONDS
 * ID in hexadecimal, 8 bytes of data: the number from 0, little endian. RATE frames a second, one
 * by one; 0: as fast as the interface takes them, 64 a call. Prints "@begin" half a second before
 * the first frame, "@end SENT TAKEN LATE" (seconds; frames sent a whole period after they were due)
 * SECONDS after it or a second after the last frame, whatever is later, and ends half a second
 * after that, so that nothing starts or ends between the marks. SECONDS 0: no marks, no waiting.
 */
#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/can.h>
#include <linux/can/raw.h>

#define BATCH 64u

struct sender {
    int fd;
    uint64_t late;
    struct can_frame frames[BATCH];
    struct iovec parts[BATCH];
    struct mmsghdr messages[BATCH];
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void sleep_until(double when)
{
    struct timespec time = {.tv_sec = (time_t)when};
    time.tv_nsec = (long)((when - (double)time.tv_sec) * 1e9);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
        ;
}

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

static void prepare(struct sender *sender, canid_t id)
{
    for (unsigned i = 0; i < BATCH; i++) {
        sender->frames[i] = (struct can_frame){.can_id = id, .can_dlc = 8};
        sender->parts[i] = (struct iovec){&sender->frames[i], sizeof(sender->frames[i])};
        sender->messages[i].msg_hdr =
            (struct msghdr){.msg_iov = &sender->parts[i], .msg_iovlen = 1};
    }
}

static void number(struct sender *sender, uint64_t from, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        for (unsigned byte = 0; byte < 8; byte++)
            sender->frames[i].data[byte] = (uint8_t)((from + i) >> 8 * byte);
}

/* Of `count` frames from number `from`: how many went; -1: none ever will. */
static int send_some(struct sender *sender, uint64_t from, unsigned count)
{
    number(sender, from, count);
    int sent = sendmmsg(sender->fd, sender->messages, count, 0);
    if (sent < 0 && errno == ENOBUFS)
        usleep(1000);
    return sent < 0 && (errno == ENOBUFS || errno == EINTR) ? 0 : sent;
}

/* Frame n is due somewhere in the nth period, not always at the same place of it: else the
 * kernel's tick would see every frame, or none, in the same state. */
static double due(uint64_t n, double rate)
{
    double place = (double)n * 0.6180339887498949;
    return ((double)n + place - (double)(uint64_t)place) / rate;
}

static bool send_all(struct sender *sender, uint64_t total, double rate)
{
    double begin = now();
    for (uint64_t sent = 0; sent < total;) {
        unsigned count = total - sent < BATCH ? (unsigned)(total - sent) : BATCH;
        if (rate > 0) {
            double when = begin + due(sent, rate);
            sleep_until(when);
            sender->late += now() > when + 1 / rate;
            count = 1;
        }
        int result = send_some(sender, sent, count);
        if (result < 0)
            return false;
        sent += (uint64_t)result;
    }
    return true;
}

static bool send_between_marks(struct sender *sender, uint64_t total, double rate, double seconds)
{
    puts("@begin");
    fflush(stdout);
    double begin = now() + 0.5;
    sleep_until(begin);
    if (!send_all(sender, total, rate))
        return false;
    double end = now();
    sleep_until(end + 1 > begin + seconds ? end + 1 : begin + seconds);
    printf("@end %llu %.3f %llu\n", (unsigned long long)total, end - begin,
           (unsigned long long)sender->late);
    fflush(stdout);
    sleep_until(now() + 0.5);
    return true;
}

int main(int argc, char **argv)
{
    static struct sender sender;
    if (argc != 6) {
        fputs("usage: metered_send INTERFACE ID COUNT RATE SECONDS\n", stderr);
        return 2;
    }
    uint64_t total = strtoull(argv[3], NULL, 10);
    double rate = strtod(argv[4], NULL), seconds = strtod(argv[5], NULL);
    sender.fd = open_can(argv[1]);
    prepare(&sender, (canid_t)strtoul(argv[2], NULL, 16));
    bool good = sender.fd >= 0 && (seconds > 0 ? send_between_marks(&sender, total, rate, seconds)
                                               : send_all(&sender, total, rate));
    if (!good)
        perror(argv[1]);
    return good ? 0 : 1;
}
