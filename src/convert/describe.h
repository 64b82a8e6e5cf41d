// Writes a model's hyper-parameters. What the tensors' shapes say is taken from them; config.json
// says the rest.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "convert/checkpoint.h"
#include "convert/tensor_plan.h"
#include "eddy/result.h"
#include "formats/gguf_writer.h"

namespace eddy::convert {

class Describer {
 public:
  Describer(const Checkpoint& checkpoint, const TensorPlan& plan, GgufWriter& writer)
      : checkpoint_(checkpoint), plan_(plan), writer_(writer) {}

  // general.*, and the keys that every architecture has.
  void add_common(std::int64_t context_length = std::int64_t{1} << 20);

  // "ssm.state_size" is "<architecture>.ssm.state_size". Integers are u32.
  void add(std::string_view key, std::int64_t value) {
    writer_.add(full(key), static_cast<std::uint32_t>(value));
  }
  void add(std::string_view key, int value) { add(key, std::int64_t{value}); }
  void add(std::string_view key, bool value) { writer_.add(full(key), value); }
  void add(std::string_view key, float value) { writer_.add(full(key), value); }
  void add(std::string_view key, const std::vector<std::uint32_t>& values) {
    writer_.add(full(key), values);
  }
  // An f32: what config.json has under the first of these keys that is there.
  Status add_number(std::string_view key, std::initializer_list<std::string_view> keys,
                    double otherwise);

  // The error, with the folder before it.
  Status wrong(std::string_view message) const;

 private:
  std::string full(std::string_view key) const;

  const Checkpoint& checkpoint_;
  const TensorPlan& plan_;
  GgufWriter& writer_;
};

}  // namespace eddy::convert
