#include <canring/text.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "gen_options.h"
#include "long_format.h"
#include "say.h"
#include "signals.h"
#include "source.h"

/* Without gaps there is no sleep in which a signal shows: look for it so often. */
#define LOOK_FRAMES 64

struct gen {
    struct gen_options options;
    struct generator generator;
    struct source source;
    int signals;
    int signal;      /* that ended us */
    uint64_t start;  /* CLOCK_MONOTONIC, of the first frame */
    uint64_t bursts; /* begun */
    uint64_t sent;
    uint64_t skipped;
};

static void report(void *arg, int level, const char *text)
{
    (void)arg;
    (void)level;
    say("gen", "%s", text);
}

/* When burst `n` is due. Counted from the start, so that late frames do not add up. */
static uint64_t deadline(const struct gen *gen, uint64_t n)
{
    const struct gen_options *options = &gen->options;

    return gen->start + n / options->per * options->gap_ns +
           n % options->per * options->gap_ns / options->per;
}

/* Nanoseconds until the next burst is due. */
static uint64_t time_left(const struct gen *gen)
{
    if (gen->options.gap_ns == 0)
        return 0; /* at full speed the clock itself would cost a third */
    uint64_t when = deadline(gen, gen->bursts), now = now_ns();
    return when > now ? when - now : 0;
}

/* Sleep until the next burst is due. True when a signal wants us to end. */
static bool wait_for_turn(struct gen *gen)
{
    struct pollfd fd = {.fd = gen->signals, .events = POLLIN};
    uint64_t left = time_left(gen);
    struct timespec timeout = {.tv_sec = (time_t)(left / 1000000000),
                               .tv_nsec = (long)(left % 1000000000)};

    if (left == 0 && gen->bursts % LOOK_FRAMES)
        return false;
    if (left && fflush(stdout))
        return true; /* said by finish_output */
    if (ppoll(&fd, 1, &timeout, NULL) > 0)
        gen->signal = signals_take(gen->signals);
    return gen->signal != 0;
}

/* cansend's form, with a dot between the bytes. */
static void print_dotted(const struct canring_frame *frame)
{
    char text[CANRING_TEXT_MAX];
    size_t data = canring_frame_length(frame);
    int length = canring_frame_format(frame, text, sizeof(text));

    if (length < 0)
        return;
    unsigned raw = !(frame->flags & CANRING_FD) && canring_frame_dlc(frame) > 8 ? 2 : 0;
    size_t head = (size_t)length - 2 * data - (data ? raw : 0);
    fwrite(text, 1, head, stdout);
    for (size_t i = 0; i < data; i++) {
        if (i || frame->flags & CANRING_FD)
            putchar('.');
        fwrite(text + head + 2 * i, 1, 2, stdout);
    }
    if (data)
        fputs(text + head + 2 * data, stdout);
}

static void print(const struct gen *gen, const struct canring_frame *frame)
{
    const struct gen_options *options = &gen->options;
    const struct long_view view = {.ascii = options->verbose > 2,
                                   .raw_dlc = options->rule.raw_dlc,
                                   .indent = options->rule.extended};
    char text[LONG_FORMAT_MAX];

    printf("  %s  ", options->target);
    if (options->verbose > 1) {
        long_format(text, frame, &view);
        fputs(text, stdout);
    } else {
        print_dotted(frame);
    }
    putchar('\n');
}

static int send_one(struct gen *gen)
{
    union canring_frame_buffer frame;

    generator_next(&gen->generator, &frame);
    if (gen->options.verbose)
        print(gen, &frame.frame);
    int result = gen->source.kind->send(&gen->source, &frame.frame, gen->options.timeout_ms);
    gen->sent++;
    if (result == -EAGAIN && gen->options.skip_full) {
        gen->skipped++;
        return 0;
    }
    if (result == 0)
        return 0;
    if (result == -EAGAIN)
        say("gen", "%s: no room for %d ms", gen->options.target, gen->options.timeout_ms);
    else
        say("gen", "%s: %s", gen->options.target, strerror(-result));
    return EXIT_FAILURE;
}

static bool finished(const struct gen *gen)
{
    return gen->options.count && gen->sent == gen->options.count;
}

static int run(struct gen *gen)
{
    int result = 0;

    gen->start = now_ns();
    while (result == 0 && !finished(gen)) {
        if (wait_for_turn(gen))
            break;
        gen->bursts++;
        for (uint64_t i = 0; i < gen->options.burst && result == 0 && !finished(gen); i++)
            result = send_one(gen);
    }
    if (gen->skipped)
        printf("\nCounted %llu ENOBUFS return values on write().\n\n",
               (unsigned long long)gen->skipped);
    int written = finish_output("gen");
    return result ? result : written;
}

int cmd_gen(int argc, char **argv)
{
    struct gen gen = {0};
    struct canring_bus_options options;
    struct canring_error err = {0};
    bool done = false;
    int result = gen_options_read(&gen.options, argc, argv, &done);

    if (result || done)
        return result;
    result = source_check_sendable("gen", gen.options.target);
    if (result)
        return result;
    source_send_only(&options);
    options.no_loopback = gen.options.no_loopback;
    options.report = report;
    gen.signals = signals_open(0);
    if (gen.signals < 0) {
        say("gen", "cannot catch signals: %s", strerror(-gen.signals));
        return EXIT_FAILURE;
    }
    generator_init(&gen.generator, &gen.options.rule);
    result = source_open(&gen.source, gen.options.target, &options, &err);
    if (result) {
        say("gen", "%s: %s", gen.options.target, err.text);
        result = exit_status(result);
    } else {
        result = run(&gen);
        if (result == 0 && !gen.signal)
            result = source_finish(&gen.source, "gen", gen.options.target);
        gen.source.kind->close(&gen.source);
    }
    close(gen.signals);
    return result == 0 && gen.signal ? 128 + gen.signal : result;
}
