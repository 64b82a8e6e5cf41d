// Files of RWKV's initial states, as state tuning leaves them. Nothing of src/models/ is used.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/half.h"
#include "formats/support/built_safetensors.h"

namespace eddy::test {

// Random matrices {n_head, size, size} for each layer, a value's index before a key's.
struct TimeStates {
  std::int64_t n_head = 4, size = 16;
  std::vector<std::vector<float>> layers;

  static TimeStates random(std::size_t n_layer, std::int64_t n_head, std::int64_t size,
                           std::uint32_t seed = 1) {
    TimeStates states{.n_head = n_head, .size = size, .layers = {}};
    std::mt19937 random(seed);
    std::normal_distribution<float> values(0, 0.5F);
    states.layers.resize(n_layer);
    for (auto& layer : states.layers) {
      layer.resize(static_cast<std::size_t>(n_head * size * size));
      // What BF16 can hold, so that every file holds the same.
      for (float& v : layer) v = bf16_to_f32(f32_to_bf16(values(random)));
    }
    return states;
  }

  static std::string name(std::size_t il) { return fmt::format("blocks.{}.att.time_state", il); }

  // `dtype`: F32, F16 or BF16.
  std::string safetensors(const std::string& dtype = "F32") const {
    std::string header, data;
    for (std::size_t il = 0; il < layers.size(); ++il) {
      const std::size_t first = data.size();
      for (const float v : layers[il]) put(data, v, dtype);
      header += fmt::format(R"({}"{}":{{"dtype":"{}","shape":[{},{},{}],"data_offsets":[{},{}]}})",
                            il ? "," : "", name(il), dtype, n_head, size, size, first, data.size());
    }
    return safetensors_text("{" + header + "}", data);
  }

  // GGUF of F32.
  std::string gguf() const {
    BuiltFile file;
    std::string data;
    for (std::size_t il = 0; il < layers.size(); ++il) {
      const auto extent = [](std::int64_t n) { return static_cast<std::uint64_t>(n); };
      file.tensors.push_back({.name = name(il),
                              .ne = {extent(size), extent(size), extent(n_head)},
                              .type = 0,
                              .offset = data.size()});
      for (const float v : layers[il]) put(data, v, "F32");
      data.resize((data.size() + 31) / 32 * 32);
    }
    file.n_data = data.size();
    const Bytes bytes = file.bytes();
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return text.replace(text.size() - data.size(), data.size(), data);
  }

 private:
  static void put(std::string& data, float v, const std::string& dtype) {
    Bytes bytes;
    if (dtype == "F32") put_number(bytes, v);
    if (dtype == "F16") put_number(bytes, f32_to_f16(v));
    if (dtype == "BF16") put_number(bytes, f32_to_bf16(v));
    data.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
};

}  // namespace eddy::test
