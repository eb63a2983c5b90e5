/* Keys of a map, described in tables: name, type, range, place in the model.
 *
 * Each kind of auxiliary and connector has a table; one function checks a `config` map
 * against it and stores the values. It knows nothing of what they are for.
 */
#ifndef CR_CONFIG_SCHEMA_H
#define CR_CONFIG_SCHEMA_H

#include "proxy/config_build.h"

enum cr_key_kind {
    CR_KEY_BOOL,
    CR_KEY_U8, /* integers within least..most */
    CR_KEY_U16,
    CR_KEY_U32,
    CR_KEY_I64,
    CR_KEY_BYTES,    /* an amount of bytes, or of time in ns, as <canring/quantity.h> takes it; */
    CR_KEY_DURATION, /* stored as 64 bits */
    CR_KEY_REAL,
    CR_KEY_STRING,
    CR_KEY_PATH,
    CR_KEY_NAME,        /* a string that is part of a file name: no '/' */
    CR_KEY_CHOICE,      /* one of `choices`; stores its index as an int */
    CR_KEY_STRINGS,     /* a list: `offset` the pointer, `count_offset` the number */
    CR_KEY_FILTERS,     /* list of {can_id, can_mask, extended} */
    CR_KEY_FILTER_TEXT, /* that, or can-utils' text */
    CR_KEY_NODE         /* stored as it is, for the caller to read */
};

struct cr_key {
    const char *name;
    enum cr_key_kind kind;
    bool required;
    size_t offset;
    size_t count_offset;
    int64_t least, most;
    const char *const *choices; /* NULL-terminated */
};

struct cr_schema {
    const char *what; /* "CCMpProxy", for messages */
    const struct cr_key *keys;
    size_t count;
    bool open; /* other keys are not ours to judge */
};

#define CR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Check `map` (NULL = empty) and store its values in `object`, whose defaults are there. Bit i of
 * *given is set for each keys[i] that has a value (at most 64 keys); may be NULL. `at` is where a
 * missing key is reported. Returns 0 also when errors were said; -ENOMEM. */
int cr_schema_fill(struct cr_build *build, const struct cr_schema *schema,
                   const struct cr_yaml_node *map, const struct cr_yaml_node *at, void *object,
                   uint64_t *given);

/* Whether fill() stored the key `name`. */
bool cr_schema_given(const struct cr_schema *schema, uint64_t given, const char *name);

#endif
