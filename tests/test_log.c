/* The process's side of logging: what is made, how it looks, where it goes without a coordinator.
 */
#include "check.h"

#include <canring/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "proxy/log_line.h"
#include "proxy/log_report.h"
#include "proxy/log_rule.h"
#include "proxy/log_text.h"

static void levels_and_activate_log_decide_what_is_made(void **state)
{
    (void)state;
    static const struct {
        const char *level, *active, *logger;
        int made_from; /* the lowest level that is made */
    } table[] = {
        {NULL, NULL, "canring.proxy", CANRING_LOG_INFO},
        {"DEBUG", NULL, "canring.proxy", CANRING_LOG_DEBUG},
        {"debug", "", "canring.proxy", CANRING_LOG_DEBUG},
        {"ERROR", NULL, "canring.proxy", CANRING_LOG_ERROR},
        {"nonsense", NULL, "canring.proxy", CANRING_LOG_INFO},
        {"DEBUG", "canring.proxy", "canring.proxy", CANRING_LOG_DEBUG},
        {"DEBUG", "canring.proxy", "canring.proxy.bus", CANRING_LOG_DEBUG},
        {"DEBUG", "canring.proxy", "canring.proxy2", CANRING_LOG_WARNING},
        {"DEBUG", "canring.proxy", "canring", CANRING_LOG_WARNING},
        {"DEBUG", "canring.proxy", "", CANRING_LOG_WARNING},
        {"INFO", "can,pykiso.lib , aux", "pykiso.lib.x", CANRING_LOG_INFO},
        {"INFO", "can,pykiso.lib , aux", "aux", CANRING_LOG_INFO},
        {"INFO", "can,pykiso.lib , aux", "other", CANRING_LOG_WARNING},
        {"ERROR", "can", "can", CANRING_LOG_ERROR},
        {"ERROR", "can", "other", CANRING_LOG_ERROR},
        {"INFO", ",,", "other", CANRING_LOG_INFO},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct cr_log_rule *rule = cr_log_rule_make(table[i].level, table[i].active);
        assert_non_null(rule);
        for (int level = CANRING_LOG_DEBUG; level <= CANRING_LOG_CRITICAL; level += 10)
            if (cr_log_rule_wants(rule, level, table[i].logger) != (level >= table[i].made_from))
                fail_msg("row %zu, level %d", i, level);
        free(rule);
    }
}

static void level_names_are_pythons(void **state)
{
    (void)state;
    static const char *const names[] = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(canring_log_level_parse(names[i]), 10 * (i + 1));
        assert_string_equal(canring_log_level_name((enum canring_log_level)(10 * (i + 1))),
                            names[i]);
    }
    assert_int_equal(canring_log_level_parse("warning"), CANRING_LOG_WARNING);
    assert_int_equal(canring_log_level_parse("WARN!"), 0);
    assert_int_equal(canring_log_level_parse(NULL), 0);
    assert_int_equal(canring_log_from_syslog(LOG_CRIT), CANRING_LOG_CRITICAL);
    assert_int_equal(canring_log_from_syslog(LOG_ERR), CANRING_LOG_ERROR);
    assert_int_equal(canring_log_from_syslog(LOG_WARNING), CANRING_LOG_WARNING);
    assert_int_equal(canring_log_from_syslog(LOG_NOTICE), CANRING_LOG_INFO);
    assert_int_equal(canring_log_from_syslog(LOG_DEBUG), CANRING_LOG_DEBUG);
}

static void only_valid_utf8_is_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size, length;
        uint32_t code;
    } table[] = {
        {"a", 1, 1, 'a'},
        {"\xc3\xa4", 2, 2, 0xE4},
        {"\xe2\x82\xac", 3, 3, 0x20AC},
        {"\xf0\x9f\x9a\x97", 4, 4, 0x1F697},
        {"\xf4\x8f\xbf\xbf", 4, 4, 0x10FFFF},
        {"\xc0\x80", 2, 0, 0},         /* overlong */
        {"\xe0\x80\xaf", 3, 0, 0},     /* overlong */
        {"\xed\xa0\x80", 3, 0, 0},     /* surrogate */
        {"\xf4\x90\x80\x80", 4, 0, 0}, /* beyond Unicode */
        {"\xf8\x88\x80\x80", 4, 0, 0},
        {"\x80", 1, 0, 0},
        {"\xe2\x82", 2, 0, 0}, /* cut off */
        {"\xe2\x28\xa1", 3, 0, 0},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        uint32_t code = 0;
        assert_int_equal(cr_utf8_decode(table[i].bytes, table[i].size, &code), table[i].length);
        assert_int_equal(code, table[i].code);
    }
}

