/* test_mp_proxy.py in C: two auxiliaries on one bus, suspended and resumed in between.
 *
 *     cc -o test_mp_proxy test_mp_proxy.c -lcanring
 *
 * A program is a test by its exit status. It stands beside the Python file, where canring test
 * finds it.
 */
#include <canring/auxiliary.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMOTE_ID 0x123u /* of can_channel */
#define TIMEOUT_S 5.0

static struct canring_auxiliary *open_auxiliary(const char *name)
{
    struct canring_auxiliary *auxiliary;
    struct canring_error err = {0};
    if (canring_auxiliary_open(&auxiliary, name, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        exit(EXIT_FAILURE);
    }
    return auxiliary;
}

static void check(bool holds, const char *what, unsigned number)
{
    if (holds)
        return;
    fprintf(stderr, "message %u: %s\n", number, what);
    exit(EXIT_FAILURE);
}

static void send(struct canring_auxiliary *from, unsigned number)
{
    const uint8_t payload[] = {(uint8_t)number, (uint8_t)(number + 1)};
    struct canring_error err = {0};
    int taken = canring_communication_send(from, payload, sizeof(payload), false, 0, &err);
    check(taken == 1, taken < 0 ? err.text : "the bus did not take it", number);
}

static void receive(struct canring_auxiliary *to, unsigned number)
{
    const uint8_t payload[] = {(uint8_t)number, (uint8_t)(number + 1)};
    struct canring_message message;
    check(canring_communication_receive(to, true, TIMEOUT_S, &message) == 1, "did not come",
          number);
    check(message.size == sizeof(payload) && memcmp(message.data, payload, message.size) == 0,
          "has other data", number);
    check(message.remote_id == REMOTE_ID, "has another id", number);
    canring_message_free(&message);
}

/* What one sends is what the other receives, in that order. */
static void exchange(struct canring_auxiliary *from, struct canring_auxiliary *to, unsigned count)
{
    check(canring_communication_collect_begin(to) == 0, "cannot collect", 0);
    for (unsigned i = 0; i < count; i++)
        send(from, i);
    for (unsigned i = 0; i < count; i++)
        receive(to, i);
    check(canring_communication_collect_end(to) == 0, "cannot end collecting", 0);
}

int main(void)
{
    struct canring_auxiliary *all[] = {open_auxiliary("proxy_aux"), open_auxiliary("aux1"),
                                       open_auxiliary("aux2")};
    struct canring_error err = {0};
    exchange(all[1], all[2], 3);
    for (int i = 0; i < 3; i++)
        check(canring_auxiliary_suspend(all[i]) == 0, "cannot suspend", 0);
    for (int i = 0; i < 3; i++)
        check(canring_auxiliary_resume(all[i], &err) == 0, err.text, 0);
    exchange(all[1], all[2], 10);
    for (int i = 0; i < 3; i++)
        canring_auxiliary_close(all[i]);
    puts("13 messages were exchanged");
    return 0;
}
