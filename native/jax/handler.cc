#include "handler.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace leafscan::jax {
namespace {

std::atomic<const LeafscanSlots*> slots_in_use{nullptr};

XLA_FFI_Error* Fail(const XLA_FFI_CallFrame* frame, const char* message) {
  XLA_FFI_Error_Create_Args args{};
  args.struct_size = XLA_FFI_Error_Create_Args_STRUCT_SIZE;
  args.message = message;
  args.errc = XLA_FFI_Error_Code_INVALID_ARGUMENT;
  return frame->api->XLA_FFI_Error_Create(&args);
}

// When a handler is registered, XLA asks what it was compiled for. What is read and called here lies where it lay since
// version 0.1, so the answer is the version of whoever asks; at 0.1 it did not say.
bool TellMetadata(const XLA_FFI_CallFrame* frame) {
  for (const XLA_FFI_Extension_Base* extension = frame->extension_start; extension != nullptr;
       extension = extension->next) {
    if (extension->type != XLA_FFI_Extension_Metadata) continue;
    XLA_FFI_Metadata* metadata = reinterpret_cast<const XLA_FFI_Metadata_Extension*>(extension)->metadata;
    metadata->api_version.major_version = XLA_FFI_API_MAJOR;
    metadata->api_version.minor_version = frame->api == nullptr ? 1 : frame->api->api_version.minor_version;
    metadata->traits = 0;
    return true;
  }
  return false;
}

struct Buffer {
  const XLA_FFI_Buffer* raw;

  std::int64_t dim(std::int64_t from_last) const { return raw->dims[raw->rank - 1 - from_last]; }
  // Of all dimensions but the last `last`.
  std::int64_t leading(std::int64_t last) const {
    std::int64_t product = 1;
    for (std::int64_t i = 0; i < raw->rank - last; ++i) product *= raw->dims[i];
    return product;
  }
  template <class T>
  T* data() const {
    return static_cast<T*>(raw->data);
  }
};

Buffer Argument(const XLA_FFI_CallFrame* frame, int index) {
  return {static_cast<const XLA_FFI_Buffer*>(frame->args.args[index])};
}
Buffer Result(const XLA_FFI_CallFrame* frame, int index) {
  return {static_cast<const XLA_FFI_Buffer*>(frame->rets.rets[index])};
}

void Expect(bool is_so) {
  if (!is_so) throw std::invalid_argument("the call is not one that leafscan.jax.search makes.");
}

// Lists of ids as int64, where they lie or copied into `room`.
const std::int64_t* Wide(const Buffer& lists, std::vector<std::int64_t>& room) {
  if (lists.raw->dtype == XLA_FFI_DataType_S64) return lists.data<const std::int64_t>();
  Expect(lists.raw->dtype == XLA_FFI_DataType_S32);
  const auto* from = lists.data<const std::int32_t>();
  room.assign(from, from + lists.leading(0));
  return room.data();
}

void Narrow(const std::vector<std::int64_t>& ids, std::int32_t* to) {
  for (const std::int64_t id : ids) {
    if (id > std::numeric_limits<std::int32_t>::max()) {
      throw std::invalid_argument(
          "the id " + std::to_string(id) +
          " does not fit int32, which is what JAX has while jax_enable_x64 is off: switch it on, or search with "
          "positions=True and decode what comes back.");
    }
    *to++ = static_cast<std::int32_t>(id);
  }
}

void Search(const XLA_FFI_CallFrame* frame, bool positions) {
  const LeafscanSlots* slots = slots_in_use.load();
  Expect(slots != nullptr && frame->args.size == 4 && frame->rets.size == 3);
  const Buffer slot = Argument(frame, 0);
  const Buffer queries = Argument(frame, 1);
  const Buffer deny = Argument(frame, 2);
  const Buffer allow = Argument(frame, 3);
  const Buffer ids = Result(frame, 0);
  const Buffer scores = Result(frame, 1);
  const Buffer vectors = Result(frame, 2);
  const std::int64_t rows = queries.leading(1);
  const std::int64_t k = scores.dim(0);
  const std::int64_t groups = slot.leading(1);
  const bool want_vectors = vectors.dim(1) != 0;
  Expect(slot.raw->dtype == XLA_FFI_DataType_U32 && queries.raw->dtype == XLA_FFI_DataType_F32 && slot.dim(0) == 2);
  Expect(scores.leading(1) == rows && ids.leading(1) == rows && ids.dim(0) == k);
  Expect(deny.leading(1) == rows && allow.leading(1) == rows);
  if (rows == 0) return;
  Expect(groups > 0 && rows % groups == 0);

  std::vector<std::int64_t> deny_room;
  std::vector<std::int64_t> allow_room;
  std::vector<std::int64_t> ids_room;
  const bool narrow = ids.raw->dtype == XLA_FFI_DataType_S32;
  if (narrow) ids_room.resize(static_cast<std::size_t>(rows * k));

  LeafscanRequest request{};
  request.dim = queries.dim(0);
  request.k = k;
  request.positions = positions ? 1 : 0;
  request.deny_cols = deny.dim(0);
  request.allow_cols = allow.dim(0);
  const std::int64_t* all_deny = request.deny_cols > 0 ? Wide(deny, deny_room) : nullptr;
  const std::int64_t* all_allow = request.allow_cols > 0 ? Wide(allow, allow_room) : nullptr;
  std::int64_t* all_ids = narrow ? ids_room.data() : ids.data<std::int64_t>();

  // A batch of slots comes of a vmap over them; as a rule all are one.
  const auto* halves = slot.data<const std::uint32_t>();
  const auto number = [&](std::int64_t group) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(halves[2 * group]) << 32 | halves[2 * group + 1]);
  };
  const std::int64_t each = rows / groups;
  for (std::int64_t group = 0; group < groups;) {
    std::int64_t end = group + 1;
    while (end < groups && number(end) == number(group)) ++end;
    const std::int64_t first = group * each;
    request.slot = number(group);
    request.rows = (end - group) * each;
    request.queries = queries.data<const float>() + first * request.dim;
    request.deny = all_deny == nullptr ? nullptr : all_deny + first * request.deny_cols;
    request.allow = all_allow == nullptr ? nullptr : all_allow + first * request.allow_cols;
    request.ids = all_ids + first * k;
    request.scores = scores.data<float>() + first * k;
    request.vectors = want_vectors ? vectors.data<float>() + first * k * request.dim : nullptr;
    char message[512];
    if (slots->search(&request, message, sizeof message) != 0) throw std::invalid_argument(message);
    group = end;
  }
  if (narrow) Narrow(ids_room, ids.data<std::int32_t>());
}

XLA_FFI_Error* Handle(XLA_FFI_CallFrame* frame, bool positions) {
  if (TellMetadata(frame)) return nullptr;
  if (frame->stage != XLA_FFI_ExecutionStage_EXECUTE) return nullptr;
  try {
    Search(frame, positions);
    return nullptr;
  } catch (const std::exception& error) {
    return Fail(frame, error.what());
  }
}

}  // namespace

void Use(const LeafscanSlots* slots) { slots_in_use.store(slots); }

XLA_FFI_Error* SearchIds(XLA_FFI_CallFrame* frame) { return Handle(frame, false); }
XLA_FFI_Error* SearchPositions(XLA_FFI_CallFrame* frame) { return Handle(frame, true); }

}  // namespace leafscan::jax