static void text_is_cut_between_characters(void **state)
{
    (void)state;
    const char *text = "a\xe2\x82\xac\xf0\x9f\x9a\x97";
    static const size_t expected[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 8};
    for (size_t max = 0; max < 10; max++)
        assert_int_equal(cr_utf8_cut(text, 8, max), expected[max]);
    assert_int_equal(cr_utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
}

static void expect_line(const char *text, size_t length, const char *expected)
{
    char line[CR_LOG_LINE_MAX];
    const struct cr_log_record record = {.level = CANRING_LOG_WARNING,
                                         .process = "aux\n1",
                                         .logger = "a.b\033",
                                         .text = text,
                                         .text_bytes = length};
    size_t used = cr_log_line(line, &record, 0);
    assert_true(used > 13);
    line[used] = '\0';
    assert_string_equal(line + 13, expected);
}

static void a_line_cannot_move_the_cursor_or_forge_another_line(void **state)
{
    (void)state;
#define WHO "WARNING aux\\n1 [a.b\\x1b] "
    expect_line("plain", 5, WHO "plain\n");
    expect_line("\033[2J\a", 5, WHO "\\x1b[2J\\x07\n");
    expect_line("nul\0in it", 9, WHO "nul\\x00in it\n");
    expect_line("one\ntwo\n", 8, WHO "one\n    two\n");
    expect_line("back\rover", 9, WHO "back\\rover\n");
    expect_line("tab\there", 8, WHO "tab\there\n");
    expect_line("\xc2\x9b"
                "31m",
                5, WHO "\\u009b31m\n");
    expect_line("\xe2\x80\xae"
                "x",
                4, WHO "\\u202ex\n");
    expect_line("\xff\xfe", 2, WHO "\\xff\\xfe\n");
    expect_line("Größe €", strlen("Größe €"), WHO "Größe €\n");
}

static void the_longest_record_fits_a_line_however_it_is_escaped(void **state)
{
    (void)state;
    char text[CANRING_LOG_TEXT_MAX], name[CR_LOG_LOGGER_MAX + 1], line[CR_LOG_LINE_MAX];
    for (int byte = 1; byte < 256; byte++) {
        memset(text, byte, sizeof(text));
        memset(name, byte, sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        text[sizeof(text) - 1] = '.';
        const struct cr_log_record record = {.time_ns = UINT64_MAX,
                                             .level = CANRING_LOG_CRITICAL,
                                             .process = name,
                                             .logger = name,
                                             .text = text,
                                             .text_bytes = sizeof(text)};
        size_t used = cr_log_line(line, &record, CR_LINE_DATE | CR_LINE_COLOUR);
        assert_memory_equal(line + used - 2, ".\n", 2);
    }
}

/* What `speak` writes to stderr in a child. */
static void hear(void (*speak)(void), char *heard, size_t size)
{
    int ends[2];
    size_t used = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[1]);
        speak();
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got; (got = read(ends[0], heard + used, size - 1 - used)) > 0;)
        used += (size_t)got;
    heard[used] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void speak_without_coordinator(void)
{
    unsetenv("CANRING_LOG");
    setenv("CANRING_LOG_LEVEL", "INFO", 1);
    setenv("CANRING_LOG_ACTIVE", "mine", 1);
    if (canring_log_open("aux1", NULL) != 0)
        _exit(1);
    canring_log(CANRING_LOG_INFO, "mine.too", "number %d", 1);
    canring_log(CANRING_LOG_DEBUG, "mine", "number %d", 2);
    canring_log_text(CANRING_LOG_INFO, "other", "number 3");
    canring_log_text(CANRING_LOG_ERROR, NULL, "number %d 4");
    char logger[] = "mine.bus";
    cr_log_report(logger, LOG_NOTICE, "number 5");
    canring_log_close();
    canring_log_text(CANRING_LOG_WARNING, "late", "number 6");
}

static void without_a_coordinator_records_go_to_stderr(void **state)
{
    (void)state;
    char heard[4096];
    hear(speak_without_coordinator, heard, sizeof(heard));
    assert_non_null(strstr(heard, " INFO aux1 [mine.too] number 1\n"));
    assert_null(strstr(heard, "number 2"));
    assert_null(strstr(heard, "number 3"));
    assert_non_null(strstr(heard, " ERROR aux1 [root] number %d 4\n"));
    assert_non_null(strstr(heard, " INFO aux1 [mine.bus] number 5\n"));
    assert_non_null(strstr(heard, " WARNING aux1 [late] number 6\n"));
    assert_null(strstr(heard, "\033")); /* not a terminal: no colours */
}

static void speak_at_length(void)
{
    char text[3 * 1500 + 1];
    for (int i = 0; i < 1500; i++)
        memcpy(text + 3 * i, "\xe2\x82\xac", 3);
    text[sizeof(text) - 1] = '\0';
    unsetenv("CANRING_LOG");
    canring_log_text(CANRING_LOG_ERROR, "text", text);
    canring_log(CANRING_LOG_ERROR, "format", "%s", text);
    canring_log(CANRING_LOG_ERROR, "fits", "%.2000s|", "");
    text[CANRING_LOG_TEXT_MAX] = '\0';
    memset(text, 'x', CANRING_LOG_TEXT_MAX);
    canring_log_text(CANRING_LOG_ERROR, "exact", text);
}

static void long_text_is_cut_between_characters_and_says_so(void **state)
{
    (void)state;
    static char heard[16384];
    const char *const loggers[] = {"[text] ", "[format] "};
    hear(speak_at_length, heard, sizeof(heard));
    for (int i = 0; i < 2; i++) {
        const char *line = strstr(heard, loggers[i]);
        assert_non_null(line);
        line += strlen(loggers[i]);
        size_t length = strcspn(line, "\n");
        assert_true(length <= CANRING_LOG_TEXT_MAX && length > CANRING_LOG_TEXT_MAX - 6);
        assert_int_equal(length % 3, 0);
        assert_memory_equal(line + length - 6, "€…", 6);
    }
    const char *exact = strstr(heard, "[exact] ");
    assert_non_null(exact);
    assert_int_equal(strcspn(exact, "\n"), strlen("[exact] ") + CANRING_LOG_TEXT_MAX);
}

static void speak_to_a_ring_that_is_not_there(void)
{
    struct canring_error err = {0};
    setenv("CANRING_LOG", "/canring-there-is-no-such-ring", 1);
    if (canring_log_open("aux1", &err) >= 0 || !strstr(err.text, "no-such-ring"))
        _exit(1);
    canring_log_text(CANRING_LOG_ERROR, "canring", "still heard");
}

static void a_missing_ring_is_an_error_and_records_go_to_stderr(void **state)
{
    (void)state;
    char heard[1024];
    hear(speak_to_a_ring_that_is_not_there, heard, sizeof(heard));
    assert_non_null(strstr(heard, "ERROR aux1 [canring] still heard\n"));
}

int main(void)
{
    unsetenv("CANRING_LOG");
    unsetenv("CANRING_LOG_LEVEL");
    unsetenv("CANRING_LOG_ACTIVE");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_and_activate_log_decide_what_is_made),
        cmocka_unit_test(level_names_are_pythons),
        cmocka_unit_test(only_valid_utf8_is_decoded),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(a_line_cannot_move_the_cursor_or_forge_another_line),
        cmocka_unit_test(the_longest_record_fits_a_line_however_it_is_escaped),
        cmocka_unit_test(without_a_coordinator_records_go_to_stderr),
        cmocka_unit_test(long_text_is_cut_between_characters_and_says_so),
        cmocka_unit_test(a_missing_ring_is_an_error_and_records_go_to_stderr),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
