/* What a connector becomes: a bus, its trace and filters, or a channel. */
#include "config_rig.h"

#include <errno.h>
#include <unistd.h>

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
        cmocka_unit_test(pcan_timing_comes_from_segments_with_fd_else_from_bitrate),
        cmocka_unit_test(traces_of_proxies_and_buses_have_the_same_keys),
        cmocka_unit_test(a_key_names_the_network_device_of_a_pcan),
        cmocka_unit_test(a_virtual_bus_is_multicast_when_its_channel_is_an_address),
        cmocka_unit_test(a_recording_is_found_beside_the_file),
        cmocka_unit_test(a_bus_can_be_overridden_by_name),
        cmocka_unit_test(filters_can_be_text_as_candump_takes_it),
        cmocka_unit_test(only_a_bus_can_be_overridden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
