/* canring_capture as other programs use it: in their own loop, on buses and on a running proxy. */
#include <canring/capture.h>
#include <canring/proxy.h>
#include <canring/trace.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static char runtime[64], bus_name[32];

static const char *in_dir(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", runtime, name);
    unlink(path);
    return path;
}

static struct canring_bus *open_sender(const char *name)
{
    const struct canring_bus_options options = {.interface = "virtual", .channel = name};
    struct canring_bus *bus = NULL;
    struct canring_error err = {0};
    if (canring_bus_open(&bus, &options, &err) < 0)
        fail_msg("%s", err.text);
    return bus;
}

static void send_one(struct canring_bus *bus, uint32_t id)
{
    union canring_frame_buffer b;
    canring_frame_classic(&b.frame, id, &id, sizeof(id));
    assert_int_equal(canring_bus_send(bus, &b.frame, 1000), 0);
}

static struct canring_capture *open_capture(const struct canring_capture_options *options)
{
    struct canring_capture *capture = NULL;
    struct canring_error err = {0};
    if (canring_capture_open(&capture, options, &err) < 0)
        fail_msg("%s", err.text);
    return capture;
}

static unsigned lines_of(const char *path, const char *with)
{
    char line[256];
    unsigned lines = 0;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file))
        lines += strstr(line, with) != NULL;
    fclose(file);
    return lines;
}

/* Poll as a foreign loop does, until the capture has taken `frames`, or is over (1). */
static int serve(struct canring_capture *capture, uint64_t frames)
{
    struct canring_recording_stats stats;
    int result;
    do {
        struct pollfd fd = {.fd = canring_capture_fd(capture), .events = POLLIN};
        result = canring_capture_poll(capture);
        canring_capture_stats(capture, &stats);
        if (result == 0 && stats.taken < frames)
            assert_true(poll(&fd, 1, 20000) > 0); /* else nobody wakes us */
    } while (result == 0 && stats.taken < frames);
    return result;
}

static void a_capture_fits_a_foreign_event_loop(void **state)
{
    (void)state;
    const char *path = in_dir("loop.log");
    const struct canring_capture_options options = {.recording = {.path = path}};
    const struct canring_bus_options bus = {.interface = "virtual", .channel = bus_name};
    struct canring_capture_bus_stats figures;
    struct canring_recording_stats last;
    struct canring_capture *capture = open_capture(&options);
    assert_int_equal(canring_capture_add_bus(capture, &bus, NULL), 0);
    assert_int_equal(canring_capture_poll(capture), 0);
    struct canring_bus *sender = open_sender(bus_name);
    for (uint32_t i = 0; i < 100; i++)
        send_one(sender, i);
    assert_int_equal(serve(capture, 100), 0);
    assert_int_equal(canring_capture_bus_stats(capture, 0, &figures), 0);
    assert_string_equal(figures.name, bus_name);
    assert_int_equal(figures.received, 100);
    assert_int_equal(canring_capture_bus_stats(capture, 1, &figures), -EINVAL);
    send_one(sender, 0x7ff); /* what has arrived belongs to it, read or not */
    assert_int_equal(canring_capture_close(capture, &last, &figures, NULL), 0);
    assert_int_equal(figures.received, 101);
    assert_int_equal(figures.written, 101);
    assert_int_equal(figures.dropped + figures.lost_kernel, 0);
    assert_int_equal(last.written, 101);
    assert_int_equal(lines_of(path, bus_name), 101);
    canring_bus_close(sender);
    unlink(path);
}

