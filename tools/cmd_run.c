#include <canring/coordinator.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "load_config.h"
#include "say.h"
#include "signals.h"

#define OVERRIDE_MAX  64
#define EXIT_CREATION 4 /* pykiso's, for an auxiliary that could not be created */

static const char help[] =
    "usage: canring run [OPTION]… FILE\n"
    "\n"
    "Start every proxy and auxiliary of a configuration, each in a process of its own, and\n"
    "serve until SIGINT or SIGTERM.\n"
    "\n"
    "  -b, --bus CONNECTOR=TARGET  open another bus for that connector: vcan0, virtual:NAME,\n"
    "                              replay:FILE, pcan:PCAN_USBBUS1, udp_multicast:GROUP%NETDEV\n"
    "  -l, --log-path PATH         write the log to this file, or a new one in this folder\n"
    "  -L, --log-level LEVEL       DEBUG, INFO (default), WARNING, ERROR or CRITICAL\n"
    "  -P, --proxies-only          start no auxiliaries: they are programs that attach themselves\n"
    "  -q, --quiet                 warnings and errors only\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0 ended as asked, 1 a process failed or a trace lacks frames, 2 the "
    "configuration or\n"
    "the command line, 4 an auxiliary could not create its instance.\n";

struct options {
    const char *file;
    const char *overrides[OVERRIDE_MAX];
    size_t override_count;
    const char *log_path;
    enum canring_log_level level;
    bool proxies_only, quiet;
};

static enum canring_log_level level_of(const struct options *options)
{
    return options->quiet && options->level < CANRING_LOG_WARNING ? CANRING_LOG_WARNING
                                                                  : options->level;
}

/* Until a signal asks to end, a failure does, or everybody has. */
static int supervise(struct canring_coordinator *coordinator, int signals)
{
    for (;;) {
        int state = canring_coordinator_poll(coordinator, signals, -1);
        int number = signals_take(signals);
        if (number == SIGHUP)
            canring_coordinator_signal(coordinator, SIGHUP);
        if (number == SIGINT || number == SIGTERM || state == -ENOENT)
            return canring_coordinator_stop(coordinator) < 0 ? EXIT_FAILURE : 0;
        if (state < 0) {
            canring_coordinator_stop(coordinator);
            return EXIT_FAILURE;
        }
    }
}

static const char *what_runs(const struct options *options, size_t count)
{
    if (options->proxies_only)
        return count == 1 ? "proxy" : "proxies";
    return count == 1 ? "process" : "processes";
}

static int run(const struct canring_config *config, const struct options *options, int signals)
{
    const struct canring_coordinator_options how = {.config = config,
                                                    .level = level_of(options),
                                                    .console = STDERR_FILENO,
                                                    .proxies_only = options->proxies_only,
                                                    .log_path = options->log_path};
    struct canring_coordinator *coordinator;
    struct canring_error err = {0};
    int result = canring_coordinator_open(&coordinator, &how, &err);
    if (result < 0) {
        say("run", "%s", err.text);
        return EXIT_FAILURE;
    }
    result = canring_coordinator_start(coordinator, &err);
    size_t count = canring_coordinator_running(coordinator);
    if (result < 0) {
        say("run", "%s", err.text);
        result = result == -EINTR ? 0 : result == -ECANCELED ? EXIT_CREATION : EXIT_FAILURE;
    } else if (count == 0) {
        say("run", "%s has nothing to start", options->file);
        result = EXIT_MISUSE;
    } else {
        if (!options->quiet)
            fprintf(stderr, "canring run: %zu %s ready\n", count, what_runs(options, count));
        result = supervise(coordinator, signals);
    }
    canring_coordinator_close(coordinator);
    return result;
}

static int parse(struct options *options, int argc, char **argv)
{
    static const struct option words[] = {{"bus", required_argument, NULL, 'b'},
                                          {"log-level", required_argument, NULL, 'L'},
                                          {"log-path", required_argument, NULL, 'l'},
                                          {"proxies-only", no_argument, NULL, 'P'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option;
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":b:l:L:Pqh", words, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return -1;
        }
        if (option == 'q')
            options->quiet = true;
        else if (option == 'P')
            options->proxies_only = true;
        else if (option == 'l')
            options->log_path = optarg;
        else if (option == 'L' && canring_log_level_parse(optarg))
            options->level = (enum canring_log_level)canring_log_level_parse(optarg);
        else if (option == 'L')
            return misuse("run",
                          "--log-level: '%s' is none of DEBUG, INFO, WARNING, ERROR, CRITICAL",
                          optarg);
        else if (option == 'b' && options->override_count < OVERRIDE_MAX)
            options->overrides[options->override_count++] = optarg;
        else if (option == 'b')
            return misuse("run", "more than %d --bus options", OVERRIDE_MAX);
        else
            return misuse_option("run", option, argv);
    }
    if (argc - optind != 1)
        return misuse("run", argc == optind ? "no FILE given" : "one FILE at a time");
    options->file = argv[optind];
    return 0;
}

int cmd_run(int argc, char **argv)
{
    struct options options = {.level = CANRING_LOG_INFO};
    struct canring_config *config;
    int result = parse(&options, argc, argv);
    if (result)
        return result < 0 ? finish_output("run") : result;
    config = load_config("run", options.file, options.overrides, options.override_count);
    if (!config)
        return EXIT_MISUSE;
    int signals = signals_open(0);
    if (signals < 0) {
        say("run", "signals: %s", strerror(-signals));
        result = EXIT_FAILURE;
    } else {
        result = run(config, &options, signals);
        close(signals);
    }
    canring_config_free(config);
    return result;
}
