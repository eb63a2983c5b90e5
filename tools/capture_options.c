#include "capture_options.h"

#include <canring/quantity.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "say.h"

static const char help[] =
    "usage: canring capture [OPTION…] -o FILE TARGET[,FILTER]…\n"
    "\n"
    "Record buses into one file, or a row of them, without losing a frame unnoticed.\n"
    "TARGET: vcan0, any, virtual:NAME, udp_multicast:GROUP%NETDEV, pcan:PCAN_USBBUS1,\n"
    "replay:FILE, or PROXY/ for what a running proxy sees.\n"
    "\n"
    "  -o, --output FILE       its ending says the format, and .gz or .zst that it is packed\n"
    "  --format NAME           of the recording, whatever the file is called\n"
    "  --compress KIND         none, gz, zst\n"
    "  --digits N              of fractions of a second in text, 1 to 9\n"
    "  --force                 replace files that are there\n"
    "  --rotate-size SIZE      a new file before one gets larger, such as 100MB\n"
    "  --rotate-time TIME      or longer, such as 10min\n"
    "  --rotate-frames N       or has more frames\n"
    "  --dated                 name files after their first frame, not by numbers\n"
    "  --keep N                delete all but the N newest\n"
    "  --trigger FILTER        write nothing before a frame that matches, or SIGUSR1\n"
    "  --pretrigger TIME       and then first what came so long before\n"
    "  -n, --count N           end after N frames\n"
    "  -T, --duration TIME     end after this time\n"
    "  --flush TIME            what a kill may cost (200ms)\n"
    "  --sync TIME             what a power loss may cost (what the kernel keeps)\n"
    "  --reserve SIZE          memory for when the disk does not follow (64MiB)\n"
    "  --window TIME           how long frames wait to be put in order across buses (100ms)\n"
    "  -H, --hardware          hardware time where the bus has it, else the kernel's\n"
    "  -r, --receive-buffer BYTES\n"
    "  -q, --quiet             only what goes wrong\n"
    "  -h, --help\n"
    "\n"
    "SIGHUP begins a new file. SIGINT and SIGTERM end it, with all that has come by then.\n";

enum {
    OPTION_FORMAT = 256,
    OPTION_COMPRESS,
    OPTION_DIGITS,
    OPTION_FORCE,
    OPTION_ROTATE_SIZE,
    OPTION_ROTATE_TIME,
    OPTION_ROTATE_FRAMES,
    OPTION_DATED,
    OPTION_KEEP,
    OPTION_TRIGGER,
    OPTION_PRETRIGGER,
    OPTION_FLUSH,
    OPTION_SYNC,
    OPTION_RESERVE,
    OPTION_WINDOW,
};

static const struct option words[] = {
    {"output", required_argument, NULL, 'o'},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"compress", required_argument, NULL, OPTION_COMPRESS},
    {"digits", required_argument, NULL, OPTION_DIGITS},
    {"force", no_argument, NULL, OPTION_FORCE},
    {"rotate-size", required_argument, NULL, OPTION_ROTATE_SIZE},
    {"rotate-time", required_argument, NULL, OPTION_ROTATE_TIME},
    {"rotate-frames", required_argument, NULL, OPTION_ROTATE_FRAMES},
    {"dated", no_argument, NULL, OPTION_DATED},
    {"keep", required_argument, NULL, OPTION_KEEP},
    {"trigger", required_argument, NULL, OPTION_TRIGGER},
    {"pretrigger", required_argument, NULL, OPTION_PRETRIGGER},
    {"count", required_argument, NULL, 'n'},
    {"duration", required_argument, NULL, 'T'},
    {"flush", required_argument, NULL, OPTION_FLUSH},
    {"sync", required_argument, NULL, OPTION_SYNC},
    {"reserve", required_argument, NULL, OPTION_RESERVE},
    {"window", required_argument, NULL, OPTION_WINDOW},
    {"hardware", no_argument, NULL, 'H'},
    {"receive-buffer", required_argument, NULL, 'r'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {0},
};

/* Options whose value is a time, an amount of bytes, or a number: where it goes, and what is
 * allowed. */
struct value {
    int option;
    enum { TIME, BYTES, NUMBER } kind;
    size_t offset;
    uint64_t least, most;
};

#define AT(field)        offsetof(struct capture_options, field)
#define WRITER(field)    AT(capture.recording.writer.field)
#define HOUR             UINT64_C(3600000000000)
#define MS               UINT64_C(1000000)
#define ROTATE_BYTES_MIN 65536

static const struct value values[] = {
    {OPTION_ROTATE_SIZE, BYTES, WRITER(rotate_bytes), ROTATE_BYTES_MIN, INT64_MAX},
    {OPTION_ROTATE_TIME, TIME, WRITER(rotate_ns), MS, INT64_MAX},
    {OPTION_ROTATE_FRAMES, NUMBER, WRITER(rotate_frames), 1, INT64_MAX},
    {OPTION_PRETRIGGER, TIME, WRITER(pretrigger_ns), MS, HOUR},
    {OPTION_FLUSH, TIME, WRITER(flush_ns), MS, 60000 * MS},
    {OPTION_SYNC, TIME, WRITER(sync_ns), MS, HOUR},
    {OPTION_WINDOW, TIME, AT(capture.window_ns), MS, HOUR},
    {'n', NUMBER, AT(capture.count), 1, UINT64_MAX},
    {'T', TIME, AT(duration_ns), MS, INT64_MAX},
};

