#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "info_print.h"
#include "say.h"

static int show_file(const char *path, const struct info_options *options, bool more)
{
    static struct info info; /* with all its words too large for a stack */
    struct canring_error err = {0};
    int result = info_scan(&info, path, options, &err);

    if (result < 0) {
        say("info", "%s", err.text);
        info_free(&info);
        return exit_status(result);
    }
    if (options->json)
        result = info_print_json(&info, options);
    else
        info_print(&info, options);
    if (more && !options->json)
        putchar('\n');
    bool damaged = info.damage.count || info.unfinished;
    bool failed = result < 0 || info.error;
    info_free(&info);
    if (failed)
        return EXIT_FAILURE;
    return damaged ? EXIT_DAMAGED : 0;
}

/* The graver of two: misuse, what failed, then damage. */
static int worse(int one, int other)
{
    if (one == EXIT_MISUSE || other == EXIT_MISUSE)
        return EXIT_MISUSE;
    if (one == EXIT_FAILURE || other == EXIT_FAILURE)
        return EXIT_FAILURE;
    return one > other ? one : other;
}

int cmd_info(int argc, char **argv)
{
    struct info_options options;
    bool done = false;
    int result = info_options_read(&options, argc, argv, &done);

    if (result || done)
        return result;
    for (int i = 0; i < options.file_count; i++)
        result = worse(result, show_file(options.files[i], &options, i + 1 < options.file_count));
    return worse(finish_output("info"), result);
}
