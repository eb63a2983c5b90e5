/* Play a candump log onto a bus.
 *
 *     play_recording RECORDING BUS [SPEED [LOOPS]]
 *
 * SPEED 1 = as recorded, 0 = as fast as the bus takes it. Shows: opening two buses directly,
 * receiving from one, sending to the other.
 */
#include <canring/bus.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SEND_TIMEOUT_MS 5000

static int open_target(struct canring_bus **bus, const char *target,
                       struct canring_bus_options *options)
{
    struct canring_error err;
    char *storage = NULL;
    int result = canring_bus_target_parse(target, options, &storage, &err);
    if (result == 0)
        result = canring_bus_open(bus, options, &err);
    free(storage);
    if (result < 0)
        fprintf(stderr, "%s: %s\n", target, err.text);
    return result;
}

int main(int argc, char **argv)
{
    struct canring_bus_options from = {
        .fd = true, .filters.error_mask = CANRING_ID_MASK_EXT, .speed = 1, .loops = 1};
    struct canring_bus_options to = {.fd = true};
    struct canring_bus *recording, *bus;
    const struct canring_frame *frame;
    char source[4096];
    unsigned long sent = 0;
    int result;

    if (argc < 3) {
        fprintf(stderr, "usage: %s RECORDING BUS [SPEED [LOOPS]]\n", argv[0]);
        return 2;
    }
    if (argc > 3)
        from.speed = strtod(argv[3], NULL);
    if (argc > 4)
        from.loops = (uint32_t)strtoul(argv[4], NULL, 10);
    snprintf(source, sizeof(source), "replay:%s", argv[1]);
    if (open_target(&recording, source, &from) < 0 || open_target(&bus, argv[2], &to) < 0)
        return 1;
    while ((result = canring_bus_receive(recording, &frame, -1)) >= 0) {
        if (result == 0)
            continue;
        result = canring_bus_send(bus, frame, SEND_TIMEOUT_MS);
        if (result < 0)
            break;
        sent++;
    }
    canring_bus_close(recording);
    canring_bus_close(bus);
    printf("%lu frames played\n", sent);
    return result == -ENODATA ? 0 : 1;
}
