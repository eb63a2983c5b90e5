#include "test_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "say.h"

#define TIMEOUT_MAX_S 86400.0

static const char help[] =
    "usage: canring test [OPTION]… [--TAG VALUE[,VALUE]…]… -c FILE\n"
    "\n"
    "Run the test suites of a configuration.\n"
    "\n"
    "  -c, --config FILE           the configuration; several times: one after the other\n"
    "  -p, --pattern PATTERN       run what matches FILE::CLASS::METHOD, each a pattern as of the\n"
    "                              shell; FILE instead of the suites' test_filter_pattern\n"
    "      --TAG A,B               run the tests whose tag TAG is A or B, and those without tags\n"
    "      --timeout SECONDS       for one test case, default 60\n"
    "      --failfast              end with the first test that fails\n"
    "  -b, --bus CONNECTOR=TARGET  open another bus for that connector, see canring run\n"
    "  -l, --log-path PATH         file or folder for the log\n"
    "      --log-level LEVEL       DEBUG, INFO (default), WARNING or ERROR\n"
    "      --junit[=PATH]          write a JUnit report, default reports/TIME-NAME.xml\n"
    "      --text                  show the whole report as text in the end\n"
    "      --step-report FILE      write each case's steps, logs and output as an HTML page\n"
    "  -v, --verbose               show what tests write, as they write it\n"
    "      --version\n"
    "  -h, --help\n"
    "\n"
    "Exit status: 0 all passed, 1 failures, 2 errors, nothing to run, or misuse, 3 failures and\n"
    "errors, 4 an auxiliary could not be created, 5 no test has the tag.\n";

enum { LOG_LEVEL = 256, JUNIT, TEXT, STEP_REPORT, FAILFAST, TIMEOUT, VERSION };

static const struct option words[] = {{"config", required_argument, NULL, 'c'},
                                      {"pattern", required_argument, NULL, 'p'},
                                      {"timeout", required_argument, NULL, TIMEOUT},
                                      {"failfast", no_argument, NULL, FAILFAST},
                                      {"bus", required_argument, NULL, 'b'},
                                      {"log-path", required_argument, NULL, 'l'},
                                      {"log-level", required_argument, NULL, LOG_LEVEL},
                                      {"junit", optional_argument, NULL, JUNIT},
                                      {"text", no_argument, NULL, TEXT},
                                      {"step-report", required_argument, NULL, STEP_REPORT},
                                      {"verbose", no_argument, NULL, 'v'},
                                      {"version", no_argument, NULL, VERSION},
                                      {"help", no_argument, NULL, 'h'},
                                      {0}};
#define WORDS (sizeof(words) / sizeof(*words) - 1)

const char *test_options_like(const char *tag)
{
    const char *names[WORDS];
    for (size_t i = 0; i < WORDS; i++)
        names[i] = words[i].name;
    return nearest(tag, names, WORDS);
}

/* ---- tags ---------------------------------------------------------------------------------- */

/* True when `word` is an option of ours; *takes_next when its value is the next word. */
static bool is_ours(const char *word, bool *takes_next)
{
    *takes_next = word[0] == '-' && word[1] && !word[2] && strchr("cpbl", word[1]);
    if (strncmp(word, "--", 2) != 0)
        return true;
    size_t length = strcspn(word + 2, "=");
    for (size_t i = 0; i < WORDS; i++) {
        if (strlen(words[i].name) != length || strncmp(words[i].name, word + 2, length) != 0)
            continue;
        *takes_next = words[i].has_arg == required_argument && !word[2 + length];
        return true;
    }
    return length == 0;
}

/* "--NAME=VALUES" is cut at the '=', in place, as getopt's users may. */
static int add_tag(struct test_options *options, char *word, char *next, bool *took_next)
{
    char *name = word + 2, *equals = strchr(name, '=');
    *took_next = !equals;
    if (equals)
        *equals++ = '\0';
    if (options->tag_count == TEST_TAGS_MAX)
        return misuse("test", "more than %d tags", TEST_TAGS_MAX);
    if (!equals && (!next || next[0] == '-')) {
        const char *near = test_options_like(name);
        return misuse("test", "no option '%s'%s%s%s; a tag needs a value: %s VALUE", word,
                      near ? ", did you mean '--" : "", near ? near : "", near ? "'?" : "", word);
    }
    options->tags[options->tag_count++] =
        (struct canring_suite_tag){.name = name, .values = equals ? equals : next};
    return 0;
}

