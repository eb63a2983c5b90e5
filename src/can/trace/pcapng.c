/* pcapng as one of the formats. */
#include "can/trace/pcapng.h"

#include "can/trace/byteorder.h"

static int probe(const uint8_t *head, size_t length)
{
    if (length < 12 || cr_get_le32(head) != CR_PCAPNG_SECTION)
        return 0;
    return cr_get_le32(head + CR_PCAPNG_HEAD) == CR_PCAPNG_ORDER ||
                   cr_get_be32(head + CR_PCAPNG_HEAD) == CR_PCAPNG_ORDER
               ? 100
               : 0;
}

static const char *const endings[] = {".pcapng", NULL};

const struct cr_trace_format cr_trace_format_pcapng = {
    .name = "pcapng",
    .endings = endings,
    .summary = "captures of Wireshark",
    .probe = probe,
    .encoder = &cr_pcapng_encoder,
    .decoder = &cr_pcapng_decoder,
};
