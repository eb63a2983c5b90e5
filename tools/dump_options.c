#include "dump_options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "say.h"

enum { OPTION_FORMAT = 256 };

static const char help[] =
    "usage: canring dump [OPTION…] TARGET[,FILTER]…\n"
    "\n"
    "Show the frames of up to 16 buses. TARGET: vcan0, any, virtual:NAME,\n"
    "udp_multicast:GROUP%NETDEV, pcan:PCAN_USBBUS1, replay:FILE.\n"
    "\n"
    "  -t TYPE   time: a absolute, A with date, d since the last frame, z since the first\n"
    "  -H        hardware time where the bus has it, else the kernel's\n"
    "  -N        nanoseconds in place of microseconds\n"
    "  -c        colours on a terminal: -c interface, -cc line, -ccc line and time\n"
    "  -i        data in binary\n"
    "  -a        data as text, too\n"
    "  -S        last byte first, marked with `\n"
    "  -s LEVEL  0 show frames (default), 1 a turning bar, 2 nothing\n"
    "  -l        log to candump-YYYY-MM-DD_HHMMSS.log; implies -s 2\n"
    "  -f FILE   log to FILE; implies -s 2; its ending may say another format\n"
    "  --format NAME   of FILE, whatever it is called\n"
    "  -L        log format on standard output\n"
    "  -n COUNT  end after COUNT frames\n"
    "  -r BYTES  receive buffer\n"
    "  -D        go on when an interface goes down\n"
    "  -d        tell when frames were lost\n"
    "  -e        error frames in words\n"
    "  -8        raw DLC of classic frames, in {}\n"
    "  -x        direction, BRS, ESI\n"
    "  -T MS     end after MS milliseconds without a frame\n"
    "  -h, --help\n"
    "\n"
    "FILTER, in hexadecimal digits: ID:MASK, ID~MASK (inverted), #ERRORMASK, j (all must match).\n"
    "An ID of 8 digits is an extended one.\n";

static int bad_value(const char *option, const char *value, const char *allowed)
{
    return misuse("dump", "%s '%s', allowed: %s", option, value, allowed);
}

static int read_stamp(struct dump_options *options, const char *value)
{
    if (!*value || !strchr("aAdz", *value) || value[1])
        return bad_value("-t", value, "a, A, d, z");
    options->stamp = *value;
    return 0;
}

static int read_silence(struct dump_options *options, const char *value, bool *given)
{
    uint64_t level;

    if (!read_number(value, 10, DUMP_LOUD, DUMP_SILENT, &level))
        return bad_value("-s", value, "0, 1, 2");
    options->silence = (enum dump_silence)level;
    *given = true;
    return 0;
}

static int read_count(struct dump_options *options, const char *value)
{
    return read_number(value, 10, 1, UINT64_MAX, &options->count)
               ? 0
               : bad_value("-n", value, "a number from 1");
}

static int read_buffer(struct dump_options *options, const char *value)
{
    uint64_t bytes;

    if (!read_number(value, 10, 1, INT_MAX, &bytes))
        return bad_value("-r", value, "bytes, from 1");
    options->receive_buffer = (uint32_t)bytes;
    return 0;
}

static int read_idle(struct dump_options *options, const char *value)
{
    uint64_t ms;

    if (!read_number(value, 0, 0, INT_MAX, &ms))
        return bad_value("-T", value, "milliseconds");
    options->idle_ms = (int)ms;
    return 0;
}

/* Options that only set something. */
static bool read_flag(struct dump_options *options, int option)
{
    switch (option) {
    case 'H':
        return options->hardware = true;
    case 'N':
        return options->nanoseconds = true;
    case 'c':
        options->colour += options->colour < 3;
        return true;
    case 'i':
        return options->view.binary = true;
    case 'a':
        return options->view.ascii = true;
    case 'S':
        return options->view.swap = true;
    case '8':
        return options->view.raw_dlc = true;
    case 'l':
        return options->log = true;
    case 'L':
        return options->log_format = true;
    case 'D':
        return options->stay = true;
    case 'd':
        return options->drops = true;
    case 'e':
        return options->errors = true;
    case 'x':
        return options->info = true;
    }
    return false;
}

static int read_option(struct dump_options *options, int option, char **argv, bool *silence_given)
{
    if (read_flag(options, option))
        return 0;
    switch (option) {
    case 't':
        return read_stamp(options, optarg);
    case 's':
        return read_silence(options, optarg, silence_given);
    case 'n':
        return read_count(options, optarg);
    case 'r':
        return read_buffer(options, optarg);
    case 'T':
        return read_idle(options, optarg);
    case OPTION_FORMAT:
        options->format = optarg;
        return 0;
    case 'f':
        options->log = true;
        options->path = optarg;
        return 0;
    }
    return misuse_option("dump", option, argv);
}

static int check(struct dump_options *options, bool silence_given)
{
    const struct long_view *view = &options->view;

    if (options->target_count < 1)
        return misuse("dump", "no TARGET given");
    if (options->target_count > DUMP_TARGETS_MAX)
        return misuse("dump", "%d targets, allowed: %d", options->target_count, DUMP_TARGETS_MAX);
    if (options->log_format && (view->binary || view->ascii || view->swap))
        return misuse("dump", "-L has a form of its own: -i, -a and -S do not go with it");
    if (options->format && !options->path)
        return misuse("dump", "--format is that of the FILE of -f");
    if (options->log && !silence_given)
        options->silence = DUMP_SILENT;
    if (!colours_wanted())
        options->colour = 0;
    return 0;
}

int dump_options_read(struct dump_options *options, int argc, char **argv, bool *done)
{
    static const struct option words[] = {
        {"format", required_argument, NULL, OPTION_FORMAT}, {"help", no_argument, NULL, 'h'}, {0}};
    bool silence_given = false;
    int option;

    memset(options, 0, sizeof(*options));
    options->idle_ms = -1;
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":t:HNciaSs:lf:Ln:r:DdexT:8h", words, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            *done = true;
            return finish_output("dump");
        }
        int result = read_option(options, option, argv, &silence_given);
        if (result)
            return result;
    }
    options->targets = argv + optind;
    options->target_count = argc - optind;
    return check(options, silence_given);
}
