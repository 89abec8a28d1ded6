/* What a native module of its own (the XLA handler) may ask of leafscan._engine: a table of functions in a capsule, in
   plain C, so that neither needs the other to be built. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LEAFSCAN_SLOTS_CAPSULE "leafscan._engine.slots"
#define LEAFSCAN_SLOTS_VERSION 1

typedef struct LeafscanRequest {
  int64_t slot;
  const float* queries; /* rows * dim */
  int64_t rows;
  int64_t dim;
  int64_t k;
  int32_t positions;   /* rows are called by positions, not by ids */
  const int64_t* deny; /* rows * deny_cols; null without */
  int64_t deny_cols;
  const int64_t* allow; /* rows * allow_cols; null without */
  int64_t allow_cols;
  int64_t* ids;   /* rows * k */
  float* scores;  /* rows * k */
  float* vectors; /* rows * k * dim, or null */
} LeafscanRequest;

typedef struct LeafscanSlots {
  uint32_t version; /* LEAFSCAN_SLOTS_VERSION */
  /* Returns 0, or puts a sentence into message (size bytes, ended by 0) and returns 1. Needs no GIL. */
  int (*search)(const LeafscanRequest* request, char* message, size_t size);
} LeafscanSlots;
