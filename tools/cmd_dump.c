#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "dump_log.h"
#include "dump_print.h"
#include "say.h"
#include "signals.h"
#include "source.h"

/* Frames shown before the sources, the signals and the log are looked at again. */
#define ROUND_FRAMES 256
/* Frames taken after the signal to end, so that what had arrived is in the log. */
#define LAST_FRAMES 65536

struct input {
    struct source source;
    struct canring_filters filters;
    const char *target;               /* without the filters */
    const struct canring_frame *next; /* received, not shown yet */
    bool ask;                         /* may have another one */
    bool ended;
    uint64_t lost;      /* frames that were told to be lost */
    uint64_t link_down; /* times seen down */
};

struct dump {
    struct dump_options options;
    struct dump_print print;
    struct dump_log log;
    struct input inputs[DUMP_TARGETS_MAX];
    int opened;
    int signals;
    int signal; /* that ended us */
    uint64_t left;
    uint64_t shown_ns; /* when the last frame was shown, or we began */
    bool finished;
    unsigned turn; /* of the bar of -s 1 */
    struct canring_error err;
};

static void report(void *arg, int level, const char *text)
{
    (void)arg;
    (void)level;
    say("dump", "%s", text);
}

static int open_input(struct dump *dump, struct input *input, char *target)
{
    const struct dump_options *options = &dump->options;
    struct canring_bus_options wanted = {
        .fd = true,
        .xl = true,
        .hardware_timestamps = options->hardware,
        .receive_buffer = options->receive_buffer,
        .loops = 1,
        .report = report,
    };
    const char *filters;

    if (source_split("dump", target, &filters))
        return EXIT_MISUSE;
    filters = filters ? filters : "";
    if (canring_filters_parse(&input->filters, filters, &dump->err)) {
        say("dump", "filters of %s: %s", target, dump->err.text);
        show_column(filters, &dump->err);
        return EXIT_MISUSE;
    }
    input->target = target;
    wanted.filters = input->filters;
    int result = source_open(&input->source, target, &wanted, &dump->err);
    if (result) {
        say("dump", "%s: %s", target, dump->err.text);
        canring_filters_free(&input->filters);
        return exit_status(result);
    }
    input->ask = true;
    dump_print_expect(&dump->print, input->source.kind->name(&input->source));
    return 0;
}

static int open_inputs(struct dump *dump)
{
    for (int i = 0; i < dump->options.target_count; i++) {
        int result = open_input(dump, &dump->inputs[i], dump->options.targets[i]);
        if (result)
            return result;
        dump->opened++;
    }
    return 0;
}

static int open_log(struct dump *dump)
{
    const struct dump_options *options = &dump->options;

    if (!options->log)
        return 0;
    if (options->silence == DUMP_SILENT)
        fputs("Disabled standard output while logging.\n", stderr);
    else
        fputs("Warning: Console output active while logging!\n", stderr);
    int result = dump_log_open(&dump->log, options->path, options->format, &dump->err);
    if (result < 0) {
        say("dump", "%s", dump->err.text);
        return exit_status(result);
    }
    fprintf(stderr, "Enabling Logfile '%s'\n", dump->log.name);
    return 0;
}

static int log_line(struct dump *dump, const char *line, size_t length)
{
    if (dump_log_write(&dump->log, line, length, &dump->err) == 0)
        return 0;
    say("dump", "%s", dump->err.text);
    return EXIT_FAILURE;
}

static int log_entry(struct dump *dump, const struct input *input,
                     const struct canring_frame *frame, uint64_t lost)
{
    const char *name = input->source.kind->name(&input->source);

    if (dump_log_entry(&dump->log, name, frame, lost, &dump->err) == 0)
        return 0;
    say("dump", "%s", dump->err.text);
    return EXIT_FAILURE;
}

