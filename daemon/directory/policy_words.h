/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the dictionary's reader and its builder agree upon. */
#pragma once

#include "policy_internal.h"

/*
 * An edge: the byte in the low eight bits, whether it is its node's last, the node it leads to. A
 * word's end is an edge, too: its byte, which is none of text, is the word's cost in bits less the
 * base, and it leads to node 0, which has no meaning. Of a node's edges it comes first.
 */
#define WORDS_EDGE_LAST 0x100U
#define WORDS_EDGE_TARGET_SHIFT 9
#define WORDS_EDGES_MAX (1U << (32 - WORDS_EDGE_TARGET_SHIFT))
#define WORDS_COST_BASE 4U
#define WORDS_COST_BYTES 15U
#define WORDS_NONE UINT32_MAX
/* Bytes that no text has: the root's edges to the commonest beginnings and endings of words. */
#define WORDS_PREFIXES 0x1eU
#define WORDS_ENDINGS 0x1fU

/* Bytes of a script's spelling model: costs in sixteenths of a bit. */
size_t script_model_size(Script script);
