/* For tests on a real SocketCAN: can-utils as the other side, raw sockets for what they cannot say.
 *
 * They run where vcan0 is up, normally inside tools/uml-run; elsewhere vcan_or_skip() ends the
 * program with 77 and a word why. */
#ifndef CANRING_TESTS_VCAN_H
#define CANRING_TESTS_VCAN_H

#include "check.h"

#include <canring/bus.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/can.h>
#include <linux/can/error.h>
#include <linux/can/raw.h>
#include <net/if.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define WAIT_MS     20000 /* long enough never to matter */
#define LOOP(state) (*(const char *const *)*(state))

static inline void vcan_or_skip(void)
{
    int fd = socket(AF_CAN, SOCK_RAW, CAN_RAW);
    if (fd < 0 || !if_nametoindex("vcan0")) {
        printf("no AF_CAN or no vcan0 here: run it with tools/uml-run\n");
        exit(77);
    }
    close(fd);
}

/* ---- programs --------------------------------------------------------------- */

static inline pid_t start(const char *const *argv, const char *output)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    if (output)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int rc = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(rc, 0);
    return pid;
}

static inline void finish(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

#define START(output, ...) start((const char *const[]){__VA_ARGS__, NULL}, output)
#define RUN(...)           finish(START(NULL, __VA_ARGS__))

static inline void nap_ms(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Sockets that listen on an interface for every frame. */
static inline unsigned listeners(const char *interface)
{
    char line[256];
    unsigned count = 0;
    FILE *list = fopen("/proc/net/can/rcvlist_all", "r");
    assert_non_null(list);
    while (fgets(line, sizeof(line), list)) {
        char name[32] = "";
        if (sscanf(line, " %31s", name) == 1 && strcmp(name, interface) == 0)
            count++;
    }
    fclose(list);
    return count;
}

static inline void await_listeners(const char *interface, unsigned count)
{
    for (unsigned i = 0; i < 2000 && listeners(interface) < count; i++)
        nap_ms(5);
    assert_true(listeners(interface) >= count);
}

/* ---- raw sockets -------------------------------------------------------------- */

static inline int raw_open(const char *interface)
{
    struct sockaddr_can address = {.can_family = AF_CAN,
                                   .can_ifindex = (int)if_nametoindex(interface)};
    int fd = socket(AF_CAN, SOCK_RAW | SOCK_CLOEXEC, CAN_RAW), on = 1;
    assert_true(fd >= 0);
    setsockopt(fd, SOL_CAN_RAW, CAN_RAW_FD_FRAMES, &on, sizeof(on));
    setsockopt(fd, SOL_CAN_RAW, CAN_RAW_FILTER, NULL, 0); /* sends only */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void raw_send(int fd, uint32_t id, const void *data, uint8_t length)
{
    struct can_frame frame = {.can_id = id, .len = length};
    memcpy(frame.data, data, length);
    while (write(fd, &frame, sizeof(frame)) != sizeof(frame)) {
        assert_int_equal(errno, ENOBUFS);
        nap_ms(1);
    }
}

static inline void raw_error(const char *interface, uint32_t class, uint8_t controller)
{
    const uint8_t data[8] = {0, controller};
    int fd = raw_open(interface);
    raw_send(fd, CAN_ERR_FLAG | class, data, sizeof(data));
    close(fd);
}

/* ---- our side ------------------------------------------------------------------ */

/* What the bus reported: texts joined by newlines. */
struct words {
    char text[2048];
};

static inline void keep_words(void *arg, int level, const char *text)
{
    struct words *words = arg;
    (void)level;
    size_t used = strlen(words->text);
    snprintf(words->text + used, sizeof(words->text) - used, "%s\n", text);
}

static inline unsigned said(const struct words *words, const char *text)
{
    unsigned count = 0;
    for (const char *at = words->text; (at = strstr(at, text)); at++)
        count++;
    return count;
}

static inline struct canring_bus *open_with(void **state, struct canring_bus_options *options)
{
    struct canring_bus *bus = NULL;
    struct canring_error err = {0};
    setenv("CANRING_LOOP", LOOP(state), 1);
    if (!options->interface)
        options->interface = "socketcan";
    if (!options->channel)
        options->channel = "vcan0";
    if (canring_bus_open(&bus, options, &err) < 0)
        fail_msg("%s", err.text);
    return bus;
}

static inline const struct canring_frame *receive(struct canring_bus *bus)
{
    const struct canring_frame *frame = NULL;
    int rc = 0;
    /* a sleep may be interrupted: the kernel does it to clean up after an io_uring */
    for (unsigned i = 0; i < 3 && rc == 0; i++)
        rc = canring_bus_receive(bus, &frame, WAIT_MS);
    assert_int_equal(rc, 1);
    return frame;
}

static inline bool nothing_comes(struct canring_bus *bus)
{
    const struct canring_frame *frame;
    return canring_bus_receive(bus, &frame, 0) == 0;
}

/* Let the bus run until it has said `text`. */
static inline void await_words(struct canring_bus *bus, const struct words *words, const char *text)
{
    const struct canring_frame *frame;
    for (unsigned i = 0; i < 2000 && !said(words, text); i++)
        canring_bus_receive(bus, &frame, 10);
    if (!said(words, text))
        fail_msg("never said \"%s\", but:\n%s", text, words->text);
}

static inline struct canring_bus_stats stats_of(const struct canring_bus *bus)
{
    struct canring_bus_stats stats;
    canring_bus_stats(bus, &stats);
    return stats;
}

#endif
