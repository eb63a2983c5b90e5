/* What a configuration becomes in the model: proxies, auxiliaries, their keys and paths. */
#include "config_rig.h"

#include <sys/stat.h>
#include <unistd.h>

#define BUS "bus: {type: CCSocketCan}\n"

static bool shared_example(char *path, size_t space)
{
    const char *shared = getenv("CANRING_SHARED"), *source = getenv("CANRING_SOURCE");

    if (shared)
        snprintf(path, space, "%s/data/mp_proxy_aux.yaml", shared);
    else if (source)
        snprintf(path, space, "%s/../shared/data/mp_proxy_aux.yaml", source);
    else
        snprintf(path, space, "%.*s/../../shared/data/mp_proxy_aux.yaml",
                 (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__);
    return access(path, R_OK) == 0;
}

static void the_original_file_works_as_it_is(void **state)
{
    (void)state;
    char path[PATH_MAX];
    if (!shared_example(path, sizeof(path))) {
        print_message("skipped: the original mp_proxy_aux.yaml is not here\n");
        skip();
    }
    struct loaded loaded = load_path(path);
    assert_int_equal(loaded.result, 0);
    assert_int_equal(loaded.diagnostics.errors, 0);
    const struct canring_config_proxy *proxy = canring_config_proxy(loaded.config, "proxy_aux");
    assert_non_null(proxy);
    assert_true(proxy->auto_start);
    assert_int_equal(proxy->channel_count, 2);
    assert_string_equal(proxy->channels[0].connector->name, "proxy_com1");
    assert_string_equal(proxy->channels[1].auxiliary->name, "aux2");
    assert_true(proxy->trace.active);
    assert_string_equal(proxy->trace.name, "can_trace");
    assert_string_equal(proxy->connector->bus.interface, "pcan");
    assert_string_equal(proxy->connector->bus.channel, "PCAN_USBBUS1");
    assert_true(proxy->connector->has_remote_id);
    assert_int_equal(proxy->connector->remote_id, 0x123);
    assert_false(proxy->connector->bus.listen_only);
    assert_int_equal(loaded.config->suite_count, 1);
    assert_int_equal(loaded.config->suites[0].id, 2);
    assert_string_equal(loaded.config->suites[0].pattern, "test_*.py");
    done(&loaded);
}

static void every_key_arrives_in_the_model(void **state)
{
    (void)state;
    struct loaded loaded = load_data("good_full.yaml");
    const struct canring_config_proxy *proxy = canring_config_proxy(loaded.config, "proxy_aux");
    assert_false(proxy->auto_start);
    assert_int_equal(proxy->wait, CANRING_WAIT_PARK);
    assert_int_equal(proxy->log_level, CANRING_CONFIG_LOG_DEBUG);
    assert_int_equal(proxy->activate_log_count, 2);
    assert_string_equal(proxy->activate_log[1], "other");
    const struct canring_config_channel *channel = &proxy->channels[0].connector->channel;
    assert_int_equal(channel->ring_slots, 128);
    assert_int_equal(channel->overflow, CANRING_OVERFLOW_DROP);
    assert_int_equal(channel->spill_limit, 1);
    assert_int_equal(channel->wait, CANRING_WAIT_SPIN);
    assert_string_equal(channel->group, "can");
    assert_int_equal(channel->filters.count, 2);
    assert_true(channel->filters.given);
    assert_int_equal(channel->filters.list[0].mask, 0x7ff);
    assert_true(channel->filters.list[1].id == (CANRING_ID_EXTENDED | 0x1ffffff0u));
    assert_true(channel->filters.list[1].mask == (CANRING_ID_EXTENDED | 0x1fffffffu));
    const struct canring_config_connector *bus = proxy->connector;
    assert_true(bus->bus.listen_only && bus->bus.brs && bus->extended_id && bus->quiet_bus_error);
    assert_true(bus->bus.receive_own && bus->bus.hardware_timestamps);
    assert_int_equal(bus->remote_id, 0x1234567);
    assert_int_equal(bus->bus.receive_buffer, 8388608);
    assert_int_equal(bus->bus.send_lifetime_ms, 50);
    assert_int_equal(bus->bus.restart_ms, 100);
    assert_true(bus->bus.filters.list[0].mask == (CANRING_ID_EXTENDED | 0x700u));
    assert_int_equal(bus->bus.filters.list[0].id, 0x100);
    assert_false(bus->trace.active);
    assert_int_equal(bus->trace.size_mb, 100);
    done(&loaded);
}

static void defaults_are_those_of_the_original_and_ours(void **state)
{
    (void)state;
    struct loaded loaded = load_data("good_full.yaml");
    const struct canring_config_connector *c = canring_config_connector(loaded.config, "defaults");
    assert_string_equal(c->bus.interface, "socketcan");
    assert_string_equal(c->bus.channel, "vcan0");
    assert_true(c->bus.fd);
    assert_false(c->bus.brs || c->has_remote_id || c->trace.active);
    assert_int_equal(c->bus.send_lifetime_ms, 1000);
    c = canring_config_connector(loaded.config, "proxy_com2");
    assert_int_equal(c->channel.ring_slots, 16384);
    assert_int_equal(c->channel.spill_limit, 65536);
    assert_int_equal(c->channel.overflow, CANRING_OVERFLOW_SPILL);
    assert_int_equal(c->channel.wait, CANRING_WAIT_ADAPTIVE);
    assert_false(canring_config_auxiliary(loaded.config, "aux2")->auto_start);
    assert_true(canring_config_auxiliary(loaded.config, "aux1")->auto_start);
    done(&loaded);
}

static void a_shared_bus_makes_an_implicit_proxy(void **state)
{
    (void)state;
    struct loaded loaded = load_data("good_implicit.yaml");
    const struct canring_config *config = loaded.config;
    assert_int_equal(config->proxy_count, 2);
    const struct canring_config_proxy *proxy = canring_config_proxy(config, "proxy_aux_bus");
    assert_true(proxy->implicit && proxy->auto_start);
    assert_string_equal(proxy->connector->name, "bus");
    assert_int_equal(proxy->channel_count, 3);
    const struct canring_config_auxiliary *b = canring_config_auxiliary(config, "b");
    assert_string_equal(b->com->name, "proxy_channel_b");
    assert_ptr_equal(b->links[0].connector, b->com);
    assert_ptr_equal(proxy->channels[1].auxiliary, b);
    assert_true(b->com->implicit);
    assert_int_equal(b->com->kind, CANRING_CONNECTOR_MP_PROXY);
    assert_int_equal(b->com->channel.ring_slots, 16384);
    /* One that has a bus to itself speaks through a proxy as well. */
    assert_string_equal(canring_config_auxiliary(config, "d")->com->name, "proxy_channel_d");
    assert_int_equal(canring_config_proxy(config, "proxy_aux_own")->channel_count, 1);
    done(&loaded);
}

static void a_missing_member_leaves_the_proxy_usable(void **state)
{
    (void)state;
    struct loaded loaded = load_data("good_joined.yaml");
    const struct canring_config_proxy *proxy = canring_config_proxy(loaded.config, "p");
    assert_int_equal(loaded.diagnostics.errors, 0);
    assert_int_equal(loaded.diagnostics.list[0].severity, CANRING_SEVERITY_CONTINUED);
    assert_int_equal(proxy->channel_count, 2);
    assert_string_equal(proxy->channels[1].connector->name, "proxy_channel_extra");
    done(&loaded);
}

static void aliases_and_merges_carry_configuration(void **state)
{
    (void)state;
    struct loaded loaded = load("auxiliaries: {}\nconnectors:\n"
                                "  a: &a {type: CCSocketCan, config: &c {channel: can7}}\n"
                                "  b: {<<: *a, config: {<<: *c, is_fd: no}}\n");
    assert_int_equal(loaded.result, 0);
    const struct canring_config_connector *b = canring_config_connector(loaded.config, "b");
    assert_string_equal(b->bus.channel, "can7");
    assert_false(b->bus.fd);
    done(&loaded);
}

static void one_processor_is_a_number_as_yaml_reads_it(void **state)
{
    (void)state;
    static const char *const given[] = {"3", "010", "0x0A", "'010'", "'2-3,6'"};
    static const char *const meant[] = {"3", "8", "10", "010", "2-3,6"};
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text),
                 "auxiliaries:\n  a:\n    type: m:CommunicationAuxiliary\n    connectors: {com: "
                 "bus}\n    config: {latency: {cpus: %s}}\nconnectors:\n  " BUS,
                 given[i]);
        struct loaded loaded = load(text);
        assert_int_equal(loaded.result, 0);
        assert_string_equal(canring_config_auxiliary(loaded.config, "a")->latency.thread.cpus,
                            meant[i]);
        done(&loaded);
    }
}

