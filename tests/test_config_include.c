#include "config_yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/yaml_read.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
