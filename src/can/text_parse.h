/* The frame grammar of cansend, for parsers that find a frame inside a longer text.
 *
 * Called by canring_frame_parse and canring_log_parse. Reads from the cursor to its end:
 * the caller has set `length` to where the frame stops. Never accepts part of a frame.
 */
#ifndef CANRING_TEXT_PARSE_H
#define CANRING_TEXT_PARSE_H

#include <canring/frame.h>

#include "can/text_cursor.h"

/* With `pad`, FD data of a length that CAN FD does not have is filled with zeros up to the next
 * one, as cansend does for people who type; without, it is an error: a line may have been cut. */
int cr_text_parse(struct cr_cursor *cursor, struct canring_frame *frame, bool pad);

#endif
