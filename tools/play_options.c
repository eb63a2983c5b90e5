#include "play_options.h"

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "say.h"

#define GAP_MS_MAX       86400000u
#define SKIP_SECONDS_MAX 1000000000u

enum { OPTION_SPEED = 256, OPTION_START, OPTION_END, OPTION_PRECISE, OPTION_STATS };

static const char help[] =
    "usage: canring play [OPTION…] FILE [TARGET[=BUS]]…\n"
    "       canring play [OPTION…] -I FILE [TARGET[=BUS]]…\n"
    "\n"
    "Send the frames of a recording at their times. TARGET=BUS sends those of BUS to TARGET, a\n"
    "TARGET alone takes all the others; without any, each goes to the bus it came from.\n"
    "TARGET: vcan0, virtual:NAME, udp_multicast:GROUP%NETDEV, PROXY/, or stdout for log lines.\n"
    "\n"
    "  -I FILE        the recording; - is standard input\n"
    "  -F, --format NAME\n"
    "                 the format of FILE, when its content does not tell\n"
    "  -l COUNT       play so often; i = without end\n"
    "  -t             ignore times: send as fast as the bus takes them\n"
    "  -g MS          send together what is due, every MS milliseconds (default 0: each on time)\n"
    "  -s SECONDS     skip gaps that are longer\n"
    "  -n COUNT       end after COUNT frames\n"
    "  -i             wait for ENTER before each frame\n"
    "  -x             no loopback: other programs on this host do not see the frames\n"
    "  -v             print frames, and --stats\n"
    "  --speed F      F times as fast as recorded\n"
    "  --start TIME   leave out what is before: +SECONDS from the first, or a date\n"
    "  --end TIME     end at the first frame behind it\n"
    "  --precise      wait for the last 100 µs awake: costs a processor, saves the wake-up\n"
    "  --stats        at the end, how far from their times frames were sent\n"
    "  -h, --help\n"
    "\n"
    "What a target cannot carry is left out and told.\n"
    "Exit status: 0; 1 it failed, or not one of the frames was sent; 2 misuse; 3 played, but the\n"
    "recording is damaged or unfinished.\n";

static int bad_value(const char *option, const char *value, const char *allowed)
{
    return misuse("play", "%s '%s', allowed: %s", option, value, allowed);
}

static int read_loops(struct play_options *options, const char *value)
{
    if (strcmp(value, "i") == 0) {
        options->loops = 0;
        return 0;
    }
    return read_number(value, 10, 1, UINT64_MAX, &options->loops)
               ? 0
               : bad_value("-l", value, "a number from 1, or i");
}

static int read_scaled(const char *option, const char *value, uint64_t most, uint64_t unit,
                       uint64_t *ns)
{
    if (!read_number(value, 10, 0, most, ns))
        return bad_value(option, value, "a whole number");
    *ns *= unit;
    return 0;
}

static int read_speed(struct play_options *options, const char *value)
{
    char *end;

    options->speed = strtod(value, &end);
    if (end == value || *end || !isfinite(options->speed) || options->speed < 1e-6 ||
        options->speed > 1e6)
        return bad_value("--speed", value, "0.000001 to 1000000");
    return 0;
}

static int read_time(const char *option, const char *value, struct time_point *point)
{
    return time_read(value, point) ? 0 : bad_value(option, value, TIME_ALLOWED);
}

/* Options that only set something. */
static bool read_flag(struct play_options *options, int option)
{
    switch (option) {
    case 't':
        return options->ignore_times = true;
    case 'i':
        return options->interactive = true;
    case 'x':
        return options->no_loopback = true;
    case 'v':
        options->verbose++;
        return options->stats = true;
    case OPTION_PRECISE:
        return options->precise = true;
    case OPTION_STATS:
        return options->stats = true;
    }
    return false;
}

static int read_option(struct play_options *options, int option, char **argv)
{
    if (read_flag(options, option))
        return 0;
    switch (option) {
    case 'I':
        options->file = optarg;
        return 0;
    case 'F':
        options->format = optarg;
        return 0;
    case 'l':
        return read_loops(options, optarg);
    case 'g':
        return read_scaled("-g", optarg, GAP_MS_MAX, 1000000, &options->gap_ns);
    case 's':
        return read_scaled("-s", optarg, SKIP_SECONDS_MAX, 1000000000, &options->skip_ns);
    case 'n':
        return read_number(optarg, 10, 1, UINT64_MAX, &options->count)
                   ? 0
                   : bad_value("-n", optarg, "a number from 1");
    case OPTION_SPEED:
        return read_speed(options, optarg);
    case OPTION_START:
        return read_time("--start", optarg, &options->start);
    case OPTION_END:
        return read_time("--end", optarg, &options->end);
    }
    return misuse_option("play", option, argv);
}

/* canplayer reads standard input when it is given assignments alone. */
static bool is_assignment(const char *text)
{
    return strchr(text, '=') && access(text, F_OK) < 0;
}

static int read_operands(struct play_options *options, int argc, char **argv)
{
    options->buses = argv + optind;
    options->bus_count = argc - optind;
    if (!options->file) {
        if (options->bus_count == 0)
            return misuse("play", "no FILE given");
        if (is_assignment(options->buses[0])) {
            options->file = "-";
        } else {
            options->file = *options->buses++;
            options->bus_count--;
        }
    }
    bool standard_input = strcmp(options->file, "-") == 0;
    if (standard_input && options->loops != 1)
        return misuse("play", "standard input can be played only once, -l does not go with it");
    if (standard_input && options->interactive)
        return misuse("play", "-i reads standard input, which is the recording already");
    return 0;
}

int play_options_read(struct play_options *options, int argc, char **argv, bool *done)
{
    static const struct option words[] = {
        {"format", required_argument, NULL, 'F'},
        {"speed", required_argument, NULL, OPTION_SPEED},
        {"start", required_argument, NULL, OPTION_START},
        {"end", required_argument, NULL, OPTION_END},
        {"precise", no_argument, NULL, OPTION_PRECISE},
        {"stats", no_argument, NULL, OPTION_STATS},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int option;

    *options = (struct play_options){.loops = 1, .speed = 1};
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":I:F:l:tg:s:n:ixvh", words, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            *done = true;
            return finish_output("play");
        }
        int result = read_option(options, option, argv);
        if (result)
            return result;
    }
    return read_operands(options, argc, argv);
}
