#include <canring/doctor.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "say.h"

static const char help[] =
    "usage: canring doctor [OPTION]…\n"
    "\n"
    "What of this machine stands in the way of low latency and of capturing without loss: each\n"
    "thing with what was found, what is wanted, why, and the command that changes it. Changes\n"
    "nothing.\n"
    "\n"
    "  -j, --json    as JSON\n"
    "  -q, --quiet   only what is not OK\n"
    "  -s, --strict  warnings fail as well\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0 nothing is BAD, 1 something is, 2 misuse.\n";

struct doctor_options {
    bool json, quiet, strict, help;
};

static const char *coloured(enum canring_finding_level level, bool colours)
{
    static const char *const plain[] = {"OK  ", "WARN", "BAD "}, *const bright[] = {
                                                                     "\033[32mOK  \033[0m",
                                                                     "\033[33mWARN\033[0m",
                                                                     "\033[31mBAD \033[0m"};
    return colours ? bright[level] : plain[level];
}

static void print(const struct canring_finding *finding, bool colours)
{
    printf("%s  %-16s %s\n", coloured(finding->level, colours), finding->name, finding->found);
    if (finding->level == CANRING_FINDING_OK)
        return;
    printf("      wanted: %s\n      why:    %s\n", finding->wanted, finding->why);
    if (finding->remedy[0])
        printf("      do:     %s\n", finding->remedy);
}

static void print_all(const struct canring_findings *findings, const struct doctor_options *options)
{
    unsigned counts[3] = {0};
    bool colours = colours_wanted();
    for (size_t i = 0; i < findings->count; i++) {
        const struct canring_finding *finding = &findings->list[i];
        counts[finding->level]++;
        if (!options->quiet || finding->level != CANRING_FINDING_OK)
            print(finding, colours);
    }
    printf("%u ok, %u warn, %u bad\n", counts[CANRING_FINDING_OK], counts[CANRING_FINDING_WARN],
           counts[CANRING_FINDING_BAD]);
}

static enum canring_finding_level worst_of(const struct canring_findings *findings)
{
    enum canring_finding_level worst = CANRING_FINDING_OK;
    for (size_t i = 0; i < findings->count; i++)
        if (findings->list[i].level > worst)
            worst = findings->list[i].level;
    return worst;
}

/* The array without what is OK. */
static void keep_trouble(struct canring_findings *findings)
{
    size_t kept = 0;
    for (size_t i = 0; i < findings->count; i++)
        if (findings->list[i].level != CANRING_FINDING_OK)
            findings->list[kept++] = findings->list[i];
    findings->count = kept;
}

static int examine(const struct doctor_options *options)
{
    struct canring_findings findings;
    if (canring_doctor(&findings) < 0) {
        say("doctor", "out of memory");
        return EXIT_FAILURE;
    }
    enum canring_finding_level worst = worst_of(&findings);
    if (options->json) {
        if (options->quiet)
            keep_trouble(&findings);
        char *text = canring_findings_json(&findings);
        if (text)
            puts(text);
        free(text);
    } else {
        print_all(&findings, options);
    }
    canring_findings_free(&findings);
    int result = finish_output("doctor");
    bool failed = worst == CANRING_FINDING_BAD || (options->strict && worst != CANRING_FINDING_OK);
    return result ? result : failed;
}

int cmd_doctor(int argc, char **argv)
{
    static const struct option words[] = {{"json", no_argument, NULL, 'j'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"strict", no_argument, NULL, 's'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    struct doctor_options options = {0};
    int option;
    opterr = 0;
    optind = 0;
    while ((option = getopt_long(argc, argv, ":jqsh", words, NULL)) != -1) {
        if (option == '?' || option == ':')
            return misuse_option(argv[0], option, argv);
        options.json |= option == 'j';
        options.quiet |= option == 'q';
        options.strict |= option == 's';
        options.help |= option == 'h';
    }
    if (options.help) {
        fputs(help, stdout);
        return finish_output(argv[0]);
    }
    if (optind < argc)
        return misuse(argv[0], "'%s' is not expected", argv[optind]);
    return examine(&options);
}
