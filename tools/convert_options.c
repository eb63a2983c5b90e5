#include "convert_options.h"

#include <canring/quantity.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "say.h"

enum {
    OPTION_BUS = 256,
    OPTION_FILTER,
    OPTION_RENAME,
    OPTION_START,
    OPTION_END,
    OPTION_DIGITS,
    OPTION_BYTES,
    OPTION_TIME,
    OPTION_FRAMES,
    OPTION_DATED,
};

static const char help[] =
    "usage: canring convert [OPTION…] IN… OUT\n"
    "\n"
    "Convert recordings. OUT's ending tells its format and compression: .log .asc .blf .trc "
    ".pcapng\n"
    ".pcap, for .log, .asc and .trc also with .gz or .zst. Several IN are merged by time. - is\n"
    "standard input or output.\n"
    "\n"
    "  -f, --force         replace OUT when it exists\n"
    "  -F, --from FORMAT   the format of IN, when its content does not tell\n"
    "  -T, --to FORMAT     the format of OUT, when its ending does not tell\n"
    "  -z, --compress NAME none, gz, zst: when OUT's ending does not tell\n"
    "  --digits N          of fractions of a second in lines of text, 1 to 9 (default 6)\n"
    "  --bus BUS[,FILTER]  only this bus, and of it what passes the filter; may be repeated\n"
    "  --filter FILTER     of all buses only what passes, as dump has it\n"
    "  --rename OLD=NEW    another name for a bus; may be repeated\n"
    "  --start TIME        leave out what is before: +SECONDS from the first, or a date\n"
    "  --end TIME          leave out what is behind\n"
    "  --rotate-bytes N    a new file before one gets larger, such as 100MB\n"
    "  --rotate-time S     a new file after so many seconds, or such as 10min\n"
    "  --rotate-frames N   a new file after so many frames\n"
    "  --dated             rotated files are named by date, not by number\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0; 1 it failed; 2 misuse; 3 converted, but something in the input is damaged.\n";

static int bad_value(const char *option, const char *value, const char *allowed)
{
    return misuse("convert", "%s '%s', allowed: %s", option, value, allowed);
}

/* The rule for this bus, a new one if it has none. */
static struct recode_rule *rule_for(struct convert_options *options, const char *bus, size_t length)
{
    struct recode_options *recode = &options->recode;

    for (unsigned i = 0; i < recode->rule_count; i++)
        if (recode->rules[i].bus_length == length && memcmp(recode->rules[i].bus, bus, length) == 0)
            return &recode->rules[i];
    if (recode->rule_count == RECODE_RULES_MAX)
        return NULL;
    struct recode_rule *rule = &recode->rules[recode->rule_count++];
    rule->bus = bus;
    rule->bus_length = length;
    return rule;
}

static int read_filters(struct canring_filters *filters, const char *text)
{
    struct canring_error err = {0};

    canring_filters_free(filters);
    if (canring_filters_parse(filters, text, &err) == 0)
        return 0;
    say("convert", "filters: %s", err.text);
    show_column(text, &err);
    return EXIT_MISUSE;
}

static int read_bus(struct convert_options *options, const char *text)
{
    const char *comma = strchr(text, ',');
    size_t length = comma ? (size_t)(comma - text) : strlen(text);
    struct recode_rule *rule = length ? rule_for(options, text, length) : NULL;

    if (!rule)
        return bad_value("--bus", text, "up to 64 buses: can0, or can0,123:7FF");
    rule->only = true;
    rule->filtered = comma != NULL;
    return comma ? read_filters(&rule->filters, comma + 1) : 0;
}

static int read_rename(struct convert_options *options, const char *text)
{
    const char *equals = strchr(text, '=');
    struct recode_rule *rule = equals && equals > text && equals[1]
                                   ? rule_for(options, text, (size_t)(equals - text))
                                   : NULL;

    if (!rule)
        return bad_value("--rename", text, "OLD=NEW, for up to 64 buses");
    rule->name = equals + 1;
    return 0;
}

static int read_bytes(struct convert_options *options, const char *text)
{
    struct canring_error err;

    if (canring_bytes_parse(text, &options->writer.rotate_bytes, &err) < 0)
        return misuse("convert", "--rotate-bytes: %s", err.text);
    return options->writer.rotate_bytes ? 0 : bad_value("--rotate-bytes", text, "bytes, from 1");
}

static bool read_seconds(const char *text, uint64_t *ns)
{
    struct time_point point = {0};
    bool read = time_read(text, &point); /* without a sign a span reads as a time */

    *ns = point.ns;
    return read;
}

