// A random model before it is written: its metadata and its tensors, as data. Tests change a plan
// to get files that are wrong in one place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/dtype.h"

namespace eddy::make_model {

// How the elements of a tensor are drawn.
struct Values {
  enum class Kind {
    kNormal,   // bell-shaped, standard deviation `spread`
    kUniform,  // between center - spread and center + spread
    kRamp,     // center * (i mod ne[0] + 1), give or take the share `spread` (Mamba's A)
  };
  Kind kind = Kind::kUniform;
  double center = 0;
  double spread = 0;
};

inline Values normal(double deviation) { return {Values::Kind::kNormal, 0, deviation}; }
inline Values uniform(double low, double high) {
  return {Values::Kind::kUniform, (low + high) / 2, (high - low) / 2};
}

struct TensorPlan {
  std::string name;
  std::vector<std::int64_t> ne;  // the first extent contiguous
  Values values;
  DType type = DType::kF32;
};

using MetaValue = std::variant<std::uint32_t, float, bool, std::string, std::vector<std::string>,
                               std::vector<std::int32_t>>;

struct Meta {
  std::string key;
  MetaValue value;
};

struct Plan {
  std::vector<Meta> metadata;
  std::vector<TensorPlan> tensors;

  void add(std::string key, MetaValue value) { metadata.push_back({std::move(key), value}); }

  // Another value for a key that is there.
  void set(std::string_view key, MetaValue value) {
    for (Meta& meta : metadata) {
      if (meta.key == key) meta.value = value;
    }
  }

  // A tensor that stays F32 in every file: norms, biases, convolutions, A, D.
  void add_small(std::string name, std::vector<std::int64_t> ne, Values values) {
    tensors.push_back({std::move(name), std::move(ne), values, DType::kF32});
  }
  // A matrix of the file's type; as converters do, of F16 where its rows are not whole blocks.
  void add_matrix(std::string name, std::int64_t n_in, std::int64_t n_out, double deviation,
                  DType type) {
    const bool whole = n_in % dtype_info(type).block_elems == 0;
    tensors.push_back(
        {std::move(name), {n_in, n_out}, normal(deviation), whole ? type : DType::kF16});
  }
};

}  // namespace eddy::make_model
