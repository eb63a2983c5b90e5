#include <canring/capture.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "capture_options.h"
#include "capture_print.h"
#include "clock.h"
#include "commands.h"
#include "say.h"
#include "signals.h"
#include "source.h"

/* Between two looks at the figures that a terminal shows. */
#define SHOW_NS UINT64_C(500000000)
/* All classes of error frames, which a recording of everything has. */
#define EVERY_ERROR 0x1fffffffu

struct command {
    struct capture_options options;
    struct canring_capture *capture;
    struct capture_print print;
    int signals;
    int signal; /* that ended us */
    bool over;
    uint64_t end_ns, show_ns; /* CLOCK_MONOTONIC, UINT64_MAX = never */
    struct canring_error err;
};

static void report(void *arg, int level, const char *text)
{
    struct command *command = arg;

    if (level > LOG_NOTICE || (command->options.quiet && level > LOG_WARNING))
        return;
    capture_print_clear(&command->print);
    say("capture", "%s", text);
}

static int add_bus(struct command *command, const char *target, const char *text)
{
    struct canring_bus_options options = {
        .fd = true,
        .xl = true,
        .hardware_timestamps = command->options.hardware,
        .receive_buffer = command->options.receive_buffer,
        .loops = 1,
        .report = report,
        .report_arg = command,
    };
    char *storage = NULL;

    if (canring_filters_parse(&options.filters, text ? text : "", &command->err)) {
        say("capture", "filters of %s: %s", target, command->err.text);
        show_column(text, &command->err);
        return EXIT_MISUSE;
    }
    if (!text)
        options.filters.error_mask = EVERY_ERROR;
    int result = canring_bus_target_parse(target, &options, &storage, &command->err);
    if (result == 0)
        result = canring_capture_add_bus(command->capture, &options, &command->err);
    free(storage);
    canring_filters_free(&options.filters);
    if (result >= 0)
        return 0;
    say("capture", "%s: %s", target, command->err.text);
    return exit_status(result);
}

static int add_target(struct command *command, char *target)
{
    const char *filters;

    if (source_split("capture", target, &filters))
        return EXIT_MISUSE;
    if (source_names_channel(target)) {
        int result = canring_capture_add_channel(command->capture, target, filters, &command->err);
        if (result >= 0)
            return 0;
        if (result != -ENOENT || strchr(target, '/')) {
            say("capture", "%s: %s", target, command->err.text);
            return exit_status(result);
        }
    }
    return add_bus(command, target, filters);
}

static int say_file(const struct command *command, int result)
{
    say("capture", "%s%s", command->err.text, result == -EEXIST ? "; --force replaces it" : "");
    return exit_status(result);
}

/* The file is made last: what cannot begin costs no older recording. */
static int open_all(struct command *command)
{
    struct capture_options *options = &command->options;

    options->capture.report = report;
    options->capture.report_arg = command;
    int result = canring_capture_open(&command->capture, &options->capture, &command->err);
    if (result < 0)
        return say_file(command, result);
    for (int i = 0; i < options->target_count; i++) {
        int status = add_target(command, options->targets[i]);
        if (status)
            return status;
    }
    result = canring_capture_begin(command->capture, &command->err);
    return result < 0 ? say_file(command, result) : 0;
}

static int handle_signal(struct command *command)
{
    int number = signals_take(command->signals);
    int result = 0;

    switch (number) {
    case 0:
        return 0;
    case SIGHUP:
        result = canring_capture_rotate(command->capture);
        break;
    case SIGUSR1:
        result = canring_capture_trigger(command->capture);
        break;
    default:
        command->signal = number;
        command->over = true;
    }
    if (result < 0)
        say("capture", "%s: %s", strsignal(number), strerror(-result));
    return result < 0 ? EXIT_FAILURE : 0;
}

