/* What is said of a configuration, as text and as JSON. */
#include "config_rig.h"

#include <errno.h>
#include <stdarg.h>

static void many_errors_are_counted_beyond_those_kept(void **state)
{
    (void)state;
    char text[8192] = "auxiliaries: {}\nconnectors:\n";
    for (int i = 0; i < 150; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "  c%d: {}\n", i);
    struct loaded loaded = load(text);
    assert_int_equal(loaded.result, -EINVAL);
    assert_int_equal(loaded.diagnostics.errors, 150);
    assert_int_equal(loaded.diagnostics.count, CANRING_DIAGNOSTICS_MAX);
    assert_int_equal(loaded.diagnostics.dropped, 50);
    done(&loaded);
}

static void a_diagnostic_is_one_line_and_whole_characters(void **state)
{
    (void)state;
    char text[4096] = "auxiliaries: {}\nconnectors:\n  c: {type: \"x:\\e[31m\\n";
    size_t length = strlen(text);
    for (; length < 3000; length += 2)
        memcpy(text + length, "\xc3\xa4", 2);
    memcpy(text + length, "\"}\n", sizeof("\"}\n"));
    struct loaded loaded = load(text);
    char formatted[2048];
    canring_diagnostic_format(&loaded.diagnostics.list[0], formatted, sizeof(formatted));
    assert_null(strpbrk(formatted, "\n\033"));
    char *json = NULL;
    assert_int_equal(canring_config_json(NULL, &loaded.diagnostics, &json), 0);
    assert_non_null(strstr(json, "\"usable\": false"));
    assert_null(strstr(json, "\"diagnostics\": []"));
    free(json);
    done(&loaded);
}

static char shared[65536];

static void __attribute__((format(printf, 1, 2))) add(const char *format, ...)
{
    size_t used = strlen(shared);
    va_list args;
    va_start(args, format);
    vsnprintf(shared + used, sizeof(shared) - used, format, args);
    va_end(args);
}

/* So many auxiliaries on one bus, each with a line of its own from line 2 on; served by a proxy
 * that is listed, or by one that follows from it. */
static struct loaded load_shared(unsigned count, bool listed)
{
    shared[0] = '\0';
    add("auxiliaries:\n");
    for (unsigned i = 0; i < count && !listed; i++)
        add("  a%u: {connectors: {com: bus}, type: 'm:CommunicationAuxiliary'}\n", i);
    for (unsigned i = 0; i < count && listed; i++)
        add("  a%u: {connectors: {com: c%u}, type: 'm:CommunicationAuxiliary'}\n", i, i);
    if (listed)
        add("  px:\n    connectors: {com: bus}\n    type: 'm:MpProxyAuxiliary'\n"
            "    config:\n      aux_list:\n");
    for (unsigned i = 0; i < count && listed; i++)
        add("      - a%u\n", i);
    add("connectors:\n");
    for (unsigned i = 0; i < count && listed; i++)
        add("  c%u: {config: {processing: True}, type: 'm:CCMpProxy'}\n", i);
    add("  bus: {config: {interface: virtual, channel: b}, type: 'm:CCVirtualCan'}\n");
    return load(shared);
}

static void a_proxy_has_no_more_channels_than_can_be(void **state)
{
    (void)state;
    for (unsigned listed = 0; listed < 2; listed++) {
        struct loaded loaded = load_shared(CANRING_CHANNELS_MAX, listed);
        assert_int_equal(loaded.result, 0);
        done(&loaded);
        loaded = load_shared(CANRING_CHANNELS_MAX + 9, listed);
        assert_int_equal(loaded.result, -EINVAL);
        assert_int_equal(loaded.diagnostics.errors, 1);
        assert_non_null(strstr(loaded.diagnostics.list[0].text, "'a256' is one channel too many"));
        assert_int_equal(loaded.diagnostics.list[0].line,
                         listed ? 1 + CANRING_CHANNELS_MAX + 9 + 5 + 257 : 258);
        done(&loaded);
    }
}

static void a_missing_file_is_said(void **state)
{
    (void)state;
    struct loaded loaded = load_path("/nonexistent/x.yaml");
    assert_int_equal(loaded.result, -ENOENT);
    assert_null(loaded.config);
    assert_int_equal(loaded.diagnostics.errors, 1);
    done(&loaded);
}

static void one_mistake_is_one_error(const char *text, unsigned line, const char *words)
{
    struct loaded loaded = load(text);
    assert_int_equal(loaded.result, -EINVAL);
    assert_null(loaded.config);
    assert_int_equal(loaded.diagnostics.errors, 1);
    assert_int_equal(loaded.diagnostics.warnings, 0);
    assert_int_equal(loaded.diagnostics.list[0].line, line);
    assert_non_null(strstr(loaded.diagnostics.list[0].text, words));
    done(&loaded);
}

static void nothing_follows_from_what_could_not_be_read(void **state)
{
    (void)state;
    unsetenv("CANRING_NO");
    one_mistake_is_one_error("auxiliaries: !include nope.yaml\nconnectors: {}\n", 1, "'nope.yaml'");
    one_mistake_is_one_error(
        "auxiliaries:\n  a: {connectors: {com: c}, type: CommunicationAuxiliary}\n"
        "connectors: !include nope.yaml\n",
        3, "'nope.yaml'");
    one_mistake_is_one_error("auxiliaries: !include\nconnectors: {}\n", 1,
                             "!include: found no name, allowed: that of a file");
    one_mistake_is_one_error("auxiliaries: {}\nconnectors: {c: {type: !mine x}}\n", 2, "'!mine'");
    one_mistake_is_one_error(
        "auxiliaries:\n"
        "  p: {connectors: {com: b}, config: {aux_list: [a]}, type: MpProxyAuxiliary}\n"
        "  a: {connectors: {com: c}, type: CommunicationAuxiliary}\n"
        "connectors: {c: {}, b: {config: {channel: x}, type: CCVirtualCan}}\n",
        4, "the key 'type' is missing");
    one_mistake_is_one_error("auxiliaries: {}\nconnectors: {}\ntest_suite_list:\n"
                             "- {suite_dir: 'ENV{CANRING_NO}', test_suite_id: 1}\n",
                             4, "'CANRING_NO'");
}

static void names_that_are_no_text_do_not_spoil_json(void **state)
{
    (void)state;
    struct loaded loaded = load_path("/nonexistent/\xff\x1b.yaml");
    char *json = NULL;
    assert_int_equal(canring_config_json(NULL, &loaded.diagnostics, &json), 0);
    assert_non_null(strstr(json, "/nonexistent/??.yaml"));
    free(json);
    done(&loaded);
}

static void json_has_the_defaults(void **state)
{
    (void)state;
    struct loaded loaded = load_data("good_full.yaml");
    char *json = NULL;
    assert_int_equal(canring_config_json(loaded.config, &loaded.diagnostics, &json), 0);
    assert_non_null(strstr(json, "\"ring_slots\": 16384"));
    assert_non_null(strstr(json, "\"send_lifetime_ms\": 1000"));
    assert_non_null(strstr(json, "\"usable\": true"));
    free(json);
    done(&loaded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_errors_are_counted_beyond_those_kept),
        cmocka_unit_test(a_diagnostic_is_one_line_and_whole_characters),
        cmocka_unit_test(a_proxy_has_no_more_channels_than_can_be),
        cmocka_unit_test(a_missing_file_is_said),
        cmocka_unit_test(nothing_follows_from_what_could_not_be_read),
        cmocka_unit_test(names_that_are_no_text_do_not_spoil_json),
        cmocka_unit_test(json_has_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
