// Reads the hyper-parameters and weights of a model out of a file, and remembers what is wrong.
//
// Sticky: an architecture asks for all that it needs as if nothing could fail; what is missing,
// misshapen or out of range is noted, and finish() reports all of it in one error. Until then a bad
// hyper-parameter reads as the least of its range and a bad tensor as empty, so nothing read here
// may be used for more than shapes before finish().
//
// Tensors are asked for once each; one that nobody asked for is an error too.
//
// Threading: one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "eddy/result.h"
#include "models/model.h"
#include "tensor/tensor.h"

namespace eddy {

struct GgufTensor;

// The values that a hyper-parameter may have, both ends included.
struct Range {
  std::int64_t least = 1;
  std::int64_t most = std::int64_t{1} << 20;
};

class Loader {
 public:
  using Shape = std::initializer_list<std::int64_t>;  // the first extent contiguous

  // Reads what all architectures have. ops says which weight types can be multiplied with.
  Loader(const GgufFile& file, const Ops& ops);

  // --- Hyper-parameters: "ssm.conv_kernel" is the key "<architecture>.ssm.conv_kernel" ----------
  std::int64_t integer(std::string_view key, Range range = {});
  // The same, `value` where the file has none.
  std::int64_t integer_or(std::string_view key, std::int64_t value, Range range = {});
  // One for each layer, where the file has an array of them; else nothing.
  std::vector<std::int64_t> by_layer(std::string_view key, Range range);
  float positive(std::string_view key);  // finite, > 0
  // The same, `value` where the file has none.
  float positive_or(std::string_view key, float value);
  bool flag(std::string_view key);  // false where the file has none
  // Notes `message` unless the condition holds: for what a range cannot say.
  void require(bool condition, std::string_view message);

  // --- Weights ----------------------------------------------------------------------------------
  bool has(std::string_view name) const;
  // A matrix {n_in, n_out} of a type that the ops can multiply with, as it lies in the file.
  Weight matrix(std::string_view name, std::int64_t n_in, std::int64_t n_out);
  // n such matrices, one behind the other: a tensor {n_in, n_out, n}.
  std::vector<Weight> matrices(std::string_view name, std::int64_t n_in, std::int64_t n_out,
                               std::int64_t n);
  // A small tensor of F32, F16 or BF16, as F32.
  std::vector<float> small(std::string_view name, Shape shape);
  // The same with the first two extents exchanged: element (i, j) at j + shape[1] * i.
  std::vector<float> small_transposed(std::string_view name, Shape shape);
  // The same with sixteen of the second extent side by side: element (i, j) at
  // j % 16 + 16 (i + shape[0] (j / 16)), padded with zeros to a multiple of 16.
  std::vector<float> small_in_sixteens(std::string_view name, Shape shape);
  // A tensor that files may have and nobody reads: where it is, it has this shape.
  void unused(std::string_view name, Shape shape);

  // The tensors of one layer: "ssm_in.weight" is "blk.3.ssm_in.weight".
  class Layer {
   public:
    bool has(std::string_view name) const { return loader_.has(prefix_ + std::string(name)); }
    Weight matrix(std::string_view name, std::int64_t n_in, std::int64_t n_out) const {
      return loader_.matrix(prefix_ + std::string(name), n_in, n_out);
    }
    std::vector<Weight> matrices(std::string_view name, std::int64_t n_in, std::int64_t n_out,
                                 std::int64_t n) const {
      return loader_.matrices(prefix_ + std::string(name), n_in, n_out, n);
    }
    std::vector<float> small(std::string_view name, Shape shape) const {
      return loader_.small(prefix_ + std::string(name), shape);
    }
    void unused(std::string_view name, Shape shape) const {
      loader_.unused(prefix_ + std::string(name), shape);
    }
    std::vector<float> small_transposed(std::string_view name, Shape shape) const {
      return loader_.small_transposed(prefix_ + std::string(name), shape);
    }
    std::vector<float> small_in_sixteens(std::string_view name, Shape shape) const {
      return loader_.small_in_sixteens(prefix_ + std::string(name), shape);
    }

   private:
    friend class Loader;
    Layer(Loader& loader, std::int64_t il)
        : loader_(loader), prefix_("blk." + std::to_string(il) + ".") {}
    Loader& loader_;
    std::string prefix_;
  };
  Layer layer(std::int64_t il) { return {*this, il}; }

  // What every model says of itself.
  const ModelInfo& info() const { return info_; }
  const ModelIdentity& identity() const { return identity_; }

  // ok if nothing was noted and every tensor of the file was asked for. kMalformed, or kUnsupported
  // where uncomputable types are all that is wrong; the message lists the first problems and counts
  // the others.
  Status finish();

 private:
  std::string full_key(std::string_view key) const;
  // The value as a T; else the problem is noted.
  template <class T>
  std::optional<T> read(const std::string& key);
  void count(const GgufTensor& tensor);  // in the model's sums
  std::int64_t n_vocab();
  const GgufTensor* tensor(std::string_view name, std::span<const std::int64_t> shape);
  Weight weight(const GgufTensor* found, std::int64_t n_in, std::int64_t n_out);

  const GgufFile& file_;
  const Ops& ops_;
  ModelInfo info_;
  ModelIdentity identity_;
  std::unordered_set<std::string> asked_;
  std::vector<std::string> malformed_;
  std::vector<std::string> unsupported_;
};

}  // namespace eddy
