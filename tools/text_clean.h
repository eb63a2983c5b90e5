/* Text from files, whose encoding nobody knows, as UTF-8.
 *
 * For the commands that print names of buses and paths, as lines and as JSON, which has nothing
 * else.
 */
#ifndef CANRING_TEXT_CLEAN_H
#define CANRING_TEXT_CLEAN_H

/* A copy in which each byte that is no part of UTF-8 is written as "\xff", so that different names
 * stay different. The caller frees it. NULL: out of memory. */
char *text_clean(const char *raw);

#endif
