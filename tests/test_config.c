#include "check.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <canring/config.h>

#define BUS "bus: {type: CCSocketCan}\n"

struct loaded {
    struct canring_config *config;
    struct canring_diagnostics diagnostics;
    int result;
};

static struct loaded load(const char *text)
{
    struct loaded loaded = {0};
    loaded.result = canring_config_load_memory(&loaded.config, "t.yaml", text, strlen(text),
                                               &loaded.diagnostics);
    return loaded;
}

static struct loaded load_path(const char *path)
{
    struct loaded loaded = {0};
    loaded.result = canring_config_load(&loaded.config, path, &loaded.diagnostics);
    return loaded;
}

static void done(struct loaded *loaded)
{
    canring_config_free(loaded->config);
    canring_diagnostics_free(&loaded->diagnostics);
}

static struct loaded load_data(const char *name)
{
    char path[PATH_MAX];
    const char *set = getenv("CANRING_SOURCE");

    if (set)
        snprintf(path, sizeof(path), "%s/tests/data/config/%s", set, name);
    else
        snprintf(path, sizeof(path), "%.*s/data/config/%s",
                 (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__, name);
    struct loaded loaded = load_path(path);
    assert_int_equal(loaded.result, 0);
    return loaded;
}

/* A connector `c` of the given type and config, next to nothing else. */
static struct loaded load_connector(const char *type, const char *config)
{
    char text[1024];
    snprintf(text, sizeof(text),
             "auxiliaries: {}\nconnectors:\n  c:\n    type: %s\n    config: %s\n", type, config);
    return load(text);
}

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
    assert_int_equal(channel->spill_limit, 0);
    assert_int_equal(channel->wait, CANRING_WAIT_SPIN);
    assert_string_equal(channel->group, "can");
    assert_int_equal(channel->filters.count, 2);
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

static void pcan_timing_comes_from_segments_with_fd_else_from_bitrate(void **state)
{
    (void)state;
    struct loaded loaded = load_connector("CCPCanCan", "{}");
    const struct canring_config_connector *c = canring_config_connector(loaded.config, "c");
    assert_int_equal(c->bus.timing.bitrate, 500000);
    assert_int_equal(c->bus.timing.data_bitrate, 2000000);
    assert_int_equal(c->bus.timing.nom_tseg1, 63);
    assert_true(c->trace.active);
    assert_int_equal(c->trace.size_mb, 10);
    done(&loaded);
    loaded = load_connector("CCPCanCan", "{is_fd: false, bitrate: 250000}");
    c = canring_config_connector(loaded.config, "c");
    assert_int_equal(c->bus.timing.bitrate, 250000);
    assert_int_equal(c->bus.timing.nom_brp, 0);
    assert_int_equal(c->bus.timing.data_bitrate, 0);
    done(&loaded);
}

static void a_key_names_the_network_device_of_a_pcan(void **state)
{
    (void)state;
    struct loaded loaded = load_connector("CCPCanCan", "{channel: PCAN_PCIBUS1, netdev: can3}");
    const struct canring_config_connector *c = canring_config_connector(loaded.config, "c");
    assert_int_equal(c->kind, CANRING_CONNECTOR_PCAN);
    assert_string_equal(c->bus.interface, "socketcan");
    assert_string_equal(c->bus.channel, "can3");
    done(&loaded);
}

static void a_virtual_bus_is_multicast_when_its_channel_is_an_address(void **state)
{
    (void)state;
    struct loaded loaded = load_data("good_full.yaml");
    const struct canring_config_connector *c = canring_config_connector(loaded.config, "group");
    assert_string_equal(c->bus.interface, "udp_multicast");
    assert_string_equal(c->bus.channel, "239.74.163.2");
    assert_string_equal(c->bus.local_interface, "lo");
    assert_int_equal(c->bus.port, 43113);
    assert_int_equal(c->bus.hop_limit, 0);
    c = canring_config_connector(loaded.config, "memory");
    assert_string_equal(c->bus.interface, "virtual");
    assert_string_equal(c->bus.channel, "demo");
    assert_false(c->bus.fd);
    done(&loaded);
}

static void a_recording_is_found_beside_the_file(void **state)
{
    (void)state;
    struct loaded loaded = load_data("good_full.yaml");
    const struct canring_config_connector *c = canring_config_connector(loaded.config, "recording");
    assert_string_equal(c->bus.interface, "replay");
    assert_int_equal(c->bus.channel[0], '/');
    assert_int_equal(access(c->bus.channel, R_OK), 0);
    assert_true(c->bus.speed > 2.4 && c->bus.speed < 2.6);
    assert_int_equal(c->bus.loops, 0);
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

static void a_missing_file_is_said(void **state)
{
    (void)state;
    struct loaded loaded = load_path("/nonexistent/x.yaml");
    assert_int_equal(loaded.result, -ENOENT);
    assert_null(loaded.config);
    assert_int_equal(loaded.diagnostics.errors, 1);
    done(&loaded);
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

static void a_bus_can_be_overridden_by_name(void **state)
{
    (void)state;
    struct loaded loaded = load_connector("CCPCanCan", "{send_lifetime_ms: 7}");
    struct canring_error err = {0};
    struct canring_config *config = loaded.config;
    assert_int_equal(canring_config_override_bus(config, "c", "virtual:demo", &err), 0);
    const struct canring_config_connector *c = canring_config_connector(config, "c");
    assert_string_equal(c->bus.interface, "virtual");
    assert_string_equal(c->bus.channel, "demo");
    assert_int_equal(c->bus.send_lifetime_ms, 7);
    assert_int_equal(canring_config_override_bus(config, "d", "vcan0", &err), -ENOENT);
    assert_int_equal(canring_config_override_bus(config, "c", "virtul:x", &err), -EINVAL);
    assert_non_null(strstr(err.text, "did you mean 'virtual'?"));
    assert_string_equal(c->bus.channel, "demo");
    done(&loaded);
}

static void filters_can_be_text_as_candump_takes_it(void **state)
{
    (void)state;
    struct loaded loaded =
        load_connector("CCMpProxy", "{processing: true, filters: '123:7FF,400~7F0'}");
    if (loaded.result && strstr(loaded.diagnostics.list[0].text, "not understood by this build")) {
        done(&loaded);
        print_message("skipped: the parser of filters is not in this build\n");
        skip();
    }
    const struct canring_filters *filters =
        &canring_config_connector(loaded.config, "c")->channel.filters;
    assert_int_equal(filters->count, 2);
    assert_int_equal(filters->list[0].id, 0x123);
    assert_true(filters->list[1].inverted);
    done(&loaded);
    loaded = load_connector("CCMpProxy", "{processing: true, filters: '123:7FG'}");
    assert_int_equal(loaded.result, -EINVAL);
    assert_int_equal(loaded.diagnostics.list[0].line, 5);
    done(&loaded);
}

static void only_a_bus_can_be_overridden(void **state)
{
    (void)state;
    struct loaded loaded = load_connector("CCMpProxy", "{processing: true}");
    struct canring_error err = {0};
    assert_int_equal(canring_config_override_bus(loaded.config, "c", "vcan0", &err), -EINVAL);
    assert_non_null(strstr(err.text, "not a bus"));
    done(&loaded);
}

static void traces_of_proxies_and_buses_have_the_same_keys(void **state)
{
    static const char text[] =
        "auxiliaries:\n"
        "  p:\n"
        "    connectors: {com: bus}\n"
        "    type: MpProxyAuxiliary\n"
        "    config: {aux_list: [], activate_trace: yes, trace_format: candump, trace_digits: 9,\n"
        "             trace_compression: zst, trace_rotate_size: 100 MB, trace_rotate_time: 1h,\n"
        "             trace_rotate_frames: 1000, trace_keep: 5, trace_flush: 50ms, trace_sync: "
        "1s,\n"
        "             trace_reserve: 256MiB, trace_pretrigger: 10s, trace_trigger: '123:7FF'}\n"
        "connectors:\n"
        "  bus: {type: CCPCanCan, config: {trace_rotate_size: 1 MiB, trace_reserve: 2097152}}\n"
        "  other: {type: CCPCanCan, config: {logging_activated: yes}}\n";
    struct canring_diagnostics diagnostics = {0};
    struct canring_config *config = NULL;

    (void)state;
    assert_int_equal(
        canring_config_load_memory(&config, "t.yaml", text, sizeof(text) - 1, &diagnostics), 0);
    assert_int_equal(diagnostics.errors, 0);
    const struct canring_config_trace *trace = &config->proxies[0]->trace;
    assert_true(trace->active && !trace->implied);
    assert_string_equal(trace->format, "candump");
    assert_int_equal(trace->compression, CANRING_CONFIG_COMPRESSION_ZST);
    assert_int_equal(trace->digits, 9);
    assert_int_equal(trace->rotate_bytes, 100000000);
    assert_int_equal(trace->rotate_ns, UINT64_C(3600000000000));
    assert_int_equal(trace->rotate_frames, 1000);
    assert_int_equal(trace->keep, 5);
    assert_int_equal(trace->flush_ns, 50000000);
    assert_int_equal(trace->sync_ns, 1000000000);
    assert_int_equal(trace->reserve, 256u << 20);
    assert_int_equal(trace->pretrigger_ns, UINT64_C(10000000000));
    assert_int_equal(trace->trigger.count, 1);
    trace = &canring_config_connector(config, "bus")->trace;
    assert_true(trace->active && trace->implied);
    assert_int_equal(trace->rotate_bytes, 1 << 20);
    assert_int_equal(trace->reserve, 2 << 20);
    assert_int_equal(trace->size_mb, 0);
    assert_false(canring_config_connector(config, "other")->trace.implied);
    canring_config_free(config);
    canring_diagnostics_free(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_original_file_works_as_it_is),
        cmocka_unit_test(every_key_arrives_in_the_model),
        cmocka_unit_test(defaults_are_those_of_the_original_and_ours),
        cmocka_unit_test(pcan_timing_comes_from_segments_with_fd_else_from_bitrate),
        cmocka_unit_test(traces_of_proxies_and_buses_have_the_same_keys),
        cmocka_unit_test(a_key_names_the_network_device_of_a_pcan),
        cmocka_unit_test(a_virtual_bus_is_multicast_when_its_channel_is_an_address),
        cmocka_unit_test(a_recording_is_found_beside_the_file),
        cmocka_unit_test(a_shared_bus_makes_an_implicit_proxy),
        cmocka_unit_test(a_missing_member_leaves_the_proxy_usable),
        cmocka_unit_test(aliases_and_merges_carry_configuration),
        cmocka_unit_test(many_errors_are_counted_beyond_those_kept),
        cmocka_unit_test(a_diagnostic_is_one_line_and_whole_characters),
        cmocka_unit_test(users_own_types_are_files),
        cmocka_unit_test(a_missing_file_is_said),
        cmocka_unit_test(names_that_are_no_text_do_not_spoil_json),
        cmocka_unit_test(json_has_the_defaults),
        cmocka_unit_test(plain_paths_are_relative_to_their_file_when_there),
        cmocka_unit_test(a_bus_can_be_overridden_by_name),
        cmocka_unit_test(filters_can_be_text_as_candump_takes_it),
        cmocka_unit_test(only_a_bus_can_be_overridden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
