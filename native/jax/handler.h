// The XLA FFI handlers of leafscan.jax.search, on XLA's C interface alone: it is stable, so that one build serves every
// jaxlib that has it.
#pragma once

#include "slots_api.h"
#include "xla/ffi/api/c_api.h"

namespace leafscan::jax {

// Whom the handlers ask; before the first call.
void Use(const LeafscanSlots* slots);

// Operands: slot uint32 (..., 2), high half first; queries float32 (..., d); deny and allow, int32 or int64 (..., m), m
// from 0. Results: ids int32 or int64 (..., k); scores float32 (..., k); vectors float32 (..., k, d), or (..., 0, d) where
// they are not wanted. All leading dimensions agree.
XLA_FFI_Error* SearchIds(XLA_FFI_CallFrame* frame);
XLA_FFI_Error* SearchPositions(XLA_FFI_CallFrame* frame);

}  // namespace leafscan::jax
