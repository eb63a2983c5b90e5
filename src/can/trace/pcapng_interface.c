#include "can/trace/pcapng_interface.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "can/trace/byteorder.h"
#include "can/trace/linktype.h"

#define NS_PER_S 1000000000
#define USUAL    6 /* microseconds */
#define BINARY   0x80u

__extension__ typedef __int128 wide;

bool cr_pcapng_option_next(const struct cr_pcapng_block *block, size_t *at,
                           struct cr_pcapng_found *found)
{
    if (*at > block->length || block->length - *at < 4)
        return false;
    const uint8_t *raw = block->content + *at;
    found->code = cr_get_16(block->big, raw);
    found->length = cr_get_16(block->big, raw + 2);
    found->value = raw + 4;
    size_t padded = ((size_t)found->length + 3) & ~(size_t)3;
    if (found->code == CR_PCAPNG_END_OF_OPTIONS || padded > block->length - *at - 4)
        return false;
    *at += 4 + padded;
    return true;
}

/* Names come from other systems, too: what would tear a line of text apart is replaced. */
static int find_bus(struct cr_trace_names *names, const uint8_t *name, size_t length)
{
    char clean[CANRING_TEXT_NAME];
    size_t n = 0;

    while (n < length && n < sizeof(clean) - 1 && name[n]) {
        clean[n] = name[n] <= ' ' || name[n] == 0x7f ? '_' : (char)name[n];
        n++;
    }
    return n ? cr_trace_names_find(names, clean, n) : -ENOENT;
}

static int find_numbered(struct cr_trace_names *names, uint32_t number)
{
    char name[CANRING_TEXT_NAME];
    int length = snprintf(name, sizeof(name), "can%u", number);

    return cr_trace_names_find(names, name, (size_t)length);
}

static void read_option(struct cr_pcapng_interface *interface, const struct cr_pcapng_block *block,
                        const struct cr_pcapng_found *found, struct cr_trace_names *names)
{
    if (found->code == CR_PCAPNG_NAME && interface->bus < 0 &&
        cr_linktype_has_can(interface->linktype))
        interface->bus = find_bus(names, found->value, found->length);
    else if (found->code == CR_PCAPNG_RESOLUTION && found->length == 1)
        interface->resolution = found->value[0];
    else if (found->code == CR_PCAPNG_TIME_OFFSET && found->length == 8)
        interface->offset = (int64_t)cr_get_64(block->big, found->value);
}

int cr_pcapng_interfaces_add(struct cr_pcapng_interfaces *interfaces,
                             const struct cr_pcapng_block *block, struct cr_trace_names *names)
{
    struct cr_pcapng_found found;
    uint32_t number = interfaces->count;
    size_t at = CR_PCAPNG_INTERFACE_FIXED;

    if (number == CR_PCAPNG_INTERFACES_MAX)
        return -ENOSPC;
    struct cr_pcapng_interface *list = realloc(interfaces->list, (number + 1) * sizeof(*list));
    if (!list)
        return -ENOMEM;
    interfaces->list = list;
    interfaces->count++;
    list[number] = (struct cr_pcapng_interface){
        .linktype = cr_get_16(block->big, block->content),
        .snaplen = cr_get_32(block->big, block->content + 4),
        .bus = -1,
        .resolution = USUAL,
    };
    while (cr_pcapng_option_next(block, &at, &found))
        read_option(&list[number], block, &found, names);
    if (list[number].bus < 0 && cr_linktype_has_can(list[number].linktype))
        list[number].bus = find_numbered(names, number);
    return 0;
}

/* `raw` in nanoseconds, not rounded up. */
static wide to_ns(uint8_t resolution, uint64_t raw)
{
    unsigned power = resolution & ~BINARY;
    wide ns = raw;

    if (resolution & BINARY)
        return (ns * NS_PER_S) >> power;
    for (; power < 9; power++)
        ns *= 10;
    for (; power > 9 && ns; power--)
        ns /= 10;
    return ns;
}

int cr_pcapng_time(const struct cr_pcapng_interface *interface, uint64_t raw, uint64_t *ns)
{
    if (interface->resolution == 9 && !interface->offset) {
        *ns = raw;
        return 0;
    }
    wide time = to_ns(interface->resolution, raw) + (wide)interface->offset * NS_PER_S;
    if (time < 0 || time > UINT64_MAX)
        return -ERANGE;
    *ns = (uint64_t)time;
    return 0;
}

void cr_pcapng_interfaces_clear(struct cr_pcapng_interfaces *interfaces)
{
    free(interfaces->list);
    *interfaces = (struct cr_pcapng_interfaces){0};
}