/* What the bus has lost since the last frame, where it was lost in the stream. */
static int tell_losses(struct dump *dump, struct input *input)
{
    struct canring_bus_stats stats;
    char line[512];

    input->source.kind->stats(&input->source, &stats);
    uint64_t lost = stats.rx_lost_kernel - input->lost;
    if (lost == 0)
        return 0;
    input->lost = stats.rx_lost_kernel;
    int length = snprintf(line, sizeof(line),
                          "DROPCOUNT: dropped %llu CAN frame%s on '%.128s' socket (total drops "
                          "%llu)\n",
                          (unsigned long long)lost, lost > 1 ? "s" : "", input->target,
                          (unsigned long long)stats.rx_lost_kernel);
    if (dump->options.silence != DUMP_SILENT)
        fputs(line, stdout);
    if (dump->log.writer)
        return log_entry(dump, input, NULL, lost);
    return dump->options.log ? log_line(dump, line, (size_t)length) : 0;
}

static void turn_bar(struct dump *dump)
{
    printf("%c\b", "|/-\\"[dump->turn++ % 4]);
}

static int show(struct dump *dump, struct input *input)
{
    const struct dump_options *options = &dump->options;
    const struct canring_frame *frame = input->next;
    const char *name = input->source.kind->name(&input->source);
    char line[DUMP_LINE_MAX];
    size_t length;

    if (options->drops && tell_losses(dump, input))
        return EXIT_FAILURE;
    if (dump->log.writer) {
        if (log_entry(dump, input, frame, 0))
            return EXIT_FAILURE;
    } else if (options->log) {
        length = dump_print_log(&dump->print, frame, name, false, line);
        if (log_line(dump, line, length))
            return EXIT_FAILURE;
    }
    if (options->log_format) {
        length = dump_print_log(&dump->print, frame, name, true, line);
        fwrite(line, 1, length, stdout);
    } else if (options->silence == DUMP_LOUD) {
        length = dump_print_console(&dump->print, frame, name, line);
        fwrite(line, 1, length, stdout);
    } else if (options->silence == DUMP_ANIMATION) {
        turn_bar(dump);
    }
    return 0;
}

/* With nothing received: has the interface gone? As candump, that ends us unless -D is given. */
static int check_link(struct dump *dump, struct input *input)
{
    uint64_t link_down = input->source.kind->link_down(&input->source);

    if (link_down == input->link_down)
        return 0;
    input->link_down = link_down;
    if (strcmp(input->target, "any") == 0)
        return 0; /* the others go on; which one it was has been said */
    say("dump", "%s: interface down", input->target);
    return dump->options.stay ? 0 : EXIT_FAILURE;
}

static int receive(struct dump *dump, struct input *input)
{
    int result = input->source.kind->receive(&input->source, &input->next, 0);

    if (result > 0)
        return 0;
    input->next = NULL;
    input->ask = false;
    if (result == 0)
        return check_link(dump, input);
    input->ended = true;
    if (result == -ENODATA)
        return 0;
    say("dump", "%s: %s", input->target, strerror(-result));
    return EXIT_FAILURE;
}

/* The input whose frame is the oldest, or NULL when none has one. */
static int oldest(struct dump *dump, struct input **found)
{
    *found = NULL;
    for (int i = 0; i < dump->opened; i++) {
        struct input *input = &dump->inputs[i];
        if (!input->next && input->ask && !input->ended && receive(dump, input))
            return EXIT_FAILURE;
        if (input->next && (!*found || input->next->timestamp_ns < (*found)->next->timestamp_ns))
            *found = input;
    }
    return 0;
}

/* Show up to `most` frames, in the order of their time across the inputs. */
static int pump(struct dump *dump, unsigned most)
{
    unsigned i;

    for (i = 0; i < most && !dump->finished; i++) {
        struct input *input;
        if (oldest(dump, &input))
            return EXIT_FAILURE;
        if (!input)
            break;
        if (show(dump, input))
            return EXIT_FAILURE;
        input->next = NULL;
        if (dump->left && --dump->left == 0)
            dump->finished = true;
    }
    if (i && dump->options.idle_ms >= 0) /* the time may cost a system call */
        dump->shown_ns = now_ns();
    return 0;
}

static int flush(struct dump *dump)
{
    if ((dump->log.file || dump->log.writer) && dump_log_flush(&dump->log, &dump->err)) {
        say("dump", "%s", dump->err.text);
        return EXIT_FAILURE;
    }
    return finish_output("dump");
}

static int reopen_log(struct dump *dump)
{
    if (dump_log_reopen(&dump->log, &dump->err)) {
        say("dump", "%s", dump->err.text);
        return EXIT_FAILURE;
    }
    fprintf(stderr, "Enabling Logfile '%s'\n", dump->log.name);
    return 0;
}

