#include <canring/text.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "damage.h"
#include "deviations.h"
#include "long_format.h"
#include "play_clock.h"
#include "play_targets.h"
#include "say.h"
#include "signals.h"

/* Without waits there is none in which a signal shows: look for it so often. */
#define LOOK_FRAMES 64
/* The first frame is due so much after everything is open. */
#define LEAD_NS UINT64_C(1000000)
/* Longer waits are left early by this much, and the rest slept without looking for signals. */
#define LAST_SLEEP_NS UINT64_C(2000000)
#define SPIN_NS       UINT64_C(100000)
#define ROOM_MS       100
#define ROOM_SAY      10 /* so many times ROOM_MS without room are told */

struct play {
    struct play_options options;
    struct play_targets targets;
    struct play_clock clock;
    struct damage damage;
    struct deviations deviations;
    struct canring_trace_reader *reader;
    union canring_frame_buffer *frame; /* being sent */
    int signals;
    int signal; /* that ended us */
    bool unfinished;
    bool begun;
    uint64_t begin_ns, end_ns; /* of the recording: what is played of it */
    uint64_t looks;
    uint64_t started;  /* when the first frame was due */
    uint64_t finished; /* when the last one was sent */
    uint64_t sent, errors, lost, nowhere, refused, waits;
};

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
}

/* Sleep, or only look for a signal. True when one wants us to end. */
static bool look(struct play *play, uint64_t sleep_ns)
{
    struct pollfd fd = {.fd = play->signals, .events = POLLIN};
    struct timespec timeout = timespec_of(sleep_ns);

    if (sleep_ns)
        fflush(stdout);
    if (ppoll(&fd, 1, &timeout, NULL) > 0)
        play->signal = signals_take(play->signals);
    return play->signal != 0;
}

/* True when a signal wants us to end. */
static bool wait_until(struct play *play, uint64_t due)
{
    uint64_t now = now_ns(), awake = play->options.precise ? SPIN_NS : 0;

    while (due > now + LAST_SLEEP_NS) {
        if (look(play, due - now - LAST_SLEEP_NS))
            return true;
        now = now_ns();
    }
    if (due > now + awake) {
        struct timespec until = timespec_of(due - awake);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    while (play->options.precise && now_ns() < due)
        ;
    return ++play->looks % LOOK_FRAMES == 0 && look(play, 0);
}

static bool wait_for_enter(struct play *play)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = play->signals, .events = POLLIN}};
    char key = 0;

    fflush(stdout);
    while (key != '\n') {
        if (poll(fds, 2, -1) < 0 || fds[1].revents) {
            play->signal = signals_take(play->signals);
            return true;
        }
        if (read(STDIN_FILENO, &key, 1) != 1)
            return true;
    }
    return false;
}

/* What a sender sets, and nothing that is known of a received frame only. */
static void take_frame(struct play *play, const struct canring_frame *recorded)
{
    struct canring_frame *frame = &play->frame->frame;

    canring_frame_copy(frame, recorded);
    frame->flags &= CANRING_FD | CANRING_BRS | CANRING_ESI | CANRING_XL | CANRING_DLC_MASK;
    frame->timestamp_ns = 0;
    frame->number = 0;
}

static void print_line(const struct play *play, const struct canring_frame *frame, uint32_t bus)
{
    char line[CANRING_TEXT_MAX + CANRING_TEXT_NAME + 64];
    int length = canring_log_format(frame, canring_trace_reader_bus(play->reader, bus), 6, line,
                                    sizeof(line));

    if (length > 0)
        fwrite(line, 1, (size_t)length, stdout);
}

static void print_sent(const struct play *play, const struct play_target *target, uint32_t bus)
{
    static const struct long_view view = {.indent = true};
    char text[LONG_FORMAT_MAX];

    long_format(text, &play->frame->frame, &view);
    printf("%s (%s) %s\n", target->name, canring_trace_reader_bus(play->reader, bus), text);
}

/* The target cannot carry such a frame: left out, told with the first one of a kind. */
static void leave_out(struct play *play, struct play_target *target)
{
    static const char *const kinds[] = {"such", "CAN FD", "CAN XL"};
    const struct canring_frame *frame = &play->frame->frame;
    unsigned kind = frame->flags & CANRING_XL ? 2 : frame->flags & CANRING_FD ? 1 : 0;
    char text[CANRING_TEXT_MAX];

    target->refused++;
    play->refused++;
    if (target->kinds_refused & 1U << kind)
        return;
    target->kinds_refused |= 1U << kind;
    if (canring_frame_format(frame, text, sizeof(text)) < 0)
        *text = '\0';
    say("play", "%s carries no %s frames, like %.100s, number %llu: they are left out%s",
        target->name, kinds[kind], text, (unsigned long long)play->sent + play->refused,
        kind == 1 ? "; its MTU must be 72" : "");
}