static void users_own_types_are_files(void **state)
{
    (void)state;
    char text[1024], own[] = "/tmp/canring-own-XXXXXX";
    int fd = mkstemp(own);
    assert_true(fd >= 0);
    fchmod(fd, 0700);
    close(fd);
    snprintf(text, sizeof(text),
             "auxiliaries:\n  a:\n    type: '%s:Mine'\n    connectors: {com: bus, flash: bus}\n"
             "    config: {speed: 0x10, list: [a, yes, 1.5], auto_start: no}\nconnectors:\n  " BUS,
             own);
    struct loaded loaded = load(text);
    assert_int_equal(loaded.result, 0);
    const struct canring_config_auxiliary *a = canring_config_auxiliary(loaded.config, "a");
    assert_int_equal(a->kind, CANRING_AUXILIARY_EXECUTABLE);
    assert_string_equal(a->type, own);
    assert_string_equal(a->class_name, "Mine");
    assert_false(a->auto_start);
    assert_int_equal(a->link_count, 2);
    assert_string_equal(a->config_json,
                        "{\"speed\":16,\"list\":[\"a\",true,1.5],\"auto_start\":false}");
    assert_int_equal(loaded.config->proxy_count, 0);
    done(&loaded);
    unlink(own);
}

static char folder[] = "/tmp/canring-config-XXXXXX";

