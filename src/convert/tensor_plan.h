// Which tensors the file will have, made from which of the checkpoint; all of it is known before
// the first byte is written.
//
// Threading: immutable.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "convert/checkpoint.h"
#include "convert/rules.h"
#include "eddy/result.h"
#include "formats/gguf_writer.h"

namespace eddy::convert {

struct PlannedTensor {
  GgufTensorSpec spec;
  const Rule* rule = nullptr;
  std::vector<const SafeTensor*> sources;  // one, or those of a stack
};

class TensorPlan {
 public:
  // type: that of matrices; nullopt: as the checkpoint has the embedding. kMalformed: tensors that
  // are missing or not known, all of them named; shapes that the rules cannot take, or that differ
  // between layers. kUnsupported: element types that are not converted.
  static Result<TensorPlan> make(const Checkpoint& checkpoint, std::optional<DType> type);

  DType type() const { return type_; }
  const std::vector<PlannedTensor>& tensors() const { return tensors_; }

  // Of a tensor of the file; there must be one.
  const PlannedTensor& tensor(std::string_view target) const;
  // Its extent, counted from the contiguous one; 1 beyond the last.
  std::int64_t ne(std::string_view target, std::size_t i) const;

  std::int64_t n_layer() const { return n_layer_; }
  bool is_recurrent(std::int64_t il) const { return recurrent_[static_cast<std::size_t>(il)]; }

 private:
  explicit TensorPlan(const Checkpoint& checkpoint) : checkpoint_(&checkpoint) {}

  void apply(const Rule& rule, std::int64_t il);
  const SafeTensor* take(const std::vector<std::string>& names, bool is_optional);
  void add(const Rule& rule, std::int64_t il, std::vector<const SafeTensor*> sources);
  bool is_of_layer(Layers layers, std::int64_t il) const;
  Status check_names() const;
  Status tie_output();
  Status choose_types(std::optional<DType> type);
  Status shape(PlannedTensor& planned) const;
  Status check_layers() const;

  const Checkpoint* checkpoint_;
  DType type_ = DType::kF32;
  std::int64_t n_layer_ = 0;
  std::int64_t n_group_ = 1;
  std::vector<bool> recurrent_;  // by layer
  std::vector<PlannedTensor> tensors_;
  std::set<std::string, std::less<>> used_;
  std::vector<std::string> missing_;
};

}  // namespace eddy::convert
