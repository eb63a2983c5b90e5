#include <canring/auxiliary.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "say.h"

struct control {
    const char *command;
    const char *help;
    const char *already; /* what it is when there is nothing to do, or NULL */
    int (*act)(struct canring_auxiliary *auxiliary, struct canring_error *err);
};

static int say_why(struct canring_error *err, int result)
{
    return canring_error_set(err, result, "%s",
                             result == -ETIMEDOUT ? "does not answer: stopped, or overrun"
                                                  : strerror(-result));
}

static int suspend(struct canring_auxiliary *auxiliary, struct canring_error *err)
{
    int result = canring_auxiliary_suspend(auxiliary);
    return result < 0 ? say_why(err, result) : result;
}

static int stop(struct canring_auxiliary *auxiliary, struct canring_error *err)
{
    int result = canring_auxiliary_stop(auxiliary);
    return result < 0 ? say_why(err, result) : 0;
}

static int act_on(const struct control *control, const char *name)
{
    struct canring_auxiliary *auxiliary;
    struct canring_error err = {0};
    int result = canring_auxiliary_open(&auxiliary, name, &err);
    if (result == 0) {
        result = control->act(auxiliary, &err);
        canring_auxiliary_close(auxiliary);
    }
    if (result > 0 && control->already)
        say(control->command, "%s is already %s", name, control->already);
    if (result < 0)
        say(control->command, "%s: %s", name, err.text);
    return result < 0 ? 1 : 0;
}

static int control(const struct control *control, int argc, char **argv)
{
    static const struct option words[] = {{"help", no_argument, NULL, 'h'}, {0}};
    int option, result = 0;
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":h", words, NULL)) != -1) {
        if (option != 'h')
            return misuse_option(control->command, option, argv);
        fputs(control->help, stdout);
        return finish_output(control->command);
    }
    if (optind == argc)
        return misuse(control->command, "no NAME given");
    for (int i = optind; i < argc; i++)
        result |= act_on(control, argv[i]);
    return result;
}

int cmd_suspend(int argc, char **argv)
{
    static const struct control what = {
        .command = "suspend",
        .already = "suspended",
        .act = suspend,
        .help = "usage: canring suspend NAME…\n"
                "\n"
                "Suspend proxies or auxiliaries: a proxy closes its bus and drops what waits, its\n"
                "channels stay attached; an auxiliary deletes its instance.\n"
                "\n"
                "  -h, --help\n"};
    return control(&what, argc, argv);
}

int cmd_resume(int argc, char **argv)
{
    static const struct control what = {.command = "resume",
                                        .already = "running",
                                        .act = canring_auxiliary_resume,
                                        .help = "usage: canring resume NAME…\n"
                                                "\n"
                                                "Let suspended proxies or auxiliaries go on.\n"
                                                "\n"
                                                "  -h, --help\n"};
    return control(&what, argc, argv);
}

int cmd_stop(int argc, char **argv)
{
    static const struct control what = {.command = "stop",
                                        .act = stop,
                                        .help = "usage: canring stop NAME…\n"
                                                "\n"
                                                "End the processes of proxies or auxiliaries.\n"
                                                "\n"
                                                "  -h, --help\n"};
    return control(&what, argc, argv);
}
