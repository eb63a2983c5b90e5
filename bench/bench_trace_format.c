/* Frames per second through the encoder, the packer and the decoder of a recording's format, each
 * on one core.
 *
 *     bench_trace_format [FORMAT [FRAMES [classic|mixed]]]
 *
 * Prints a JSON line: million frames/s encoded, packed (of all frames; absent when the format packs
 * nothing), both one behind the other, decoded from a file in memory, and bytes per frame stored.
 */
#include <canring/trace.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "can/trace/format.h"
#include "rig.h"
#include "shm/clock.h"

#define START_NS UINT64_C(1700000000123456789)
#define BLOCK    (128u * 1024u)
#define BUSES    4u
#define AT_ONCE  4096u

struct result {
    double encode_s, pack_s, decode_s;
    uint64_t bytes, frames, read;
};

/* Time of this thread only: others on this machine do not count. */
static double now(void)
{
    return (double)cr_clock_ns(CLOCK_THREAD_CPUTIME_ID) / 1e9;
}

/* Traffic as a bus has it: few identifiers, counters and values that move a little. */
static void make_frame(struct canring_frame *frame, uint64_t number, bool mixed)
{
    uint32_t id = 0x100 + (uint32_t)(number * 7 % 61);
    uint8_t data[CANRING_FD_DATA_MAX];

    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i < 2 ? number >> (8 * i) : id * i + (number / 97 + i) % 5);
    canring_frame_classic(frame, id, data, 8);
    if (mixed && number % 4 == 3) {
        size_t length = number % 8 == 7 ? 64 : 24;
        frame->flags = CANRING_FD | CANRING_BRS;
        frame->size = (uint16_t)(CANRING_FRAME_HEADER + length);
        memcpy(frame->data, data, length);
    } else if (mixed && number % 4 == 1) {
        frame->id = CANRING_ID_EXTENDED | (id << 12);
    }
    frame->flags |= CANRING_CLOCK_KERNEL;
    frame->timestamp_ns = START_NS + number * 2137 + number % 13;
}

struct run {
    const struct cr_trace_encoder *encoder;
    struct cr_bytes raw, out;
    FILE *file;
    struct result *result;
    uint32_t buses;
};

static int store(struct run *run, const struct cr_bytes *bytes)
{
    run->result->bytes += bytes->used;
    return fwrite(bytes->data, 1, bytes->used, run->file) == bytes->used ? 0 : -1;
}

static int pack(struct run *run)
{
    int result = 0;

    if (!run->raw.used)
        return 0;
    if (run->encoder->pack) {
        double start = now();
        run->out.used = 0;
        result = run->encoder->pack(run->raw.data, run->raw.used, &run->out);
        run->result->pack_s += now() - start;
        result = result < 0 ? result : store(run, &run->out);
    } else {
        result = store(run, &run->raw);
    }
    run->raw.used = 0;
    return result;
}

static int encode(struct run *run, const struct cr_trace_start *with, bool mixed)
{
    static union {
        uint8_t room[CANRING_FRAME_HEADER + CANRING_FD_DATA_MAX];
        uint64_t align;
    } frames[AT_ONCE];
    void *state = calloc(1, run->encoder->state_size + 1);
    int result = state ? run->encoder->begin(state, with, &run->out) : -1;

    result = result < 0 ? result : store(run, &run->out);
    for (uint64_t number = 0; result >= 0 && number < run->result->frames;) {
        for (size_t i = 0; i < AT_ONCE; i++)
            make_frame((struct canring_frame *)&frames[i], number + i, mixed);
        double start = now(), packed = run->result->pack_s;
        for (size_t i = 0; i < AT_ONCE && result >= 0; i++, number++) {
            const struct canring_frame *frame = (const struct canring_frame *)&frames[i];
            const struct canring_trace_entry entry = {.kind = CANRING_TRACE_FRAME,
                                                      .bus = (uint32_t)(number / 16 % run->buses),
                                                      .timestamp_ns = frame->timestamp_ns,
                                                      .frame = frame};
            result = run->encoder->entry(state, &entry, &run->raw);
            if (run->raw.used > BLOCK && result >= 0)
                result = pack(run);
        }
        run->result->encode_s += now() - start - (run->result->pack_s - packed);
    }
    if (result >= 0 && run->encoder->end)
        result = run->encoder->end(state, &run->raw);
    result = result < 0 ? result : pack(run);
    free(state);
    return result;
}

