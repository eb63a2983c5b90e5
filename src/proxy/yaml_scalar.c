#include "proxy/yaml_scalar.h"

#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DECIMAL "0123456789"
#define HEX     "0123456789abcdefABCDEF"

/* Each skip_ function returns where its pattern ends, or NULL when it does not match. */

static const char *skip_sign(const char *text)
{
    return *text == '+' || *text == '-' ? text + 1 : text;
}

/* [first][rest]* */
static const char *skip_run(const char *text, const char *first, const char *rest)
{
    if (*text == '\0' || !strchr(first, *text))
        return NULL;
    return text + 1 + strspn(text + 1, rest);
}

/* (:[0-5]?[0-9])+ */
static const char *skip_sixties(const char *text)
{
    if (*text != ':')
        return NULL;
    while (*text == ':') {
        size_t digits = strspn(text + 1, DECIMAL);
        if (digits == 0 || digits > 2 || (digits == 2 && text[1] > '5'))
            return NULL;
        text += 1 + digits;
    }
    return text;
}

/* ([eE][-+][0-9]+)? : without its sign it is no exponent, which makes 1e3 a string. */
static const char *skip_exponent(const char *text)
{
    if ((*text != 'e' && *text != 'E') || (text[1] != '-' && text[1] != '+'))
        return text;
    size_t digits = strspn(text + 2, DECIMAL);
    return digits ? text + 2 + digits : text;
}

static bool ends(const char *text)
{
    return text && *text == '\0';
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(text, *words) == 0)
            return true;
    }
    return false;
}

static bool is_true(const char *text)
{
    static const char *const words[] = {"yes",  "Yes", "YES", "true", "True",
                                        "TRUE", "on",  "On",  "ON",   NULL};
    return is_one_of(text, words);
}

static bool is_false(const char *text)
{
    static const char *const words[] = {"no",    "No",  "NO",  "false", "False",
                                        "FALSE", "off", "Off", "OFF",   NULL};
    return is_one_of(text, words);
}

static bool is_null(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL", NULL};
    return is_one_of(text, words);
}

static bool is_integer(const char *text)
{
    const char *digits = skip_sign(text);

    if (strncmp(digits, "0b", 2) == 0)
        return ends(skip_run(digits + 2, "01_", "01_"));
    if (strncmp(digits, "0x", 2) == 0)
        return ends(skip_run(digits + 2, HEX "_", HEX "_"));
    if (*digits == '0')
        return digits[1 + strspn(digits + 1, "01234567_")] == '\0';
    const char *rest = skip_run(digits, "123456789", DECIMAL "_");
    return rest && (ends(rest) || ends(skip_sixties(rest)));
}

static bool is_infinity(const char *text)
{
    static const char *const words[] = {".inf", ".Inf", ".INF", NULL};
    return is_one_of(skip_sign(text), words);
}

static bool is_nan(const char *text)
{
    static const char *const words[] = {".nan", ".NaN", ".NAN", NULL};
    return is_one_of(text, words);
}

static bool is_real(const char *text)
{
    if (*text == '.') {
        const char *rest = skip_run(text + 1, DECIMAL, DECIMAL "_");
        return rest && ends(skip_exponent(rest));
    }
    const char *rest = skip_run(skip_sign(text), DECIMAL, DECIMAL "_");
    if (rest && *rest == '.')
        return ends(skip_exponent(rest + 1 + strspn(rest + 1, DECIMAL "_")));
    rest = rest ? skip_sixties(rest) : NULL;
    return rest && *rest == '.' && ends(rest + 1 + strspn(rest + 1, DECIMAL "_"));
}

/* `least`..`most` digits, then `after` (not looked at when it is 0). */
static const char *skip_digits(const char *text, size_t least, size_t most, char after)
{
    size_t digits = strspn(text, DECIMAL);

    if (digits < least || digits > most || (after && text[digits] != after))
        return NULL;
    return text + digits + (after ? 1 : 0);
}

/* (Z|[-+]hh?(:mm)?)? at the end */
static bool is_zone(const char *text)
{
    text += strspn(text, " \t");
    if (*text == '\0' || strcmp(text, "Z") == 0)
        return true;
    if (*text != '+' && *text != '-')
        return false;
    const char *rest = skip_digits(text + 1, 1, 2, 0);
    if (rest && *rest == ':')
        rest = skip_digits(rest + 1, 2, 2, 0);
    return ends(rest);
}

static bool is_timestamp(const char *text)
{
    const char *month = skip_digits(text, 4, 4, '-');
    const char *day = month ? skip_digits(month, 1, 2, '-') : NULL;
    const char *rest = day ? skip_digits(day, 1, 2, 0) : NULL;

    if (!rest)
        return false;
    if (*rest == '\0')
        return strlen(text) == sizeof("2026-01-31") - 1;
    size_t gap = *rest == 'T' || *rest == 't' ? 1 : strspn(rest, " \t");
    const char *minute = gap ? skip_digits(rest + gap, 1, 2, ':') : NULL;
    const char *second = minute ? skip_digits(minute, 2, 2, ':') : NULL;
    rest = second ? skip_digits(second, 2, 2, 0) : NULL;
    if (rest && *rest == '.')
        rest += 1 + strspn(rest + 1, DECIMAL);
    return rest && is_zone(rest);
}

