/* Without arguments: the tests. With FILE: its values and their types as JSON, which
 * test_config_pyyaml.sh compares with what PyYAML makes of the same file. */
#include "config_yaml.h"

#include <errno.h>
#include <inttypes.h>

static void integers_are_those_of_yaml_1_1(void **state)
{
    (void)state;
    assert_integer("0x300", 0x300);
    assert_integer("0123", 83);
    assert_integer("1_000", 1000);
    assert_integer("1:30", 90);
    assert_integer("-0b101", -5);
    assert_integer("+7", 7);
    assert_integer("0", 0);
    assert_integer("-9223372036854775808", INT64_MIN);
    assert_type("0o17", CR_YAML_STRING);
    assert_type("089", CR_YAML_STRING);
    assert_type("1:60", CR_YAML_STRING);
}

static void exponents_need_a_dot_and_a_sign(void **state)
{
    (void)state;
    assert_type("1e3", CR_YAML_STRING);
    assert_type("1.5e3", CR_YAML_STRING);
    assert_type("1.5e+3", CR_YAML_FLOAT);
    assert_true(scalar("1.5e+3").real > 1499.9 && scalar("1.5e+3").real < 1500.1);
    assert_true(scalar(".5").real > 0.49 && scalar(".5").real < 0.51);
    assert_type("-.5", CR_YAML_STRING);
    assert_type(".inf", CR_YAML_FLOAT);
    assert_true(scalar("1:30.5").real > 90.4 && scalar("1:30.5").real < 90.6);
}

static void words_are_booleans_and_null_unless_quoted(void **state)
{
    (void)state;
    assert_type("yes", CR_YAML_BOOL);
    assert_true(scalar("On").boolean);
    assert_false(scalar("NO").boolean);
    assert_type("y", CR_YAML_STRING);
    assert_type("yEs", CR_YAML_STRING);
    assert_type("~", CR_YAML_NULL);
    assert_type("", CR_YAML_NULL);
    assert_type("'yes'", CR_YAML_STRING);
    assert_type("\"0x300\"", CR_YAML_STRING);
    assert_type("2026-11-22", CR_YAML_TIMESTAMP);
    assert_type("2026-11-22 10:11:12.5 +1", CR_YAML_TIMESTAMP);
    assert_type("2026-1-2", CR_YAML_STRING);
}

static void standard_tags_convert_and_others_are_refused(void **state)
{
    (void)state;
    assert_type("!!str 12", CR_YAML_STRING);
    assert_type("!!float 12", CR_YAML_FLOAT);
    assert_type("! 12", CR_YAML_STRING);
    assert_refused_at("a: !!python/object:os.system x\n", "tag", 1, 4);
    assert_refused_at("a: !mine x\n", "!mine", 1, 4);
    assert_refused_at("a: !!int x\n", "tag", 1, 4);
    assert_refused_at("a: !mine {b: 1}\n", "!mine", 1, 4);
}

static void integers_beyond_64_bits_are_refused(void **state)
{
    (void)state;
    assert_refused_at("a: 9223372036854775808\n", "64 bits", 1, 4);
    assert_refused_at("a: 0xffffffffffffffffff\n", "64 bits", 1, 4);
}

static void duplicate_keys_are_refused_with_both_places(void **state)
{
    (void)state;
    assert_refused_at("a: 1\nb: 2\na: 3\n", "first at line 1", 3, 1);
    assert_refused_at("{0x10: 1, 16: 2}\n", "duplicate", 1, 11);
}

static void own_keys_win_over_merged_ones(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded, "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  a: 9\n");
    assert_int_equal(loaded.result, 0);
    const struct cr_yaml_node *z = cr_yaml_get(loaded.root, "z");
    assert_int_equal(z->map.count, 3);
    assert_int_equal(cr_yaml_get(z, "a")->integer, 9);
    assert_int_equal(cr_yaml_get(z, "b")->integer, 1);
    assert_int_equal(cr_yaml_get(z, "c")->integer, 2);
    done(&loaded);
}

static void alias_bombs_are_refused(void **state)
{
    (void)state;
    char text[4096] = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 12; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used,
                 "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1, i - 1, i - 1,
                 i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    struct loaded loaded;
    load(&loaded, text);
    assert_int_equal(loaded.result, -E2BIG);
    assert_non_null(strstr(loaded.diagnostics.list[0].text, "aliases counted"));
    done(&loaded);
}

static void an_alias_inside_its_own_anchor_is_refused(void **state)
{
    (void)state;
    assert_refused_at("a: &a [*a]\n", "*a", 1, 8);
    assert_refused_at("a: *nothing\n", "*nothing", 1, 4);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    char text[200];
    struct loaded loaded;

    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    load_bytes(&loaded, text, 128);
    assert_int_equal(loaded.result, 0);
    done(&loaded);
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    load_bytes(&loaded, text, 130);
    assert_int_equal(loaded.result, -E2BIG);
    done(&loaded);
}

static void aliases_do_not_deepen_nesting_beyond_the_bound(void **state)
{
    (void)state;
    char text[512] = "a: &a ";
    struct loaded loaded;

    memset(text + 6, '[', 40);
    memset(text + 46, ']', 40);
    snprintf(text + 86, sizeof(text) - 86,
             "\nb: [[[[[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]]]]\n");
    load(&loaded, text);
    assert_int_equal(loaded.result, 0);
    done(&loaded);
    snprintf(text + 86, sizeof(text) - 86,
             "\nb: [[[[[[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]]]]]\n");
    load(&loaded, text);
    assert_int_equal(loaded.result, -E2BIG);
    done(&loaded);
}

