#include "gen_frame.h"

#define DLC_MAX 15u

static const uint8_t fd_lengths[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64};

/* SplitMix64: small, and good in all its bits from any seed. */
static uint64_t next_random(struct generator *generator)
{
    uint64_t z = generator->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void generator_init(struct generator *generator, const struct gen_rule *rule)
{
    memset(generator, 0, sizeof(*generator));
    generator->rule = *rule;
    generator->state = rule->seed;
}

static uint32_t make_id(struct generator *generator)
{
    const struct gen_rule *rule = &generator->rule;
    uint32_t random = (uint32_t)next_random(generator);
    uint32_t id = random;

    if (rule->id_mode == GEN_INCREMENT)
        id = generator->next_id++;
    else if (rule->id_mode == GEN_FIXED)
        id = rule->id;
    else if (rule->id_mode == GEN_EVEN)
        id = random & ~UINT32_C(1);
    else if (rule->id_mode == GEN_ODD)
        id = random | 1;
    return rule->extended ? (id & CANRING_ID_MASK_EXT) | CANRING_ID_EXTENDED
                          : id & CANRING_ID_MASK_STD;
}

/* The DLC of a CAN FD frame that holds `length` bytes. */
static unsigned fd_dlc(uint32_t length)
{
    unsigned dlc = 0;

    while (dlc < DLC_MAX && fd_lengths[dlc] < length)
        dlc++;
    return dlc;
}

/* 0..15, of which those above 8 are lengths of CAN FD or raw DLCs, or 8 when neither is meant. */
static unsigned make_dlc(struct generator *generator)
{
    const struct gen_rule *rule = &generator->rule;
    const bool long_dlc = rule->fd || rule->raw_dlc;
    unsigned dlc = next_random(generator) & DLC_MAX;

    if (rule->length_mode == GEN_INCREMENT)
        dlc = generator->next_dlc++ % ((long_dlc ? DLC_MAX : CANRING_CC_DATA_MAX) + 1);
    else if (rule->length_mode == GEN_FIXED)
        dlc = rule->fd ? fd_dlc(rule->length) : rule->length;
    if (dlc == 0 && rule->data_mode == GEN_INCREMENT)
        dlc = 1;
    if (dlc > CANRING_CC_DATA_MAX && !long_dlc)
        dlc = CANRING_CC_DATA_MAX;
    return dlc < DLC_MAX ? dlc : DLC_MAX;
}

static void put_counter(uint64_t counter, uint8_t *data)
{
    for (unsigned i = 0; i < 8; i++)
        data[i] = (uint8_t)(counter >> 8 * i);
}

static void make_data(struct generator *generator, uint8_t data[CANRING_FD_DATA_MAX])
{
    const struct gen_rule *rule = &generator->rule;
    uint64_t random = 0;

    memset(data, 0, CANRING_FD_DATA_MAX);
    if (rule->data_mode == GEN_INCREMENT) {
        put_counter(generator->next_data++, data);
        return;
    }
    for (unsigned i = 0; i < CANRING_FD_DATA_MAX; i++) {
        if (i % 8 == 0)
            random = next_random(generator);
        uint8_t free_bits = rule->data_mode == GEN_FIXED ? rule->random_bits[i] : 0xff;
        data[i] = (uint8_t)(rule->data[i] | (random & free_bits));
        random >>= 8;
    }
}

static void choose_kind(struct generator *generator)
{
    struct gen_rule *rule = &generator->rule;
    uint64_t random = next_random(generator);

    rule->extended = random & 1;
    rule->fd = (random & 2) != 0;
    rule->brs = rule->fd && (random & 4);
    rule->esi = rule->fd && (random & 8);
    rule->remote = !rule->fd && (random & 0x30) == 0x30; /* a quarter of the classic ones */
}

static void make_classic(const struct gen_rule *rule, struct canring_frame *frame, uint32_t id,
                         const uint8_t *data, unsigned dlc)
{
    canring_frame_classic(frame, id, data, rule->remote ? 0 : dlc);
    frame->flags = (uint16_t)(dlc << CANRING_DLC_SHIFT);
    if (rule->remote)
        frame->id |= CANRING_ID_REMOTE;
}

static void make_fd(const struct gen_rule *rule, struct canring_frame *frame, uint32_t id,
                    const uint8_t *data, unsigned dlc)
{
    canring_frame_classic(frame, id, NULL, 0);
    frame->size = (uint16_t)(CANRING_FRAME_HEADER + fd_lengths[dlc]);
    frame->flags =
        (uint16_t)(CANRING_FD | (rule->brs ? CANRING_BRS : 0) | (rule->esi ? CANRING_ESI : 0));
    memcpy(frame->data, data, fd_lengths[dlc]);
}

void generator_next(struct generator *generator, union canring_frame_buffer *frame)
{
    const struct gen_rule *rule = &generator->rule;
    uint8_t data[CANRING_FD_DATA_MAX];

    if (rule->mix && generator->mixed)
        choose_kind(generator);
    generator->mixed = true;
    uint32_t id = make_id(generator);
    unsigned dlc = make_dlc(generator);
    make_data(generator, data);
    if (rule->fd)
        make_fd(rule, &frame->frame, id, data, dlc);
    else
        make_classic(rule, &frame->frame, id, data, dlc);
}