static void put(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void plain_paths_are_relative_to_their_file_when_there(void **state)
{
    (void)state;
    char here[PATH_MAX], expected[PATH_MAX + 16];
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(mkdir("sub", 0700) | mkdir("sub/suite", 0700) | mkdir("can0", 0700), 0);
    put("main.yaml",
        "auxiliaries: {}\nconnectors: {c: {type: CCSocketCan, config: {channel: can0}}}\n"
        "test_suite_list: !include sub/suites.yaml\n");
    put("sub/suites.yaml", "- {suite_dir: ./suite, test_suite_id: 1}\n"
                           "- {suite_dir: './suite', test_suite_id: 2}\n"
                           "- {suite_dir: ./other, test_suite_id: 3}\n"
                           "- suite_dir: ENV{CANRING_NO=./suite}\n  test_suite_id: 4\n");
    struct loaded loaded = load_path("main.yaml");
    assert_int_equal(loaded.result, 0);
    snprintf(expected, sizeof(expected), "%s/sub/suite", here);
    assert_string_equal(loaded.config->suites[0].dir, expected);
    assert_string_equal(loaded.config->suites[1].dir, "./suite");
    assert_string_equal(loaded.config->suites[2].dir, "./other");
    assert_string_equal(loaded.config->suites[3].dir, expected);
    /* A folder that happens to be called like the interface does not become its name. */
    assert_string_equal(canring_config_connector(loaded.config, "c")->bus.channel, "can0");
    done(&loaded);
    unlink("sub/suites.yaml");
    unlink("main.yaml");
    assert_int_equal(rmdir("sub/suite") | rmdir("sub") | rmdir("can0") | chdir("/"), 0);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_original_file_works_as_it_is),
        cmocka_unit_test(every_key_arrives_in_the_model),
        cmocka_unit_test(defaults_are_those_of_the_original_and_ours),
        cmocka_unit_test(a_shared_bus_makes_an_implicit_proxy),
        cmocka_unit_test(a_missing_member_leaves_the_proxy_usable),
        cmocka_unit_test(aliases_and_merges_carry_configuration),
        cmocka_unit_test(one_processor_is_a_number_as_yaml_reads_it),
        cmocka_unit_test(users_own_types_are_files),
        cmocka_unit_test(plain_paths_are_relative_to_their_file_when_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
