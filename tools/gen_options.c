#include "gen_options.h"

#include <ctype.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "commands.h"
#include "say.h"

#define DEFAULT_GAP_NS     UINT64_C(200000000)
#define DEFAULT_TIMEOUT_MS 1000
#define GAP_MS_MAX         1e9
#define RATE_MAX           UINT64_C(1000000000)

enum { OPTION_SEED = 256, OPTION_RATE };

static const char help[] =
    "usage: canring gen [OPTION…] TARGET\n"
    "\n"
    "Generate frames. TARGET: vcan0, virtual:NAME, udp_multicast:GROUP%NETDEV,\n"
    "pcan:PCAN_USBBUS1.\n"
    "\n"
    "  -g MS     gap between frames, decimals allowed (default 200)\n"
    "  -e        extended frames\n"
    "  -f        CAN FD frames\n"
    "  -b        CAN FD frames with bit rate switch\n"
    "  -E        CAN FD frames with error state\n"
    "  -R        remote frames\n"
    "  -8        DLCs above 8 in classic frames\n"
    "  -m        mix -e -f -b -E -R\n"
    "  -I MODE   identifier: r random (default), e even, o odd, i increment, or hexadecimal\n"
    "  -L MODE   length: r, i, or a number (a DLC with -8)\n"
    "  -D MODE   data: r, i, or hexadecimal digits; an x is a random digit\n"
    "  -p MS     wait so long for room in the bus (default 1000)\n"
    "  -i        don't wait for room: skip the frame and count it\n"
    "  -x        no loopback: other programs on this host do not see the frames\n"
    "  -n COUNT  end after COUNT frames\n"
    "  -c COUNT  frames sent together between two gaps (default 1)\n"
    "  -v        print frames; -vv as dump does, -vvv with text\n"
    "  --seed N  the same random frames each time\n"
    "  --rate N  N frames per second, kept on average whatever a frame takes\n"
    "  -h, --help\n";

static int bad_value(const char *option, const char *value, const char *allowed)
{
    return misuse("gen", "%s '%s', allowed: %s", option, value, allowed);
}

static int read_gap(struct gen_options *options, const char *value)
{
    char *end;
    double ms = strtod(value, &end);

    if (end == value || *end || !(ms >= 0 && ms <= GAP_MS_MAX))
        return bad_value("-g", value, "milliseconds, decimals allowed");
    options->gap_ns = (uint64_t)(ms * 1e6);
    options->per = 1;
    return 0;
}

static int read_rate(struct gen_options *options, const char *value)
{
    if (!read_number(value, 10, 1, RATE_MAX, &options->per))
        return bad_value("--rate", value, "frames per second, 1 to 1000000000");
    options->gap_ns = 1000000000;
    return 0;
}

static bool is_word(const char *value, char word)
{
    return value[0] == word && !value[1];
}

static int read_id(struct gen_rule *rule, const char *value)
{
    uint64_t id;

    if (is_word(value, 'r')) {
        rule->id_mode = GEN_RANDOM;
    } else if (is_word(value, 'i')) {
        rule->id_mode = GEN_INCREMENT;
    } else if (is_word(value, 'o')) {
        rule->id_mode = GEN_ODD;
    } else if (is_word(value, 'e')) {
        rule->id_mode = GEN_EVEN; /* as cangen: the id 00E is written with zeros */
    } else if (read_number(value, 16, 0, CANRING_ID_MASK_EXT, &id)) {
        rule->id_mode = GEN_FIXED;
        rule->id = (uint32_t)id;
    } else {
        return bad_value("-I", value, "r, e, o, i, or hexadecimal digits up to 1FFFFFFF");
    }
    return 0;
}

static int read_length(struct gen_rule *rule, const char *value)
{
    uint64_t length;

    if (is_word(value, 'r')) {
        rule->length_mode = GEN_RANDOM;
    } else if (is_word(value, 'i')) {
        rule->length_mode = GEN_INCREMENT;
    } else if (read_number(value, 10, 0, CANRING_FD_DATA_MAX, &length)) {
        rule->length_mode = GEN_FIXED;
        rule->length = (uint32_t)length;
    } else {
        return bad_value("-L", value, "r, i, 0 to 64");
    }
    return 0;
}

/* One digit of -D at its place; false when it is none. */
static bool read_digit(struct gen_rule *rule, size_t place, char digit)
{
    unsigned shift = place % 2 ? 0 : 4;

    if (digit == 'x' || digit == 'X') {
        rule->random_bits[place / 2] |= (uint8_t)(0xfu << shift);
        return true;
    }
    if (!isxdigit((unsigned char)digit))
        return false;
    int value =
        isdigit((unsigned char)digit) ? digit - '0' : toupper((unsigned char)digit) - 'A' + 10;
    rule->data[place / 2] |= (uint8_t)((unsigned)value << shift);
    return true;
}

