/* Without arguments: the tests. With FILE: its values and their types as JSON, which
 * test_config_pyyaml.sh compares with what PyYAML makes of the same file. */
#include "check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/yaml_parse.h"
#include "proxy/yaml_read.h"

struct loaded {
    struct cr_arena arena;
    struct canring_diagnostics diagnostics;
    struct cr_yaml yaml;
    const struct cr_yaml_node *root;
    int result;
};

static void load_bytes(struct loaded *loaded, const char *data, size_t size)
{
    memset(loaded, 0, sizeof(*loaded));
    loaded->yaml.arena = &loaded->arena;
    loaded->yaml.diagnostics = &loaded->diagnostics;
    loaded->result = cr_yaml_load_memory(&loaded->yaml, "t.yaml", data, size, &loaded->root);
}

static void load(struct loaded *loaded, const char *text)
{
    load_bytes(loaded, text, strlen(text));
}

static void load_path(struct loaded *loaded, const char *path)
{
    memset(loaded, 0, sizeof(*loaded));
    loaded->yaml.arena = &loaded->arena;
    loaded->yaml.diagnostics = &loaded->diagnostics;
    loaded->result = cr_yaml_load(&loaded->yaml, path, &loaded->root);
}

static void done(struct loaded *loaded)
{
    cr_arena_free(&loaded->arena);
    canring_diagnostics_free(&loaded->diagnostics);
}

/* The one value of `- text`. */
static struct cr_yaml_node scalar(const char *text)
{
    struct loaded loaded;
    char document[256];

    snprintf(document, sizeof(document), "- %s\n", text);
    load(&loaded, document);
    assert_int_equal(loaded.result, 0);
    assert_int_equal(loaded.diagnostics.errors, 0);
    struct cr_yaml_node node = *loaded.root->list.items[0];
    done(&loaded);
    node.text = NULL;
    return node;
}

static void assert_integer(const char *text, int64_t value)
{
    struct cr_yaml_node node = scalar(text);
    assert_int_equal(node.type, CR_YAML_INT);
    assert_true(node.integer == value);
}

static void assert_type(const char *text, enum cr_yaml_type type)
{
    assert_int_equal(scalar(text).type, type);
}

/* Loading fails or reports an error whose text has `word` in it, at line:column. */
static void assert_refused_at(const char *text, const char *word, unsigned line, unsigned column)
{
    struct loaded loaded;

    load(&loaded, text);
    assert_true(loaded.diagnostics.errors > 0);
    const struct canring_diagnostic *first = &loaded.diagnostics.list[0];
    if (!strstr(first->text, word) || first->line != line || first->column != column)
        fail_msg("wanted %u:%u '%s', got %u:%u '%s'", line, column, word, first->line,
                 first->column, first->text);
    done(&loaded);
}

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

static void environment_values_are_cast(void **state)
{
    (void)state;
    setenv("CANRING_T", "0x10", 1);
    unsetenv("CANRING_U");
    assert_integer("ENV{CANRING_T}", 16);
    assert_integer("'ENV{CANRING_T}'", 16);
    assert_integer("ENV{CANRING_U=0123}", 123);
    assert_type("ENV{CANRING_U=TRUE}", CR_YAML_BOOL);
    assert_type("ENV{CANRING_U=yes}", CR_YAML_STRING);
    assert_type("ENV{CANRING_U=-1}", CR_YAML_STRING);
    assert_type("ENV{CANRING_U=}", CR_YAML_STRING);
    setenv("CANRING_T", "", 1);
    assert_type("ENV{CANRING_T=5}", CR_YAML_STRING);
    assert_refused_at("a: ENV{CANRING_U}\n", "CANRING_U", 1, 4);
}

static void environment_values_that_are_no_text_are_refused(void **state)
{
    (void)state;
    setenv("CANRING_T", "a\xff", 1);
    assert_refused_at("a: ENV{CANRING_T}\n", "UTF-8", 1, 4);
    setenv("CANRING_T", "99999999999999999999", 1);
    assert_refused_at("a: ENV{CANRING_T}\n", "64 bits", 1, 4);
}

static void env_replaces_values_not_keys_nor_parts(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded, "ENV{HOME}: x\nb: 'a ENV{HOME}'\n");
    assert_int_equal(loaded.diagnostics.errors, 0);
    assert_int_equal(loaded.diagnostics.warnings, 1);
    assert_non_null(cr_yaml_get(loaded.root, "ENV{HOME}"));
    assert_string_equal(cr_yaml_get(loaded.root, "b")->text, "a ENV{HOME}");
    done(&loaded);
}

