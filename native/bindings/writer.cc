// leafscan._engine.Writer: from one version of an index to the next.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "arrays.h"
#include "bindings.h"
#include "leafscan/update/writer.h"
#include "python_monitor.h"
#include "python_searcher.h"

namespace leafscan {
namespace {

using namespace nb::literals;

struct PythonNext {
  Writer::Next next;
  nb::object searcher;

  nb::object rows() const {
    AlignedVector<std::uint32_t> rows(next.batch.slots.size());
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = next.row(i);
    const std::size_t count = rows.size();
    return ToNumPy(std::move(rows), {count});
  }
};

class PythonWriter {
 public:
  PythonWriter(const PythonSearcher& searcher, bool normalize, bool spherical, double soar_lambda,
               double anisotropic_threshold, double row_threshold)
      : searcher_(searcher),
        writer_(searcher.searcher().shared_snapshot(),
                {normalize, spherical, static_cast<float>(soar_lambda), anisotropic_threshold, row_threshold}) {
    if (searcher.snapshot().updated) throw std::invalid_argument("searcher must be the first version of its sections.");
  }

  PythonNext Prepare(const std::optional<InArray<float>>& vectors, const InArray<std::int64_t>& ids,
                     const InArray<std::uint32_t>& removed, std::int64_t first_position, int threads,
                     nb::object progress) {
    const Snapshot& now = *writer_.current();
    Changes changes;
    changes.ids = {ids.data(), ids.size()};
    changes.removed = {removed.data(), removed.size()};
    changes.first_position = first_position;
    changes.vectors = {nullptr, 0, now.arrays.dim};
    if (vectors) {
      if (vectors->ndim() != 2 || vectors->shape(1) != now.arrays.dim) {
        throw std::invalid_argument("vectors must have shape (m, " + std::to_string(now.arrays.dim) + ").");
      }
      changes.vectors = {vectors->data(), vectors->shape(0), now.arrays.dim};
    }
    if (changes.ids.size() != changes.vectors.rows) throw std::invalid_argument("ids must hold one id for each vector.");
    CheckRemoved(changes.removed, now);
    if (now.row_end + changes.vectors.rows + kRoom > std::size_t{0xFFFFFFFF}) {
      throw std::invalid_argument("An index holds at most 4,294,967,295 rows, those that were replaced included.");
    }
    PythonMonitor monitor(std::move(progress));
    PythonNext next;
    {
      const nb::gil_scoped_release released;
      next.next = writer_.Prepare(changes, threads, &monitor);
    }
    next.searcher = nb::cast(PythonSearcher(next.next.snapshot, searcher_));
    return next;
  }

  void Commit(const PythonNext& next) {
    writer_.Commit(next.next);
    // The version before is not ours to hold any longer.
    searcher_ = nb::cast<const PythonSearcher&>(next.searcher);
  }

 private:
  static constexpr std::size_t kRoom = 1 << 16;  // for a chunk that is begun anew

  // A row that is named twice, or not there, would take something else away.
  static void CheckRemoved(std::span<const std::uint32_t> removed, const Snapshot& now) {
    std::vector<std::uint32_t> sorted(removed.begin(), removed.end());
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      if (sorted[i] >= now.row_end || (i > 0 && sorted[i] == sorted[i - 1])) {
        throw std::invalid_argument("removed must hold rows that are there, each once.");
      }
    }
  }

  PythonSearcher searcher_;
  Writer writer_;
};

}  // namespace

void BindWriter(nb::module_& module) {
  nb::class_<PythonNext>(module, "NextVersion")
      .def_ro("searcher", &PythonNext::searcher)
      .def_prop_ro("rows", &PythonNext::rows);
  nb::class_<PythonWriter>(module, "Writer")
      .def(nb::init<const PythonSearcher&, bool, bool, double, double, double>(), "searcher"_a, nb::kw_only(),
           "normalize"_a, "spherical"_a, "soar_lambda"_a, "anisotropic_threshold"_a, "row_threshold"_a)
      .def("prepare", &PythonWriter::Prepare, "vectors"_a.none(), "ids"_a, "removed"_a, "first_position"_a, "threads"_a,
           "progress"_a.none() = nb::none())
      .def("commit", &PythonWriter::Commit, "next"_a);
}

}  // namespace leafscan