static void two_buses_wake_a_foreign_loop_when_the_window_has_passed(void **state)
{
    (void)state;
    char other[48];
    const char *path = in_dir("two.log");
    const struct canring_capture_options options = {.recording = {.path = path},
                                                    .window_ns = 50000000};
    snprintf(other, sizeof(other), "%sb", bus_name);
    const struct canring_bus_options buses[] = {
        {.interface = "virtual", .channel = bus_name},
        {.interface = "virtual", .channel = other},
    };
    struct canring_recording_stats stats;
    struct canring_capture *capture = open_capture(&options);
    assert_int_equal(canring_capture_add_bus(capture, &buses[0], NULL), 0);
    assert_int_equal(canring_capture_add_bus(capture, &buses[1], NULL), 1);
    assert_int_equal(canring_capture_poll(capture), 0);
    struct canring_bus *sender = open_sender(bus_name);
    send_one(sender, 1);
    /* Nothing comes on the other bus: the frame goes when its window is over. */
    assert_int_equal(serve(capture, 1), 0);
    canring_capture_stats(capture, &stats);
    assert_int_equal(stats.taken, 1);
    assert_int_equal(canring_capture_close(capture, NULL, NULL, NULL), 0);
    canring_bus_close(sender);
    unlink(path);
}

static void it_is_over_after_so_many_frames_and_no_more(void **state)
{
    (void)state;
    const char *path = in_dir("count.log");
    const struct canring_capture_options options = {.recording = {.path = path}, .count = 5};
    const struct canring_bus_options bus = {.interface = "virtual", .channel = bus_name};
    struct canring_capture_bus_stats figures;
    struct canring_recording_stats last;
    struct canring_capture *capture = open_capture(&options);
    assert_int_equal(canring_capture_add_bus(capture, &bus, NULL), 0);
    struct canring_bus *sender = open_sender(bus_name);
    for (uint32_t i = 0; i < 9; i++)
        send_one(sender, i);
    assert_int_equal(canring_capture_run(capture), 1);
    assert_int_equal(canring_capture_close(capture, &last, &figures, NULL), 0);
    assert_int_equal(last.written, 5);
    assert_int_equal(figures.received, 5);
    assert_int_equal(lines_of(path, bus_name), 5);
    canring_bus_close(sender);
    unlink(path);
}

static void *stop_it(void *arg)
{
    usleep(50000);
    canring_capture_stop(arg);
    return NULL;
}

static void stop_ends_a_run_from_another_thread(void **state)
{
    (void)state;
    const char *path = in_dir("stop.log");
    const struct canring_capture_options options = {.recording = {.path = path}};
    const struct canring_bus_options bus = {.interface = "virtual", .channel = bus_name};
    pthread_t thread;
    struct canring_capture *capture = open_capture(&options);
    assert_int_equal(canring_capture_add_bus(capture, &bus, NULL), 0);
    assert_int_equal(pthread_create(&thread, NULL, stop_it, capture), 0);
    assert_int_equal(canring_capture_run(capture), 0);
    pthread_join(thread, NULL);
    assert_int_equal(canring_capture_close(capture, NULL, NULL, NULL), 0);
    unlink(path);
}

static void *run_proxy(void *arg)
{
    canring_proxy_run(arg);
    return NULL;
}

static void keep_words(void *arg, int level, const char *text)
{
    (void)level;
    snprintf(arg, CANRING_ERROR_TEXT, "%s", text);
}

