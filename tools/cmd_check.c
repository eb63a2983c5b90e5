#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <canring/config.h>

#define STATUS_REFUSED 2

static const char usage[] =
    "usage: canring check [--json] [-q] FILE...\n"
    "Check configuration files and say what is wrong with them, and where.\n"
    "\n"
    "  -j, --json   print the resolved configuration and all messages as JSON\n"
    "  -q, --quiet  print errors only\n"
    "  -h, --help   print this text\n"
    "\n"
    "Exit status: 0 all files can be used, 2 one of them cannot or misuse.\n"
    "See canring-check(1), canring-config(5).\n";

struct check_options {
    bool json, quiet, help;
};

static void print_messages(const struct canring_diagnostics *diagnostics, bool quiet)
{
    char text[2048];

    for (size_t i = 0; i < diagnostics->count; i++) {
        if (quiet && diagnostics->list[i].severity == CANRING_SEVERITY_WARNING)
            continue;
        canring_diagnostic_format(&diagnostics->list[i], text, sizeof(text));
        fprintf(stderr, "%s\n", text);
    }
    if (diagnostics->dropped)
        fprintf(stderr, "%zu more messages are left out\n", diagnostics->dropped);
}

static void print_summary(const char *path, const struct canring_config *config)
{
    printf("%s: usable, %zu %s, %zu %s, %zu %s, %zu test %s\n", path, config->proxy_count,
           config->proxy_count == 1 ? "proxy" : "proxies", config->auxiliary_count,
           config->auxiliary_count == 1 ? "auxiliary" : "auxiliaries", config->connector_count,
           config->connector_count == 1 ? "connector" : "connectors", config->suite_count,
           config->suite_count == 1 ? "suite" : "suites");
}

static int print_json(const struct canring_config *config,
                      const struct canring_diagnostics *diagnostics)
{
    char *text = NULL;
    int err = canring_config_json(config, diagnostics, &text);

    if (err)
        fprintf(stderr, "canring check: %s\n", strerror(-err));
    else
        fputs(text, stdout);
    free(text);
    return err;
}

static bool check_file(const char *path, const struct check_options *options)
{
    struct canring_diagnostics diagnostics = {0};
    struct canring_config *config = NULL;
    int err = canring_config_load(&config, path, &diagnostics);

    if (err == -ENOMEM)
        fprintf(stderr, "%s: %s\n", path, strerror(-err));
    if (options->json) {
        if (print_json(config, &diagnostics) < 0)
            err = -ENOMEM;
    } else {
        print_messages(&diagnostics, options->quiet);
        if (config && !options->quiet)
            print_summary(path, config);
    }
    canring_config_free(config);
    canring_diagnostics_free(&diagnostics);
    return err == 0;
}

static int parse_options(struct check_options *options, int argc, char **argv)
{
    static const struct option known[] = {
        {"json", no_argument, NULL, 'j'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "jqh", known, NULL)) != -1) {
        if (option == '?')
            return STATUS_REFUSED;
        options->json |= option == 'j';
        options->quiet |= option == 'q';
        options->help |= option == 'h';
    }
    return 0;
}

int cmd_check(int argc, char **argv)
{
    struct check_options options = {0};
    bool usable = true;

    if (parse_options(&options, argc, argv) != 0 || (optind == argc && !options.help)) {
        fputs(usage, stderr);
        return STATUS_REFUSED;
    }
    if (options.help) {
        fputs(usage, stdout);
    }
    for (int i = optind; i < argc && !options.help; i++)
        usable &= check_file(argv[i], &options);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("canring check");
        return STATUS_REFUSED;
    }
    return usable ? 0 : STATUS_REFUSED;
}
