// How a family of models is converted, as data: which tensor becomes which, and how.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "eddy/result.h"

namespace eddy {

class GgufWriter;

namespace convert {

class Checkpoint;
class TensorPlan;

// What the elements become.
enum class Value {
  kSame,
  kNegExp,    // -exp(x): A of A_log
  kPlusOne,   // 1 + x: the weights of Gemma's norms
  kLogDecay,  // -8 softplus(x): Griffin's log a
};

// What the extents become, from the checkpoint's (the last contiguous) to the file's (the first
// contiguous). All but kTransposed leave the elements in order.
enum class Form {
  kReversed,
  kSqueezed,    // without extents of 1
  kFlat,        // {n}
  kColumn,      // {1, n}
  kGroups,      // {n / G, G}, G groups as the configuration says
  kTransposed,  // the last two exchanged, then reversed
  kStacked,     // several of n elements: {n, 1, 1, how many}
};

// Which type the file has it in.
enum class Kind {
  kMatrix,  // the file's; F16 where its rows are not whole blocks
  kSmall,   // F32
};

// The layers that have the tensor.
enum class Layers { kAll, kFirst, kLater, kRecurrent, kAttention };

struct Rule {
  std::string_view source;  // alternatives between "|"; {} the layer; * each of `letters`
  std::string_view target;  // {} the layer; "": the source is known and left out
  Kind kind = Kind::kMatrix;
  Form form = Form::kReversed;
  Value value = Value::kSame;
  Layers layers = Layers::kAll;
  std::string_view letters = {};
};

// Whether "output.weight" is the embedding.
enum class Tied {
  kNever,
  kMaybe,   // where the checkpoint has no output, or the same bytes
  kAlways,  // an output of other bytes is refused
};

struct Family {
  std::string_view architecture;                     // general.architecture
  std::span<const std::string_view> configurations;  // names in config.json's architectures
  std::string_view marker;                           // a tensor that only this naming has
  std::span<const Rule> rules;
  Tied tied = Tied::kMaybe;
  // Writes the hyper-parameters.
  Status (*describe)(const Checkpoint& checkpoint, const TensorPlan& plan, GgufWriter& writer);
};

// One for each naming, in families.cpp.
std::span<const Family> families();

extern const Family kMambaFamily;
extern const Family kMamba2Family;
extern const Family kRwkv7Family;     // BlinkDL's names
extern const Family kRwkv7FlaFamily;  // those of flash-linear-attention
extern const Family kRecurrentGemmaFamily;

}  // namespace convert
}  // namespace eddy
