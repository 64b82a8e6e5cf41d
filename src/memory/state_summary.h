// What a serialised state says about itself, without the model that made it: for people who look at
// states. Memory reads them with StateView, which knows the layout that they must have.
//
// Threading: values; the spans point into the bytes that were summarised.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/checksum.h"
#include "base/dtype.h"
#include "eddy/result.h"
#include "eddy/types.h"
#include "memory/state_format.h"
#include "memory/state_layout.h"
#include "memory/state_tensors.h"

namespace eddy {

struct StateSummary {
  struct Row {
    LayerId layer;
    StateKind kind = StateKind::kR;
    DType type = DType::kF32;  // of R and S; the format does not tell that of K and V
    std::span<const std::byte> elements;

    bool has_type() const { return kind == StateKind::kR || kind == StateKind::kS; }
  };
  ModelIdentity model;
  StateTypes types;
  Digest128 layout;
  Pos n_tokens = 0;
  std::vector<Row> rows;  // by layer, R before S, K and V
};

// Of one state (not of a dump of all sequences: kUnsupported). kMalformed, kUnsupported: another
// version or element type.
Result<StateSummary> summarise_state(std::span<const std::byte> bytes);

// The Euclidean norm of a row of R or S, and of the difference of two rows of the same length and
// type; summed up in double.
double state_norm(const StateSummary::Row& row);
double state_distance(const StateSummary::Row& a, const StateSummary::Row& b);

}  // namespace eddy
