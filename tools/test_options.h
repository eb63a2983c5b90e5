/* The command line of canring test: pykiso's, and what we add.
 *
 * Read once by cmd_test. An option that is none of ours is a tag, "--branch-level dev,master", as
 * pykiso has it. It only reads the command line: files are looked at by others.
 */
#ifndef CANRING_TEST_OPTIONS_H
#define CANRING_TEST_OPTIONS_H

#include <canring/suite.h>

#define TEST_CONFIGS_MAX   32
#define TEST_OVERRIDES_MAX 64
#define TEST_TAGS_MAX      32

struct test_options {
    const char *configs[TEST_CONFIGS_MAX];
    size_t config_count;
    const char *overrides[TEST_OVERRIDES_MAX]; /* CONNECTOR=TARGET */
    size_t override_count;
    struct canring_suite_tag tags[TEST_TAGS_MAX];
    size_t tag_count;
    const char *log_path;  /* file or folder, or NULL */
    const char *log_level; /* "DEBUG", "INFO", "WARNING" or "ERROR" */
    bool junit;
    const char *junit_path;  /* NULL = reports/… */
    const char *step_report; /* or NULL */
    const char *pattern;     /* or NULL */
    unsigned timeout_ms;
    bool failfast, verbose, text;
};

/* 0; -1 when --help or --version has been printed; or EXIT_MISUSE, with a message. */
int test_options_parse(struct test_options *options, int argc, char **argv);

/* The option that a tag may have been meant to be, or NULL. */
const char *test_options_like(const char *tag);

#endif