/* 1 sent; 0 left out, or a signal came while the bus had no room: play->signal is set then; -1 it
 * failed. */
static int send_frame(struct play *play, struct play_target *target)
{
    int result, rounds = 0;

    while ((result = target->source.kind->send(&target->source, &play->frame->frame,
                                               rounds ? ROOM_MS : 0)) == -EAGAIN) {
        play->waits += rounds == 0;
        if (rounds++ == ROOM_SAY)
            say("play", "%s has had no room for a frame for a second, waiting", target->name);
        if (look(play, 0))
            return 0;
    }
    if (result >= 0)
        return 1;
    if (result == -EOPNOTSUPP) {
        leave_out(play, target);
        return 0;
    }
    say("play", "%s: %s", target->name, strerror(-result));
    return -1;
}

static void note_time(struct play *play, uint64_t due)
{
    play->finished = now_ns();
    if (play->options.ignore_times || play->options.interactive)
        return;
    deviations_add(&play->deviations,
                   play->finished > due ? play->finished - due : due - play->finished);
}

/* Wait for the time of the frame. Sets *due; true when it is not to be sent any more. */
static bool wait_for_turn(struct play *play, uint64_t recorded, uint64_t *due)
{
    if (play->options.interactive)
        return wait_for_enter(play);
    if (play->options.ignore_times)
        return ++play->looks % LOOK_FRAMES == 0 && look(play, 0);
    *due = play_clock_due(&play->clock, recorded, now_ns() + LEAD_NS);
    if (wait_until(play, *due))
        return true;
    *due = play_clock_late(&play->clock, now_ns());
    return false;
}

static int play_frame(struct play *play, const struct canring_trace_entry *entry)
{
    uint64_t due = 0;
    int status = 0, sent = 1;
    struct play_target *target =
        play_targets_find(&play->targets, play->reader, entry->bus, &status);

    if (!target) {
        play->nowhere += status == 0;
        return status;
    }
    take_frame(play, entry->frame);
    if (wait_for_turn(play, entry->timestamp_ns, &due))
        return 0;
    if (play->sent == 0)
        play->started = due ? due : now_ns();
    if (target->prints)
        print_line(play, entry->frame, entry->bus);
    else
        sent = send_frame(play, target);
    if (sent <= 0)
        return sent < 0 ? EXIT_FAILURE : 0;
    play->sent++;
    note_time(play, due);
    if (play->options.verbose && !target->prints)
        print_sent(play, target, entry->bus);
    return 0;
}

static bool over(const struct play *play)
{
    return play->signal || (play->options.count && play->sent == play->options.count);
}

/* What is played, and what is only counted. */
static int take_entry(struct play *play, const struct canring_trace_entry *entry, bool *past_end)
{
    if (!play->begun) {
        play->begun = true;
        play->begin_ns = time_resolve(&play->options.start, entry->timestamp_ns, 0);
        play->end_ns = time_resolve(&play->options.end, entry->timestamp_ns, UINT64_MAX);
    }
    *past_end = entry->timestamp_ns > play->end_ns;
    if (entry->timestamp_ns < play->begin_ns || *past_end)
        return 0;
    if (entry->kind != CANRING_TRACE_FRAME) {
        play->lost++;
        return 0;
    }
    /* Only controllers send them. */
    if (canring_frame_is_error(entry->frame) &&
        !play_targets_print(&play->targets, play->reader, entry->bus)) {
        play->errors++;
        return 0;
    }
    return play_frame(play, entry);
}

/* `again`: what is damaged was told in the first round. */
static int play_once(struct play *play, bool again)
{
    struct canring_trace_entry entry;
    struct canring_error err;
    bool past_end = false;
    int result, status = 0;

    while (status == 0 && !over(play) && !past_end &&
           (result = canring_trace_reader_next(play->reader, &entry, &err)) != 0) {
        if (result > 0) {
            status = take_entry(play, &entry, &past_end);
            continue;
        }
        if (!again || result != -EINVAL)
            damage_say(&play->damage, "play", &err);
        if (result != -EINVAL)
            status = EXIT_FAILURE;
    }
    play->unfinished |= canring_trace_reader_unfinished(play->reader);
    return status;
}

static int play_all(struct play *play)
{
    struct canring_error err = {0};
    int status = 0;

    for (uint64_t round = 0; status == 0 && !over(play); round++) {
        if (play->options.loops && round == play->options.loops)
            break;
        if (round && canring_trace_reader_rewind(play->reader, &err) < 0) {
            say("play", "%s", err.text);
            return EXIT_FAILURE;
        }
        uint64_t before = play->sent;
        status = play_once(play, round > 0);
        if (play->sent == before)
            break; /* nothing in it: no further round has anything either */
        play_clock_again(&play->clock);
    }
    damage_say_rest(&play->damage, "play");
    return status;
}