static char folder[] = "/tmp/canring-yaml-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[64];
    for (int i = 0; i < 20; i++) {
        snprintf(command, sizeof(command), "%d.yaml", i);
        unlink(command);
    }
    unlink("fifo");
    rmdir("sub");
    return chdir("/") == 0 ? rmdir(folder) : -1;
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void included_files_stand_where_they_are_named(void **state)
{
    (void)state;
    struct loaded loaded;
    put("0.yaml", "a: !include 1.yaml\n");
    put("1.yaml", "b: [1, 2]\n");
    load_path(&loaded, "0.yaml");
    assert_int_equal(loaded.result, 0);
    const struct cr_yaml_node *b = cr_yaml_get(cr_yaml_get(loaded.root, "a"), "b");
    assert_int_equal(b->list.count, 2);
    assert_string_equal(b->at.file, "1.yaml");
    done(&loaded);
}

static void include_cycles_are_refused(void **state)
{
    (void)state;
    struct loaded loaded;
    put("0.yaml", "a: !include 1.yaml\n");
    put("1.yaml", "a: !include ./0.yaml\n");
    load_path(&loaded, "0.yaml");
    assert_int_equal(loaded.diagnostics.errors, 1);
    assert_non_null(strstr(loaded.diagnostics.list[0].text, "within itself"));
    assert_string_equal(loaded.diagnostics.list[0].file, "1.yaml");
    done(&loaded);
}

static void files_within_files_are_bounded(void **state)
{
    (void)state;
    struct loaded loaded;
    char name[32], text[64];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "%d.yaml", i);
        snprintf(text, sizeof(text), "a: !include %d.yaml\n", i + 1);
        put(name, i == 19 ? "end\n" : text);
    }
    load_path(&loaded, "0.yaml");
    assert_int_equal(loaded.diagnostics.errors, 1);
    assert_non_null(strstr(loaded.diagnostics.list[0].text, "files within files"));
    assert_string_equal(loaded.diagnostics.list[0].file, "16.yaml");
    done(&loaded);
}

static void a_missing_include_is_an_error_and_the_rest_is_read(void **state)
{
    (void)state;
    struct loaded loaded;
    put("0.yaml", "a: !include nothing.yaml\nb: !mine x\n");
    load_path(&loaded, "0.yaml");
    assert_int_equal(loaded.diagnostics.errors, 2);
    assert_int_equal(loaded.diagnostics.list[0].line, 1);
    assert_int_equal(loaded.diagnostics.list[0].column, 4);
    assert_int_equal(loaded.diagnostics.list[1].line, 2);
    done(&loaded);
}

static void pipes_and_folders_are_not_included(void **state)
{
    (void)state;
    struct loaded loaded;
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_int_equal(mkdir("sub", 0700), 0);
    put("0.yaml", "a: !include fifo\nb: !include sub\n");
    load_path(&loaded, "0.yaml");
    assert_int_equal(loaded.diagnostics.errors, 2);
    done(&loaded);
    load_path(&loaded, "sub");
    assert_int_equal(loaded.result, -EISDIR);
    done(&loaded);
}

static void a_file_above_the_bound_is_refused(void **state)
{
    (void)state;
    struct loaded loaded;
    put("0.yaml", "# \n");
    assert_int_equal(truncate("0.yaml", (off_t)CR_YAML_FILE_MAX + 1), 0);
    load_path(&loaded, "0.yaml");
    assert_int_equal(loaded.result, -EFBIG);
    done(&loaded);
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
        cmocka_unit_test(what_is_not_text_is_refused_where_it_starts),
        cmocka_unit_test(columns_count_characters),
        cmocka_unit_test(a_second_document_is_refused),
        cmocka_unit_test(an_empty_file_is_null),
        cmocka_unit_test(collections_are_no_keys),
        cmocka_unit_test(environment_values_are_cast),
        cmocka_unit_test(environment_values_that_are_no_text_are_refused),
        cmocka_unit_test(env_replaces_values_not_keys_nor_parts),
        cmocka_unit_test(included_files_stand_where_they_are_named),
        cmocka_unit_test(include_cycles_are_refused),
        cmocka_unit_test(files_within_files_are_bounded),
        cmocka_unit_test(a_missing_include_is_an_error_and_the_rest_is_read),
        cmocka_unit_test(pipes_and_folders_are_not_included),
        cmocka_unit_test(a_file_above_the_bound_is_refused),
    };
    if (argc > 1)
        return print_file(argv[1]);
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
