/*
 * psl.h - the form in which a public suffix list is kept, compiled in or built from text.
 *
 * A trie by labels from the right, flattened breadth first: the children of node i are the nodes
 * from first_child(i) up to, not including, first_child(i + 1), sorted by label as strcmp does
 * ("*" comes before every other label). Node 0 is the root; one node more than there are closes the
 * last range. No pointers inside, so that the compiled-in list is shared read-only memory.
 */
#ifndef IOSSL_PSL_H
#define IOSSL_PSL_H

#include "iossl.h"

/* first_child in the lower 28 bits; what ends at this node above them. */
#define IOSSL_PSL_CHILD_MASK UINT32_C(0x0fffffff)
#define IOSSL_PSL_RULE_SHIFT 28       /* two bits of iossl_psl_sections: a rule ends here         */
#define IOSSL_PSL_EXCEPTION_SHIFT 30  /* the same for an exception ("!")                          */

/* Label: length (at most 63) in the lower 6 bits, offset into the labels above them. */
#define IOSSL_PSL_LENGTH_BITS 6
#define IOSSL_PSL_LENGTH_MASK UINT32_C(0x3f)
#define IOSSL_PSL_MAX_LABELS ((size_t)1 << (32 - IOSSL_PSL_LENGTH_BITS))

typedef struct iossl_psl_node {
    uint32_t child;
    uint32_t label;
} iossl_psl_node;

/* psl_data.c */
extern const iossl_psl_node iossl_psl_data_nodes[];
extern const char iossl_psl_data_labels[];

#endif