static const char *word_of(int option)
{
    for (const struct option *word = words; word->name; word++)
        if (word->val == option)
            return word->name;
    return "";
}

static int bad_value(int option, const char *value, const char *allowed)
{
    return misuse("capture", "--%s '%s', allowed: %s", word_of(option), value, allowed);
}

static int read_amount(const struct value *value, const char *text, uint64_t *amount)
{
    struct canring_error err;
    char allowed[160];
    int result = 0;

    if (value->kind == NUMBER) {
        if (!read_number(text, 10, value->least, value->most, amount))
            return bad_value(value->option, text, "a number, from 1");
        return 0;
    }
    result = value->kind == TIME ? canring_duration_parse(text, amount, &err)
                                 : canring_bytes_parse(text, amount, &err);
    if (result < 0)
        return misuse("capture", "--%s: %s", word_of(value->option), err.text);
    if (*amount >= value->least && *amount <= value->most)
        return 0;
    snprintf(allowed, sizeof(allowed), "%llu to %llu %s", (unsigned long long)value->least,
             (unsigned long long)value->most, value->kind == TIME ? "ns" : "bytes");
    return bad_value(value->option, text, allowed);
}

/* Returns -1 when the option is none of these. */
static int read_value(struct capture_options *options, int option, const char *text)
{
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        uint64_t amount;
        if (values[i].option != option)
            continue;
        int result = read_amount(&values[i], text, &amount);
        if (result == 0)
            memcpy((char *)options + values[i].offset, &amount, sizeof(amount));
        return result;
    }
    return -1;
}

/* Numbers that are stored in fewer bits, or are not limited the same way. */
static int read_small(struct capture_options *options, int option, const char *text)
{
    const struct value keep = {option, NUMBER, 0, 1, 1000000};
    const struct value digits = {option, NUMBER, 0, 1, 9};
    const struct value reserve = {option, BYTES, 0, CANRING_RECORDING_RESERVE_MIN,
                                  UINT64_C(64) << 30};
    const struct value buffer = {option, BYTES, 0, 4096, INT_MAX};
    struct canring_recording *recording = &options->capture.recording;
    uint64_t amount = 0;
    int result = 0;

    switch (option) {
    case OPTION_KEEP:
        result = read_amount(&keep, text, &amount);
        recording->writer.keep = (unsigned)amount;
        return result;
    case OPTION_DIGITS:
        if (!read_number(text, 10, digits.least, digits.most, &amount))
            return bad_value(option, text, "1 to 9");
        recording->writer.time_digits = (unsigned)amount;
        return 0;
    case OPTION_RESERVE:
        result = read_amount(&reserve, text, &amount);
        recording->reserve = (size_t)amount;
        return result;
    case 'r':
        result = read_amount(&buffer, text, &amount);
        options->receive_buffer = (uint32_t)amount;
        return result;
    default:
        return -1;
    }
}

static int read_trigger(struct capture_options *options, const char *text)
{
    struct canring_filters *trigger = &options->capture.recording.trigger;
    struct canring_error err;

    canring_filters_free(trigger);
    if (canring_filters_parse(trigger, text, &err) == 0)
        return 0;
    int result = misuse("capture", "--trigger: %s", err.text);
    show_column(text, &err);
    return result;
}

static int read_option(struct capture_options *options, int option, char **argv)
{
    struct canring_recording *recording = &options->capture.recording;
    int result = read_value(options, option, optarg);

    if (result < 0)
        result = read_small(options, option, optarg);
    if (result >= 0)
        return result;
    switch (option) {
    case 'o':
        recording->path = optarg;
        return 0;
    case OPTION_FORMAT:
        recording->writer.format = optarg;
        return 0;
    case OPTION_COMPRESS:
        recording->writer.compression = optarg;
        return 0;
    case OPTION_FORCE:
        recording->writer.overwrite = true;
        return 0;
    case OPTION_DATED:
        recording->writer.naming = CANRING_TRACE_DATED;
        return 0;
    case OPTION_TRIGGER:
        return read_trigger(options, optarg);
    case 'H':
        options->hardware = true;
        return 0;
    case 'q':
        options->quiet = true;
        return 0;
    }
    return misuse_option("capture", option, argv);
}

static int check(const struct capture_options *options)
{
    const struct canring_trace_writer_options *writer = &options->capture.recording.writer;

    if (options->target_count < 1)
        return misuse("capture", "no TARGET given");
    if (options->target_count > (int)CANRING_CAPTURE_BUSES)
        return misuse("capture", "%d targets, allowed: %u", options->target_count,
                      CANRING_CAPTURE_BUSES);
    if (!options->capture.recording.path)
        return misuse("capture", "no FILE given: -o FILE");
    if (writer->keep && !writer->rotate_bytes && !writer->rotate_ns && !writer->rotate_frames)
        return misuse("capture", "--keep goes with --rotate-size, -time or -frames");
    if (writer->naming && !writer->rotate_bytes && !writer->rotate_ns && !writer->rotate_frames)
        return misuse("capture", "--dated goes with --rotate-size, -time or -frames");
    return 0;
}

int capture_options_read(struct capture_options *options, int argc, char **argv, bool *done)
{
    int option;

    memset(options, 0, sizeof(*options));
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":o:n:T:Hr:qh", words, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            *done = true;
            return finish_output("capture");
        }
        int result = read_option(options, option, argv);
        if (result)
            return result;
    }
    options->targets = argv + optind;
    options->target_count = argc - optind;
    return check(options);
}

void capture_options_free(struct capture_options *options)
{
    canring_filters_free(&options->capture.recording.trigger);
}
