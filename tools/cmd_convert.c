#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "convert_options.h"
#include "output.h"
#include "say.h"

struct traits {
    const char *format, *ending;
    unsigned digits; /* of a second, that its lines have; 0: it keeps nanoseconds */
    bool no_direction, no_names;
};

static bool ends_with(const char *path, size_t length, const char *ending)
{
    size_t part = strlen(ending);

    return length >= part && memcmp(path + length - part, ending, part) == 0;
}

/* What OUT's format keeps. */
static const struct traits *traits_of(const struct convert_options *options)
{
    static const struct traits known[] = {
        {.format = "candump", .ending = ".log", .digits = 6, .no_direction = true},
        {.format = "asc", .ending = ".asc", .digits = 6},
        {.format = "trc", .ending = ".trc", .digits = 6},
        {.format = "blf", .ending = ".blf", .no_names = true},
        {.format = "pcap", .ending = ".pcap", .no_direction = true, .no_names = true},
        {.format = "trc1.1", .digits = 4},
    };
    static const struct traits all = {0};
    const char *format = options->writer.format;
    size_t length = strlen(options->output);

    if (ends_with(options->output, length, ".gz"))
        length -= 3;
    else if (ends_with(options->output, length, ".zst"))
        length -= 4;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (format ? strcmp(format, known[i].format) == 0
                   : known[i].ending && ends_with(options->output, length, known[i].ending))
            return &known[i];
    return &all;
}

static void set_traits(struct convert_options *options)
{
    const struct traits *traits = traits_of(options);
    unsigned digits = options->writer.time_digits;

    options->recode.digits = traits->digits && digits ? digits : traits->digits;
    options->recode.no_direction = traits->no_direction;
    options->recode.no_names = traits->no_names;
}

static int convert(struct convert_options *options)
{
    const char *format = options->writer.format ? options->writer.format : options->output;
    const struct output_inputs inputs = {options->inputs, options->input_count};
    struct recode recode;
    struct output output = {0};

    set_traits(options);
    int status = recode_open(&recode, &options->recode, options->inputs, options->input_count,
                             options->from);
    if (status == 0)
        status = output_open(&output, "convert", options->output, &inputs, &options->writer);
    if (status == 0) {
        recode.writer = output.writer;
        status = recode_run(&recode);
        recode_tell(&recode, format);
    }
    if (status)
        output_discard(&output);
    else
        status = output_commit(&output, NULL);
    if (status == 0 && (recode.damage.count || recode.unfinished))
        status = EXIT_DAMAGED;
    recode_close(&recode);
    return status;
}

int cmd_convert(int argc, char **argv)
{
    struct convert_options options;
    bool done = false;
    int result = convert_options_read(&options, argc, argv, &done);

    if (result == 0 && !done)
        result = convert(&options);
    convert_options_free(&options);
    return result;
}