static int decode(const char *path, const char *format, struct result *result)
{
    struct canring_trace_reader *reader;
    struct canring_trace_entry entry;
    struct canring_error err = {0};
    double start = now();
    int status = canring_trace_reader_open(&reader, path, format, &err);

    if (status == 0) {
        while ((status = canring_trace_reader_next(reader, &entry, &err)) == 1)
            result->read++;
        canring_trace_reader_close(reader);
    }
    result->decode_s = now() - start;
    if (status < 0)
        fprintf(stderr, "%s\n", err.text);
    return status;
}

static int measure(const struct cr_trace_format *format, bool mixed, const char *path,
                   struct result *result)
{
    struct cr_trace_names names = {0};
    const size_t room = BLOCK + 2 * CR_TRACE_ENTRY_ROOM;
    struct run run = {
        .encoder = format->encoder,
        .raw = {.data = malloc(room), .size = room},
        .out = {.data = malloc(cr_trace_pack_room(room)), .size = cr_trace_pack_room(room)},
        .file = fopen(path, "wb"),
        .result = result,
        .buses = strcmp(format->name, "pcap") == 0 ? 1 : BUSES}; /* a pcap file has one */
    int status = run.raw.data && run.out.data && run.file ? 0 : -1;

    for (uint32_t i = 0; i < run.buses && status >= 0; i++)
        status = cr_trace_names_channel(&names, i + 1);
    if (status >= 0)
        status =
            encode(&run, &(struct cr_trace_start){.start_ns = START_NS, .names = &names}, mixed);
    if (run.file && fclose(run.file) != 0)
        status = -1;
    if (status >= 0)
        status = decode(path, format->name, result);
    free(run.raw.data);
    free(run.out.data);
    cr_trace_names_free(&names);
    return status;
}

int main(int argc, char **argv)
{
    struct canring_error err;
    char path[64];
    int file = memfd_create("bench_trace_format", MFD_CLOEXEC); /* nothing is left when it ends */

    bench_words(argc, argv, 3, "bench_trace_format [FORMAT [FRAMES [classic|mixed]]]");
    const char *name = bench_word(1, "candump"), *traffic = bench_word(3, "classic");
    struct result result = {.frames = bench_number(2, 2000000, 1, 100000000)};
    const struct cr_trace_format *format = cr_trace_format_named(name, &err);
    bool mixed = strcmp(traffic, "mixed") == 0;
    if (!format)
        bench_misuse("%s", err.text);
    if (!format->encoder || !format->decoder)
        bench_misuse("%s: this format is not both written and read", name);
    if (!mixed && strcmp(traffic, "classic") != 0)
        bench_misuse("'%s': allowed is classic or mixed", traffic);
    result.frames = (result.frames + AT_ONCE - 1) / AT_ONCE * AT_ONCE;
    if (file < 0)
        bench_die("no file in memory: %s", strerror(errno));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    int status = measure(format, mixed, path, &result);
    if (status < 0 || result.read != result.frames) {
        fprintf(stderr, "%llu of %llu frames came back\n", (unsigned long long)result.read,
                (unsigned long long)result.frames);
        return 1;
    }
    double millions = (double)result.frames / 1e6;
    printf("{\"format\": \"%s\", \"traffic\": \"%s\", \"frames\": %llu, \"encode\": %.2f, ", name,
           mixed ? "mixed" : "classic", (unsigned long long)result.frames,
           millions / result.encode_s);
    if (format->encoder->pack)
        printf("\"pack\": %.2f, ", millions / result.pack_s);
    printf("\"write\": %.2f, \"read\": %.2f, \"bytes\": %.1f}\n",
           millions / (result.encode_s + result.pack_s), millions / result.decode_s,
           (double)result.bytes / (double)result.frames);
    return 0;
}