/* Take the tags out of argv. Returns the new argc, or -EXIT_MISUSE. */
static int take_tags(struct test_options *options, int argc, char **argv)
{
    int left = 1;
    for (int i = 1; i < argc; i++) {
        bool takes_next;
        if (strcmp(argv[i], "--") == 0) {
            while (i < argc)
                argv[left++] = argv[i++];
        } else if (is_ours(argv[i], &takes_next)) {
            argv[left++] = argv[i];
            if (takes_next && i + 1 < argc)
                argv[left++] = argv[++i];
        } else {
            if (add_tag(options, argv[i], argv[i + 1], &takes_next))
                return -EXIT_MISUSE;
            i += takes_next;
        }
    }
    argv[left] = NULL;
    return left;
}

/* ---- options ------------------------------------------------------------------------------- */

static int add_config(struct test_options *options, const char *path)
{
    if (options->config_count == TEST_CONFIGS_MAX)
        return misuse("test", "more than %d configurations", TEST_CONFIGS_MAX);
    options->configs[options->config_count++] = path;
    return 0;
}

static int set_level(struct test_options *options, const char *level)
{
    static const char *const levels[] = {"DEBUG", "INFO", "WARNING", "ERROR"};
    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        if (strcasecmp(levels[i], level) != 0)
            continue;
        options->log_level = levels[i];
        return 0;
    }
    return misuse("test", "--log-level '%s', allowed: DEBUG, INFO, WARNING, ERROR", level);
}

static int set_timeout(struct test_options *options, const char *text)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds >= 0.001 && seconds <= TIMEOUT_MAX_S))
        return misuse("test", "--timeout '%s', allowed: seconds from 0.001 to 86400", text);
    options->timeout_ms = (unsigned)(seconds * 1000.0 + 0.5);
    return 0;
}

static int add_override(struct test_options *options, const char *override)
{
    if (options->override_count == TEST_OVERRIDES_MAX)
        return misuse("test", "more than %d --bus options", TEST_OVERRIDES_MAX);
    options->overrides[options->override_count++] = override;
    return 0;
}

static int take_option(struct test_options *options, int option, char **argv)
{
    switch (option) {
    case 'c':
        return add_config(options, optarg);
    case 'b':
        return add_override(options, optarg);
    case 'p':
        options->pattern = optarg;
        return 0;
    case 'l':
        options->log_path = optarg;
        return 0;
    case 'v':
        options->verbose = true;
        return 0;
    case FAILFAST:
        options->failfast = true;
        return 0;
    case TEXT:
        options->text = true;
        return 0;
    case JUNIT:
        options->junit = true;
        options->junit_path = optarg;
        return 0;
    case STEP_REPORT:
        options->step_report = optarg;
        return 0;
    case TIMEOUT:
        return set_timeout(options, optarg);
    case LOG_LEVEL:
        return set_level(options, optarg);
    default:
        return misuse_option("test", option, argv);
    }
}

int test_options_parse(struct test_options *options, int argc, char **argv)
{
    int option, result = 0;
    options->log_level = "INFO";
    options->timeout_ms = CANRING_SUITE_TIMEOUT_MS;
    argc = take_tags(options, argc, argv);
    if (argc < 0)
        return -argc;
    opterr = 0;
    optind = 0;
    while (result == 0 && (option = getopt_long(argc, argv, ":c:p:b:l:vh", words, NULL)) != -1) {
        if (option == 'h' || option == VERSION) {
            fputs(option == 'h' ? help : "canring " CANRING_VERSION "\n", stdout);
            return -1;
        }
        result = take_option(options, option, argv);
    }
    for (int i = optind; i < argc && result == 0; i++)
        result = add_config(options, argv[i]);
    if (result == 0 && options->config_count == 0)
        return misuse("test", "no configuration given: -c FILE");
    return result;
}
