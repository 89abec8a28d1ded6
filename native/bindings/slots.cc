// leafscan._engine's slots: opened, published to and closed by Python; searched from anywhere.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include <nanobind/stl/optional.h>

#include "arrays.h"
#include "bindings.h"
#include "leafscan/serve/answer.h"
#include "leafscan/serve/index_slots.h"
#include "python_searcher.h"
#include "slots_api.h"

namespace leafscan {

using namespace nb::literals;

namespace {

// Whether this thread came from Python and holds the GIL.
thread_local bool in_python = false;

struct InPython {
  InPython() { in_python = true; }
  ~InPython() { in_python = false; }
  InPython(const InPython&) = delete;
  InPython& operator=(const InPython&) = delete;
};

int DropReference(void* object) {
  Py_DECREF(static_cast<PyObject*>(object));
  return 0;
}

// A reference to a Python object that may be let go of on any thread: XLA's may be the last to hold a version.
std::shared_ptr<const void> Shared(const nb::object& object) {
  PyObject* held = nb::object(object).release().ptr();
  return {held, [](PyObject* last) {
            if (!Py_IsInitialized()) return;
            if (in_python) {
              Py_DECREF(last);
              return;
            }
            // Without waiting for the GIL; 0 means that the interpreter will do it.
            if (Py_AddPendingCall(&DropReference, last) == 0) return;
            const nb::gil_scoped_acquire interpreter;
            Py_DECREF(last);
          }};
}

void Publish(std::int64_t slot, const nb::object& searcher, std::int64_t leaves, std::int64_t candidates,
             std::int64_t refined, std::int64_t upper_leaves, int threads, bool normalize, bool ids_are_positions,
             std::int64_t largest_id, std::optional<float> stop) {
  const InPython here;
  const auto& opened = nb::cast<const PythonSearcher&>(searcher);
  const auto served = std::make_shared<ServedIndex>();
  served->owner = Shared(searcher);
  served->searcher = &opened.searcher();
  served->order = opened.order();
  served->ids_are_positions = ids_are_positions;
  served->largest_id = largest_id;
  served->defaults.leaves = static_cast<std::size_t>(std::max<std::int64_t>(leaves, 1));
  served->defaults.candidates = static_cast<std::size_t>(std::max<std::int64_t>(candidates, 1));
  served->defaults.refined = static_cast<std::size_t>(std::max<std::int64_t>(refined, 0));
  served->defaults.upper_leaves = static_cast<std::size_t>(std::max<std::int64_t>(upper_leaves, 0));
  served->defaults.stop = stop;
  served->defaults.threads = threads;
  served->normalize = normalize;
  ProcessSlots().Publish(slot, served);
}

MatrixView<std::int64_t> Lists(const std::optional<InArray<std::int64_t>>& lists, std::size_t rows, const char* name) {
  if (!lists) return {};
  if (lists->ndim() != 2 || lists->shape(0) != rows) {
    throw std::invalid_argument(std::string(name) + " must have shape (" + std::to_string(rows) +
                                ", m), one list of ids for each query.");
  }
  return {lists->data(), rows, lists->shape(1)};
}

nb::tuple SearchSlot(std::int64_t slot, const InArray<float>& queries, std::int64_t k, bool positions,
                     const std::optional<InArray<std::int64_t>>& deny, const std::optional<InArray<std::int64_t>>& allow,
                     bool vectors) {
  if (queries.ndim() != 2) throw std::invalid_argument("queries must have shape (q, d).");
  if (k < 1) throw std::invalid_argument("k must be at least 1, received " + std::to_string(k) + ".");
  const std::size_t rows = queries.shape(0);
  const std::size_t dim = queries.shape(1);
  const auto best = static_cast<std::size_t>(k);
  AlignedVector<std::int64_t> ids(rows * best);
  AlignedVector<float> scores(rows * best);
  AlignedVector<float> found(vectors ? rows * best * dim : 0);
  Request request;
  request.queries = {queries.data(), rows, dim};
  request.k = best;
  request.positions = positions;
  request.deny = Lists(deny, rows, "deny");
  request.allow = Lists(allow, rows, "allow");
  request.ids = ids;
  request.scores = scores;
  request.vectors = found;
  {
    const nb::gil_scoped_release released;
    Answer(*ProcessSlots().Take(slot), request);
  }
  return nb::make_tuple(ToNumPy(std::move(ids), {rows, best}), ToNumPy(std::move(scores), {rows, best}),
                        ToNumPy(std::move(found), {rows, vectors ? best : 0, dim}));
}

int SearchFromC(const LeafscanRequest* asked, char* message, std::size_t size) {
  try {
    const auto rows = static_cast<std::size_t>(asked->rows);
    const auto k = static_cast<std::size_t>(asked->k);
    const auto dim = static_cast<std::size_t>(asked->dim);
    Request request;
    request.queries = {asked->queries, rows, dim};
    request.k = k;
    request.positions = asked->positions != 0;
    if (asked->deny_cols > 0) request.deny = {asked->deny, rows, static_cast<std::size_t>(asked->deny_cols)};
    if (asked->allow_cols > 0) request.allow = {asked->allow, rows, static_cast<std::size_t>(asked->allow_cols)};
    request.ids = {asked->ids, rows * k};
    request.scores = {asked->scores, rows * k};
    if (asked->vectors != nullptr) request.vectors = {asked->vectors, rows * k * dim};
    Answer(*ProcessSlots().Take(asked->slot), request);
    return 0;
  } catch (const std::exception& error) {
    std::snprintf(message, size, "%s", error.what());
    return 1;
  }
}

constexpr LeafscanSlots kSlots{LEAFSCAN_SLOTS_VERSION, &SearchFromC};

}  // namespace

void BindSlots(nb::module_& module) {
  module.def("open_slot", [] { return ProcessSlots().Open(); });
  module.def("publish_slot", &Publish, "slot"_a, "searcher"_a, nb::kw_only(), "leaves"_a, "candidates"_a, "refined"_a,
             "upper_leaves"_a, "threads"_a, "normalize"_a, "ids_are_positions"_a, "largest_id"_a, "stop"_a = nb::none());
  module.def(
      "close_slot",
      [](std::int64_t slot) {
        const InPython here;
        ProcessSlots().Close(slot);
      },
      "slot"_a);
  module.def("search_slot", &SearchSlot, "slot"_a, "queries"_a, "k"_a, nb::kw_only(), "positions"_a = false,
             "deny"_a = nb::none(), "allow"_a = nb::none(), "vectors"_a = false);
  module.def("slots_capsule", [] { return nb::capsule(&kSlots, LEAFSCAN_SLOTS_CAPSULE); });
}

}  // namespace leafscan
