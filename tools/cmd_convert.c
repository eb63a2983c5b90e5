#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "convert_options.h"
#include "output.h"
#include "say.h"

static void report(void *arg, int level, const char *text)
{
    (void)arg;
    (void)level;
    say("convert", "%s", text);
}

/* Of a second, what the output's lines have; 0: it keeps nanoseconds. */
static unsigned digits_of(const struct convert_options *options)
{
    static const struct {
        const char *format, *ending;
        unsigned usual;
    } known[] = {
        {"candump", ".log", 6}, {"asc", ".asc", 6}, {"trc", ".trc", 6}, {"trc1.1", NULL, 4}};
    const char *format = options->writer.format;

    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (format ? strcmp(format, known[i].format) == 0
                   : known[i].ending && strstr(options->output, known[i].ending))
            return options->writer.time_digits ? options->writer.time_digits : known[i].usual;
    return 0;
}

static int convert(struct convert_options *options)
{
    const char *format = options->writer.format ? options->writer.format : options->output;
    struct recode recode;
    struct output output = {0};

    options->recode.digits = digits_of(options);
    options->writer.report = report;
    int status = recode_open(&recode, &options->recode, options->inputs, options->input_count,
                             options->from);
    if (status == 0)
        status = output_open(&output, "convert", options->output, &options->writer);
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
