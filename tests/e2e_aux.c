/* An auxiliary for the end-to-end tests: it counts, and prints one line when it ends.
 *
 * Frames with the identifier 100 carry a sequence number, 64 bits, little endian: it tells what is
 * missing in them, what came twice or late, and whether the numbers that the proxy gave say the
 * same. It makes no output while frames flow. It ends after COUNT of those frames, after so long
 * without any, at SIGTERM, or with the proxy.
 *
 * usage: e2e_aux [-r] [-w spin|adaptive|park] [-n COUNT] [-t IDLE_MS] [-s SEND] PROXY/CHANNEL
 * With -r it tries again for a while when the channel is still another's, or there is none yet.
 */
#include <canring/channel.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SEQUENCED 0x100u /* identifier of frames with a sequence number */
#define OURS      0x321u /* of those that we send */
#define SLICE_MS  250
#define TRIES     1000 /* of 10 ms */

struct tally {
    uint64_t received, missing, late, other, own, number_gaps;
    uint64_t next_sequence;
    uint32_t next_number;
    bool numbered, sequenced; /* one came */
    struct timespec first, last;
};

struct settings {
    const char *name;
    enum canring_wait wait;
    uint64_t count, send;
    int idle_ms;
    bool patient;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static uint64_t sequence_of(const struct canring_frame *frame)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8 && i < canring_frame_length(frame); i++)
        value |= (uint64_t)canring_frame_payload(frame)[i] << 8 * i;
    return value;
}

static void note_number(struct tally *tally, const struct canring_frame *frame)
{
    if (tally->numbered)
        tally->number_gaps += frame->number - tally->next_number;
    tally->next_number = frame->number + 1;
    tally->numbered = true;
}

static void note_sequence(struct tally *tally, uint64_t sequence)
{
    if (!tally->sequenced)
        clock_gettime(CLOCK_MONOTONIC, &tally->first);
    else if (sequence < tally->next_sequence)
        tally->late++;
    else
        tally->missing += sequence - tally->next_sequence;
    tally->next_sequence = sequence + 1;
    tally->sequenced = true;
    tally->received++;
}

static void note(struct tally *tally, const struct canring_frame *frame)
{
    note_number(tally, frame);
    if (frame->id == SEQUENCED)
        note_sequence(tally, sequence_of(frame));
    else if (frame->id == OURS)
        tally->own++;
    else
        tally->other++;
}

static bool enough(const struct tally *tally, const struct settings *settings)
{
    return stopped || (settings->count && tally->received >= settings->count);
}

static void read_all(struct canring_channel *channel, struct tally *tally,
                     const struct settings *settings)
{
    const struct canring_frame *frame;
    while (!enough(tally, settings) && (frame = canring_channel_peek(channel)) != NULL) {
        note(tally, frame);
        canring_channel_next(channel);
    }
}

/* Why it ended. */
static const char *receive(struct canring_channel *channel, struct tally *tally,
                           const struct settings *settings)
{
    int idle_ms = 0;
    while (!enough(tally, settings)) {
        int result = canring_channel_wait(channel, SLICE_MS);
        if (result < 0)
            return "gone";
        idle_ms = result ? 0 : idle_ms + SLICE_MS;
        if (settings->idle_ms && idle_ms >= settings->idle_ms)
            return "idle";
        read_all(channel, tally, settings);
    }
    clock_gettime(CLOCK_MONOTONIC, &tally->last);
    return stopped ? "asked" : "count";
}

static int send_all(struct canring_channel *channel, uint64_t count)
{
    union canring_frame_buffer buffer;
    uint8_t data[8];
    for (uint64_t n = 0; n < count; n++) {
        for (unsigned i = 0; i < 8; i++)
            data[i] = (uint8_t)(n >> 8 * i);
        canring_frame_classic(&buffer.frame, OURS, data, sizeof(data));
        int result = canring_channel_send(channel, &buffer.frame, 5000);
        if (result < 0)
            return result;
    }
    return 0;
}

static void print(const struct tally *t, struct canring_channel *channel, const char *why)
{
    struct canring_channel_stats stats;
    double seconds = (double)(t->last.tv_sec - t->first.tv_sec) +
                     (double)(t->last.tv_nsec - t->first.tv_nsec) / 1e9;
    canring_channel_give_back(channel); /* and what we have read is in the shared counters */
    canring_channel_stats(channel, &stats);
    printf("received %llu missing %llu late %llu own %llu other %llu number_gaps %llu next %llu "
           "dropped %llu spilled %llu rate %.0f why %s\n",
           (unsigned long long)t->received, (unsigned long long)t->missing,
           (unsigned long long)t->late, (unsigned long long)t->own, (unsigned long long)t->other,
           (unsigned long long)t->number_gaps, (unsigned long long)t->next_sequence,
           (unsigned long long)stats.dropped, (unsigned long long)stats.spilled,
           seconds > 0 ? (double)t->received / seconds : 0.0, why);
}

static int read_settings(struct settings *settings, int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "rw:n:t:s:")) != -1) {
        if (option == 'w')
            settings->wait = *optarg == 's'   ? CANRING_WAIT_SPIN
                             : *optarg == 'p' ? CANRING_WAIT_PARK
                                              : CANRING_WAIT_ADAPTIVE;
        else if (option == 'r')
            settings->patient = true;
        else if (option == 'n')
            settings->count = strtoull(optarg, NULL, 10);
        else if (option == 't')
            settings->idle_ms = (int)strtol(optarg, NULL, 10);
        else if (option == 's')
            settings->send = strtoull(optarg, NULL, 10);
        else
            return -1;
    }
    settings->name = argv[optind];
    return optind == argc - 1 ? 0 : -1;
}

static int attach(struct canring_channel **channel, const struct settings *settings)
{
    const struct canring_channel_options options = {.wait = settings->wait};
    struct canring_error err = {0};
    int result;
    for (int tries = 0;; tries++) {
        result = canring_channel_attach(channel, settings->name, &options, &err);
        if (result == 0)
            return 0;
        if (stopped || !settings->patient || tries == TRIES)
            break;
        usleep(10000);
    }
    fprintf(stderr, "%s\n", err.text);
    return result;
}

int main(int argc, char **argv)
{
    struct settings settings = {.wait = CANRING_WAIT_ADAPTIVE};
    struct sigaction action = {.sa_handler = on_signal};
    struct canring_channel *channel;
    struct tally tally = {0};
    if (read_settings(&settings, argc, argv) < 0)
        return 2;
    sigaction(SIGTERM, &action, NULL);
    if (attach(&channel, &settings) < 0)
        return 1;
    int result = send_all(channel, settings.send);
    const char *why = result < 0 ? "send" : receive(channel, &tally, &settings);
    print(&tally, channel, why);
    canring_channel_detach(channel);
    return result < 0;
}