static void show(struct command *command)
{
    struct canring_recording_stats stats;
    uint64_t lost = 0;

    canring_capture_stats(command->capture, &stats);
    for (int i = 0; i < command->options.target_count; i++) {
        struct canring_capture_bus_stats bus;
        if (canring_capture_bus_stats(command->capture, (unsigned)i, &bus) == 0)
            lost += bus.lost_kernel;
    }
    capture_print_line(&command->print, &stats, lost, now_ns());
}

/* Milliseconds until there is something to do that no descriptor tells of, -1 = never. */
static int timeout(const struct command *command)
{
    uint64_t next = command->end_ns < command->show_ns ? command->end_ns : command->show_ns;

    if (next == UINT64_MAX)
        return -1;
    uint64_t now = now_ns();
    if (next <= now)
        return 0;
    uint64_t ms = (next - now + 999999) / 1000000;
    return ms > 3600000 ? 3600000 : (int)ms;
}

static void look_at_the_clock(struct command *command)
{
    if (command->end_ns == UINT64_MAX && command->show_ns == UINT64_MAX)
        return;
    uint64_t now = now_ns();
    command->over |= now >= command->end_ns;
    if (now < command->show_ns)
        return;
    show(command);
    command->show_ns = now + SHOW_NS;
}

static int run(struct command *command)
{
    struct pollfd fds[] = {{.fd = command->signals, .events = POLLIN},
                           {.fd = canring_capture_fd(command->capture), .events = POLLIN}};
    int result = fds[1].fd < 0 ? fds[1].fd : canring_capture_poll(command->capture);

    while (result == 0 && !command->over) {
        int ready = poll(fds, 2, timeout(command));
        if (ready < 0 && errno != EINTR)
            result = -errno;
        if (ready > 0 && fds[1].revents) {
            if (!fds[0].revents)
                canring_capture_gather(command->capture);
            result = canring_capture_poll(command->capture);
        }
        if (ready > 0 && fds[0].revents && handle_signal(command))
            return EXIT_FAILURE;
        look_at_the_clock(command);
    }
    if (result < 0)
        say("capture", "cannot go on: %s", strerror(-result));
    return result < 0 ? EXIT_FAILURE : 0;
}

static int finish(struct command *command, int result)
{
    struct canring_capture_bus_stats buses[CANRING_CAPTURE_BUSES];
    struct canring_recording_stats stats;
    bool opened = result == 0;

    capture_print_clear(&command->print);
    int closed = canring_capture_close(command->capture, &stats, buses, &command->err);
    if (closed < 0)
        say("capture", "%s", command->err.text);
    if (opened)
        capture_print_summary(&command->print, &stats, buses,
                              (unsigned)command->options.target_count, now_ns());
    return result == 0 && closed < 0 ? EXIT_FAILURE : result;
}

static void say_begun(const struct command *command)
{
    const char *path = command->options.capture.recording.path;

    if (!command->options.quiet)
        say("capture", "recording into %s", strcmp(path, "-") == 0 ? "standard output" : path);
}

static int capture(struct command *command)
{
    uint64_t now = now_ns();

    int result = open_all(command);
    if (result == 0) {
        capture_print_init(&command->print, command->options.quiet, now);
        command->end_ns =
            command->options.duration_ns ? now + command->options.duration_ns : UINT64_MAX;
        command->show_ns = command->print.live ? now + SHOW_NS : UINT64_MAX;
        say_begun(command);
        result = run(command);
    }
    return command->capture ? finish(command, result) : result;
}

int cmd_capture(int argc, char **argv)
{
    struct command command = {.signals = -1};
    bool done = false;
    int result = capture_options_read(&command.options, argc, argv, &done);

    if (result == 0 && !done) {
        command.signals = signals_open(SIGUSR1);
        if (command.signals < 0) {
            say("capture", "cannot catch signals: %s", strerror(-command.signals));
            result = EXIT_FAILURE;
        } else {
            result = capture(&command);
            close(command.signals);
        }
    }
    capture_options_free(&command.options);
    return result == 0 && command.signal ? 128 + command.signal : result;
}
