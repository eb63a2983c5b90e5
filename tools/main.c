#include "commands.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

static const struct command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"capture", "record buses into files", cmd_capture},
    {"check", "check configuration files", cmd_check},
    {"convert", "convert recordings, merge and filter them", cmd_convert},
    {"doctor", "what of this machine costs latency or frames", cmd_doctor},
    {"dump", "show, filter and log the frames of buses", cmd_dump},
    {"gen", "generate frames", cmd_gen},
    {"info", "what recordings hold: buses, frames, rates, load, damage", cmd_info},
    {"list", "the running proxies and their channels", cmd_list},
    {"play", "send the frames of a recording at their times", cmd_play},
    {"repair", "finish recordings that were cut off or damaged", cmd_repair},
    {"resume", "let suspended proxies and auxiliaries go on", cmd_resume},
    {"run", "start the processes of a configuration and serve", cmd_run},
    {"send", "send frames given on the command line", cmd_send},
    {"status", "what running proxies and channels have done", cmd_status},
    {"stop", "end proxies and auxiliaries", cmd_stop},
    {"suspend", "close the bus of proxies, delete the instance of auxiliaries", cmd_suspend},
    {"test", "run the test suites of configurations", cmd_test},
};

#define COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_help(FILE *to)
{
    fputs("usage: canring COMMAND [ARGUMENT…]\n"
          "       canring help COMMAND\n"
          "       canring --version\n"
          "\n"
          "Commands:\n",
          to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fputs("\nEach has a manual page: man canring-COMMAND.\n", to);
}

static int unknown(const char *name)
{
    const char *names[COMMANDS];

    for (size_t i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    const char *near = nearest(name, names, COMMANDS);
    if (near)
        say(NULL, "no command '%s', did you mean '%s'?", name, near);
    else
        say(NULL, "no command '%s', see 'canring --help'", name);
    return EXIT_MISUSE;
}

static int run_command(int argc, char **argv)
{
    const struct command *command = find(argv[0]);

    return command ? command->run(argc, argv) : unknown(argv[0]);
}

static int help(const char *name)
{
    char word[] = "--help";
    char *argv[] = {NULL, word, NULL};

    if (!name) {
        print_help(stdout);
        return finish_output(NULL);
    }
    const struct command *command = find(name);
    if (!command)
        return unknown(name);
    char copy[32];
    snprintf(copy, sizeof(copy), "%s", name);
    argv[0] = copy;
    return command->run(2, argv);
}

/* Started without one of the standard descriptors, the next file opened would get its number: what
 * is meant for people would be written into a bus. As the C library does it for set-user-ID
 * programs, a stand-in that can not be used keeps the place. */
static void keep_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    keep_standard_descriptors();
    signal(SIGXFSZ, SIG_IGN); /* a file that becomes too large is an error, which is told */
    if (argc < 2) {
        print_help(stderr);
        return EXIT_MISUSE;
    }
    const char *first = argv[1];
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0) {
        puts("canring " CANRING_VERSION);
        return finish_output(NULL);
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return help(NULL);
    if (strcmp(first, "help") == 0)
        return help(argv[2]);
    return run_command(argc - 1, argv + 1);
}