static void what_is_not_text_is_refused_where_it_starts(void **state)
{
    (void)state;
    struct loaded loaded;
    const char junk[] = "a: 1\nb: \xff\xfe\n";
    load_bytes(&loaded, junk, sizeof(junk) - 1);
    assert_int_equal(loaded.result, -EINVAL);
    assert_int_equal(loaded.diagnostics.list[0].line, 2);
    assert_int_equal(loaded.diagnostics.list[0].column, 4);
    done(&loaded);
    load_bytes(&loaded, "a: \0\n", 5);
    assert_int_equal(loaded.result, -EINVAL);
    done(&loaded);
    assert_refused_at("a: \xc0\x80\n", "0xc0", 1, 4);     /* overlong NUL */
    assert_refused_at("a: \xed\xa0\x80\n", "0xed", 1, 4); /* surrogate */
    assert_refused_at("a: \"x\\0y\"\n", "control characters", 1, 4);
}

static void columns_count_characters(void **state)
{
    (void)state;
    assert_refused_at("{\xc3\xa4: 1, b: *x}\n", "*x", 1, 11);
}

static void a_byte_order_mark_is_no_column(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded, "\xef\xbb\xbfx:\n  a: 1\n  b: 2\ny: 3\n");
    assert_int_equal(loaded.result, 0);
    assert_int_equal(loaded.root->map.count, 2);
    assert_int_equal(cr_yaml_get(cr_yaml_get(loaded.root, "x"), "b")->integer, 2);
    done(&loaded);
    load(&loaded, "\xef\xbb\xbf");
    assert_int_equal(loaded.result, 0);
    assert_int_equal(loaded.root->type, CR_YAML_NULL);
    done(&loaded);
    assert_refused_at("\xef\xbb\xbf"
                      "a: !mine x\n",
                      "!mine", 1, 4);
}

static void a_second_document_is_refused(void **state)
{
    (void)state;
    assert_refused_at("a: 1\n---\nb: 2\n", "second document", 2, 1);
}

static void an_empty_file_is_null(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded, "# nothing\n");
    assert_int_equal(loaded.result, 0);
    assert_int_equal(loaded.root->type, CR_YAML_NULL);
    done(&loaded);
}

static void collections_are_no_keys(void **state)
{
    (void)state;
    assert_refused_at("{[a]: 1}\n", "as a key", 1, 2);
}

static void print_node(const struct cr_yaml_node *node);

static void print_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\' || (unsigned char)*text < 0x20)
            printf("\\u%04x", (unsigned)(unsigned char)*text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void print_list(const struct cr_yaml_node *node)
{
    printf("[\"list\"");
    for (size_t i = 0; i < node->list.count; i++) {
        putchar(',');
        print_node(node->list.items[i]);
    }
    putchar(']');
}

static void print_map(const struct cr_yaml_node *node)
{
    printf("[\"map\"");
    for (size_t i = 0; i < node->map.count; i++) {
        printf(",[");
        print_node(node->map.pairs[i].key);
        putchar(',');
        print_node(node->map.pairs[i].value);
        putchar(']');
    }
    putchar(']');
}

static void print_node(const struct cr_yaml_node *node)
{
    switch (node->type) {
    case CR_YAML_NULL:
        printf("[\"null\"]");
        break;
    case CR_YAML_BOOL:
        printf("[\"bool\",%s]", node->boolean ? "true" : "false");
        break;
    case CR_YAML_INT:
        printf("[\"int\",%" PRId64 "]", node->integer);
        break;
    case CR_YAML_FLOAT:
        printf("[\"float\",\"%.17g\"]", node->real);
        break;
    case CR_YAML_LIST:
        print_list(node);
        break;
    case CR_YAML_MAP:
        print_map(node);
        break;
    case CR_YAML_TIMESTAMP:
        printf("[\"date\"]");
        break;
    default:
        printf("[\"str\",");
        print_text(node->text);
        putchar(']');
    }
}

static int print_file(const char *path)
{
    struct loaded loaded;
    char text[2048];

    load_path(&loaded, path);
    for (size_t i = 0; i < loaded.diagnostics.count; i++) {
        canring_diagnostic_format(&loaded.diagnostics.list[i], text, sizeof(text));
        fprintf(stderr, "%s\n", text);
    }
    bool good = loaded.diagnostics.errors == 0 && loaded.result == 0;
    if (good) {
        print_node(loaded.root);
        putchar('\n');
    }
    done(&loaded);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_those_of_yaml_1_1),
        cmocka_unit_test(exponents_need_a_dot_and_a_sign),
        cmocka_unit_test(words_are_booleans_and_null_unless_quoted),
        cmocka_unit_test(standard_tags_convert_and_others_are_refused),
        cmocka_unit_test(integers_beyond_64_bits_are_refused),
        cmocka_unit_test(duplicate_keys_are_refused_with_both_places),
        cmocka_unit_test(own_keys_win_over_merged_ones),
        cmocka_unit_test(alias_bombs_are_refused),
        cmocka_unit_test(an_alias_inside_its_own_anchor_is_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(aliases_do_not_deepen_nesting_beyond_the_bound),
        cmocka_unit_test(what_is_not_text_is_refused_where_it_starts),
        cmocka_unit_test(columns_count_characters),
        cmocka_unit_test(a_byte_order_mark_is_no_column),
        cmocka_unit_test(a_second_document_is_refused),
        cmocka_unit_test(an_empty_file_is_null),
        cmocka_unit_test(collections_are_no_keys),
    };
    if (argc > 1)
        return print_file(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