/* What could have been assigned. */
static void tell_nowhere(const struct play *play)
{
    char buses[256] = "";
    const char *bus;

    for (uint32_t i = 0; (bus = canring_trace_reader_bus(play->reader, i)) != NULL; i++) {
        size_t used = strlen(buses);
        snprintf(buses + used, sizeof(buses) - used, "%s%s", used ? ", " : "", bus);
    }
    say("play", "%llu frames were not sent: their buses have no target; the recording has %s%s",
        (unsigned long long)play->nowhere, buses, strlen(buses) == sizeof(buses) - 1 ? "…" : "");
}

static void tell_left_out(const struct play *play)
{
    say_foreign("play", play->options.file, canring_trace_reader_foreign(play->reader));
    if (play->errors)
        say("play", "%llu error frames were not sent", (unsigned long long)play->errors);
    if (play->lost)
        say("play", "frames are missing in the recording, which tells so in %llu places",
            (unsigned long long)play->lost);
    if (play->nowhere)
        tell_nowhere(play);
    for (unsigned i = 0; i < play->targets.count; i++)
        if (play->targets.list[i].refused)
            say("play", "%llu frames were not sent: %s does not carry their kind",
                (unsigned long long)play->targets.list[i].refused, play->targets.list[i].name);
    if (play->clock.shifted)
        say("play", "more than a second late %llu times: the rest was moved, not sent in a burst",
            (unsigned long long)play->clock.shifted);
}

static void tell_stats(const struct play *play)
{
    double seconds = play->sent ? (double)(play->finished - play->started) * 1e-9 : 0;

    fprintf(stderr, "sent %llu frames in %.6f s, waited %llu times for room",
            (unsigned long long)play->sent, seconds, (unsigned long long)play->waits);
    if (play->clock.back || play->clock.skipped)
        fprintf(stderr, ", %llu steps back in time, %llu gaps skipped",
                (unsigned long long)play->clock.back, (unsigned long long)play->clock.skipped);
    fputc('\n', stderr);
    if (play->deviations.count == 0)
        return;
    fprintf(stderr, "|sent - due| µs: p50 %.1f, p90 %.1f, p99 %.1f, p99.9 %.1f, max %.1f\n",
            (double)deviations_quantile(&play->deviations, 0.5) * 1e-3,
            (double)deviations_quantile(&play->deviations, 0.9) * 1e-3,
            (double)deviations_quantile(&play->deviations, 0.99) * 1e-3,
            (double)deviations_quantile(&play->deviations, 0.999) * 1e-3,
            (double)play->deviations.largest * 1e-3);
}

static int run(struct play *play)
{
    struct canring_error err = {0};

    /* Without this the kernel wakes us up to 50 µs late, to wake others along with us. */
    prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
    play->clock = (struct play_clock){.speed = play->options.speed,
                                      .gap_ns = play->options.gap_ns,
                                      .skip_ns = play->options.skip_ns};
    int status =
        canring_trace_reader_open(&play->reader, play->options.file, play->options.format, &err);
    if (status < 0) {
        say("play", "%s", err.text);
        return exit_status(status);
    }
    status = play_targets_open(&play->targets, &play->options);
    if (status == 0)
        status = play_all(play);
    if (play->refused + play->nowhere + play->errors && play->sent == 0 && !play->signal)
        status = EXIT_FAILURE;
    int written = finish_output("play");
    tell_left_out(play);
    if (!play->signal && play_targets_finish(&play->targets) && status == 0)
        status = EXIT_FAILURE;
    if (play->options.stats)
        tell_stats(play);
    play_targets_close(&play->targets);
    canring_trace_reader_close(play->reader);
    return status ? status : written;
}

int cmd_play(int argc, char **argv)
{
    static union canring_frame_buffer frame;
    static struct play play; /* with its words and buckets too large for a stack */
    bool done = false;
    int result = play_options_read(&play.options, argc, argv, &done);

    if (result || done)
        return result;
    play.frame = &frame;
    /* who waits for standard input must end at once: then signals have their usual effect */
    play.signals = strcmp(play.options.file, "-") == 0 ? -1 : signals_open(0);
    if (play.signals < -1) {
        say("play", "cannot catch signals: %s", strerror(-play.signals));
        return EXIT_FAILURE;
    }
    result = run(&play);
    if (play.signals >= 0)
        close(play.signals);
    if (result)
        return result;
    if (play.signal)
        return 128 + play.signal;
    return play.damage.count || play.unfinished ? EXIT_DAMAGED : 0;
}
