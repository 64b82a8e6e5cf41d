// What to compute: a model turns the tokens of a micro-batch and the states of its lanes into
// logits and new states, by calling ops. It knows layers; not sessions, not cells.
//
// I1  Immutable after load: hyper-parameters, weights, layout and identity never change.
// I2  Big weights are views into the file; the file outlives the model.
// I3  forward() keeps nothing between calls and allocates nothing.
//
// Threading: any number of threads may share a model; each forward pass has its own Ops, context,
// scratch and logits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "eddy/result.h"
#include "memory/state_layout.h"
#include "tensor/tensor.h"

namespace eddy {

class GgufFile;
class Ops;
class RecurrentContext;
class Scratch;

// Multiply-adds of weights, by the arithmetic that they are computed in.
struct MultiplyAdds {
  double int8 = 0;  // weights in blocks
  double f32 = 0;   // all others
};

// What a model says about itself. Sizes are in bytes.
struct ModelInfo {
  std::string architecture;  // "mamba"
  std::string name;          // general.name; may be empty
  std::int64_t n_layer = 0;
  std::int64_t n_embd = 0;
  std::int64_t n_vocab = 0;
  std::int64_t context_length = 0;  // as trained; a recurrent model does not stop there
  std::uint64_t n_parameters = 0;
  std::uint64_t n_weight_bytes = 0;  // all tensors
  std::uint64_t n_token_bytes = 0;   // weights that decoding one token reads
  MultiplyAdds per_token = {};       // of each token
  MultiplyAdds per_output = {};      // and of each token whose logits are wanted
};

// One micro-batch on its way through a model: all borrowed.
struct Forward {
  Ops& ops;
  const RecurrentContext& context;  // the applied micro-batch: tokens, outputs, lanes, R and S
  Scratch& scratch;                 // activations
  Mat logits;  // {n_vocab, n_outputs}, in the order of the outputs; n_outputs may be 0
};

class Model {
 public:
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const ModelInfo& info() const { return info_; }

  // Elements of R and S by layer.
  const StateLayout& state_layout() const { return layout_; }

  // The side of the squares, one for each head, that make up R in every layer, where the recurrence
  // is RWKV-6's or RWKV-7's; 0: another recurrence.
  virtual std::int64_t wkv_head_size() const { return 0; }

  // XXH3 over architecture, hyper-parameters, and each tensor's name, type, shape and bytes (of
  // large tensors a sample spread over the tensor: see models/identity.h).
  const ModelIdentity& identity() const { return identity_; }

  // Computes one micro-batch: reads each lane's state in row src, writes it to row dst, and fills
  // the logits. The tokens lie inside the vocabulary. On an error (an op's) the rows dst hold
  // anything: the caller takes the micro-batch back with RecurrentContext::fail().
  virtual Status forward(const Forward& pass) const = 0;

 protected:
  Model(ModelInfo info, ModelIdentity identity)
      : info_(std::move(info)), identity_(std::move(identity)) {}

  StateLayout layout_;  // set by the constructor of the architecture

 private:
  ModelInfo info_;
  ModelIdentity identity_;
};

// Loads the model of a file for a backend. The architecture is looked up in the table of
// models/architectures.h. One error names everything that is wrong:
// kUnsupported (an unknown architecture; a weight type that ops cannot multiply with),
// kMalformed (a missing, misshapen or unused tensor; a hyper-parameter outside its range).
Result<std::unique_ptr<const Model>> load_model(const GgufFile& file, const Ops& ops);

}  // namespace eddy