static void a_running_proxy_is_captured_until_it_ends(void **state)
{
    (void)state;
    const char *path = in_dir("proxy.log");
    char words[CANRING_ERROR_TEXT] = "";
    const struct canring_capture_options options = {
        .recording = {.path = path}, .report = keep_words, .report_arg = words};
    const struct canring_proxy_options wanted = {
        .name = "captured", .bus = {.interface = "virtual", .channel = bus_name}};
    struct canring_proxy *proxy = NULL;
    struct canring_recording_stats last;
    struct canring_error err = {0};
    pthread_t thread;
    if (canring_proxy_open(&proxy, &wanted, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(pthread_create(&thread, NULL, run_proxy, proxy), 0);
    struct canring_capture *capture = open_capture(&options);
    assert_int_equal(canring_capture_add_channel(capture, "nobody/", NULL, &err), -ENOENT);
    assert_int_equal(canring_capture_add_channel(capture, "captured/", "100:700", &err), 0);
    struct canring_bus *sender = open_sender(bus_name);
    for (uint32_t i = 0; i < 0x400; i++)
        send_one(sender, i);
    assert_int_equal(serve(capture, 0x100), 0);
    canring_proxy_stop(proxy);
    pthread_join(thread, NULL);
    canring_proxy_close(proxy);
    assert_string_equal(words, "");
    assert_int_equal(canring_capture_run(capture), 1); /* nothing is left to record */
    assert_string_equal(words, "captured: the proxy has ended");
    assert_int_equal(canring_capture_close(capture, &last, NULL, NULL), 0);
    assert_int_equal(last.written, 0x100);
    assert_int_equal(lines_of(path, bus_name), 0x100);
    canring_bus_close(sender);
    unlink(path);
}

static void what_cannot_be_opened_leaves_nothing_behind(void **state)
{
    (void)state;
    struct canring_capture *capture = NULL;
    struct canring_error err = {0};
    struct canring_capture_options options = {.recording = {.path = "/nonexistent/x.log"}};
    assert_int_equal(canring_capture_open(&capture, &options, &err), -ENOENT);
    assert_null(capture);
    options.recording.path = in_dir("x.log");
    options.window_ns = UINT64_MAX;
    assert_int_equal(canring_capture_open(&capture, &options, &err), -EINVAL);
    assert_int_equal(access(options.recording.path, F_OK), -1);
    options.window_ns = 0;
    capture = open_capture(&options);
    const struct canring_bus_options bus = {.interface = "no such", .channel = "x"};
    assert_int_equal(canring_capture_add_bus(capture, &bus, &err), -EINVAL);
    assert_int_equal(canring_capture_run(capture), 1); /* nothing is left to record */
    assert_int_equal(canring_capture_close(capture, NULL, NULL, NULL), 0);
    assert_int_equal(access(options.recording.path, F_OK), -1);
}

static void the_file_is_made_when_it_begins(void **state)
{
    (void)state;
    const struct canring_capture_options options = {.recording = {.path = in_dir("late.log")}};
    struct canring_error err = {0};
    struct canring_capture *capture = open_capture(&options);
    assert_int_equal(access(options.recording.path, F_OK), -1);
    assert_int_equal(canring_capture_begin(capture, &err), 0);
    assert_int_equal(access(options.recording.path, F_OK), 0);
    assert_int_equal(canring_capture_begin(capture, &err), 0);
    assert_int_equal(canring_capture_close(capture, NULL, NULL, NULL), 0);
    unlink(options.recording.path);
    capture = open_capture(&options);
    close(open(options.recording.path, O_CREAT | O_WRONLY, 0600)); /* somebody was faster */
    assert_int_equal(canring_capture_begin(capture, &err), -EEXIST);
    assert_int_equal(canring_capture_close(capture, NULL, NULL, NULL), 0);
    assert_int_equal(access(options.recording.path, F_OK), 0);
    unlink(options.recording.path);
}

int main(void)
{
    snprintf(runtime, sizeof(runtime), "/tmp/canring-test-capture-%d", (int)getpid());
    snprintf(bus_name, sizeof(bus_name), "capture%d", (int)getpid());
    setenv("CANRING_RUNTIME_DIR", runtime, 1);
    if (mkdir(runtime, 0700) < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_capture_fits_a_foreign_event_loop),
        cmocka_unit_test(two_buses_wake_a_foreign_loop_when_the_window_has_passed),
        cmocka_unit_test(it_is_over_after_so_many_frames_and_no_more),
        cmocka_unit_test(stop_ends_a_run_from_another_thread),
        cmocka_unit_test(a_running_proxy_is_captured_until_it_ends),
        cmocka_unit_test(what_cannot_be_opened_leaves_nothing_behind),
        cmocka_unit_test(the_file_is_made_when_it_begins),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(runtime);
    return failed;
}