static int read_span(struct convert_options *options, const char *text)
{
    struct canring_error err;
    uint64_t *ns = &options->writer.rotate_ns;
    bool bare = text[strspn(text, "0123456789.")] == '\0';
    bool read = bare ? read_seconds(text, ns) : canring_duration_parse(text, ns, &err) == 0;

    return read && *ns ? 0
                       : bad_value("--rotate-time", text,
                                   "seconds, or a number with ns, us, ms, s, min, h or d");
}

static int read_limit(struct convert_options *options, int option, const char *value)
{
    uint64_t number;

    switch (option) {
    case OPTION_BYTES:
        return read_bytes(options, value);
    case OPTION_TIME:
        return read_span(options, value);
    case OPTION_FRAMES:
        return read_number(value, 10, 1, UINT64_MAX, &options->writer.rotate_frames)
                   ? 0
                   : bad_value("--rotate-frames", value, "a number from 1");
    default:
        if (!read_number(value, 10, 1, 9, &number))
            return bad_value("--digits", value, "1 to 9");
        options->writer.time_digits = (unsigned)number;
        return 0;
    }
}

static int read_option(struct convert_options *options, int option, char **argv)
{
    struct recode_options *recode = &options->recode;

    switch (option) {
    case 'f':
        options->writer.overwrite = true;
        return 0;
    case 'F':
        options->from = optarg;
        return 0;
    case 'T':
        options->writer.format = optarg;
        return 0;
    case 'z':
        options->writer.compression = optarg;
        return 0;
    case OPTION_DATED:
        options->writer.naming = CANRING_TRACE_DATED;
        return 0;
    case OPTION_BUS:
        return read_bus(options, optarg);
    case OPTION_RENAME:
        return read_rename(options, optarg);
    case OPTION_FILTER:
        recode->filtered = true;
        return read_filters(&recode->filters, optarg);
    case OPTION_START:
        return time_read(optarg, &recode->start) ? 0 : bad_value("--start", optarg, TIME_ALLOWED);
    case OPTION_END:
        return time_read(optarg, &recode->end) ? 0 : bad_value("--end", optarg, TIME_ALLOWED);
    case OPTION_BYTES:
    case OPTION_TIME:
    case OPTION_FRAMES:
    case OPTION_DIGITS:
        return read_limit(options, option, optarg);
    }
    return misuse_option("convert", option, argv);
}

static int read_operands(struct convert_options *options, int argc, char **argv)
{
    unsigned inputs_standard = 0;

    if (argc - optind < 2)
        return misuse("convert", argc == optind ? "no IN given" : "no OUT given");
    options->inputs = argv + optind;
    options->input_count = (unsigned)(argc - optind - 1);
    options->output = argv[argc - 1];
    for (unsigned i = 0; i < options->input_count; i++)
        inputs_standard += strcmp(options->inputs[i], "-") == 0;
    if (inputs_standard > 1)
        return misuse("convert", "standard input is given twice");
    const struct canring_trace_writer_options *writer = &options->writer;
    bool rotates = writer->rotate_bytes || writer->rotate_ns || writer->rotate_frames;
    if (rotates && strcmp(options->output, "-") == 0)
        return misuse("convert", "standard output cannot be rotated: name a file");
    if (writer->naming && !rotates)
        return misuse("convert", "--dated goes with --rotate-bytes, -time or -frames");
    if (strcmp(options->output, "-") == 0 && !options->writer.format)
        return misuse("convert", "standard output has no ending: --to names the format");
    return 0;
}

int convert_options_read(struct convert_options *options, int argc, char **argv, bool *done)
{
    static const struct option words[] = {
        {"force", no_argument, NULL, 'f'},
        {"from", required_argument, NULL, 'F'},
        {"to", required_argument, NULL, 'T'},
        {"compress", required_argument, NULL, 'z'},
        {"digits", required_argument, NULL, OPTION_DIGITS},
        {"bus", required_argument, NULL, OPTION_BUS},
        {"filter", required_argument, NULL, OPTION_FILTER},
        {"rename", required_argument, NULL, OPTION_RENAME},
        {"start", required_argument, NULL, OPTION_START},
        {"end", required_argument, NULL, OPTION_END},
        {"rotate-bytes", required_argument, NULL, OPTION_BYTES},
        {"rotate-time", required_argument, NULL, OPTION_TIME},
        {"rotate-frames", required_argument, NULL, OPTION_FRAMES},
        {"dated", no_argument, NULL, OPTION_DATED},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;

    memset(options, 0, sizeof(*options));
    options->recode.command = "convert";
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":fF:T:z:h", words, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            *done = true;
            return finish_output("convert");
        }
        int result = read_option(options, option, argv);
        if (result)
            return result;
    }
    return read_operands(options, argc, argv);
}

void convert_options_free(struct convert_options *options)
{
    canring_filters_free(&options->recode.filters);
    for (unsigned i = 0; i < options->recode.rule_count; i++)
        canring_filters_free(&options->recode.rules[i].filters);
}
