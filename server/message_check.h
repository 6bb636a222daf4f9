/*
 * Whether the lengths in a server's message add up. libmongoc before 1.25 follows them out of the message
 * (_mongoc_rpc_scatter takes each length as it is, and has room for two sections).
 * S: src/mongo/rpc/op_msg.h, legacy_reply.h, message_compressor_manager.cpp@r4.2.2
 */
#ifndef FERRY_SERVER_MESSAGE_CHECK_H
#define FERRY_SERVER_MESSAGE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_SIZE_MOST 48000000 /* MaxMessageSizeBytes of every version */

/*
 * True if `bytes` are one whole answer (OP_MSG, OP_REPLY or OP_COMPRESSED), and each of its documents and sections ends
 * where the next one or the message does. Only their outer lengths are read. Of OP_COMPRESSED that is the header; what
 * was packed is a message of its own, for another call.
 */
bool message_is_sound(const uint8_t *bytes, size_t size);

#endif