/* Underscores only separate groups of digits. The caller frees. */
static char *without_underscores(const char *text)
{
    char *copy = malloc(strlen(text) + 1), *to = copy;

    for (; copy && *text; text++) {
        if (*text != '_')
            *to++ = *text;
    }
    if (copy)
        *to = '\0';
    return copy;
}

static int add_digit(uint64_t *value, unsigned base, unsigned digit)
{
    if (__builtin_mul_overflow(*value, base, value) || __builtin_add_overflow(*value, digit, value))
        return -ERANGE;
    return 0;
}

static unsigned digit_value(char c)
{
    if (c <= '9')
        return (unsigned)(c - '0');
    return (unsigned)((c | 0x20) - 'a') + 10;
}

static int parse_digits(uint64_t *value, const char *text, unsigned base)
{
    int err = *text ? 0 : -EINVAL;

    for (*value = 0; !err && *text; text++)
        err = add_digit(value, base, digit_value(*text));
    return err;
}

static int parse_sixties(uint64_t *value, const char *text)
{
    int err = 0;

    for (*value = 0; !err && *text; text++) {
        uint64_t part = 0;
        for (; !err && *text && *text != ':'; text++)
            err = add_digit(&part, 10, digit_value(*text));
        if (!err && (__builtin_mul_overflow(*value, 60, value) ||
                     __builtin_add_overflow(*value, part, value)))
            err = -ERANGE;
        if (*text == '\0')
            break;
    }
    return err;
}

static int parse_magnitude(uint64_t *value, const char *text)
{
    if (strcmp(text, "0") == 0)
        return parse_digits(value, text, 10);
    if (strncmp(text, "0b", 2) == 0)
        return parse_digits(value, text + 2, 2);
    if (strncmp(text, "0x", 2) == 0)
        return parse_digits(value, text + 2, 16);
    if (*text == '0')
        return parse_digits(value, text, 8);
    return strchr(text, ':') ? parse_sixties(value, text) : parse_digits(value, text, 10);
}

static int set_integer(struct cr_yaml_node *node, uint64_t magnitude, bool negative)
{
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return -ERANGE;
    node->type = CR_YAML_INT;
    node->integer = (int64_t)(negative ? 0 - magnitude : magnitude);
    return 0;
}

static int parse_integer(struct cr_yaml_node *node)
{
    char *text = without_underscores(node->text);
    uint64_t magnitude;

    if (!text)
        return -ENOMEM;
    int err = parse_magnitude(&magnitude, skip_sign(text));
    if (!err)
        err = set_integer(node, magnitude, *text == '-');
    free(text);
    return err;
}

/* The embedding program may have set a locale whose decimal point is a comma. */
static double parse_plain_real(const char *text)
{
    locale_t posix = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    double value = posix ? strtod_l(text, NULL, posix) : strtod(text, NULL);

    if (posix)
        freelocale(posix);
    return value;
}

static double parse_real_sixties(const char *text)
{
    double value = 0;

    for (; text; text = strchr(text, ':')) {
        text += *text == ':';
        value = value * 60 + parse_plain_real(text);
    }
    return value;
}

static int parse_real(struct cr_yaml_node *node)
{
    char *text = without_underscores(node->text);

    if (!text)
        return -ENOMEM;
    const char *digits = skip_sign(text);
    double magnitude = strchr(digits, ':') ? parse_real_sixties(digits) : parse_plain_real(digits);
    node->type = CR_YAML_FLOAT;
    node->real = *text == '-' ? -magnitude : magnitude;
    free(text);
    return 0;
}

static void set_boolean(struct cr_yaml_node *node, bool value)
{
    node->type = CR_YAML_BOOL;
    node->boolean = value;
}

int cr_yaml_resolve(struct cr_yaml_node *node)
{
    const char *text = node->text;

    node->type = CR_YAML_STRING;
    if (is_null(text))
        node->type = CR_YAML_NULL;
    else if (is_true(text) || is_false(text))
        set_boolean(node, is_true(text));
    else if (is_integer(text))
        return parse_integer(node);
    else if (is_real(text))
        return parse_real(node);
    else if (is_timestamp(text))
        node->type = CR_YAML_TIMESTAMP;
    else if (is_infinity(text) || is_nan(text)) {
        node->type = CR_YAML_FLOAT;
        node->real = is_nan(text) ? __builtin_nan("") : __builtin_inf();
        if (*text == '-')
            node->real = -node->real;
    }
    return 0;
}

int cr_yaml_cast_env(struct cr_yaml_node *node)
{
    const char *text = node->text;
    bool hex = strncmp(text, "0x", 2) == 0 && ends(skip_run(text + 2, HEX, HEX));
    uint64_t value;

    node->type = CR_YAML_STRING;
    if (!strcasecmp(text, "true") || !strcasecmp(text, "false")) {
        set_boolean(node, (*text | 0x20) == 't');
        return 0;
    }
    if (!hex && !ends(skip_run(text, DECIMAL, DECIMAL)))
        return 0;
    int err = parse_digits(&value, hex ? text + 2 : text, hex ? 16 : 10);
    return err ? err : set_integer(node, value, false);
}
