/*
 * idn_data.h - the form of the Unicode tables in idn_data.c, which tools/gen-idn writes.
 */
#ifndef IOSSL_IDN_DATA_H
#define IOSSL_IDN_DATA_H

#include <stddef.h>
#include <stdint.h>

/* What holds from this code point up to the next entry's; decompositions are for one point only. */
typedef struct iossl_idn_range {
    uint32_t first;
    uint32_t value;
} iossl_idn_range;

/* A value of the map: a kind above 24 bits of detail. */
#define IOSSL_IDN_KIND(value) ((value) >> 24)
#define IOSSL_IDN_DETAIL(value) ((value) & UINT32_C(0xffffff))
enum {
    IOSSL_IDN_VALID,
    IOSSL_IDN_DISALLOWED,
    IOSSL_IDN_IGNORED,
    IOSSL_IDN_MAPPED,       /* to code points of the pool: offset << 5 | how many                 */
    IOSSL_IDN_SHIFTED,      /* to itself plus the detail, modulo 2^24                             */
    IOSSL_IDN_ALTERNATING   /* upper, lower, upper...: those of the first's parity to the next    */
};
#define IOSSL_IDN_POOL_OFFSET(detail) ((detail) >> 5)
#define IOSSL_IDN_POOL_LENGTH(detail) ((detail) & UINT32_C(31))

/* A value of the properties. */
#define IOSSL_IDN_CCC(value) ((value) & UINT32_C(0xff))
#define IOSSL_IDN_BIDI(value) ((value) >> 8 & UINT32_C(15))
#define IOSSL_IDN_JOINING(value) ((value) >> 12 & UINT32_C(7))
#define IOSSL_IDN_IS_MARK(value) ((value) >> 15 & UINT32_C(1))
enum {
    IOSSL_BIDI_OTHER,
    IOSSL_BIDI_L,
    IOSSL_BIDI_R,
    IOSSL_BIDI_AL,
    IOSSL_BIDI_AN,
    IOSSL_BIDI_EN,
    IOSSL_BIDI_ES,
    IOSSL_BIDI_CS,
    IOSSL_BIDI_ET,
    IOSSL_BIDI_ON,
    IOSSL_BIDI_BN,
    IOSSL_BIDI_NSM
};
enum { IOSSL_JOINING_U, IOSSL_JOINING_L, IOSSL_JOINING_R, IOSSL_JOINING_D, IOSSL_JOINING_T };

/* first + second -> composed, sorted by first, then second. */
typedef struct iossl_idn_composition {
    uint32_t first;
    uint32_t second;
    uint32_t composed;
} iossl_idn_composition;

extern const iossl_idn_range iossl_idn_map[];
extern const size_t iossl_idn_map_size;
extern const iossl_idn_range iossl_idn_properties[];
extern const size_t iossl_idn_properties_size;
extern const iossl_idn_range iossl_idn_decompositions[];
extern const size_t iossl_idn_decompositions_size;
extern const iossl_idn_composition iossl_idn_compositions[];
extern const size_t iossl_idn_compositions_size;
extern const uint32_t iossl_idn_pool[];
extern const size_t iossl_idn_pool_size;

#endif
