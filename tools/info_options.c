#include "info_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "say.h"

#define IDS_SHOWN 10
#define RATE_MAX  1000000000u

enum { OPTION_IDS = 256, OPTION_TOP };

static const char help[] =
    "usage: canring info [OPTION…] FILE…\n"
    "\n"
    "What recordings hold: buses, kinds of frames, identifiers, rates, silence, losses, damage.\n"
    "FILE: candump log, ASC, BLF, TRC, pcap, pcapng, also compressed; - is standard input.\n"
    "\n"
    "  -b, --bitrate [BUS@]RATE[,DATARATE]\n"
    "               bit/s: show the load of BUS, or of all; may be repeated\n"
    "  --ids        show all identifiers, not only the most frequent ones\n"
    "  --top N      show the N most frequent identifiers (default 10)\n"
    "  -F, --format NAME\n"
    "               the format of FILE, when its content does not tell\n"
    "  -j, --json   as JSON, one object for each file\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0; 1 a file cannot be read; 2 misuse; 3 a file is damaged or unfinished.\n";

static bool read_rates(const char *text, struct info_bitrate *rate)
{
    char nominal[16];
    const char *comma = strchr(text, ',');
    size_t length = comma ? (size_t)(comma - text) : strlen(text);
    uint64_t value;

    if (length >= sizeof(nominal))
        return false;
    memcpy(nominal, text, length);
    nominal[length] = '\0';
    if (!read_number(nominal, 10, 1, RATE_MAX, &value))
        return false;
    rate->nominal = (uint32_t)value;
    if (comma && !read_number(comma + 1, 10, 1, RATE_MAX, &value))
        return false;
    rate->data = comma ? (uint32_t)value : 0;
    return true;
}

static int read_bitrate(struct info_options *options, const char *text)
{
    const char *at = strrchr(text, '@');
    struct info_bitrate rate = {.bus = at ? text : NULL,
                                .bus_length = at ? (size_t)(at - text) : 0};

    if (!read_rates(at ? at + 1 : text, &rate))
        return misuse("info",
                      "--bitrate '%s', allowed: 500000, 500000,2000000, "
                      "can0@500000,2000000",
                      text);
    if (options->bitrate_count == INFO_BITRATES_MAX)
        return misuse("info", "--bitrate is given more than %d times", INFO_BITRATES_MAX);
    options->bitrates[options->bitrate_count++] = rate;
    return 0;
}

static int read_option(struct info_options *options, int option, char **argv)
{
    switch (option) {
    case 'b':
        return read_bitrate(options, optarg);
    case 'j':
        options->json = true;
        return 0;
    case 'F':
        options->format = optarg;
        return 0;
    case OPTION_IDS:
        options->all_ids = true;
        return 0;
    case OPTION_TOP:
        if (read_number(optarg, 10, 0, UINT32_MAX, &options->ids))
            return 0;
        return misuse("info", "--top '%s', allowed: a number", optarg);
    }
    return misuse_option("info", option, argv);
}

int info_options_read(struct info_options *options, int argc, char **argv, bool *done)
{
    static const struct option words[] = {
        {"bitrate", required_argument, NULL, 'b'},
        {"ids", no_argument, NULL, OPTION_IDS},
        {"top", required_argument, NULL, OPTION_TOP},
        {"format", required_argument, NULL, 'F'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;

    memset(options, 0, sizeof(*options));
    options->ids = IDS_SHOWN;
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":b:F:jh", words, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            *done = true;
            return finish_output("info");
        }
        int result = read_option(options, option, argv);
        if (result)
            return result;
    }
    options->files = argv + optind;
    options->file_count = argc - optind;
    return options->file_count ? 0 : misuse("info", "no FILE given");
}

const struct info_bitrate *info_options_bitrate(const struct info_options *options, const char *bus)
{
    const struct info_bitrate *found = NULL;

    for (unsigned i = 0; i < options->bitrate_count; i++) {
        const struct info_bitrate *rate = &options->bitrates[i];
        if (!rate->bus && !found)
            found = rate;
        else if (rate->bus && strlen(bus) == rate->bus_length &&
                 memcmp(bus, rate->bus, rate->bus_length) == 0)
            return rate;
    }
    return found;
}
