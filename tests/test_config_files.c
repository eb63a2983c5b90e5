/* Each YAML file under tests/data/config says itself, in lines "# expect LINE:COLUMN: severity:
 * words", which diagnostics it gives: these and no others, in any order. */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <canring/config.h>

#define MESSAGES_MAX 100

struct expected {
    char place[32]; /* "LINE:COLUMN: severity: " */
    char words[400];
    bool found;
};

static char *source_folder(char *folder, size_t space)
{
    const char *set = getenv("CANRING_SOURCE");

    if (set)
        snprintf(folder, space, "%s/tests/data/config", set);
    else
        snprintf(folder, space, "%.*s/data/config", (int)(strrchr(__FILE__, '/') - __FILE__),
                 __FILE__);
    return folder;
}

static size_t read_expected(const char *path, struct expected *expected)
{
    FILE *file = fopen(path, "r");
    char line[512];
    size_t count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        char severity[16], words[400];
        unsigned row, column;
        if (sscanf(line, "# expect %u:%u: %15[a-z]: %399[^\n]", &row, &column, severity, words) !=
            4)
            continue;
        assert_true(count < MESSAGES_MAX);
        struct expected *one = &expected[count++];
        snprintf(one->place, sizeof(one->place), ":%u:%u: %s: ", row, column, severity);
        snprintf(one->words, sizeof(one->words), "%s", words);
        one->found = false;
    }
    fclose(file);
    return count;
}

static bool match(const char *text, struct expected *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!expected[i].found && strstr(text, expected[i].place) &&
            strstr(text, expected[i].words)) {
            expected[i].found = true;
            return true;
        }
    }
    return false;
}

static unsigned compare(const char *name, const struct canring_diagnostics *diagnostics,
                        struct expected *expected, size_t count)
{
    unsigned wrong = 0;
    char text[2048];

    for (size_t i = 0; i < diagnostics->count; i++) {
        canring_diagnostic_format(&diagnostics->list[i], text, sizeof(text));
        if (!match(text, expected, count)) {
            print_message("%s: not expected: %s\n", name, text);
            wrong++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!expected[i].found) {
            print_message("%s: missing: %s%s\n", name, expected[i].place, expected[i].words);
            wrong++;
        }
    }
    return wrong;
}

static unsigned check_file(const char *folder, const char *name)
{
    struct expected expected[MESSAGES_MAX];
    struct canring_diagnostics diagnostics = {0};
    struct canring_config *config;
    char path[1024];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    size_t count = read_expected(path, expected);
    int err = canring_config_load(&config, path, &diagnostics);
    assert_int_equal(err, strncmp(name, "good_", 5) == 0 ? 0 : -EINVAL);
    assert_true((config == NULL) == (err != 0));
    unsigned wrong = compare(name, &diagnostics, expected, count);
    canring_config_free(config);
    canring_diagnostics_free(&diagnostics);
    return wrong;
}

static void every_file_gives_the_diagnostics_that_it_names(void **state)
{
    (void)state;
    char folder[512];
    DIR *dir = opendir(source_folder(folder, sizeof(folder)));
    unsigned files = 0, wrong = 0;

    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (!strstr(entry->d_name, ".yaml"))
            continue;
        wrong += check_file(folder, entry->d_name);
        files++;
    }
    closedir(dir);
    assert_true(files >= 10);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_gives_the_diagnostics_that_it_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