static int read_data(struct gen_rule *rule, const char *value)
{
    size_t digits = strlen(value);
    const size_t most = (size_t)2 * CANRING_FD_DATA_MAX;
    bool good = digits > 0 && digits % 2 == 0 && digits <= most;

    memset(rule->data, 0, sizeof(rule->data));
    memset(rule->random_bits, 0, sizeof(rule->random_bits));
    if (is_word(value, 'r')) {
        rule->data_mode = GEN_RANDOM;
        return 0;
    }
    if (is_word(value, 'i')) {
        rule->data_mode = GEN_INCREMENT;
        return 0;
    }
    for (size_t i = 0; i < digits && good; i++)
        good = read_digit(rule, i, value[i]);
    rule->data_mode = GEN_FIXED;
    return good ? 0
                : bad_value("-D", value,
                            "r, i, or an even number of hexadecimal digits and x, up to 128");
}

static int read_timeout(struct gen_options *options, const char *value)
{
    uint64_t ms;

    if (!read_number(value, 10, 0, INT_MAX, &ms))
        return bad_value("-p", value, "milliseconds");
    options->timeout_ms = (int)ms;
    return 0;
}

static int read_from(const char *option, const char *value, uint64_t least, uint64_t *number)
{
    return read_number(value, 10, least, UINT64_MAX, number)
               ? 0
               : bad_value(option, value, least ? "a number from 1" : "a number");
}

static bool read_flag(struct gen_options *options, int option)
{
    struct gen_rule *rule = &options->rule;

    switch (option) {
    case 'e':
        return rule->extended = true;
    case 'f':
        return rule->fd = true;
    case 'b':
        return rule->fd = rule->brs = true;
    case 'E':
        return rule->fd = rule->esi = true;
    case 'R':
        return rule->remote = true;
    case '8':
        return rule->raw_dlc = true;
    case 'm':
        return rule->mix = true;
    case 'i':
        return options->skip_full = true;
    case 'x':
        return options->no_loopback = true;
    case 'v':
        return ++options->verbose;
    }
    return false;
}

static int read_option(struct gen_options *options, int option, char **argv)
{
    if (read_flag(options, option))
        return 0;
    switch (option) {
    case 'g':
        return read_gap(options, optarg);
    case 'I':
        return read_id(&options->rule, optarg);
    case 'L':
        return read_length(&options->rule, optarg);
    case 'D':
        return read_data(&options->rule, optarg);
    case 'p':
        return read_timeout(options, optarg);
    case 'n':
        return read_from("-n", optarg, 1, &options->count);
    case 'c':
        return read_from("-c", optarg, 1, &options->burst);
    case OPTION_SEED:
        return read_from("--seed", optarg, 0, &options->rule.seed);
    case OPTION_RATE:
        return read_rate(options, optarg);
    }
    return misuse_option("gen", option, argv);
}

static int check(struct gen_options *options, int given)
{
    const struct gen_rule *rule = &options->rule;

    if (given != 1)
        return misuse("gen", given < 1 ? "no TARGET given" : "%d targets, allowed: 1", given);
    if (rule->id_mode == GEN_FIXED && rule->id > CANRING_ID_MASK_STD && !rule->extended)
        return misuse("gen", "the id %X is an extended one: it needs -e", rule->id);
    if (rule->remote && rule->fd && !rule->mix)
        return misuse("gen",
                      "there are no remote frames in CAN FD: -R does not go with -f, -b, -E");
    if (options->skip_full)
        options->timeout_ms = 0;
    return 0;
}

static void set_defaults(struct gen_options *options)
{
    memset(options, 0, sizeof(*options));
    options->gap_ns = DEFAULT_GAP_NS;
    options->per = 1;
    options->burst = 1;
    options->timeout_ms = DEFAULT_TIMEOUT_MS;
    /* Without a seed of the user's any will do, the zero that a failure leaves, too. */
    if (getrandom(&options->rule.seed, sizeof(options->rule.seed), GRND_NONBLOCK) < 0)
        options->rule.seed = 0;
}

int gen_options_read(struct gen_options *options, int argc, char **argv, bool *done)
{
    static const struct option words[] = {{"help", no_argument, NULL, 'h'},
                                          {"seed", required_argument, NULL, OPTION_SEED},
                                          {"rate", required_argument, NULL, OPTION_RATE},
                                          {0}};
    int option;

    set_defaults(options);
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":g:efbER8mI:L:D:p:n:ixc:vh", words, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            *done = true;
            return finish_output("gen");
        }
        int result = read_option(options, option, argv);
        if (result)
            return result;
    }
    options->target = argv[optind];
    return check(options, argc - optind);
}