static int handle_signal(struct dump *dump)
{
    int number = signals_take(dump->signals);

    if (number == 0)
        return 0;
    if (number == SIGHUP && dump->options.log)
        return reopen_log(dump);
    dump->signal = number;
    dump->finished = true;
    return 0;
}

/* Fill the poll set: the signals and whatever has not ended. True when nobody has more. */
static bool prepare_wait(struct dump *dump, struct pollfd *fds, bool *busy)
{
    bool over = true;

    *busy = false;
    fds[0] = (struct pollfd){.fd = dump->signals, .events = POLLIN};
    for (int i = 0; i < dump->opened; i++) {
        struct input *input = &dump->inputs[i];
        int fd = input->ended ? -1 : input->source.kind->fd(&input->source);
        fds[i + 1] = (struct pollfd){.fd = fd, .events = POLLIN};
        over &= input->ended && !input->next;
        *busy |= input->next || (input->ask && !input->ended);
    }
    return over;
}

/* Of the time of -T, in ms; -1 without it. */
static int idle_left(const struct dump *dump)
{
    uint64_t most = (uint64_t)dump->options.idle_ms;

    if (dump->options.idle_ms < 0)
        return -1;
    uint64_t gone = (now_ns() - dump->shown_ns) / 1000000;
    return gone < most ? (int)(most - gone) : 0;
}

/* Sleep until there is something to do. Sets *idle when the time of -T has passed. */
static int wait_for_frames(struct dump *dump, bool *idle)
{
    struct pollfd fds[DUMP_TARGETS_MAX + 1];
    bool busy;

    if (prepare_wait(dump, fds, &busy)) {
        dump->finished = true;
        return 0;
    }
    if (!busy && flush(dump))
        return EXIT_FAILURE;
    int left = idle_left(dump); /* not all of it again after a wake-up that brought no frame */
    int ready = poll(fds, (nfds_t)dump->opened + 1, busy ? 0 : left);
    if (ready < 0 && errno != EINTR) {
        say("dump", "cannot wait: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    *idle = left == 0 && !busy;
    for (int i = 0; i < dump->opened; i++)
        dump->inputs[i].ask |= fds[i + 1].revents != 0;
    return ready > 0 && fds[0].revents ? handle_signal(dump) : 0;
}

static int run(struct dump *dump)
{
    bool idle = false;
    int result = 0;

    dump->shown_ns = now_ns();
    while (result == 0 && !dump->finished && !idle) {
        result = pump(dump, ROUND_FRAMES);
        if (result == 0 && !dump->finished)
            result = wait_for_frames(dump, &idle);
    }
    if (result == 0 && dump->signal) {
        dump->finished = false;
        for (int i = 0; i < dump->opened; i++)
            dump->inputs[i].ask = true;
        result = pump(dump, LAST_FRAMES);
    }
    return result;
}

static void close_inputs(struct dump *dump)
{
    for (int i = 0; i < dump->opened; i++) {
        dump->inputs[i].source.kind->close(&dump->inputs[i].source);
        canring_filters_free(&dump->inputs[i].filters);
    }
}

static int dump_all(struct dump *dump)
{
    int result = open_inputs(dump);

    if (result == 0)
        result = open_log(dump);
    if (result == 0)
        result = run(dump);
    if (result == 0)
        result = flush(dump);
    if (dump_log_close(&dump->log, &dump->err) && result == 0) {
        say("dump", "%s", dump->err.text);
        result = EXIT_FAILURE;
    }
    close_inputs(dump);
    return result;
}

int cmd_dump(int argc, char **argv)
{
    static struct dump dump; /* with its line buffers too large for a stack */
    bool done = false;
    int result = dump_options_read(&dump.options, argc, argv, &done);

    if (result || done)
        return result;
    dump_print_init(&dump.print, &dump.options);
    dump.left = dump.options.count;
    dump.signals = signals_open(0);
    if (dump.signals < 0) {
        say("dump", "cannot catch signals: %s", strerror(-dump.signals));
        return EXIT_FAILURE;
    }
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    result = dump_all(&dump);
    close(dump.signals);
    return result == 0 && dump.signal ? 128 + dump.signal : result;
}
